import { KernelPanic, MmuFlags, Status, VPN_LIMIT, type MmuFlagSet, type Vpn } from "@aspace/arch";
import { isValue, type Blocking, type Result } from "../objects/blocking.ts";
import { locked } from "../objects/under-lock.ts";
import type { VmObject } from "../objects/vm-object.ts";
import { endOf } from "./extent.ts";
import { commitHighMemoryPriority } from "./mapping-priority.ts";
import { OpChildren, unmapRegionLocked } from "./region-unmap.ts";
import { NO_SPOT, findSpot, type SpotChance } from "./spot-search.ts";
import { VmAddressRegion } from "./vm-address-region.ts";
import { Mergeable, VmMapping } from "./vm-mapping.ts";
import { MemoryPriority, type RegionPlace } from "./vm-region.ts";
import { VmarFlags, allowsMmuFlags, canMapFlags, type VmarFlagSet } from "./vmar-flags.ts";

const {
  COMPACT,
  SPECIFIC,
  SPECIFIC_OVERWRITE,
  CAN_MAP_SPECIFIC,
  CAN_RWX,
  OFFSET_IS_UPPER_LIMIT,
  DEBUG_DYNAMIC_KERNEL_MAPPING,
} = VmarFlags;

/** Flags that a new sub-region, and that a new mapping, may have. */
const SUB_REGION_FLAGS = SPECIFIC | CAN_MAP_SPECIFIC | COMPACT | CAN_RWX | OFFSET_IS_UPPER_LIMIT;
const MAPPING_FLAGS =
  SPECIFIC | SPECIFIC_OVERWRITE | CAN_RWX | OFFSET_IS_UPPER_LIMIT | DEBUG_DYNAMIC_KERNEL_MAPPING;

/** Stands for an offset that is no whole number of pages: refused where the order of the checks has it. */
export const UNALIGNED_OFFSET = -1;

/** Where a new region is to be. */
export interface Placement {
  /**
   * From the parent's base: where the region begins (SPECIFIC), where it ends at the latest (OFFSET_IS_UPPER_LIMIT), else 0.
   */
  readonly offset: number;
  /** Pages. Of a mapping, its size rounded up: 2^52 stands for a size that cannot be rounded. */
  readonly pageCount: number;
  /** log2 of the pages that its base is a multiple of; 0 for none in particular. */
  readonly alignShift: number;
  readonly flags: VmarFlagSet;
}

export interface SubRegionOptions extends Placement {
  readonly name: string;
}

export interface NewMappingOptions extends Placement {
  readonly object: VmObject;
  /** Page of the object that the first page shows. */
  readonly objectOffset: number;
  readonly mmuFlags: MmuFlagSet;
}

/** A new mapping, and where it began: its base may have moved since. */
export interface CreatedMapping {
  readonly mapping: VmMapping;
  readonly base: Vpn;
  /** Whether its memory is to be brought in, which takes `createVmMapping`'s time. */
  readonly wantsCommit: boolean;
}

/**
 * Reserves a part of a region for a region of its own (V-2). INVALID_ARGS for a flag that sub-regions do not have; then
 * as `findPlace` says; NO_MEMORY. Failures change nothing.
 */
export function createSubVmar(
  parent: VmAddressRegion,
  options: SubRegionOptions,
): Result<VmAddressRegion> {
  if ((options.flags & ~SUB_REGION_FLAGS) !== 0) return Status.INVALID_ARGS;
  const { aspace } = parent;
  aspace.lock.acquire();
  try {
    const place = findPlace(parent, options);
    if (!isValue(place)) return place;
    if (place.isTaken) return Status.ALREADY_EXISTS;
    if (aspace.system.failures.claims()) return Status.NO_MEMORY;
    const region = new VmAddressRegion({ ...place.region, name: options.name });
    region.activateLocked();
    region.setOwnPriorityLocked(parent.memoryPriority);
    return region;
  } finally {
    aspace.lock.release();
  }
}

/** `createMapping`, and then what its priority asks for: to bring its memory in and map it, as far as that goes. */
export function* createVmMapping(
  parent: VmAddressRegion,
  options: NewMappingOptions,
): Blocking<Result<CreatedMapping>> {
  const created = createMapping(parent, options);
  if (isValue(created) && created.wantsCommit) yield* commitHighMemoryPriority(created.mapping);
  return created;
}

/**
 * Maps pages of an object into a region (V-3). The mapping may reach past the object's end.
 *
 * INVALID_ARGS for a flag that mappings do not have; ACCESS_DENIED when the region does not allow `mmuFlags`; INVALID_ARGS
 * for an unaligned object offset; OUT_OF_RANGE when size or last page of the object do not fit 64 bits of bytes. Then as
 * `findPlace` says; ALREADY_EXISTS when a specific place is taken, unless it may be overwritten; NO_MEMORY;
 * ACCESS_DENIED by the vDSO's rule; and what unmapping the old mappings answers. Failures change nothing.
 */
export function createMapping(
  parent: VmAddressRegion,
  options: NewMappingOptions,
): Result<CreatedMapping> {
  const { mmuFlags, objectOffset, pageCount, object } = options;
  if ((options.flags & ~MAPPING_FLAGS) !== 0) return Status.INVALID_ARGS;
  if (!allowsMmuFlags(parent.flags, mmuFlags)) return Status.ACCESS_DENIED;
  if (objectOffset === UNALIGNED_OFFSET) return Status.INVALID_ARGS;
  if (objectOffset + pageCount >= VPN_LIMIT) return Status.OUT_OF_RANGE;
  const { aspace } = parent;
  const flags = flagsOf(parent, options);
  aspace.lock.acquire();
  try {
    const place = findPlace(parent, { ...options, flags });
    if (!isValue(place)) return place;
    const { quirks, failures } = aspace.system;
    const isBelowLimit = (flags & OFFSET_IS_UPPER_LIMIT) !== 0;
    const showsStart = isBelowLimit && quirks.upperLimitMapsOffsetZero;
    if (failures.claims()) return Status.NO_MEMORY;
    const mapping = new VmMapping({
      ...place.region,
      object,
      objectOffset: showsStart ? 0 : objectOffset,
      protection: mmuFlags,
      mergeable: Mergeable.NO,
    });
    return admit(parent, mapping, mmuFlags, place);
  } finally {
    aspace.lock.release();
  }
}

/** The flags asked for and those that the permissions need. The vDSO's data never becomes code (I-27). */
function flagsOf({ aspace }: VmAddressRegion, options: NewMappingOptions): VmarFlagSet {
  const { flags, mmuFlags, object } = options;
  const isVdso = aspace.system.vdsoImages.has(object);
  return (isVdso ? flags & ~VmarFlags.CAN_MAP_EXECUTE : flags) | canMapFlags(mmuFlags);
}

interface Place {
  readonly region: RegionPlace;
  /** Something lies there: the place was asked for by its address. */
  readonly isTaken: boolean;
}

/**
 * Where a new region goes (V-4). BAD_STATE unless the parent is ALIVE; INVALID_ARGS when it is empty; ACCESS_DENIED for a
 * permission that the parent lacks. About the offset, INVALID_ARGS: it is both a place and a limit; it is neither, but not
 * 0; it is unaligned. ACCESS_DENIED when children may not choose; INVALID_ARGS when the region would not be inside or
 * not be aligned. NO_RESOURCES when there is no room.
 */
function findPlace(parent: VmAddressRegion, options: Placement): Result<Place> {
  const { offset, pageCount, alignShift, flags } = options;
  const isSpecific = (flags & (SPECIFIC | SPECIFIC_OVERWRITE)) !== 0;
  const isLimit = (flags & OFFSET_IS_UPPER_LIMIT) !== 0;
  if (!parent.isAlive) return Status.BAD_STATE;
  if (pageCount === 0) return Status.INVALID_ARGS;
  if ((flags & CAN_RWX & ~parent.flags) !== 0) return Status.ACCESS_DENIED;
  if (isSpecific && isLimit) return Status.INVALID_ARGS;
  if (!isSpecific && !isLimit && offset !== 0) return Status.INVALID_ARGS;
  if (offset === UNALIGNED_OFFSET) return Status.INVALID_ARGS;
  const mayChoose = (parent.flags & CAN_MAP_SPECIFIC) !== 0;
  if ((isSpecific || isLimit) && !mayChoose) return Status.ACCESS_DENIED;
  if (!isInside(parent, offset, pageCount, isLimit)) return Status.INVALID_ARGS;

  const base = parent.base + offset;
  if (isSpecific) {
    if (base % 2 ** alignShift !== 0) return Status.INVALID_ARGS;
    const isTaken = !parent.regions.isRangeAvailable(base, pageCount);
    const overwrites = (flags & SPECIFIC_OVERWRITE) !== 0;
    if (isTaken && !overwrites) return Status.ALREADY_EXISTS;
    return { region: placeIn(parent, base, options), isTaken };
  }
  const limit = isLimit ? base : endOf(parent);
  const spot = chooseSpot(parent, pageCount, alignShift, limit);
  if (spot === NO_SPOT) return Status.NO_RESOURCES;
  return { region: placeIn(parent, spot, options), isTaken: false };
}

function isInside(
  { pageCount: room }: VmAddressRegion,
  offset: number,
  pageCount: number,
  isLimit: boolean,
): boolean {
  if (isLimit) return offset <= room && pageCount <= room && pageCount <= offset;
  return offset < room && pageCount <= room - offset;
}

function placeIn(parent: VmAddressRegion, base: Vpn, { pageCount, flags }: Placement): RegionPlace {
  return { aspace: parent.aspace, parent, base, pageCount, flags };
}

/** A spot that the architecture is content with too (V-8), or NO_SPOT. */
function chooseSpot(
  parent: VmAddressRegion,
  pageCount: number,
  alignShift: number,
  limit: Vpn,
): Vpn {
  const spot = findSpot(parent, { pageCount, alignShift, limit }, chanceIn(parent));
  if (spot === NO_SPOT) return NO_SPOT;
  const picked = parent.aspace.arch.pickSpot(spot);
  const isFree =
    picked >= spot &&
    picked + pageCount <= limit &&
    picked % 2 ** alignShift === 0 &&
    parent.regions.isRangeAvailable(picked, pageCount);
  if (!isFree) throw new KernelPanic("V-8", "the architecture picks a place that is not free");
  return picked;
}

function chanceIn({ aspace, flags }: VmAddressRegion): SpotChance | null {
  const { aslr } = aspace;
  if (aslr === null) return null;
  const isCompact = (flags & COMPACT) !== 0;
  return { prng: aslr.prng, entropyBits: isCompact ? aslr.compactEntropyBits : aslr.entropyBits };
}

/**
 * Makes a mapping part of the tree (V-4). Mappings in its place are unmapped there first, and keep what lies outside
 * (V-5). ACCESS_DENIED by the vDSO's rule; INVALID_ARGS for a sub-region in the way; NO_MEMORY for the middle of one mapping.
 */
function admit(
  parent: VmAddressRegion,
  mapping: VmMapping,
  mmuFlags: MmuFlagSet,
  { isTaken }: Place,
): Result<CreatedMapping> {
  const { aspace, base, pageCount } = mapping;
  const isUnchecked = isTaken && aspace.system.quirks.overwriteSkipsAdmission;
  const claim = isUnchecked ? VdsoClaim.NONE : vdsoClaim(mapping, mmuFlags);
  if (claim === VdsoClaim.REFUSED) return Status.ACCESS_DENIED;
  if (isTaken) {
    const status = unmapRegionLocked(parent, base, pageCount, OpChildren.NO);
    if (status !== Status.OK) return status;
  }
  locked(mapping.liveObject.hierarchy, () => {
    assertPinned(mapping);
    mapping.activateLocked();
  });
  if (claim === VdsoClaim.GRANTED) aspace.vdsoCodeMapping = mapping;
  mapping.setMemoryPriorityLocked(parent.memoryPriority);
  const wantsCommit = parent.memoryPriority === MemoryPriority.HIGH && !isUnchecked;
  return { mapping, base, wantsCommit };
}

/** What a new mapping has to do with the vDSO's code. */
const VdsoClaim = { NONE: "none", GRANTED: "granted", REFUSED: "refused" } as const;
type VdsoClaim = (typeof VdsoClaim)[keyof typeof VdsoClaim];

/** The vDSO can be executed through one mapping only, which shows its whole code and nothing else. */
function vdsoClaim(mapping: VmMapping, mmuFlags: MmuFlagSet): VdsoClaim {
  const { aspace, liveObject, objectOffset, pageCount } = mapping;
  const image = aspace.system.vdsoImages.get(liveObject);
  if (image === undefined || (mmuFlags & MmuFlags.EXECUTE) === 0) return VdsoClaim.NONE;
  const isCode =
    objectOffset === image.codeStartPage && objectOffset + pageCount === image.pageCount;
  return isCode && aspace.vdsoCodeMapping === null ? VdsoClaim.GRANTED : VdsoClaim.REFUSED;
}

/** Nobody would handle a fault of the kernel's own, so its pages may not go. */
function assertPinned({ aspace, flags, liveObject, objectOffset, pageCount }: VmMapping): void {
  const isPlain = (flags & DEBUG_DYNAMIC_KERNEL_MAPPING) === 0;
  if (aspace.isUser || aspace.isGuest || !isPlain) return;
  if (liveObject.isRangePinned(objectOffset, pageCount)) return;
  throw new KernelPanic("V-4", "the kernel maps pages that are not pinned");
}
