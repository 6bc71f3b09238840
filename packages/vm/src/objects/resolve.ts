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

/** `ownerPage` of `owner` is what the node has at `page`. */
export type HeldVisit = (owner: CowNode, ownerPage: number, page: number) => void;

/**
 * Visits every entry in `[from, end)` that the node has itself or sees in hidden ancestors: its own
 * first, then level by level. A visit may empty the slot that it is about.
 *
 *     node      |--x----x--|      gaps after it: 2, 4, 2 pages
 *     hidden    |-xx-x-----|      visited: only where there is a gap
 *
 * Each level is looked at once, whatever is in it, so that deep trees stay cheap.
 */
export function forEachHeld(node: CowNode, from: number, end: number, visit: HeldVisit): void {
  let gaps: readonly Gap[] = from < end ? [{ from, end }] : [];
  /** Page of `at` that the node's page 0 shows. */
  let offset = 0;
  for (let at = node; gaps.length > 0; at = at.parent) {
    gaps = visitOwn(at, offset, gaps, visit);
    if (at.parent?.isHidden !== true) return;
    gaps = cut(gaps, at.parentLimit - offset);
    offset += at.parentOffset;
  }
}

/** Pages of the node for which nothing was found so far. */
interface Gap {
  readonly from: number;
  readonly end: number;
}

/** Visits the entries of one level, and returns the gaps that are left. */
function visitOwn(
  at: CowNode,
  offset: number,
  gaps: readonly Gap[],
  visit: HeldVisit,
): readonly Gap[] {
  if (at.slots.populatedCount === 0) return gaps;
  const left: Gap[] = [];
  for (const { from, end } of gaps) {
    const next = (page: number): number =>
      at.slots.nextPopulated(page + offset, end + offset) - offset;
    let gap = from;
    for (let page = next(from); page < end; page = next(gap)) {
      if (gap < page) left.push({ from: gap, end: page });
      visit(at, page + offset, page);
      gap = page + 1;
    }
    if (gap < end) left.push({ from: gap, end });
  }
  return left;
}

/** The part of the gaps before `limit`. They ascend. */
function cut(gaps: readonly Gap[], limit: number): readonly Gap[] {
  if (gaps.length === 0 || gaps.at(-1)!.end <= limit) return gaps;
  return gaps
    .filter(({ from }) => from < limit)
    .map(({ from, end }) => ({ from, end: Math.min(end, limit) }));
}
