import { ExistingEntry, KernelPanic, Status, type MmuFlagSet, type Vpn } from "@aspace/arch";
import { isValue, type Result } from "../objects/blocking.ts";
import { bytesOf } from "../objects/byte-range.ts";
import { createContiguousObject, createObject } from "../objects/create-object.ts";
import { complete } from "../objects/driving.ts";
import { PageAccess } from "../objects/lookup-cursor.ts";
import type { VmObject } from "../objects/vm-object.ts";
import { MapRangeCommit, mapRange } from "./mapping-range.ts";
import { destroy } from "./mapping-unmap.ts";
import { createMapping } from "./region-creation.ts";
import type { VmAspace } from "./vm-aspace.ts";
import type { VmMapping } from "./vm-mapping.ts";
import { VmarFlags } from "./vmar-flags.ts";

/**
 * Mappings that the kernel makes for itself. Nobody handles a kernel's fault, so their pages are
 * committed and pinned before they are mapped, and unpinned after.
 */

export interface KernelMappingOptions {
  readonly object: VmObject;
  /** First page of the object, and how many. */
  readonly objectOffset: number;
  readonly pageCount: number;
  /** Where it must be; null for anywhere. */
  readonly at: Vpn | null;
  /** log2 of the pages that its base is a multiple of. */
  readonly alignShift: number;
  /** YES: all pages are mapped at once. */
  readonly commit: MapRangeCommit;
  readonly mmuFlags: MmuFlagSet;
}

/**
 * Maps pages of an object. Panics with A-12 in a user aspace. INVALID_ARGS when there are no pages, or
 * the place lies before the aspace; what pinning the pages, creating the mapping (V-3) or mapping them (M-15) answers.
 * After a failure nothing is mapped or pinned.
 */
export function mapObjectInternal(
  aspace: VmAspace,
  options: KernelMappingOptions,
): Result<VmMapping> {
  if (aspace.isUser) throw new KernelPanic("A-12", "the kernel maps for itself in a user aspace");
  const { object, objectOffset, pageCount, at, commit } = options;
  if (pageCount === 0) return Status.INVALID_ARGS;
  if (at !== null && at < aspace.base) return Status.INVALID_ARGS;
  const { root } = aspace;
  if (root === null) return Status.BAD_STATE;
  const [offset, length] = [bytesOf(objectOffset), bytesOf(pageCount)];
  const pinned = complete(object.pinRange(offset, length, PageAccess.WRITE), () => {});
  if (pinned !== Status.OK) return pinned;
  const created = createMapping(root, {
    offset: at === null ? 0 : at - aspace.base,
    pageCount,
    alignShift: options.alignShift,
    flags: VmarFlags.CAN_RWX | (at === null ? 0 : VmarFlags.SPECIFIC),
    object,
    objectOffset,
    mmuFlags: options.mmuFlags,
  });
  let status: Status = isValue(created) ? Status.OK : created;
  if (isValue(created) && commit === MapRangeCommit.YES) {
    status = mapRange(created.mapping, 0, pageCount, { commit, existing: ExistingEntry.ERROR });
    if (status !== Status.OK) destroy(created.mapping);
  }
  if (isValue(created) && status === Status.OK) return created.mapping;
  object.unpinRange(offset, length);
  return status;
}

/** What new kernel memory is to be like. */
export type KernelMemoryOptions = Omit<KernelMappingOptions, "object" | "objectOffset">;

/** New memory of the kernel's own, zero. As `mapObjectInternal`; before that, what creating an object answers. */
export function allocateKernelMemory(
  aspace: VmAspace,
  options: KernelMemoryOptions,
): Result<VmMapping> {
  const size = bytesOf(options.pageCount);
  return mapOwned(aspace, createObject(aspace.system.memory, { size }), options);
}

/** The same with all frames side by side. INVALID_ARGS unless it is to be committed: such memory exists as a whole. */
export function allocateContiguousKernelMemory(
  aspace: VmAspace,
  options: KernelMemoryOptions,
): Result<VmMapping> {
  if (options.commit === MapRangeCommit.NO) return Status.INVALID_ARGS;
  const size = bytesOf(options.pageCount);
  return mapOwned(aspace, createContiguousObject(aspace.system.memory, { size }), options);
}

/** The mapping becomes the only holder of the object. */
function mapOwned(
  aspace: VmAspace,
  object: Result<VmObject>,
  options: KernelMemoryOptions,
): Result<VmMapping> {
  if (!isValue(object)) return object;
  const mapping = mapObjectInternal(aspace, { ...options, object, objectOffset: 0 });
  object.release();
  return mapping;
}

/**
 * Ends the kernel's mapping that contains a page, whatever page of it, and unpins its memory. NOT_FOUND when nothing is
 * there; BAD_STATE for a region that is no mapping; what destroying it answers.
 */
export function freeKernelRegion(aspace: VmAspace, vpn: Vpn): Status {
  const { root, lock } = aspace;
  lock.acquire();
  const region = root?.regions.findRegion(vpn) ?? null;
  lock.release();
  if (region === null) return Status.NOT_FOUND;
  if (region.kind === "vmar") return Status.BAD_STATE;
  const { liveObject: object, objectOffset, pageCount } = region;
  object.retain();
  const status = destroy(region);
  if (status === Status.OK) object.unpinRange(bytesOf(objectOffset), bytesOf(pageCount));
  object.release();
  return status;
}
