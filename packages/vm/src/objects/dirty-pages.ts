import { Status, type Pfn } from "@aspace/arch";
import type { Blocking } from "./blocking.ts";
import type { CowNode } from "./cow-node.ts";
import { markDirty } from "./dirty-state.ts";
import { LazyPageRequest } from "./page-request.ts";
import { DirtyState } from "./pages.ts";
import { RangeChange, rangeChange } from "./range-change.ts";
import { SlotKind, slotKind, slotPage } from "./slot.ts";

/**
 * A pager lets pages become dirty, for those who asked with a DIRTY request. Zeroes that are not pages yet,
 * markers and intervals, become pages: their frames are all there before the first of them is used, and are
 * kept while more are waited for.
 *
 * `node` is a pager's root. The caller has checked, in this order: that dirty pages are trapped
 * (NOT_SUPPORTED), and that all of the range is inside (OUT_OF_RANGE).
 *
 * @returns OK; BAD_STATE when detached; NOT_FOUND when a page is absent; NO_MEMORY; how a wait for memory
 *   failed; OUT_OF_RANGE when the object shrank during one. Unless OK no page became dirty, and those who
 *   wait with DIRTY requests for the range are woken to find out for themselves.
 */
export function* dirtyPages(node: CowNode, page: number, count: number): Blocking<Status> {
  const request = new LazyPageRequest();
  const frames: Pfn[] = [];
  try {
    for (;;) {
      let status = prepare(node, page, count, frames, request);
      if (status === Status.OK) break;
      if (status === Status.SHOULD_WAIT) status = yield request;
      if (status === Status.OK) continue;
      node.source!.onPagesDirtied(page, count);
      return status;
    }
    install(node, page, count, frames);
    return Status.OK;
  } finally {
    request.cancel();
    for (const frame of frames) node.system.pmm.free(frame);
  }
}

/** Whether everything can become dirty now, with a frame in `frames` for each page that needs one. */
function prepare(
  node: CowNode,
  page: number,
  count: number,
  frames: Pfn[],
  request: LazyPageRequest,
): Status {
  const end = page + count;
  if (end > node.sizePages) return Status.OUT_OF_RANGE;
  if (node.source!.isDetached) return Status.BAD_STATE;
  if (node.slots.nextEmpty(page, end) < end) return Status.NOT_FOUND;
  let missing = -frames.length;
  for (let at = page; at < end; at++) if (!hasPage(node, at)) missing++;
  for (; missing > 0; missing--) {
    const frame = node.allocate(request);
    if (frame < 0) return frame as Status;
    frames.push(frame);
  }
  return Status.OK;
}

/** Makes every page dirty, and tells of every run that was not. */
function install(node: CowNode, page: number, count: number, frames: Pfn[]): void {
  let changed = 0;
  for (let at = page; at < page + count; at++) {
    if (makeDirty(node, at, frames)) {
      changed++;
      continue;
    }
    node.source!.onPagesDirtied(at - changed, changed);
    changed = 0;
  }
  node.source!.onPagesDirtied(page + count - changed, changed);
}

/** False when the page is dirty already. */
function makeDirty(node: CowNode, page: number, frames: Pfn[]): boolean {
  const { pmm } = node.system;
  if (hasPage(node, page)) {
    if (pmm.pages.dirtyState[slotPage(node.get(page))] === DirtyState.DIRTY) return false;
    markDirty(node, page);
    return true;
  }
  const frame = frames.pop()!;
  pmm.zero(frame);
  node.insertPage(page, frame, DirtyState.DIRTY);
  rangeChange(node, page, 1, RangeChange.UNMAP);
  return true;
}

function hasPage(node: CowNode, page: number): boolean {
  return slotKind(node.get(page)) === SlotKind.PAGE;
}
