import type { CowNode } from "./cow-node.ts";
import { changeDirtyState } from "./dirty-state.ts";
import { DirtyState } from "./pages.ts";
import { RangeChange, rangeChange } from "./range-change.ts";
import {
  AWAITING_CLEAN_INTERVAL_SLOT,
  DIRTY_INTERVAL_SLOT,
  EMPTY_SLOT,
  SlotKind,
  slotKind,
  slotPage,
} from "./slot.ts";

/**
 * What a pager is about to store: the pages as they are, or zeroes where `enumerateDirtyRanges` said that
 * it is zero.
 */
export const WritebackKind = { PAGES: "pages", ZEROES: "zeroes" } as const;
export type WritebackKind = (typeof WritebackKind)[keyof typeof WritebackKind];

/**
 * A pager begins to store a range. Pages and zero intervals that are dirty await being clean, and the next
 * write to them is noticed:
 *
 *     [D] begin ▶ [A] end ▶ [C]            stored
 *     [D] begin ▶ [A] write ▶ [D] end ▶ [D]    stored, but not what was written since
 *
 * Pinned pages stay dirty, since whoever pinned them may write without being noticed. So do all pages when
 * zeroes are stored: a page that took the place of zeroes meanwhile is not what the pager stores.
 *
 * The caller has checked, in this order: that all of the range is inside (OUT_OF_RANGE), and that `node` is
 * a pager's root (NOT_SUPPORTED). A detached object still can.
 */
export function writebackBegin(
  node: CowNode,
  page: number,
  count: number,
  content: WritebackKind,
): void {
  const end = page + count;
  const { slots } = node;
  for (let at = slots.nextPopulated(page, end); at < end; at = slots.nextPopulated(at + 1, end)) {
    beginPage(node, at, content);
  }
  rangeChange(node, page, count, RangeChange.REMOVE_WRITE);
}

function beginPage(node: CowNode, page: number, content: WritebackKind): void {
  const slot = node.get(page);
  if (slot === DIRTY_INTERVAL_SLOT) node.setSlot(page, AWAITING_CLEAN_INTERVAL_SLOT);
  if (slotKind(slot) !== SlotKind.PAGE || content === WritebackKind.ZEROES) return;
  const { dirtyState, pinCount } = node.system.pmm.pages;
  const frame = slotPage(slot);
  if (dirtyState[frame] !== DirtyState.DIRTY || pinCount[frame]! > 0) return;
  changeDirtyState(node, page, DirtyState.AWAITING_CLEAN);
}

/**
 * A pager has stored a range. What still awaits being clean, pinned or not, is clean; zero intervals that
 * do become absent, since the pager has the zeroes now. Everything that changed since `writebackBegin` is
 * dirty and stays so.
 *
 * The caller has checked as for `writebackBegin`.
 */
export function writebackEnd(node: CowNode, page: number, count: number): void {
  const end = page + count;
  const { slots } = node;
  for (let at = slots.nextPopulated(page, end); at < end; at = slots.nextPopulated(at + 1, end)) {
    endPage(node, at);
  }
}

function endPage(node: CowNode, page: number): void {
  const slot = node.get(page);
  if (slot === AWAITING_CLEAN_INTERVAL_SLOT) {
    node.setSlot(page, EMPTY_SLOT);
    // The page of zeroes may be mapped here, and what is absent must not be (P13).
    rangeChange(node, page, 1, RangeChange.UNMAP);
    return;
  }
  if (slotKind(slot) !== SlotKind.PAGE) return;
  if (node.system.pmm.pages.dirtyState[slotPage(slot)] !== DirtyState.AWAITING_CLEAN) return;
  changeDirtyState(node, page, DirtyState.CLEAN);
}
