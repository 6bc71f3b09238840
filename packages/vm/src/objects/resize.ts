import { Status, VPN_LIMIT } from "@aspace/arch";
import type { CowNode } from "./cow-node.ts";
import { DirtyState } from "./pages.ts";
import { pinnedInRange } from "./pin.ts";
import type { PageSource } from "./page-source.ts";
import { RangeChange, rangeChange } from "./range-change.ts";
import { releaseFrom } from "./release.ts";
import { SlotKind, slotKind, slotPage } from "./slot.ts";
import { makeInterval } from "./zero-interval.ts";

/**
 * Gives a node another size, in pages. What a shrink cuts off is gone: a later growth brings back zeroes,
 * also where a clone used to look.
 *
 * @returns OK; for a shrink BAD_STATE when a page that would go is pinned; for a growth INVALID_ARGS when the
 *   end would not have an address counted from the root of the tree, NO_MEMORY. Nothing has changed unless OK.
 */
export function resizeNode(node: CowNode, sizePages: number): Status {
  if (sizePages === node.sizePages) return Status.OK;
  const status = sizePages < node.sizePages ? shrink(node, sizePages) : grow(node, sizePages);
  if (status === Status.OK) {
    node.changed();
    if (node.isDirtyTracked) node.modified = true;
  }
  return status;
}

function shrink(node: CowNode, sizePages: number): Status {
  const oldSize = node.sizePages;
  if (pinnedInRange(node, sizePages, oldSize)) return Status.BAD_STATE;
  rangeChange(node, sizePages, oldSize - sizePages, RangeChange.UNMAP);
  if (node.source !== null) wakeWaiters(node, node.source, sizePages);
  releaseFrom(node, sizePages);
  for (const child of node.children) {
    child.parentLimit = Math.min(child.parentLimit, Math.max(0, sizePages - child.parentOffset));
  }
  node.sizePages = sizePages;
  return Status.OK;
}

function grow(node: CowNode, sizePages: number): Status {
  if (node.rootParentOffset + sizePages >= VPN_LIMIT) return Status.INVALID_ARGS;
  const oldSize = node.sizePages;
  // The pager has never heard of these pages, so they are the kernel's to fill.
  if (node.source !== null) {
    const status = makeInterval(node, oldSize, sizePages);
    if (status !== Status.OK) return status;
  }
  node.sizePages = sizePages;
  rangeChange(node, oldSize, sizePages - oldSize, RangeChange.UNMAP);
  return Status.OK;
}

/**
 * Ends the waits for pages from `from` on that are about to go: the waiters try again, and find the pages
 * out of range. READ waits are for gaps, DIRTY waits for gaps and whatever is not dirty:
 *
 *     tail    [page, dirty] [page, clean] [marker] [interval] [ gap ]
 *     READ                                                     woken
 *     DIRTY                     woken       woken     woken    woken
 */
function wakeWaiters(node: CowNode, source: PageSource, from: number): void {
  const { slots, sizePages: end } = node;
  let gap = from;
  for (let at = slots.nextPopulated(from, end); ; at = slots.nextPopulated(gap, end)) {
    source.onPagesSupplied(gap, at - gap);
    source.onPagesDirtied(gap, at - gap);
    if (at === end) return;
    if (!isDirtyPage(node, at)) source.onPagesDirtied(at, 1);
    gap = at + 1;
  }
}

function isDirtyPage(node: CowNode, page: number): boolean {
  const slot = node.get(page);
  if (slotKind(slot) !== SlotKind.PAGE) return false;
  return node.system.pmm.pages.dirtyState[slotPage(slot)] === DirtyState.DIRTY;
}
