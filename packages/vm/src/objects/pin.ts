import { KernelPanic, Status, type Pfn } from "@aspace/arch";
import type { Blocking } from "./blocking.ts";
import type { CowNode } from "./cow-node.ts";
import { LookupCursor, PageAccess } from "./lookup-cursor.ts";
import { LazyPageRequest } from "./page-request.ts";
import { MAX_PIN_COUNT } from "./pages.ts";
import { RangeChange, rangeChange } from "./range-change.ts";
import { SlotKind, slotKind, slotPage } from "./slot.ts";

/**
 * Commits the pages `[page, page + count)`, at least one, and pins each of them once: until it is unpinned
 * it stays in its slot and in RAM. With WRITE they are made dirty too, where a pager tracks that.
 *
 * All pages are pinned or none, but those that were committed or made dirty before a failure stay so.
 * What is pinned already while the rest waits cannot be cut off by a shrink.
 *
 * @returns OK; OUT_OF_RANGE when not all of the range is inside, also after a wait; UNAVAILABLE when a page
 *   is pinned `MAX_PIN_COUNT` times; BAD_STATE (the pager is gone), NO_MEMORY, or how a wait failed.
 */
export function* pinRange(
  node: CowNode,
  page: number,
  count: number,
  access: PageAccess,
): Blocking<Status> {
  const request = new LazyPageRequest();
  const end = page + count;
  let pinnedEnd = page;
  let isComplete = false;
  try {
    while (pinnedEnd < end) {
      if (end > node.sizePages) return Status.OUT_OF_RANGE;
      const cursor = new LookupCursor(node, pinnedEnd, end - pinnedEnd);
      let status = pinWithoutWaiting(node, cursor, access, request);
      pinnedEnd = cursor.page;
      if (status === Status.SHOULD_WAIT) status = yield request;
      if (status !== Status.OK) return status;
    }
    if (access === PageAccess.WRITE && node.isDirtyTracked) node.modified = true;
    isComplete = true;
    return Status.OK;
  } finally {
    request.cancel();
    if (!isComplete && pinnedEnd > page) unpinRange(node, page, pinnedEnd - page);
  }
}

/** Pins pages until something is in the way. All before the cursor's page are pinned then. */
function pinWithoutWaiting(
  node: CowNode,
  cursor: LookupCursor,
  access: PageAccess,
  request: LazyPageRequest,
): Status {
  while (cursor.remaining > 0) {
    if (pinCountAt(node, cursor.page) === MAX_PIN_COUNT) return Status.UNAVAILABLE;
    const status = cursor.requireOwnedPage(access, cursor.remaining, request);
    if (status !== Status.OK) return status;
    pin(node, cursor.frame);
  }
  return Status.OK;
}

function pin(node: CowNode, frame: Pfn): void {
  const { pinCount } = node.system.pmm.pages;
  pinCount[frame]!++;
  node.pinnedPageCount++;
  node.everPinned = true;
  if (pinCount[frame] === 1) node.requeue(frame);
}

/**
 * Takes back one pin of each page of a range. Mappings hear of each run of pages that lost its last
 * (DEBUG_UNPIN). Panics with P15 when the range has a page without a pin, or no page.
 */
export function unpinRange(node: CowNode, page: number, count: number): void {
  if (count < 1 || !isRangePinned(node, page, count)) {
    throw new KernelPanic("P15", `pages ${page}+${count} of node ${node.id} are not all pinned`);
  }
  const { pinCount } = node.system.pmm.pages;
  let runStart = page;
  for (let at = page; at < page + count; at++) {
    const frame = slotPage(node.get(at));
    pinCount[frame]!--;
    node.pinnedPageCount--;
    if (pinCount[frame] === 0) {
      node.requeue(frame);
      continue;
    }
    rangeChange(node, runStart, at - runStart, RangeChange.DEBUG_UNPIN);
    runStart = at + 1;
  }
  rangeChange(node, runStart, page + count - runStart, RangeChange.DEBUG_UNPIN);
}

/** Whether every page of the range is there and pinned. */
export function isRangePinned(node: CowNode, page: number, count: number): boolean {
  for (let at = page; at < page + count; at++) if (pinCountAt(node, at) === 0) return false;
  return true;
}

/** Whether any page in `[page, end)` is pinned. */
export function pinnedInRange(node: CowNode, page: number, end: number): boolean {
  if (node.pinnedPageCount === 0) return false;
  const { slots } = node;
  for (let at = slots.nextPopulated(page, end); at < end; at = slots.nextPopulated(at + 1, end)) {
    if (pinCountAt(node, at) > 0) return true;
  }
  return false;
}

/** How often the node's own page is pinned; 0 where it has none. */
function pinCountAt(node: CowNode, page: number): number {
  const slot = node.get(page);
  return slotKind(slot) === SlotKind.PAGE ? node.system.pmm.pages.pinCount[slotPage(slot)]! : 0;
}
