import { KernelPanic, Status, type Vpn } from "@aspace/arch";
import { NOTHING_ATTRIBUTED } from "../objects/attribution-counts.ts";
import { endOf } from "./extent.ts";
import { Mergeable, VmMapping } from "./vm-mapping.ts";
import { LifeCycle, MemoryPriority } from "./vm-region.ts";

/**
 * Takes pages off a mapping (M-8). BAD_STATE unless ALIVE; INVALID_ARGS when the range is empty or not
 * inside; ACCESS_DENIED for the vDSO's code; NO_MEMORY. Failures change nothing.
 */
export function unmap(mapping: VmMapping, vpn: Vpn, count: number): Status {
  const { lock } = mapping.aspace;
  lock.acquire();
  try {
    if (!mapping.isAlive) return Status.BAD_STATE;
    if (count === 0 || !mapping.isInRange(vpn, count)) return Status.INVALID_ARGS;
    if (count === mapping.pageCount) return destroyLocked(mapping);
    return isRefusedPart(mapping) ? Status.ACCESS_DENIED : unmapLocked(mapping, vpn, count);
  } finally {
    lock.release();
  }
}

/** Takes off a part: at the left end, at the right end, or a hole in the middle (M-9, M-10). */
export function unmapLocked(mapping: VmMapping, vpn: Vpn, count: number): Status {
  mapping.aspace.lock.assertHeld();
  if (count <= 0 || count >= mapping.pageCount || !mapping.isInRange(vpn, count)) {
    throw new KernelPanic("M-9", "what is unmapped is not a proper part of the mapping");
  }
  if (!mapping.isAlive) return Status.BAD_STATE;
  if (vpn === mapping.base) return cutLeft(mapping, count);
  if (vpn + count === endOf(mapping)) return cutRight(mapping, count);
  return cutMiddle(mapping, vpn, count);
}

/**
 *     [▒▒▒▒│──────]      the base moves up, and so does the page of the object that it shows
 */
function cutLeft(mapping: VmMapping, count: number): Status {
  const { aspace, ranges } = mapping;
  const { lock } = mapping.liveObject.hierarchy;
  lock.acquire();
  try {
    const status = aspace.arch.unmap(mapping.base, count, aspace.enlarge);
    if (status !== Status.OK) return status;
    ranges.discardBelow(mapping.base + count);
    mapping.base += count;
    mapping.objectOffset += count;
    mapping.setSize(mapping.pageCount - count);
    return Status.OK;
  } finally {
    lock.release();
  }
}

/**
 *     [──────│▒▒▒▒]      shrinks in place
 */
function cutRight(mapping: VmMapping, count: number): Status {
  const { aspace, ranges } = mapping;
  const { lock } = mapping.liveObject.hierarchy;
  lock.acquire();
  try {
    const end = endOf(mapping) - count;
    const status = aspace.arch.unmap(end, count, aspace.enlarge);
    if (status !== Status.OK) return status;
    ranges.discardAbove(end);
    mapping.setSize(mapping.pageCount - count);
    return Status.OK;
  } finally {
    lock.release();
  }
}

/**
 *     [────│▒▒▒▒│────]   this mapping keeps the left part; the right part is a new one, open to merging
 *
 * Everything that can fail comes before the ranges are split: a refusal leaves all as it was.
 */
function cutMiddle(mapping: VmMapping, vpn: Vpn, count: number): Status {
  const { aspace, ranges, parent, liveObject: object } = mapping;
  const { failures, quirks } = aspace.system;
  if (parent?.isAlive !== true) throw new KernelPanic("M-10", "a mapping outlived its region");
  const end = vpn + count;
  const { lock } = object.hierarchy;
  let right: VmMapping;
  lock.acquire();
  try {
    const early = quirks.splitsBeforeItCanFail ? ranges.splitAt(end) : null;
    if (failures.claims()) return Status.NO_MEMORY;
    const status = aspace.arch.unmap(vpn, count, aspace.enlarge);
    if (status !== Status.OK) return status;
    right = new VmMapping({
      aspace,
      parent,
      base: end,
      pageCount: endOf(mapping) - end,
      flags: mapping.flags,
      object,
      objectOffset: mapping.objectOffset + (end - mapping.base),
      protection: early ?? ranges.splitAt(end),
      mergeable: Mergeable.YES,
    });
    ranges.discardAbove(vpn);
    mapping.setSize(vpn - mapping.base);
    right.activateLocked();
  } finally {
    lock.release();
  }
  right.setMemoryPriorityLocked(mapping.memoryPriority);
  return Status.OK;
}

/** Ends the mapping: entries, lists, priority (M-17). BAD_STATE unless ALIVE; ACCESS_DENIED for the vDSO's code. */
export function destroy(mapping: VmMapping): Status {
  const { lock } = mapping.aspace;
  lock.acquire();
  try {
    return mapping.isAlive ? destroyLocked(mapping) : Status.BAD_STATE;
  } finally {
    lock.release();
  }
}

/**
 * The vDSO's code mapping is refused with ACCESS_DENIED: only the end of the whole aspace, which forgets
 * it first, takes it along. NO_MEMORY or NOT_SUPPORTED of the page tables, where entries beside the range must stay: nothing changed.
 */
export function destroyLocked(mapping: VmMapping): Status {
  const { aspace } = mapping;
  aspace.lock.assertHeld();
  mapping.assertState(LifeCycle.ALIVE, "M-17");
  const clearsEarly = aspace.system.quirks.destroyClearsBeforeUnmap;
  if (clearsEarly) forget(mapping);
  if (aspace.vdsoCodeMapping === mapping) return Status.ACCESS_DENIED;
  if (clearsEarly) mapping.setMemoryPriorityLocked(MemoryPriority.DEFAULT);

  const object = mapping.liveObject;
  const { lock } = object.hierarchy;
  lock.acquire();
  try {
    const status = aspace.arch.unmap(mapping.base, mapping.pageCount, aspace.enlarge);
    if (status !== Status.OK) return status;
    mapping.ranges.clear();
    object.removeMappingLocked(mapping);
    mapping.parent!.regions.erase(mapping);
    mapping.setUnlistedSize(0);
  } finally {
    lock.release();
  }
  forget(mapping);
  mapping.setMemoryPriorityLocked(MemoryPriority.DEFAULT);
  bury(mapping);
  return Status.OK;
}

/** A mapping that has left its lists becomes DEAD and lets its object go, for which the object's lock must be free. */
export function bury(mapping: VmMapping): void {
  const object = mapping.liveObject;
  mapping.attributionCache.mapping = 0;
  mapping.attributionCache.object = 0;
  mapping.attributionCache.counts = NOTHING_ATTRIBUTED;
  mapping.object = null;
  mapping.parent = null;
  mapping.state = LifeCycle.DEAD;
  object.release();
}

/** The aspace no longer remembers the mapping as that of the last fault. */
export function forget(mapping: VmMapping): void {
  if (mapping.aspace.lastFault === mapping) mapping.aspace.lastFault = null;
}

/** Cutting a part off the vDSO's code is refused, as destroying it is. */
function isRefusedPart(mapping: VmMapping): boolean {
  const { aspace } = mapping;
  return aspace.vdsoCodeMapping === mapping && !aspace.system.quirks.unmapsPartOfVdso;
}
