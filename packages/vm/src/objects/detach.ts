import type { CowNode } from "./cow-node.ts";
import { DirtyState } from "./pages.ts";
import { RangeChange, rangeChange } from "./range-change.ts";
import { EMPTY_SLOT, MARKER_SLOT, SlotKind, slotKind, slotPage } from "./slot.ts";

/**
 * A pager lets go of an object. Who waits goes on, asks again and gets BAD_STATE. What the pager has stored
 * goes, for nobody could say any more whether it is current; what it has not stored exists nowhere else and
 * stays readable:
 *
 *     [C] [D] [A] [M] [~] [pinned C]      C clean, D dirty, A awaiting clean, M marker, ~ zero interval
 *     [ ] [D] [A] [ ] [~] [pinned C]
 *
 * A pinned page stays whatever its state. `node` is a pager's root. Detaching again changes nothing.
 */
export function detachSource(node: CowNode): void {
  const source = node.source!;
  if (source.isDetached) return;
  source.detach();
  const end = node.sizePages;
  rangeChange(node, 0, end, RangeChange.UNMAP);
  const { slots } = node;
  for (let at = slots.nextPopulated(0, end); at < end; at = slots.nextPopulated(at + 1, end)) {
    if (isStored(node, at)) node.freeSlot(at, EMPTY_SLOT);
  }
}

/** Whether the pager has what is in a slot, and nothing keeps it here. */
function isStored(node: CowNode, page: number): boolean {
  const slot = node.get(page);
  if (slotKind(slot) !== SlotKind.PAGE) return slot === MARKER_SLOT;
  const { dirtyState, pinCount } = node.system.pmm.pages;
  const frame = slotPage(slot);
  return dirtyState[frame] === DirtyState.CLEAN && pinCount[frame] === 0;
}
