import { KernelPanic } from "@aspace/arch";
import { reassignAttribution, siblingOf } from "./attribution.ts";
import { settleTemporary } from "./compression.ts";
import type { CowNode } from "./cow-node.ts";
import { releaseFrom } from "./release.ts";
import { EMPTY_SLOT, SlotKind, slotKind } from "./slot.ts";

/**
 * Ends a visible node that no object and no clone needs any more, and then each ancestor that only it
 * had kept. Nothing happens while the node is needed. Its source is closed, its pages are freed, and
 * what it shared belongs to the others; their contents stay the same.
 */
export function tearDownIfUnused(node: CowNode): void {
  let at: CowNode | null = node;
  while (at !== null && !at.isHidden && at.isUnused) at = tearDown(at);
}

/** Returns the ancestor that may be unused now. */
function tearDown(node: CowNode): CowNode | null {
  if (node.highPriorityCount !== 0) {
    throw new KernelPanic("P20", `node ${node.id} ends with priority ${node.highPriorityCount}`);
  }
  node.source?.close();
  releaseFrom(node, 0);
  const { parent } = node;
  if (parent === null) return null;
  if (parent.isHidden) {
    mergeInto(siblingOf(node, parent), parent, node);
    node.parent = null;
    return null;
  }
  parent.children.splice(parent.children.indexOf(node), 1);
  node.parent = null;
  return parent;
}

/**
 * A hidden node with one child left is of no use: the child takes over what it sees of it, and its
 * place.
 *
 *     grandparent              grandparent
 *         │ window [0, 6)          │ window [0, 4), not 6: what the child never saw stays unseen
 *      hidden [p] [m]     ▶        │
 *         │ window [0, 4)          │
 *       child [ ] [q]           child [p] [q]
 *
 * High priority needs no change: the child alone decided whether the hidden node had any.
 */
function mergeInto(child: CowNode, hidden: CowNode, leaving: CowNode): void {
  settleTemporary(hidden);
  moveEntries(hidden, child);
  reassignAttribution(leaving, hidden, child);
  // The limit counts in pages of the child from its old offset, so it comes before the offset moves.
  const limit = Math.max(hidden.parentLimit - child.parentOffset, 0);
  child.parentLimit = Math.min(child.parentLimit, limit);
  child.parentOffset += hidden.parentOffset;
  child.parent = hidden.parent;
  if (hidden.parent !== null) {
    const { children } = hidden.parent;
    children[children.indexOf(hidden)] = child;
  }
  hidden.parent = null;
  hidden.children.length = 0;
  child.changed();
}

/** Moves what the child sees of the hidden node; what else is there can only be Markers, which end with it. */
function moveEntries(hidden: CowNode, child: CowNode): void {
  const end = hidden.sizePages;
  const next = (from: number): number => hidden.slots.nextPopulated(from, end);
  for (let page = next(0); page < end; page = next(page + 1)) {
    const childPage = page - child.parentOffset;
    const isInWindow = childPage >= 0 && childPage < child.parentLimit;
    if (isInWindow && child.get(childPage) === EMPTY_SLOT) {
      hidden.moveSlot(page, child, childPage);
    } else if (slotKind(hidden.get(page)) !== SlotKind.MARKER) {
      throw new KernelPanic("P6", `page ${page} of hidden node ${hidden.id} has no viewer left`);
    }
  }
}
