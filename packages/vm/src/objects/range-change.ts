import { KernelPanic } from "@aspace/arch";
import type { CowNode } from "./cow-node.ts";
import type { ObjectMapping } from "./object-mapping.ts";
import type { VmObjectPaged } from "./vm-object-paged.ts";

/** What mappings are told about a range of an object. */
export const RangeChange = {
  /** The frames may change or go: translations in the range must go. */
  UNMAP: "unmap",
  /** The frames must not be written through this range any more. */
  REMOVE_WRITE: "remove-write",
  /** Pages just lost their last pin: kernel mappings must not cover them. */
  DEBUG_UNPIN: "debug-unpin",
} as const;
export type RangeChange = (typeof RangeChange)[keyof typeof RangeChange];

/**
 * Tells every mapping that may show pages `[page, page + count)` of a node: those of its object, of
 * the slices and references on it, and of all that looks into it from below.
 *
 *     node      |------[##########]------|      told: the overlap of the range with each child,
 *     child        |------[#######]---|         in the child's own pages, and so on down
 *
 * A child is told by its whole size, also beyond its window: a translation too many that goes is
 * legal, one that stays is not. A work list, since trees may be a thousand deep.
 */
export function rangeChange(node: CowNode, page: number, count: number, change: RangeChange): void {
  if (count <= 0) return;
  tellObjects(node, page, count, change);
  if (node.children.length === 0) return;
  const work: { node: CowNode; page: number; end: number }[] = [{ node, page, end: page + count }];
  for (let item = work.pop(); item !== undefined; item = work.pop()) {
    for (const child of item.node.children) {
      const from = Math.max(item.page - child.parentOffset, 0);
      const end = Math.min(item.end - child.parentOffset, child.sizePages);
      if (from >= end) continue;
      tellObjects(child, from, end - from, change);
      if (child.children.length > 0) work.push({ node: child, page: from, end });
    }
  }
}

function tellObjects(node: CowNode, page: number, count: number, change: RangeChange): void {
  if (node.object !== null) tellMappings(node.object, page, count, change);
  for (const view of node.views) {
    const from = Math.max(page - view.sliceOffset, 0);
    const end = Math.min(page + count - view.sliceOffset, view.sizePages);
    if (from < end) tellMappings(view, from, end - from, change);
  }
}

function tellMappings(
  object: VmObjectPaged,
  page: number,
  count: number,
  change: RangeChange,
): void {
  for (const mapping of object.mappings) tell(mapping, page, count, change);
}

function tell(mapping: ObjectMapping, page: number, count: number, change: RangeChange): void {
  switch (change) {
    case RangeChange.UNMAP:
      return mapping.aspaceUnmapLockedObject(page, count);
    case RangeChange.REMOVE_WRITE:
      return mapping.aspaceRemoveWriteLockedObject(page, count);
    case RangeChange.DEBUG_UNPIN:
      return mapping.aspaceDebugUnpinLockedObject(page, count);
    default:
      throw new KernelPanic("O-V4", `there is no range change ${String(change satisfies never)}`);
  }
}
