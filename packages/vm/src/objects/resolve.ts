import type { CowNode } from "./cow-node.ts";
import { EMPTY_SLOT, type Slot } from "./slot.ts";

/**
 * What a node sees at a page, and where it lies. Reused by whoever looks often: resolving allocates
 * nothing.
 */
export class Resolution {
  /** Whose slot it is. When the slot is empty: the last node asked, whose source (if any) has the content. */
  node: CowNode;
  /** Page of `node`. */
  page = 0;
  slot: Slot = EMPTY_SLOT;

  constructor(node: CowNode) {
    this.node = node;
  }
}

/** Walks from a node towards the root to the first slot that is not empty, as far as the windows let it see. */
export function resolve(node: CowNode, page: number, into: Resolution): Resolution {
  let at = node;
  let atPage = page;
  let slot = at.get(atPage);
  while (slot === EMPTY_SLOT && at.parent !== null && atPage < at.parentLimit) {
    atPage += at.parentOffset;
    at = at.parent;
    slot = at.get(atPage);
  }
  into.node = at;
  into.page = atPage;
  into.slot = slot;
  return into;
}

/**
 * The first page in `[from, end)` at which the node has something itself or in hidden ancestors, else
 * `end`. What visible ancestors have is theirs alone: neither shared nor charged through the node.
 *
 *     hidden      |---[==x=====x===]--|        x populated
 *     node           [==x=====x===]---x---|    and its own
 *
 * The range shrinks on the way up, to the window and to what was found further down.
 */
export function nextHeld(node: CowNode, from: number, end: number): number {
  let first = node.slots.nextPopulated(from, end);
  let page = from;
  for (let at = node; at.parent?.isHidden === true; at = at.parent) {
    const limit = Math.min(first - from, at.parentLimit - page);
    if (limit <= 0) break;
    page += at.parentOffset;
    const found = at.parent.slots.nextPopulated(page, page + limit) - page;
    if (found < limit) first = from + found;
  }
  return first;
}
