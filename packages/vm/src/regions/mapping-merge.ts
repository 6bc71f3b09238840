import { KernelPanic, MmuFlags, Status, type MmuFlagSet } from "@aspace/arch";
import { endOf } from "./extent.ts";
import { assertOk } from "./mapping-object-changes.ts";
import { bury, forget } from "./mapping-unmap.ts";
import { Mergeable, type VmMapping } from "./vm-mapping.ts";
import { MemoryPriority } from "./vm-region.ts";

/**
 * Allows a mapping to be joined with its neighbours, and joins it (M-21). Nothing for what is not
 * ALIVE, nor for the vDSO's code. The mapping may be DEAD afterwards.
 */
export function markMergeable(mapping: VmMapping): void {
  const { aspace } = mapping;
  aspace.lock.acquire();
  try {
    if (!mapping.isAlive || aspace.vdsoCodeMapping === mapping) return;
    mapping.mergeable = Mergeable.YES;
    tryMergeNeighbours(mapping);
  } finally {
    aspace.lock.release();
  }
}

/** Absorbs the right neighbour, then is absorbed by the left one. A sub-region between two mappings keeps them apart. */
export function tryMergeNeighbours(mapping: VmMapping): void {
  if (mapping.mergeable === Mergeable.NO || !mapping.isAlive) return;
  const { regions } = mapping.parent!;
  const right = regions.next(mapping);
  if (right?.kind === "mapping") tryMergeRight(mapping, right);
  const left = regions.previous(mapping);
  if (left?.kind === "mapping") tryMergeRight(left, mapping);
}

/**
 * Makes one mapping of two, if nobody could tell them from one (M-20):
 *
 *     left [A A B] right [B C]      ▶      left [A A B B C]      right DEAD
 *
 * Entries stay as they are, and the left one's base, offset and priority. Without memory for a range
 * node they stay two.
 */
export function tryMergeRight(left: VmMapping, right: VmMapping): void {
  left.aspace.lock.assertHeld();
  if (left.parent !== right.parent || left.memoryPriority !== right.memoryPriority) {
    throw new KernelPanic("M-20", "neighbours have different parents or priorities");
  }
  if (!couldBeOne(left, right)) return;
  const { aspace } = left;
  const object = left.liveObject;
  object.hierarchy.lock.acquire();
  try {
    const status = left.ranges.mergeRight(right.ranges, right.base, aspace.system.failures);
    if (status === Status.NO_MEMORY) return;
    assertOk("M-20", status);
    object.removeMappingLocked(right);
    right.parent!.regions.erase(right);
    left.setSize(left.pageCount + right.pageCount);
    right.setUnlistedSize(0);
  } finally {
    object.hierarchy.lock.release();
  }
  right.setMemoryPriorityLocked(MemoryPriority.DEFAULT);
  forget(right);
  bury(right);
  aspace.system.counters.mergedNeighbors++;
}

function couldBeOne(left: VmMapping, right: VmMapping): boolean {
  return (
    left.object === right.object &&
    endOf(left) === right.base &&
    left.objectOffset + left.pageCount === right.objectOffset &&
    left.flags === right.flags &&
    cacheOf(left) === cacheOf(right) &&
    left.isAlive &&
    right.isAlive &&
    left.mergeable === Mergeable.YES &&
    right.mergeable === Mergeable.YES
  );
}

function cacheOf({ ranges }: VmMapping): MmuFlagSet {
  return ranges.firstFlags & MmuFlags.CACHE_MASK;
}
