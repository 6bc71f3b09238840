import { PAGE_SIZE } from "./model/page-value.ts";
import type { Bytes } from "./model/bounds.ts";

/** Programs count bytes in numbers; the objects' own edge takes 64 bits. */
export const big = (bytes: number): bigint => BigInt(bytes);

/** Whole pages as bytes. */
export function bytesOf(page: number, count: number): Bytes {
  return { offset: page * PAGE_SIZE, length: count * PAGE_SIZE };
}

/** Bytes of so many pages, as the real objects take them. */
export const bigPages = (pages: number): bigint => BigInt(pages) * BigInt(PAGE_SIZE);
