import { Status } from "@aspace/arch";
import type { Blocking } from "./blocking.ts";
import type { CowNode } from "./cow-node.ts";
import { LazyPageRequest } from "./page-request.ts";
import { DirtyState } from "./pages.ts";
import { RangeChange, rangeChange } from "./range-change.ts";
import {
  EMPTY_SLOT,
  MARKER_SLOT,
  pageSlot,
  type Slot,
  SlotKind,
  slotKind,
  slotPage,
  slotReference,
} from "./slot.ts";
import { freeContent, type SpliceList } from "./splice-list.ts";

/**
 * A pager gives contents to the pages from `page` on, one for each position of the list: pages arrive
 * clean, empty positions and markers say that the page is zero. What is there already stays, and what was
 * supplied for it is freed; that is no error.
 *
 *     list    [P0] [P1] [  ] [  ] [P4]
 *     node    [  ] [D ] [  ] [~ ] [  ]      P page, D dirty page, ~ zero interval, M marker
 *     after   [P0] [D ] [M ] [~ ] [P4]      P1 freed; told: three runs, 0+1, 2+1 and 4+1
 *
 * `node` is a pager's root. The caller has checked that all of the range is inside (OUT_OF_RANGE), and
 * frees what stays in the list, which is everything that was not used.
 *
 * @returns OK; BAD_STATE when detached; NO_MEMORY; how a wait for memory failed; OUT_OF_RANGE when the
 *   object shrank during one. The object is unchanged unless OK; references in the list may have become
 *   pages.
 */
export function* supplyPages(node: CowNode, page: number, list: SpliceList): Blocking<Status> {
  const request = new LazyPageRequest();
  try {
    for (;;) {
      if (page + list.count > node.sizePages) return Status.OUT_OF_RANGE;
      if (node.source!.isDetached) return Status.BAD_STATE;
      let status = decompress(node, list, request);
      if (status === Status.OK) break;
      if (status === Status.SHOULD_WAIT) status = yield request;
      if (status !== Status.OK) return status;
    }
    if (!reserveSlots(node, page, list.count)) return Status.NO_MEMORY;
    install(node, page, list);
    return Status.OK;
  } finally {
    request.cancel();
  }
}

/** Turns the references of the list into pages: OK, NO_MEMORY, or SHOULD_WAIT with `request` bound. */
function decompress(node: CowNode, list: SpliceList, request: LazyPageRequest): Status {
  const { compressor } = node.system;
  for (let at = list.nextPopulated(0); at < list.count; at = list.nextPopulated(at + 1)) {
    const slot = list.get(at);
    if (slotKind(slot) !== SlotKind.REFERENCE) continue;
    const frame = node.allocate(request);
    if (frame < 0) return frame as Status;
    compressor.decompressInto(slotReference(slot), frame);
    freeContent(node.system, list.take(at));
    list.put(at, pageSlot(frame));
  }
  return Status.OK;
}

/** Slot memory for all of the range, or none of it. */
function reserveSlots(node: CowNode, page: number, count: number): boolean {
  for (let at = page; at < page + count; at++) {
    if (node.slots.reserve(at)) continue;
    for (let back = page; back < at; back++) {
      if (node.get(back) === EMPTY_SLOT) node.slots.set(back, EMPTY_SLOT);
    }
    return false;
  }
  return true;
}

/** Puts the list into the gaps of the range, and tells of every run of filled gaps. */
function install(node: CowNode, page: number, list: SpliceList): void {
  let filled = 0;
  for (let at = 0; at < list.count; at++) {
    const supplied = list.take(at);
    if (node.get(page + at) === EMPTY_SLOT) {
      fill(node, page + at, supplied);
      filled++;
      continue;
    }
    freeContent(node.system, supplied);
    tell(node, page + at - filled, filled);
    filled = 0;
  }
  tell(node, page + list.count - filled, filled);
}

function fill(node: CowNode, page: number, supplied: Slot): void {
  if (slotKind(supplied) === SlotKind.PAGE)
    node.insertPage(page, slotPage(supplied), DirtyState.CLEAN);
  else node.setSlot(page, MARKER_SLOT);
}

function tell(node: CowNode, page: number, count: number): void {
  rangeChange(node, page, count, RangeChange.UNMAP);
  node.source!.onPagesSupplied(page, count);
}
