import { PAGE_BYTES, Status } from "@aspace/arch";
import { isValue } from "./blocking.ts";
import type { BytePosition } from "./transfer.ts";

/**
 * The edge between bytes and pages. Outside, offsets and sizes are unsigned 64-bit byte counts in
 * `bigint`s; inside, they are page numbers. Every check of alignment and range happens here, once.
 */

const PAGE = BigInt(PAGE_BYTES);

/** Largest object in bytes: page aligned, with room above so that no end overflows. */
export const MAX_OBJECT_BYTES = 0xffff_ffff_fffe_0000n;

/** First value that an unsigned 64-bit number cannot have. */
const WRAP = 1n << 64n;

/** Pages `[page, page + count)`. */
export interface PageRange {
  readonly page: number;
  readonly count: number;
}

/** A range of whole pages as bytes say it, or the status of what is wrong with it. */
export type PageRangeResult = PageRange | Status;

export function isPageAligned(bytes: bigint): boolean {
  assertUnsigned(bytes);
  return bytes % PAGE === 0n;
}

/** Bytes of so many pages. */
export function bytesOf(pages: number): bigint {
  return BigInt(pages) * PAGE;
}

/** Pages in a size, rounded up; OUT_OF_RANGE above the largest object. */
export function roundSize(bytes: bigint): PageRangeResult {
  assertUnsigned(bytes);
  if (bytes > MAX_OBJECT_BYTES) return Status.OUT_OF_RANGE;
  return { page: 0, count: Number((bytes + PAGE - 1n) / PAGE) };
}

/** Whether `[offset, offset + length)` bytes lie inside an object. An empty range at the end does. */
export function isInRange(offset: bigint, length: bigint, sizePages: number): boolean {
  assertUnsigned(offset);
  assertUnsigned(length);
  const size = bytesOf(sizePages);
  return offset <= size && length <= size - offset;
}

/** The pages that a range of bytes touches; OUT_OF_RANGE unless all of it is inside. */
export function pagesTouched(offset: bigint, length: bigint, sizePages: number): PageRangeResult {
  if (!isInRange(offset, length, sizePages)) return Status.OUT_OF_RANGE;
  if (length === 0n) return { page: Number(offset / PAGE), count: 0 };
  const page = Number(offset / PAGE);
  return { page, count: Number((offset + length + PAGE - 1n) / PAGE) - page };
}

/** A range that must be made of whole pages: INVALID_ARGS when it is not, OUT_OF_RANGE when not all of it is inside. */
export function wholePages(offset: bigint, length: bigint, sizePages: number): PageRangeResult {
  if (!isPageAligned(offset) || !isPageAligned(length)) return Status.INVALID_ARGS;
  return pagesTouched(offset, length, sizePages);
}

/** Where a child lies that begins at `offset` of its parent: INVALID_ARGS unless that is a page, OUT_OF_RANGE when it is too large. */
export function childRange(offset: bigint, size: bigint): PageRangeResult {
  if (!isPageAligned(offset)) return Status.INVALID_ARGS;
  const rounded = roundSize(size);
  return isRange(rounded) ? { page: Number(offset / PAGE), count: rounded.count } : rounded;
}

/** The frames at a physical address: INVALID_ARGS unless it and the size are page aligned, the size is not 0 and the end fits 64 bits. */
export function addressRange(base: bigint, size: bigint): PageRangeResult {
  if (!isPageAligned(base) || !isPageAligned(size)) return Status.INVALID_ARGS;
  if (size === 0n || base + size >= WRAP) return Status.INVALID_ARGS;
  return { page: Number(base / PAGE), count: Number(size / PAGE) };
}

/** The byte at `offset` of an object that begins at page `firstPage` of its node. */
export function positionOf(offset: bigint, firstPage: number): BytePosition {
  return { page: firstPage + Number(offset / PAGE), offsetBytes: Number(offset % PAGE) };
}

/** A caller who counts bytes otherwise has not read the types: no status, and no bug of ours. */
export function assertUnsigned(bytes: bigint): void {
  if (bytes < 0n || bytes >= WRAP) throw new RangeError(`${bytes} is no unsigned 64-bit number`);
}

/** Whether a conversion succeeded. */
export const isRange: (result: PageRangeResult) => result is PageRange = isValue<PageRange>;
