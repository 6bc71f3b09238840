import type { CowNode } from "./cow-node.ts";
import { forEachHeld } from "./resolve.ts";
import { EMPTY_SLOT, SlotKind, slotKind } from "./slot.ts";

/**
 * Gives up everything from a page on: frees what the node has itself, takes back its share of what
 * hidden ancestors have, and closes its window there. Translations must be gone already. For
 * shrinking and for the end of a node.
 *
 *     hidden   [p×1] [p×0]  m   [p×0]        [p×0]   ×n: n more leaves see it      m: Marker
 *     node       .     .    .   [q]   .   ▶  hidden has [p×0] only, m and what q covered stay as they are
 *
 * Entries of visible ancestors are not the node's to give up. Panics with P15 on a pinned page.
 */
export function releaseFrom(node: CowNode, from: number): void {
  forEachHeld(node, from, node.sizePages, (owner, page) => {
    if (owner === node) node.freeSlot(page, EMPTY_SLOT);
    else releaseAncestorEntry(owner, page);
  });
  node.parentLimit = Math.min(node.parentLimit, from);
}

/**
 * Takes the node's share back from what it sees of hidden ancestors in `[from, end)`; its own pages
 * stay. The caller sees to it that the node looks up no more, by its window or by filling the slots.
 */
export function releaseShared(node: CowNode, from: number, end: number): void {
  forEachHeld(node, from, end, (owner, page) => {
    if (owner !== node) releaseAncestorEntry(owner, page);
  });
}

/** One leaf less sees an entry of a hidden node; when none is left, the entry goes. Markers stay: they cost nothing. */
export function releaseAncestorEntry(hidden: CowNode, page: number): void {
  const slot = hidden.get(page);
  const kind = slotKind(slot);
  if (kind !== SlotKind.PAGE && kind !== SlotKind.REFERENCE) return;
  const others = hidden.shareCountOf(slot);
  if (others === 0) hidden.freeSlot(page, EMPTY_SLOT);
  else hidden.setShareCountOf(slot, others - 1);
  hidden.changed();
}
