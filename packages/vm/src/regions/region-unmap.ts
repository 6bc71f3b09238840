import { KernelPanic, Status, type Vpn } from "@aspace/arch";
import { endOf } from "./extent.ts";
import {
  destroyLocked as destroyMappingLocked,
  unmapLocked as unmapPartLocked,
} from "./mapping-unmap.ts";
import { destroyLocked as destroyRegionLocked } from "./region-destroy.ts";
import { MappingEnumerator } from "./region-enumerator.ts";
import type { VmAddressRegion } from "./vm-address-region.ts";
import type { VmMapping } from "./vm-mapping.ts";

/** Whether an operation on a region may reach into, and end, regions in it: a right that handles have. */
export const OpChildren = { NO: "no", YES: "yes" } as const;
export type OpChildren = (typeof OpChildren)[keyof typeof OpChildren];

/**
 * Unmaps pages of a region (V-10). What lies wholly in the range ends; a mapping that lies partly in it is cut. Holes
 * are fine.
 *
 * INVALID_ARGS when the range is empty; BAD_STATE unless ALIVE; INVALID_ARGS when it is not inside; ACCESS_DENIED when it
 * meets the vDSO's code; INVALID_ARGS when it meets a sub-region, unless children are allowed and it covers the whole
 * of it; NO_MEMORY for the hole in the middle of one mapping. Failures change nothing.
 */
export function unmapRegion(
  region: VmAddressRegion,
  vpn: Vpn,
  count: number,
  children: OpChildren,
): Status {
  const { lock } = region.aspace;
  if (count === 0) return Status.INVALID_ARGS;
  lock.acquire();
  try {
    return unmapRegionLocked(region, vpn, count, children);
  } finally {
    lock.release();
  }
}

/** The same with the aspace's lock held. */
export function unmapRegionLocked(
  region: VmAddressRegion,
  vpn: Vpn,
  count: number,
  children: OpChildren,
): Status {
  const status = checkUnmap(region, vpn, count);
  if (status !== Status.OK) return status;
  const end = vpn + count;
  const { regions } = region;
  const first = regions.includeOrHigher(vpn);
  for (let child = first; child !== null && child.base < end; child = regions.next(child)) {
    if (child.kind === "mapping") continue;
    const isCovered = child.base >= vpn && endOf(child) <= end;
    if (children === OpChildren.NO || !isCovered) return Status.INVALID_ARGS;
  }
  let child = first;
  while (child !== null && child.base < end) {
    const next = regions.next(child);
    const ended = child.kind === "mapping" ? cut(child, vpn, end) : destroyRegionLocked(child);
    if (ended !== Status.OK) {
      if (child === first) return ended;
      throw new KernelPanic("V-10", "an unmap fails after it has begun");
    }
    child = next;
  }
  return Status.OK;
}

/**
 * Unmaps pages of a region and of all regions in it, which stay (V-10). The same statuses, but sub-regions are never in
 * the way.
 */
export function unmapAllowPartial(region: VmAddressRegion, vpn: Vpn, count: number): Status {
  const { lock } = region.aspace;
  if (count === 0) return Status.INVALID_ARGS;
  lock.acquire();
  try {
    const checked = checkUnmap(region, vpn, count);
    if (checked !== Status.OK) return checked;
    const end = vpn + count;
    const mappings = new MappingEnumerator(region, vpn, end);
    for (let mapping = mappings.next(); mapping !== null; mapping = mappings.next()) {
      const status = cut(mapping, vpn, end);
      if (status !== Status.OK) return status;
    }
    return Status.OK;
  } finally {
    lock.release();
  }
}

function checkUnmap(region: VmAddressRegion, vpn: Vpn, count: number): Status {
  if (!region.isAlive) return Status.BAD_STATE;
  if (!region.isInRange(vpn, count)) return Status.INVALID_ARGS;
  if (region.aspace.intersectsVdsoCode(vpn, count)) return Status.ACCESS_DENIED;
  return Status.OK;
}

/** Takes what lies in [vpn, end) off a mapping. */
function cut(mapping: VmMapping, vpn: Vpn, end: Vpn): Status {
  const from = Math.max(mapping.base, vpn);
  const count = Math.min(endOf(mapping), end) - from;
  if (count === mapping.pageCount) return destroyMappingLocked(mapping);
  return unmapPartLocked(mapping, from, count);
}
