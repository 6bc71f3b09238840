import type { Bytes } from "./model/bounds.ts";
import { PAGE_SIZE, STRETCH_STARTS } from "./model/page-value.ts";

/** Operand bytes to pages and bytes. The drawing of a record is in `decode.ts`. */

export interface Extent {
  readonly page: number;
  readonly count: number;
}

/** Most ranges begin where a page does. */
const FIRST_PART = 13;

/** Whole pages. */
export function decodePages(pages: readonly number[], page: number, length: number): Extent {
  const first = pages[(page & 15) % pages.length]!;
  const value = (length >> 2) & 15;
  switch (length & 3) {
    case 0:
      return { page: first, count: 1 };
    case 1:
      return { page: first, count: Math.max(0, pages[value % pages.length]! - first) };
    case 2:
      return { page: first, count: 2 };
    default:
      return { page: first, count: value };
  }
}

/** Bytes from somewhere in a page to somewhere in another. */
export function decodeBytes(pages: readonly number[], page: number, length: number): Bytes {
  const extent = decodePages(pages, page, length);
  const part = Math.max(0, (page >> 4) - FIRST_PART + 1);
  const offset = extent.page * PAGE_SIZE + STRETCH_STARTS[part]!;
  const end = (extent.page + extent.count) * PAGE_SIZE + STRETCH_STARTS[length >> 6]!;
  return { offset, length: Math.max(0, end - offset) };
}
