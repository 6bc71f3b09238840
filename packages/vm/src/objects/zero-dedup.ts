import type { Pfn } from "@aspace/arch";
import { NodeKind, type CowNode } from "./cow-node.ts";
import type { MemorySystem } from "./memory-system.ts";
import { DirtyState } from "./pages.ts";
import { RangeChange, rangeChange } from "./range-change.ts";
import { MARKER_SLOT } from "./slot.ts";
import { locked } from "./under-lock.ts";
import { CachePolicy } from "./vm-object.ts";

/**
 * Replaces a page that is all zeroes by a marker, and frees the frame. Takes the lock of the hierarchy. False when
 * that would change something or the page must stay: it is in no slot by now, pinned, contiguous, of high priority,
 * not cached, not clean under a pager, or not zero.
 */
export function dedupZeroPage(system: MemorySystem, frame: Pfn): boolean {
  const node = system.pmm.pages.holderOf(frame);
  if (node === null) return false;
  return locked(node.hierarchy, () => dedup(node, frame));
}

function dedup(node: CowNode, frame: Pfn): boolean {
  const { pmm } = node.system;
  if (!isReplaceable(node, frame) || !pmm.isZero(frame)) return false;
  const page = pmm.pages.offset[frame]!;
  // Until here a CPU may write through a mapping. What it wrote counts.
  rangeChange(node, page, 1, RangeChange.REMOVE_WRITE);
  if (!pmm.isZero(frame)) return false;
  rangeChange(node, page, 1, RangeChange.UNMAP);
  node.freeSlot(page, MARKER_SLOT);
  return true;
}

function isReplaceable(node: CowNode, frame: Pfn): boolean {
  const { dirtyState, pinCount } = node.system.pmm.pages;
  if (node.highPriorityCount > 0 || node.kind === NodeKind.CONTIGUOUS) return false;
  if (node.object !== null && node.object.cachePolicy !== CachePolicy.CACHED) return false;
  if (pinCount[frame]! > 0) return false;
  return !node.isDirtyTracked || dirtyState[frame] === DirtyState.CLEAN;
}
