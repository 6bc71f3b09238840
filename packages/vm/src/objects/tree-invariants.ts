import { KernelPanic, PAGE_BYTES } from "@aspace/arch";
import { attributedMemory, designatedLeaf } from "./attribution.ts";
import { NodeKind, type CowNode } from "./cow-node.ts";
import { EMPTY_SLOT, SlotKind, slotKind } from "./slot.ts";

/** Every node of a tree, parents before their children. Panics with P5 when a node is met twice. */
export function nodesBelow(root: CowNode): CowNode[] {
  const nodes = new Set([root]);
  // A set that grows while it is walked: what is added is walked too.
  for (const node of nodes) {
    for (const child of node.children) {
      if (nodes.has(child)) throw new KernelPanic("P5", `node ${child.id} is in the tree twice`);
      nodes.add(child);
    }
  }
  return [...nodes];
}

/** P5: links agree, windows lie inside both nodes, and hidden nodes are nothing but a common past. */
export function assertPlace(node: CowNode): void {
  const { parent, parentOffset, parentLimit } = node;
  const check = (isRight: boolean, what: string): void => {
    if (!isRight) throw new KernelPanic("P5", `node ${node.id} ${what}`);
  };
  check(parent === null || parent.children.includes(node), "is not its parent's child");
  check(
    parent === null || parent.hierarchy === node.hierarchy,
    "has another hierarchy than its parent",
  );
  check(parentLimit >= 0 && parentLimit <= node.sizePages, "has a window beyond its size");
  check(parentLimit === 0 || parent !== null, "has a window into nothing");
  check(
    parentLimit === 0 || parentOffset + parentLimit <= parent!.sizePages,
    "has a window beyond its parent's size",
  );
  check(
    node.rootParentOffset === parentOffset + (parent?.rootParentOffset ?? 0),
    "miscounts its offset in the root",
  );
  check(node.source === null || parent === null, "has a source, but is no root");
  check((node.source === null) === (node.kind !== NodeKind.PAGER), "has a source or should");
  for (const child of node.children) check(child.parent === node, `does not adopt ${child.id}`);
  if (node.isHidden) {
    check(node.children.length === 2, `is hidden, with ${node.children.length} children`);
    check(node.object === null && node.views.size === 0, "is hidden, but an object uses it");
    check(node.kind === NodeKind.ANONYMOUS, "is hidden, but not anonymous");
    check(node.pinnedPageCount === 0, "is hidden, but has pins");
    return;
  }
  check(!(parent?.isHidden === true && node.children.length > 0), "is a leaf with children");
  check(
    node.kind !== NodeKind.CONTIGUOUS || node.children.length === 0,
    "is contiguous and cloned",
  );
}

/**
 * P6: counts from the top down who sees each entry of a hidden node. Each is seen, and by as many
 * leaves as it says. In visible nodes nothing is shared.
 */
export function assertShareCounts(node: CowNode): void {
  forEachContent(node, (page, slot) => {
    const counted = node.shareCountOf(slot);
    const viewers = node.isHidden ? countViewers(node, page) : 1;
    if (counted + 1 === viewers) return;
    throw new KernelPanic(
      "P6",
      `page ${page} of node ${node.id} counts ${counted} more leaves, but is seen by ${viewers}`,
    );
  });
}

/** Visible nodes below a hidden one that look through to its page. */
function countViewers(hidden: CowNode, page: number): number {
  let viewers = 0;
  const work = hidden.children.map((child) => ({ child, parentPage: page }));
  for (let item = work.pop(); item !== undefined; item = work.pop()) {
    const { child, parentPage } = item;
    const childPage = parentPage - child.parentOffset;
    const isInWindow = childPage >= 0 && childPage < child.parentLimit;
    if (!isInWindow || child.slots.get(childPage) !== EMPTY_SLOT) continue;
    if (!child.isHidden) viewers++;
    for (const below of child.children) work.push({ child: below, parentPage: childPage });
  }
  return viewers;
}

/**
 * P7, P8: hidden nodes are named after a child, each of their entries is charged to the leaf it
 * designates, and all that is charged in a tree is all that the tree holds.
 */
export function assertCharges(nodes: readonly CowNode[]): void {
  let held = 0;
  let charged = 0;
  for (const node of nodes) {
    forEachContent(node, (page) => {
      held++;
      if (node.isHidden) assertDesignated(node, page);
    });
    if (node.isHidden) assertNamedAfterChild(node);
    else charged += pagesCharged(node, 0, node.sizePages);
  }
  if (charged === held) return;
  throw new KernelPanic("P8", `${charged} pages are charged, but the tree holds ${held}`);
}

function assertNamedAfterChild(hidden: CowNode): void {
  if (hidden.children.some(({ attributionId }) => attributionId === hidden.attributionId)) return;
  throw new KernelPanic(
    "P7",
    `hidden node ${hidden.id} has the attribution id ${hidden.attributionId} of no child`,
  );
}

function assertDesignated(hidden: CowNode, page: number): void {
  const leaf = designatedLeaf(hidden, page);
  const leafPage = page + hidden.rootParentOffset - leaf.rootParentOffset;
  if (pagesCharged(leaf, leafPage, 1) === 1) return;
  throw new KernelPanic(
    "P7",
    `page ${page} of hidden node ${hidden.id} is not charged to its leaf ${leaf.id}`,
  );
}

function pagesCharged(node: CowNode, page: number, count: number): number {
  const { uncompressedBytes, compressedBytes } = attributedMemory(node, page, count);
  return (uncompressedBytes + compressedBytes) / PAGE_BYTES;
}

/** P20: a count is what its mappings and its children make it. Mappings are known only where there is an object. */
export function assertPriority(node: CowNode): void {
  const fromChildren = node.children.filter((child) => child.highPriorityCount > 0).length;
  let fromObjects = node.object?.highPriorityCount ?? 0;
  for (const view of node.views) fromObjects += view.highPriorityCount;
  const isBare = !node.isHidden && node.object === null && node.views.size === 0;
  const expected = fromChildren + fromObjects;
  if (isBare ? node.highPriorityCount >= expected : node.highPriorityCount === expected) return;
  throw new KernelPanic(
    "P20",
    `node ${node.id} has priority ${node.highPriorityCount}, its mappings and children ${expected}`,
  );
}

/** Visits pages and references of a node: what takes memory. */
function forEachContent(node: CowNode, visit: (page: number, slot: number) => void): void {
  const end = node.sizePages;
  const next = (from: number): number => node.slots.nextPopulated(from, end);
  for (let page = next(0); page < end; page = next(page + 1)) {
    const slot = node.get(page);
    const kind = slotKind(slot);
    if (kind === SlotKind.PAGE || kind === SlotKind.REFERENCE) visit(page, slot);
  }
}
