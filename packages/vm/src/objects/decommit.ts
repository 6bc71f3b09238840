import { Status } from "@aspace/arch";
import { NodeKind, type CowNode } from "./cow-node.ts";
import { pinnedInRange } from "./pin.ts";
import { RangeChange, rangeChange } from "./range-change.ts";
import { EMPTY_SLOT } from "./slot.ts";

/**
 * Whether pages of a node can be given back at all: NOT_SUPPORTED where that would not make them zero,
 * because a pager or an ancestor stands behind them. A node that was snapshotted has an ancestor.
 */
export function decommitSupport(node: CowNode): Status {
  return node.parent !== null || node.source !== null ? Status.NOT_SUPPORTED : Status.OK;
}

/**
 * Gives back whatever memory is in `[page, page + count)`, which reads zero from then on.
 *
 * @returns NOT_SUPPORTED (contiguous), OUT_OF_RANGE unless all of the range is inside, OK for an empty
 *   range, NOT_SUPPORTED (`decommitSupport`), BAD_STATE when a page is pinned; in this order. Nothing has
 *   changed unless OK.
 */
export function decommitRange(node: CowNode, page: number, count: number): Status {
  if (node.kind === NodeKind.CONTIGUOUS) return Status.NOT_SUPPORTED;
  const end = page + count;
  if (end > node.sizePages) return Status.OUT_OF_RANGE;
  if (count === 0) return Status.OK;
  const support = decommitSupport(node);
  if (support !== Status.OK) return support;
  if (pinnedInRange(node, page, end)) return Status.BAD_STATE;
  rangeChange(node, page, count, RangeChange.UNMAP);
  freeOwnSlots(node, page, end);
  return Status.OK;
}

/** Frees everything that the node itself has in `[page, end)`, none of it pinned. Mappings were told before. */
export function freeOwnSlots(node: CowNode, page: number, end: number): void {
  const { slots } = node;
  for (let at = slots.nextPopulated(page, end); at < end; at = slots.nextPopulated(at + 1, end)) {
    node.freeSlot(at, EMPTY_SLOT);
  }
}
