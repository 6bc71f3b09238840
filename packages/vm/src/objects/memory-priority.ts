import { KernelPanic } from "@aspace/arch";
import type { Blocking } from "./blocking.ts";
import type { CowNode } from "./cow-node.ts";
import { readIn } from "./read-in.ts";
import { SlotKind, slotKind, slotPage } from "./slot.ts";

/**
 * Adds `delta` to the reasons why a node's pages must stay in RAM, uncompressed. A node with any is itself a
 * reason for its parent:
 *
 *     root 1 ◀── hidden 2 ◀── leaf 1 ◀── one mapping
 *                       ◀──── leaf 3 ◀── three mappings
 *
 * Where the count becomes 0 or ceases to be, the pages change queues. Panics with P20 below 0.
 */
export function changeHighPriorityCount(node: CowNode, delta: number): void {
  let change = delta;
  for (let at: CowNode | null = node; at !== null; at = at.parent) {
    const wasHigh = at.highPriorityCount > 0;
    at.highPriorityCount += change;
    if (at.highPriorityCount < 0) {
      throw new KernelPanic("P20", `node ${at.id} has fewer than no reasons for high priority`);
    }
    const isHigh = at.highPriorityCount > 0;
    if (isHigh === wasHigh) return;
    requeueAll(at);
    change = isHigh ? 1 : -1;
  }
}

/** Those that are pinned are WIRED before and after. */
function requeueAll(node: CowNode): void {
  const { slots, sizePages: end } = node;
  for (let at = slots.nextPopulated(0, end); at < end; at = slots.nextPopulated(at + 1, end)) {
    const slot = slots.get(at);
    if (slotKind(slot) === SlotKind.PAGE) node.requeue(slotPage(slot));
  }
}

/**
 * Brings pages `[page, page + count)` into RAM, where `highPriorityCount` will keep them: supplied by the
 * pager, or decompressed. Does nothing for a node without high priority; pages that cannot be had are left out.
 */
export function* commitHighPriorityPages(
  node: CowNode,
  page: number,
  count: number,
): Blocking<void> {
  if (node.highPriorityCount > 0) yield* readIn(node, page, count);
}
