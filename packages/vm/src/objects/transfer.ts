import { PAGE_BYTES, Status, type Pfn } from "@aspace/arch";
import type { Blocking } from "./blocking.ts";
import type { CowNode } from "./cow-node.ts";
import { LookupCursor, PageAccess } from "./lookup-cursor.ts";
import { LazyPageRequest } from "./page-request.ts";

/** Reads and writes ask a pager for at most so many pages at a time. */
export const TRANSFER_REQUEST_PAGES = 16;

/** A byte of a node. */
export interface BytePosition {
  readonly page: number;
  /** In the page: 0..4095. */
  readonly offsetBytes: number;
}

/** How a read or write ended, and how many bytes it moved before. */
export interface Transfer {
  readonly status: Status;
  readonly bytes: number;
}

/**
 * Fills `into` with the bytes from a position on, which were inside when they were asked for.
 *
 * Ends in OK; OUT_OF_RANGE when after a wait not all of the range is inside; BAD_STATE (the pager is gone),
 * NO_MEMORY, or how a wait failed. What was moved before stays moved.
 */
export function readBytes(node: CowNode, from: BytePosition, into: Uint8Array): Blocking<Transfer> {
  const { pmm } = node.system;
  const range = { ...from, lengthBytes: into.length };
  return transfer(node, range, PageAccess.READ, (frame, offsetBytes, start, end) =>
    pmm.readBytes(frame, offsetBytes, into.subarray(start, end)),
  );
}

/** Stores all of `from` at a position, as `readBytes` reads. A pager's node is modified from the first byte on. */
export function writeBytes(node: CowNode, to: BytePosition, from: Uint8Array): Blocking<Transfer> {
  const { pmm } = node.system;
  const range = { ...to, lengthBytes: from.length };
  return transfer(node, range, PageAccess.WRITE, (frame, offsetBytes, start, end) => {
    pmm.writeBytes(frame, offsetBytes, from.subarray(start, end));
    if (node.isDirtyTracked) node.modified = true;
  });
}

interface ByteRange extends BytePosition {
  readonly lengthBytes: number;
}

/** Moves bytes `[start, end)` of the range from or to a place in a frame. */
type Move = (frame: Pfn, offsetBytes: number, start: number, end: number) => void;

function* transfer(
  node: CowNode,
  range: ByteRange,
  access: PageAccess,
  move: Move,
): Blocking<Transfer> {
  const request = new LazyPageRequest();
  const end = range.page + Math.ceil((range.offsetBytes + range.lengthBytes) / PAGE_BYTES);
  let at = range.page;
  try {
    while (bytesBefore(range, at) < range.lengthBytes) {
      if (end > node.sizePages) return ended(Status.OUT_OF_RANGE, range, at);
      const cursor = new LookupCursor(node, at, end - at);
      let status = moveWithoutWaiting(cursor, range, access, request, move);
      at = cursor.page;
      if (status === Status.SHOULD_WAIT) status = yield request;
      if (status !== Status.OK) return ended(status, range, at);
    }
    return ended(Status.OK, range, at);
  } finally {
    request.cancel();
  }
}

function moveWithoutWaiting(
  cursor: LookupCursor,
  range: ByteRange,
  access: PageAccess,
  request: LazyPageRequest,
  move: Move,
): Status {
  while (cursor.remaining > 0) {
    const start = bytesBefore(range, cursor.page);
    const maxPages = Math.min(cursor.remaining, TRANSFER_REQUEST_PAGES);
    const status = cursor.requirePage(access, maxPages, request);
    if (status !== Status.OK) return status;
    const offsetBytes = (range.offsetBytes + start) % PAGE_BYTES;
    move(cursor.frame, offsetBytes, start, bytesBefore(range, cursor.page));
  }
  return Status.OK;
}

/** How many bytes of a range lie before a page. */
function bytesBefore(range: ByteRange, page: number): number {
  const bytes = (page - range.page) * PAGE_BYTES - range.offsetBytes;
  return Math.max(0, Math.min(bytes, range.lengthBytes));
}

function ended(status: Status, range: ByteRange, at: number): Transfer {
  return { status, bytes: bytesBefore(range, at) };
}
