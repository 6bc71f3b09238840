import { KernelPanic, Status, VPN_LIMIT } from "@aspace/arch";
import type { Result } from "./blocking.ts";
import { settleTemporary } from "./compression.ts";
import { CowNode, NodeKind, Visibility, rootOf } from "./cow-node.ts";
import { RangeChange, rangeChange } from "./range-change.ts";
import { forEachHeld } from "./resolve.ts";
import { SlotKind, slotKind, slotPage } from "./slot.ts";

/** What a clone promises about content that nobody has written yet. */
export const CloneKind = {
  /** All of it stays as it is now. */
  SNAPSHOT: "snapshot",
  /** What the clone has not written itself may or may not follow later writes to the parent. */
  SNAPSHOT_AT_LEAST_ON_WRITE: "snapshot-at-least-on-write",
  /** What the parent has of its own stays as it is now; what it takes from a pager may follow the pager's object. */
  SNAPSHOT_MODIFIED: "snapshot-modified",
} as const;
export type CloneKind = (typeof CloneKind)[keyof typeof CloneKind];

/** How a clone is attached: below the parent, which stays as it is, or beside it under a new hidden node. */
type Direction =
  | "unidirectional"
  | "bidirectional"
  | typeof Status.INVALID_ARGS
  | typeof Status.NOT_SUPPORTED;

/**
 * A new visible node of `count` pages that shows pages `[page, page + count)` of a visible one; what
 * lies beyond `end`, the end of what the cloned object shows, is zero. The node belongs to the
 * hierarchy, has no object and attribution id 0.
 *
 * @returns in this order: INVALID_ARGS for a contiguous node; NOT_SUPPORTED where the tree does not
 *   allow this kind; BAD_STATE when a hidden node is needed but a page is pinned; INVALID_ARGS when the
 *   range ends at or above 2^64 bytes of the root; NO_MEMORY. Nothing has changed then.
 */
export function cloneNode(
  node: CowNode,
  parent: "owner" | "slice",
  kind: CloneKind,
  page: number,
  count: number,
  end: number = node.sizePages,
): Result<CowNode> {
  const direction = parent === "owner" ? directionOf(node, kind) : directionOfSlice(node, kind);
  if (typeof direction === "number") return direction;
  if (direction === "bidirectional" && node.pinnedPageCount > 0) return Status.BAD_STATE;
  if (node.rootParentOffset + page + count >= VPN_LIMIT) return Status.INVALID_ARGS;
  const limit = Math.min(count, Math.max(Math.min(end, node.sizePages) - page, 0));
  const window = { page, count, limit };
  return direction === "bidirectional" ? snapshot(node, window) : attach(node, window);
}

/** Of the clone: where it lies in the node, its size, and how much of that it can see there. Pages. */
interface Window {
  readonly page: number;
  readonly count: number;
  readonly limit: number;
}

/**
 * In anonymous trees every clone is a full snapshot. In a pager's tree content that the root has not
 * got yet cannot be frozen, so only the part of the tree that is not the pager's can be: a clone of
 * the root with no clones of its own, and what came of such snapshots.
 */
function directionOf(node: CowNode, kind: CloneKind): Direction {
  if (node.kind === NodeKind.CONTIGUOUS) return Status.INVALID_ARGS;
  const root = rootOf(node);
  if (root.source === null) return "bidirectional";
  if (kind === CloneKind.SNAPSHOT) return Status.NOT_SUPPORTED;
  if (node === root) return "unidirectional";
  if (hasHiddenAncestor(node)) return "bidirectional";
  if (kind === CloneKind.SNAPSHOT_AT_LEAST_ON_WRITE) return "unidirectional";
  const canBeHidden = node.children.length === 0 && node.parent === root;
  return canBeHidden ? "bidirectional" : Status.NOT_SUPPORTED;
}

/** A hidden node would swallow all of the node for the sake of a part, so a slice never gets one. */
function directionOfSlice(node: CowNode, kind: CloneKind): Direction {
  if (node.kind === NodeKind.CONTIGUOUS) return Status.INVALID_ARGS;
  if (rootOf(node).source === null || hasHiddenAncestor(node)) return Status.NOT_SUPPORTED;
  if (kind === CloneKind.SNAPSHOT_AT_LEAST_ON_WRITE) return "unidirectional";
  const isOfRoot = kind === CloneKind.SNAPSHOT_MODIFIED && node.source !== null;
  return isOfRoot ? "unidirectional" : Status.NOT_SUPPORTED;
}

function hasHiddenAncestor(node: CowNode): boolean {
  for (let at = node.parent; at !== null; at = at.parent) if (at.isHidden) return true;
  return false;
}

/**
 * Unidirectional: the clone looks up until it has written. It hangs from the nearest node that has
 * content of its own in the range, so that chains stay short; what nodes in between write later it
 * does not see, which the kind allows.
 */
function attach(node: CowNode, { page, count, limit }: Window): Result<CowNode> {
  const clone = createNode(node, Visibility.VISIBLE, count);
  if (clone === null) return Status.NO_MEMORY;
  rangeChange(node, page, limit, RangeChange.REMOVE_WRITE);
  let parent = node;
  let offset = page;
  let seen = limit;
  while (parent.parent !== null && isEmptyIn(parent, offset, offset + seen)) {
    seen = Math.min(seen, Math.max(parent.parentLimit - offset, 0));
    offset += parent.parentOffset;
    parent = parent.parent;
  }
  if (parent.isHidden)
    throw new KernelPanic("P5", `hidden node ${parent.id} would get a third child`);
  parent.children.push(clone);
  hang(clone, parent, offset, seen);
  node.changed();
  return clone;
}

function isEmptyIn(node: CowNode, from: number, end: number): boolean {
  return node.slots.nextPopulated(from, end) === end;
}

/**
 * Bidirectional: content of now is frozen in a hidden node, which takes the place of the cloned one.
 *
 *        parent                    parent
 *          │                         │
 *          │                       hidden [p×1] [q×0]      ×n: n more leaves see it
 *          │                      /          \
 *     N [p] [q]        ▶     N [ ] [ ]       clone [ ]      of the first page only
 *
 * All of N's pages are in the hidden node now, those outside the range too: none may be written in
 * place any more.
 */
function snapshot(node: CowNode, { page, count, limit }: Window): Result<CowNode> {
  const hidden = createNode(node, Visibility.HIDDEN, node.sizePages);
  if (hidden === null) return Status.NO_MEMORY;
  const clone = createNode(node, Visibility.VISIBLE, count);
  if (clone === null) return Status.NO_MEMORY;
  settleTemporary(node);
  shareRange(node, page, page + limit);
  takePlace(hidden, node);
  takeEntries(hidden, node);
  hidden.children.push(node, clone);
  hang(node, hidden, 0, node.sizePages);
  hang(clone, hidden, page, limit);
  rangeChange(node, 0, node.sizePages, RangeChange.REMOVE_WRITE);
  node.changed();
  return clone;
}

/** Counts one more leaf for each page and reference that the node sees in a range, in itself and in hidden ancestors. */
function shareRange(node: CowNode, from: number, end: number): void {
  forEachHeld(node, from, end, (owner, page) => {
    const slot = owner.get(page);
    const kind = slotKind(slot);
    if (kind !== SlotKind.PAGE && kind !== SlotKind.REFERENCE) return;
    owner.setShareCountOf(slot, owner.shareCountOf(slot) + 1);
  });
}

/** Puts a hidden node where a visible one was. The parent's children keep their order: the elder comes first. */
function takePlace(hidden: CowNode, node: CowNode): void {
  hidden.parent = node.parent;
  hidden.parentOffset = node.parentOffset;
  hidden.parentLimit = node.parentLimit;
  hidden.rootParentOffset = node.rootParentOffset;
  hidden.attributionId = node.attributionId;
  hidden.highPriorityCount = node.highPriorityCount > 0 ? 1 : 0;
  if (node.parent === null) return;
  const { children } = node.parent;
  children[children.indexOf(node)] = hidden;
}

/** Swaps the whole list into the hidden node. Frames stay in their queues: both nodes have the same priority. */
function takeEntries(hidden: CowNode, node: CowNode): void {
  const { slots } = node;
  node.slots = hidden.slots;
  hidden.slots = slots;
  const owners = node.system.pmm.pages.node;
  const end = node.sizePages;
  for (
    let page = slots.nextPopulated(0, end);
    page < end;
    page = slots.nextPopulated(page + 1, end)
  ) {
    const slot = slots.get(page);
    if (slotKind(slot) === SlotKind.PAGE) owners[slotPage(slot)] = hidden;
  }
}

function hang(child: CowNode, parent: CowNode, offset: number, limit: number): void {
  child.parent = parent;
  child.parentOffset = offset;
  child.parentLimit = limit;
  child.rootParentOffset = parent.rootParentOffset + offset;
}

/** An anonymous node in the hierarchy of another, or null when there is no memory for it. */
function createNode(beside: CowNode, visibility: Visibility, sizePages: number): CowNode | null {
  const { system, hierarchy, policy } = beside;
  if (system.pmm.failures.claims()) return null;
  return new CowNode({
    system,
    hierarchy,
    kind: NodeKind.ANONYMOUS,
    sizePages,
    policy,
    visibility,
  });
}
