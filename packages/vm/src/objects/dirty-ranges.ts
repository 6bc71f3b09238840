import type { CowNode } from "./cow-node.ts";
import { DirtyState } from "./pages.ts";
import { isInterval, SlotKind, slotKind, slotPage } from "./slot.ts";

/** Pages `[page, page + count)` that the pager has not stored in their current state. */
export interface DirtyRange {
  readonly page: number;
  readonly count: number;
  /** They are zero, and there is no need to read them. */
  readonly isZero: boolean;
}

/**
 * What a pager has to write back, or is writing back: runs of pages that are not clean and runs of zero
 * intervals, in ascending order, as long as they can be, clipped to the range.
 *
 *     node    [C] [D] [A] [~] [~] [D] [ ] [D]     C clean, D dirty, A awaiting clean, ~ zero interval
 *     runs        |-----| |zero-| |-|     |-|
 *
 * The caller has checked, in this order: that `node` is a pager's root (NOT_SUPPORTED), and that all of the
 * range is inside (OUT_OF_RANGE). A detached object still answers.
 */
export function enumerateDirtyRanges(
  node: CowNode,
  page: number,
  count: number,
): readonly DirtyRange[] {
  const end = page + count;
  const ranges: DirtyRange[] = [];
  for (let at = page; at < end;) {
    const start = node.slots.nextPopulated(at, end);
    at = start + 1;
    if (start === end || !isDirty(node, start)) continue;
    const isZero = isInterval(node.get(start));
    while (at < end && isDirty(node, at) && isInterval(node.get(at)) === isZero) at++;
    ranges.push({ page: start, count: at - start, isZero });
  }
  return ranges;
}

/** Whether the pager has yet to store a page, or to finish storing it. */
function isDirty(node: CowNode, page: number): boolean {
  const slot = node.get(page);
  if (slotKind(slot) !== SlotKind.PAGE) return isInterval(slot);
  return node.system.pmm.pages.dirtyState[slotPage(slot)] !== DirtyState.CLEAN;
}
