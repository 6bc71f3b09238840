import { Status, type Pfn } from "@aspace/arch";
import { COMPRESSED_ZERO, COMPRESSION_FAILED } from "./compressor.ts";
import { NodeKind, type CowNode } from "./cow-node.ts";
import { Queue } from "./page-queues.ts";
import type { LazyPageRequest } from "./page-request.ts";
import { DirtyState } from "./pages.ts";
import { RangeChange, rangeChange } from "./range-change.ts";
import { MARKER_SLOT, SlotKind, referenceSlot, slotKind, slotPage, slotReference } from "./slot.ts";
import { CachePolicy } from "./vm-object.ts";

/**
 * Compressing a page takes time, so it has two steps, between which others run:
 *
 *               begin                       finish
 *     [page] ──────────▶ [temporary] ─────────────────▶ [reference]   it got smaller
 *                             │                  ├────▶ [marker]      it was zero
 *                             │                  └────▶ [page]        it did not get smaller
 *                             ├── read, write, snapshot, take ──▶ [page]    a copy
 *                             └── decommit, zero, shrink, teardown ──▶ whatever they leave
 *
 * When the slot is not as `begin` left it, `finish` throws its result and the frame away.
 */
export interface Compression {
  readonly node: CowNode;
  readonly page: number;
  /** ALLOC. Its record keeps the place it came from, until somebody takes the content out of the slot. */
  readonly frame: Pfn;
}

export const CompressionOutcome = {
  /** The frame is free; the slot is a reference, or a marker. */
  COMPRESSED: "compressed",
  /** Nothing is gained: the frame is back in the slot. */
  FAILED: "failed",
  /** The slot was changed meanwhile. The frame is free. */
  LOST: "lost",
} as const;
export type CompressionOutcome = (typeof CompressionOutcome)[keyof typeof CompressionOutcome];

/** Begin and finish at once. Null when refused: see `beginCompression`. */
export function compressPage(node: CowNode, page: number): CompressionOutcome | null {
  const compression = beginCompression(node, page);
  return compression === null ? null : finishCompression(compression);
}

/**
 * Takes the page out of its slot to compress it, the only compression until `finishCompression`. Null, with the page
 * marked accessed, when it must stay: under a pager or contiguous, discardable, pinned, of high priority or not cached;
 * or when the compressor is not armed. Null when there is no page.
 */
export function beginCompression(node: CowNode, page: number): Compression | null {
  const { compressor, pmm, queues } = node.system;
  const slot = node.get(page);
  if (slotKind(slot) !== SlotKind.PAGE) return null;
  const frame = slotPage(slot);
  if (!compressor.isArmed || !isCompressible(node) || pmm.pages.pinCount[frame]! > 0) {
    queues.markAccessed(frame);
    return null;
  }
  rangeChange(node, page, 1, RangeChange.UNMAP);
  node.removePage(page, referenceSlot(compressor.beginTemporary(frame)));
  pmm.pages.node[frame] = node;
  return { node, page, frame };
}

/** Ends a compression. Never fails for want of memory. */
export function finishCompression({ node, page, frame }: Compression): CompressionOutcome {
  const { compressor, pmm } = node.system;
  if (!holdsTemporary(node, page)) {
    compressor.endTemporary();
    pmm.free(frame);
    return CompressionOutcome.LOST;
  }
  const result = compressor.compress(frame);
  compressor.endTemporary();
  if (result === COMPRESSION_FAILED) {
    installPage(node, page, frame);
    if (node.highPriorityCount === 0) node.system.queues.move(frame, Queue.FAILED_RECLAIM);
    return CompressionOutcome.FAILED;
  }
  node.setSlot(page, result === COMPRESSED_ZERO ? MARKER_SLOT : referenceSlot(result));
  pmm.free(frame);
  return CompressionOutcome.COMPRESSED;
}

/**
 * Turns a REFERENCE of `owner` into a page with the same content and share count, and returns the frame. NO_MEMORY, or
 * SHOULD_WAIT with `request` bound: nothing has changed. A page that is just being compressed is copied, which never fails.
 */
export function decompressSlot(
  owner: CowNode,
  page: number,
  request: LazyPageRequest,
): Pfn | Status {
  const { compressor } = owner.system;
  const handle = slotReference(owner.get(page));
  if (compressor.isTemporary(handle)) return settleSlot(owner, page);
  const frame = owner.allocate(request);
  if (frame < 0) return frame;
  compressor.decompressInto(handle, frame);
  compressor.free(handle);
  installPage(owner, page, frame);
  return frame;
}

/**
 * If a page of `node` is just being compressed, puts a copy of it back: before slots of the node move to another list, since
 * the compression will look for its result's place here.
 */
export function settleTemporary(node: CowNode): void {
  const { compressor, pmm } = node.system;
  const frame = compressor.temporaryPage();
  if (frame < 0 || pmm.pages.node[frame] !== node) return;
  const page = pmm.pages.offset[frame]!;
  if (holdsTemporary(node, page)) settleSlot(node, page);
}

function settleSlot(node: CowNode, page: number): Pfn {
  const copy = node.system.compressor.takeTemporary();
  installPage(node, page, copy);
  return copy;
}

/** Puts a frame, which has its share count already, into a slot that holds a reference to its content. */
function installPage(node: CowNode, page: number, frame: Pfn): void {
  const { shareCount } = node.system.pmm.pages;
  const shares = shareCount[frame]!;
  node.insertPage(page, frame, DirtyState.UNTRACKED);
  shareCount[frame] = shares;
}

function holdsTemporary(node: CowNode, page: number): boolean {
  const slot = node.get(page);
  return (
    slotKind(slot) === SlotKind.REFERENCE && node.system.compressor.isTemporary(slotReference(slot))
  );
}

/** Hidden nodes are: only cached objects have clones. */
function isCompressible(node: CowNode): boolean {
  if (node.kind !== NodeKind.ANONYMOUS || node.isDirtyTracked || node.highPriorityCount > 0)
    return false;
  const { object } = node;
  return object === null || (object.cachePolicy === CachePolicy.CACHED && !object.isDiscardable);
}
