import { PAGE_BYTES, Status } from "@aspace/arch";
import type { Blocking } from "./blocking.ts";
import { NodeKind, isPagerTree, type CowNode } from "./cow-node.ts";
import { decommitRange } from "./decommit.ts";
import { LookupCursor, PageAccess } from "./lookup-cursor.ts";
import type { PageSource } from "./page-source.ts";
import { LazyPageRequest } from "./page-request.ts";
import { RangeChange, rangeChange } from "./range-change.ts";
import { releaseAncestorEntry, releaseShared } from "./release.ts";
import { Resolution, nextHeld, resolve } from "./resolve.ts";
import {
  DIRTY_INTERVAL_SLOT,
  EMPTY_SLOT,
  MARKER_SLOT,
  SlotKind,
  isInterval,
  slotKind,
  slotPage,
  type Slot,
} from "./slot.ts";
import { writeBytes, type BytePosition } from "./transfer.ts";

/** How far zeroing whole pages got. */
export interface ZeroProgress {
  /** The first so many pages of the range are zero. */
  pages: number;
}

/**
 * Makes the bytes `[from, to)` zero, which were inside when they were asked for. Parts of pages are written,
 * unless they are zero already; whole pages are zeroed with as little memory as there can be:
 *
 *     page    2       3       4       5
 *             |...0000|0000000|0000000|00.....|
 *               write   zeroPages       write
 *
 * `check` says whether the object may still be zeroed as asked. It is called after every wait, and anything but
 * OK ends the operation.
 *
 * @returns OK; OUT_OF_RANGE when after a wait not all of the range is inside; what `check` says; NO_MEMORY;
 *   BAD_STATE (the pager is gone), or how a wait failed. What was zeroed before stays zero.
 */
export function* zeroRange(
  node: CowNode,
  from: BytePosition,
  to: BytePosition,
  check: () => Status,
): Blocking<Status> {
  const zeroing = zeroUnchecked(node, from, to);
  try {
    let step = zeroing.next();
    while (step.done !== true) {
      const waited = yield step.value;
      const status = waited === Status.OK ? lookAgain(node, to, check) : waited;
      if (status !== Status.OK) return status;
      step = zeroing.next(waited);
    }
    return step.value;
  } finally {
    zeroing.return(Status.CANCELED);
  }
}

/** After a wait all of the range must be there still, and the object allow it. */
function lookAgain(node: CowNode, to: BytePosition, check: () => Status): Status {
  const status = check();
  if (status !== Status.OK) return status;
  const end = to.offsetBytes > 0 ? to.page + 1 : to.page;
  return end > node.sizePages ? Status.OUT_OF_RANGE : Status.OK;
}

function* zeroUnchecked(node: CowNode, from: BytePosition, to: BytePosition): Blocking<Status> {
  if (from.page === to.page) return yield* zeroPart(node, from, to.offsetBytes);
  let first = from.page;
  if (from.offsetBytes > 0) {
    const status = yield* zeroPart(node, from, PAGE_BYTES);
    if (status !== Status.OK) return status;
    first++;
  }
  const progress: ZeroProgress = { pages: 0 };
  const status = yield* zeroPages(node, first, to.page - first, progress);
  if (status !== Status.OK) return status;
  return yield* zeroPart(node, { page: to.page, offsetBytes: 0 }, to.offsetBytes);
}

/** Zeroes a page from a position on to `endBytes` of it. */
function* zeroPart(node: CowNode, from: BytePosition, endBytes: number): Blocking<Status> {
  const lengthBytes = endBytes - from.offsetBytes;
  if (lengthBytes === 0 || isZeroForGood(node, from.page)) return Status.OK;
  const { status } = yield* writeBytes(node, from, new Uint8Array(lengthBytes));
  return status;
}

/** Whether a page has no content and cannot get any unless this node is written. */
function isZeroForGood(node: CowNode, page: number): boolean {
  if (page >= node.sizePages) return false;
  const own = node.get(page);
  if (own === MARKER_SLOT || isInterval(own)) return true;
  const { node: last, slot } = resolve(node, page, new Resolution(node));
  if (!isPagerTree(node)) return !hasContent(slot);
  // Under a pager visible ancestors may get content yet; behind the last window there is nobody.
  return slot === EMPTY_SLOT && (last === node ? node.source === null : last.isHidden);
}

/**
 * Makes pages `[page, page + count)` zero. `progress` tells how far it got, whatever the status. Pinned pages are
 * zeroed where they are; other memory is given back, except in contiguous nodes.
 *
 * @returns OK; OUT_OF_RANGE when not all of the range is inside, also after a wait; NO_MEMORY; BAD_STATE (the
 *   pager is gone), or how a wait failed.
 */
export function* zeroPages(
  node: CowNode,
  page: number,
  count: number,
  progress: ZeroProgress,
): Blocking<Status> {
  progress.pages = 0;
  if (page + count > node.sizePages) return Status.OUT_OF_RANGE;
  if (node.kind === NodeKind.CONTIGUOUS) return zeroInPlace(node, page, count, progress);
  if (node.source !== null) return yield* zeroTracked(node, page, count, progress);
  if (decommitRange(node, page, count) !== Status.OK)
    return zeroInTree(node, page, count, progress);
  progress.pages = count;
  return Status.OK;
}

function zeroInPlace(node: CowNode, page: number, count: number, progress: ZeroProgress): Status {
  for (; progress.pages < count; progress.pages++) {
    const slot = node.get(page + progress.pages);
    if (slotKind(slot) === SlotKind.PAGE) node.system.pmm.zero(slotPage(slot));
  }
  return Status.OK;
}

/** Zeroes pages of a pager's root. The pager learns from intervals that there is something to store. */
function* zeroTracked(
  node: CowNode,
  page: number,
  count: number,
  progress: ZeroProgress,
): Blocking<Status> {
  const request = new LazyPageRequest();
  try {
    while (progress.pages < count) {
      if (page + count > node.sizePages) return Status.OUT_OF_RANGE;
      let status = zeroWithoutWaiting(node, page, count, progress, request);
      if (progress.pages > 0) node.modified = true;
      if (status === Status.SHOULD_WAIT) status = yield request;
      if (status !== Status.OK) return status;
    }
    return Status.OK;
  } finally {
    request.cancel();
  }
}

function zeroWithoutWaiting(
  node: CowNode,
  page: number,
  count: number,
  progress: ZeroProgress,
  request: LazyPageRequest,
): Status {
  const source = node.source!;
  rangeChange(node, page + progress.pages, count - progress.pages, RangeChange.UNMAP);
  for (; progress.pages < count; progress.pages++) {
    const status = zeroTrackedPage(node, source, page + progress.pages, request);
    if (status !== Status.OK) return status;
  }
  return Status.OK;
}

/**
 *     [pinned P]  ▶ [pinned P]  dirty, its bytes zeroed        [M]  ▶ [M]   the pager knows that it is zero
 *     [P]         ▶ [~]         whatever its dirty state       [~]  ▶ [~]   dirty, also if it was awaiting clean
 *     [ ]         ▶ [~]         nobody need supply it          M marker, ~ dirty interval
 */
function zeroTrackedPage(
  node: CowNode,
  source: PageSource,
  page: number,
  request: LazyPageRequest,
): Status {
  const slot = node.get(page);
  if (slot === MARKER_SLOT || slot === DIRTY_INTERVAL_SLOT) return Status.OK;
  if (isPinned(node, slot)) return zeroPinnedTracked(node, page, request);
  if (slot === EMPTY_SLOT) {
    if (!node.slots.reserve(page)) return Status.NO_MEMORY;
    node.setSlot(page, DIRTY_INTERVAL_SLOT);
    source.onPagesSupplied(page, 1);
    return Status.OK;
  }
  node.freeSlot(page, DIRTY_INTERVAL_SLOT);
  return Status.OK;
}

/** Writes zeroes like any other bytes: the pager may have to be asked. */
function zeroPinnedTracked(node: CowNode, page: number, request: LazyPageRequest): Status {
  const cursor = new LookupCursor(node, page, 1);
  const status = cursor.requireOwnedPage(PageAccess.WRITE, 1, request);
  if (status === Status.OK) node.system.pmm.zero(cursor.frame);
  return status;
}

/**
 * Zeroes pages that ancestors have a say in, or that are pinned. A range up to the end of the window simply
 * closes the window there: nothing above will ever be seen again.
 *
 *     before   parent |--[A]--[B]--[ ]--[C]---|         after    parent |--[A]--[B]--[ ]--[ ]---|
 *              node    [ ]  [P]  [ ]  [ ]                        node    [M]  [M]  [ ]  [ ]
 *                                   ^ range up to parentLimit                    ^ parentLimit
 */
function zeroInTree(node: CowNode, page: number, count: number, progress: ZeroProgress): Status {
  const end = page + count;
  rangeChange(node, page, count, RangeChange.UNMAP);
  if (page < node.parentLimit && node.parentLimit <= end) {
    releaseShared(node, page, node.parentLimit);
    node.parentLimit = page;
    node.changed();
  }
  // Under a pager every page in the window may need a marker, elsewhere only those with something behind them.
  const markedEnd = isPagerTree(node) ? Math.min(end, node.parentLimit) : page;
  const next = (from: number): number => (from < markedEnd ? from : nextHeld(node, from, end));
  const found = new Resolution(node);
  for (let at = next(page); at < end; at = next(at + 1)) {
    if (zeroPageInTree(node, at, found)) continue;
    progress.pages = at - page;
    return Status.NO_MEMORY;
  }
  progress.pages = count;
  return Status.OK;
}

/** False when there is no slot memory for a marker; nothing has changed then. */
function zeroPageInTree(node: CowNode, page: number, found: Resolution): boolean {
  const slot = node.get(page);
  if (isPinned(node, slot)) {
    node.system.pmm.zero(slotPage(slot));
    return true;
  }
  const left = needsMarker(node, page, found) ? MARKER_SLOT : EMPTY_SLOT;
  if (slot !== EMPTY_SLOT) {
    node.freeSlot(page, left);
    return true;
  }
  if (left === EMPTY_SLOT) return true;
  if (!node.slots.reserve(page)) return false;
  node.setSlot(page, MARKER_SLOT);
  if (found.node.isHidden && hasContent(found.slot)) releaseAncestorEntry(found.node, found.page);
  return true;
}

/**
 * Whether an empty slot would show something now, or could later: below a visible node everything can be
 * written or supplied, while hidden nodes stay as they are. `found` is what shows through.
 */
function needsMarker(node: CowNode, page: number, found: Resolution): boolean {
  if (node.parent === null || page >= node.parentLimit) return false;
  resolve(node.parent, page + node.parentOffset, found);
  return !found.node.isHidden || hasContent(found.slot);
}

function hasContent(slot: Slot): boolean {
  return slotKind(slot) === SlotKind.PAGE || slotKind(slot) === SlotKind.REFERENCE;
}

function isPinned(node: CowNode, slot: Slot): boolean {
  return slotKind(slot) === SlotKind.PAGE && node.system.pmm.pages.pinCount[slotPage(slot)]! > 0;
}
