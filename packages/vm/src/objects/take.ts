import { Status } from "@aspace/arch";
import type { Result } from "./blocking.ts";
import { settleTemporary } from "./compression.ts";
import { NodeKind, type CowNode } from "./cow-node.ts";
import { decommitSupport } from "./decommit.ts";
import { pinnedInRange } from "./pin.ts";
import { RangeChange, rangeChange } from "./range-change.ts";
import { EMPTY_SLOT, SlotKind, slotKind } from "./slot.ts";
import { SpliceList } from "./splice-list.ts";

/**
 * Takes everything out of `[page, page + count)`, which reads zero from then on. The caller owns the list.
 *
 * The caller has checked before that the object has no children: BAD_STATE, between the first two here.
 *
 * @returns The list; NOT_SUPPORTED (contiguous), OUT_OF_RANGE unless all of the range is inside, BAD_STATE when
 *   a page is pinned, or when a pager, an ancestor or a child has a say in the content; in this order. Nothing
 *   has changed unless there is a list.
 */
export function takePages(node: CowNode, page: number, count: number): Result<SpliceList> {
  if (node.kind === NodeKind.CONTIGUOUS) return Status.NOT_SUPPORTED;
  const end = page + count;
  if (end > node.sizePages) return Status.OUT_OF_RANGE;
  // A clone of an anonymous node hangs beside it, so without a parent the node has no children either.
  const isShared = decommitSupport(node) !== Status.OK;
  if (isShared || pinnedInRange(node, page, end)) return Status.BAD_STATE;
  rangeChange(node, page, count, RangeChange.UNMAP);
  settleTemporary(node);
  const list = new SpliceList(node.system, count);
  const { slots } = node;
  for (let at = slots.nextPopulated(page, end); at < end; at = slots.nextPopulated(at + 1, end)) {
    const slot = node.get(at);
    if (slotKind(slot) === SlotKind.PAGE) node.removePage(at, EMPTY_SLOT);
    else node.setSlot(at, EMPTY_SLOT);
    list.put(at - page, slot);
  }
  return list;
}
