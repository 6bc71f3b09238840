import type { Vpn } from "@aspace/arch";

/**
 * A run of pages, [base, base + pageCount): where a region lies. Its end may be 2^52, one past the last page of a
 * 64-bit address space, which a plain number holds: nothing here wraps.
 */
export interface Extent {
  readonly base: Vpn;
  readonly pageCount: number;
}

/** One past the last page. */
export function endOf(extent: Extent): Vpn {
  return extent.base + extent.pageCount;
}

/** Whether [vpn, vpn + count) begins at a page of `extent` and ends inside it. */
export function isInRange(extent: Extent, vpn: Vpn, count: number): boolean {
  const end = endOf(extent);
  return vpn >= extent.base && vpn < end && end - vpn >= count;
}
