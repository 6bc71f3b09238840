import { KernelPanic, PAGE_BYTES } from "@aspace/arch";
import { NOTHING_ATTRIBUTED, type AttributionCounts } from "./attribution-counts.ts";
import type { CowNode } from "./cow-node.ts";
import { forEachHeld } from "./resolve.ts";
import { EMPTY_SLOT, SlotKind, slotKind } from "./slot.ts";

/**
 * Who pays for a page that several objects share: exactly one of them, all of it. That is decided
 * entry by entry. From the hidden node that has the entry, go down to the child under which a leaf
 * still sees it; where that is both, to the one that the hidden node's attribution id names.
 *
 *             H (id 7) [p]                 p is charged to 8: nobody left of H sees it any more
 *            /            \
 *     7 [own page]      H' (id 8) [ ]
 *                      /             \
 *                    8 [ ]           9 [ ]
 */

/**
 * Bytes charged to a visible node for pages `[page, page + count)`. Zero content costs nothing, nor does
 * what lies beyond the node's end; what a visible ancestor has is charged there.
 */
export function attributedMemory(node: CowNode, page: number, count: number): AttributionCounts {
  let pages = 0;
  let references = 0;
  forEachHeld(node, page, page + count, (owner, ownerPage, at) => {
    const kind = slotKind(owner.get(ownerPage));
    if (kind !== SlotKind.PAGE && kind !== SlotKind.REFERENCE) return;
    if (!isCharged(node, at, owner)) return;
    if (kind === SlotKind.PAGE) pages++;
    else references++;
  });
  if (pages + references === 0) return NOTHING_ATTRIBUTED;
  return { uncompressedBytes: pages * PAGE_BYTES, compressedBytes: references * PAGE_BYTES };
}

/** The visible node that is charged for an entry of a hidden one. Panics with P7 when nobody sees the entry. */
export function designatedLeaf(hidden: CowNode, page: number): CowNode {
  let at = hidden;
  let atPage = page;
  while (at.isHidden) {
    const favourite = favouriteOf(at);
    const child = isSeenFrom(favourite, atPage) ? favourite : siblingOf(favourite, at);
    if (!isSeenFrom(child, atPage)) {
      throw new KernelPanic("P7", `nobody sees page ${page} of hidden node ${hidden.id}`);
    }
    atPage -= child.parentOffset;
    at = child;
  }
  return at;
}

/** Names a visible node. Hidden ancestors that are charged to it follow: by P7 they carry its old name. */
export function setAttributionId(node: CowNode, id: number): void {
  const renamed = [node];
  let parent = node.parent;
  while (parent?.isHidden === true && favouriteOf(parent) === renamed.at(-1)) {
    renamed.push(parent);
    parent = parent.parent;
  }
  for (const each of renamed) each.attributionId = id;
  node.changed();
}

/**
 * A leaf is about to leave a hidden node, whose other child takes its place. If the hidden node was
 * charged to the leaf, hidden ancestors of that name are charged to their other side from now on.
 */
export function reassignAttribution(leaving: CowNode, hidden: CowNode, remaining: CowNode): void {
  if (remaining.attributionId === hidden.attributionId) return;
  let child = hidden;
  let parent = hidden.parent;
  while (parent?.isHidden === true && parent.attributionId === leaving.attributionId) {
    parent.attributionId = siblingOf(child, parent).attributionId;
    child = parent;
    parent = parent.parent;
  }
}

/** The other child of a hidden node. */
export function siblingOf(child: CowNode, hidden: CowNode): CowNode {
  const [left, right] = hidden.children;
  return left === child ? right! : left!;
}

/** The child that pays when both sides see an entry: by id, and the older one when ids do not tell. */
function favouriteOf(hidden: CowNode): CowNode {
  const [left, right] = hidden.children;
  return left!.attributionId === hidden.attributionId ? left! : right!;
}

/**
 * Whether what a leaf sees in `owner` is charged to it: on the way up it is always the favourite, or
 * nobody on the favourite's side sees the entry. The sides looked at are disjoint, so this visits no
 * node twice.
 */
function isCharged(leaf: CowNode, page: number, owner: CowNode): boolean {
  let at = leaf;
  let atPage = page;
  while (at !== owner) {
    const parent: CowNode = at.parent!;
    atPage += at.parentOffset;
    const favourite = favouriteOf(parent);
    if (favourite !== at && isSeenFrom(favourite, atPage)) return false;
    at = parent;
  }
  return true;
}

/** Whether the node or a leaf below it gets the content of a page from its parent; the page is the parent's. */
function isSeenFrom(node: CowNode, parentPage: number): boolean {
  const work: { node: CowNode; parentPage: number }[] = [{ node, parentPage }];
  for (let item = work.pop(); item !== undefined; item = work.pop()) {
    const page = item.parentPage - item.node.parentOffset;
    if (page < 0 || page >= item.node.parentLimit) continue;
    if (item.node.get(page) !== EMPTY_SLOT) continue;
    if (!item.node.isHidden) return true;
    for (const child of item.node.children) work.push({ node: child, parentPage: page });
  }
  return false;
}
