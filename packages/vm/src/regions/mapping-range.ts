import {
  ExistingEntry,
  KernelPanic,
  MmuFlags,
  NO_FRAME,
  Status,
  type MmuFlagSet,
  type Vpn,
} from "@aspace/arch";
import { isValue } from "../objects/blocking.ts";
import { bytesOf, isInRange } from "../objects/byte-range.ts";
import { PageAccess } from "../objects/lookup-cursor.ts";
import { LazyPageRequest } from "../objects/page-request.ts";
import { VmObjectPaged } from "../objects/vm-object-paged.ts";
import type { VmObjectPhysical } from "../objects/vm-object-physical.ts";
import { RunControl } from "./mapping-protection-ranges.ts";
import type { VmMapping } from "./vm-mapping.ts";
import { VmarFlags } from "./vmar-flags.ts";

/** Whether mapping a range in advance makes pages that are not there (M-15). */
export const MapRangeCommit = { NO: "no", YES: "yes" } as const;
export type MapRangeCommit = (typeof MapRangeCommit)[keyof typeof MapRangeCommit];

export interface MapRangeOptions {
  readonly commit: MapRangeCommit;
  /** What happens to pages that are mapped already: an error, or they stay as they are. */
  readonly existing: typeof ExistingEntry.ERROR | typeof ExistingEntry.SKIP;
}

/**
 * Maps pages of `[offset, offset + count)`, counted from the mapping's first page, before anyone faults
 * on them: all of them, or those that the object has (M-15). Where the object is shorter, less is mapped.
 *
 * INVALID_ARGS when the range is empty; BAD_STATE unless ALIVE; INVALID_ARGS when it is not inside; then what the object and the page tables
 * answer. Pages mapped before a failure stay.
 */
export function mapRange(
  mapping: VmMapping,
  offset: number,
  count: number,
  options: MapRangeOptions,
): Status {
  const { lock } = mapping.aspace;
  lock.acquire();
  try {
    if (count === 0) return Status.INVALID_ARGS;
    if (!mapping.isAlive) return Status.BAD_STATE;
    if (!mapping.isInRange(mapping.base + offset, count)) return Status.INVALID_ARGS;
    return mapWithObject(mapping, offset, count, options);
  } finally {
    lock.release();
  }
}

function mapWithObject(
  mapping: VmMapping,
  offset: number,
  count: number,
  options: MapRangeOptions,
): Status {
  const { liveObject: object } = mapping;
  const { lock } = object.hierarchy;
  lock.acquire();
  try {
    assertPinned(mapping, offset, count);
    if (mapping.faulting) throw new KernelPanic("M-15", `mapping ${mapping.id} already maps`);
    const objectPage = mapping.objectOffset + offset;
    if (objectPage >= object.sizePages) return Status.OK;
    mapping.faulting = true;
    const trimmed = Math.min(count, object.sizePages - objectPage);
    return mapRuns(mapping, mapping.base + offset, trimmed, options);
  } finally {
    mapping.faulting = false;
    lock.release();
  }
}

/** One run of equal protections after the other. */
function mapRuns(mapping: VmMapping, vpn: Vpn, count: number, options: MapRangeOptions): Status {
  const { liveObject: object, aspace } = mapping;
  const { coalescer, quirks } = aspace.system;
  // A first write to a tracked page must fault, so that its pager hears of it.
  const withheld = object.isDirtyTracked ? MmuFlags.WRITE : 0;
  return mapping.ranges.enumerate(mapping, vpn, count, (at, run, rangeFlags) => {
    const flags = rangeFlags & ~withheld;
    coalescer.begin(mapping, at, flags, options.existing);
    let status =
      object instanceof VmObjectPaged
        ? collectPages(mapping, object, at, run, flags, options.commit)
        : collectDevicePages(mapping, object as VmObjectPhysical, at, run);
    if (status === Status.OK) status = coalescer.flush();
    else coalescer.abort();
    if (status !== Status.OK || quirks.mapsFirstRunOnly) return status;
    return RunControl.NEXT;
  });
}

function collectPages(
  mapping: VmMapping,
  object: VmObjectPaged,
  vpn: Vpn,
  count: number,
  flags: MmuFlagSet,
  commit: MapRangeCommit,
): Status {
  const { coalescer } = mapping.aspace.system;
  const access = (flags & MmuFlags.WRITE) !== 0 ? PageAccess.WRITE : PageAccess.READ;
  const first = mapping.objectOffset + (vpn - mapping.base);
  const cursor = object.lookupCursorLocked(first, count);
  if (!isValue(cursor)) return cursor;
  // What is only mapped is not used yet; hardware marks what is.
  cursor.disableMarkAccessed();
  if (commit === MapRangeCommit.YES) {
    // Only kernel objects are committed here, and those never wait: the request stays unused.
    const request = new LazyPageRequest();
    for (let at = vpn; at < vpn + count; at++) {
      const status = cursor.requireOwnedPage(access, 1, request);
      if (status === Status.SHOULD_WAIT) throw new KernelPanic("M-15", "a kernel commit waits");
      if (status !== Status.OK) return status;
      const appended = coalescer.append(at, cursor.frame);
      if (appended !== Status.OK) return appended;
    }
    return Status.OK;
  }
  for (let at = vpn; at < vpn + count; at++) {
    const frame = cursor.maybePage(access);
    if (frame !== NO_FRAME) {
      const appended = coalescer.append(at, frame);
      if (appended !== Status.OK) return appended;
    } else if (at + 1 < vpn + count) {
      at += cursor.skipMissingPages();
    }
  }
  return Status.OK;
}

function collectDevicePages(
  mapping: VmMapping,
  object: VmObjectPhysical,
  vpn: Vpn,
  count: number,
): Status {
  const { coalescer } = mapping.aspace.system;
  const frame = object.frameAt(mapping.objectOffset + (vpn - mapping.base), count);
  for (let i = 0; i < count; i++) {
    const appended = coalescer.append(vpn + i, frame + i);
    if (appended !== Status.OK) return appended;
  }
  return Status.OK;
}

/** Entries of a plain kernel mapping must never go, so its pages must not either. */
function assertPinned(mapping: VmMapping, offset: number, count: number): void {
  const { aspace, flags, liveObject: object } = mapping;
  if (aspace.isUser || aspace.isGuest) return;
  if ((flags & VmarFlags.DEBUG_DYNAMIC_KERNEL_MAPPING) !== 0) return;
  if (object.isRangePinned(mapping.objectOffset + offset, count)) return;
  throw new KernelPanic("M-15", `kernel mapping ${mapping.id} maps pages that are not pinned`);
}

/**
 * Gives pages of the object back, counted from the mapping's first (M-16). BAD_STATE unless ALIVE; OUT_OF_RANGE
 * when the range is not inside; then what the object answers. Entries go as the object tells its mappings.
 */
export function decommitRange(mapping: VmMapping, offset: bigint, length: bigint): Status {
  const { lock } = mapping.aspace;
  lock.acquire();
  try {
    if (!mapping.isAlive) return Status.BAD_STATE;
    if (!isInRange(offset, length, mapping.pageCount)) return Status.OUT_OF_RANGE;
    return mapping.liveObject.decommitRange(bytesOf(mapping.objectOffset) + offset, length);
  } finally {
    lock.release();
  }
}
