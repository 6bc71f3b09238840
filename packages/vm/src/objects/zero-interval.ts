import { Status } from "@aspace/arch";
import type { CowNode } from "./cow-node.ts";
import { DIRTY_INTERVAL_SLOT, EMPTY_SLOT } from "./slot.ts";

/** Fills `[page, end)` of a pager's root, all of it empty, with a dirty zero interval. NO_MEMORY: nothing has changed. */
export function makeInterval(node: CowNode, page: number, end: number): Status {
  for (let at = page; at < end; at++) {
    if (node.slots.reserve(at)) {
      node.setSlot(at, DIRTY_INTERVAL_SLOT);
      continue;
    }
    for (let undo = page; undo < at; undo++) node.setSlot(undo, EMPTY_SLOT);
    return Status.NO_MEMORY;
  }
  return Status.OK;
}
