import { rootOf, type CowNode } from "./cow-node.ts";
import { DirtyState } from "./pages.ts";
import { SlotKind, describeSlot, slotKind, slotPage, type Slot } from "./slot.ts";
import type { VmObjectPaged } from "./vm-object-paged.ts";

/**
 * The tree below a node as text, the same for the same history: a node per line, its slots under it,
 * then its children, indented. Numbers are pages.
 *
 *     node 2 hidden, 4 pages, charged to 7
 *       0: page 0x3000, 1 more leaf
 *       node 1, 4 pages, looks up 4 at 0, charged to 7
 *         2-3: marker
 *       node 3, 2 pages, looks up 2 at 1, charged to 8
 */
export function dumpNode(node: CowNode): string {
  const lines: string[] = [];
  const work: { node: CowNode; indent: string }[] = [{ node, indent: "" }];
  for (let item = work.pop(); item !== undefined; item = work.pop()) {
    const { indent } = item;
    lines.push(indent + describeNode(item.node));
    for (const run of slotRuns(item.node)) lines.push(`${indent}  ${run}`);
    for (const child of item.node.children.toReversed())
      work.push({ node: child, indent: `${indent}  ` });
  }
  return lines.join("\n");
}

/** An object, then the whole tree it belongs to. */
export function dumpObject(object: VmObjectPaged): string {
  const name = object.name === "" ? "" : ` "${object.name}"`;
  const offset = object.sliceOffset === 0 ? "" : ` at ${object.sliceOffset}`;
  const header = `object ${object.userId}${name}: ${object.sizePages} pages${offset} of node ${object.node.id}`;
  return `${header}\n${dumpNode(rootOf(object.node))}`;
}

function describeNode(node: CowNode): string {
  const parts = [`node ${node.id}${node.isHidden ? " hidden" : ""}`, `${node.sizePages} pages`];
  if (node.kind !== "anonymous") parts.push(node.kind);
  if (node.parent !== null) parts.push(`looks up ${node.parentLimit} at ${node.parentOffset}`);
  parts.push(`charged to ${node.attributionId}`);
  if (node.highPriorityCount > 0) parts.push(`priority ${node.highPriorityCount}`);
  if (node.source !== null)
    parts.push(
      ...node.source
        .dump()
        .split("\n")
        .map((line) => line.trim()),
    );
  return parts.join(", ");
}

/** One line for each run of slots that read the same; every page is a run of its own. */
function slotRuns(node: CowNode): string[] {
  const lines: string[] = [];
  const end = node.sizePages;
  for (let page = node.slots.nextPopulated(0, end); page < end;) {
    const text = describeEntry(node, node.get(page));
    let last = page;
    while (last + 1 < end && describeEntry(node, node.get(last + 1)) === text) last++;
    lines.push(`${last === page ? page : `${page}-${last}`}: ${text}`);
    page = node.slots.nextPopulated(last + 1, end);
  }
  return lines;
}

const DIRTY_TEXTS: Readonly<Record<DirtyState, string>> = {
  [DirtyState.UNTRACKED]: "",
  [DirtyState.CLEAN]: ", clean",
  [DirtyState.DIRTY]: ", dirty",
  [DirtyState.AWAITING_CLEAN]: ", awaiting clean",
};

function describeEntry(node: CowNode, slot: Slot): string {
  const text = describeSlot(slot);
  const kind = slotKind(slot);
  if (kind !== SlotKind.PAGE && kind !== SlotKind.REFERENCE) return text;
  const shares = node.shareCountOf(slot);
  const shared = shares === 0 ? "" : `, ${shares} more ${shares === 1 ? "leaf" : "leaves"}`;
  if (kind === SlotKind.REFERENCE) return text + shared;
  const { dirtyState, pinCount } = node.system.pmm.pages;
  const frame = slotPage(slot);
  const pins = pinCount[frame]!;
  return `${text}${shared}${DIRTY_TEXTS[dirtyState[frame]! as DirtyState]}${pins > 0 ? `, pinned ${pins}` : ""}`;
}
