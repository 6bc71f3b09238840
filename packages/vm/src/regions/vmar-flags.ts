import { MmuFlags, type MmuFlagSet } from "@aspace/arch";

/**
 * What a region was created with. The numbers are part of the contract: mappings merge only when all their bits agree.
 */
export const VmarFlags = {
  /** Spots are drawn from fewer, so that regions lie close together. */
  COMPACT: 0x1,
  /** The offset is where the region must be. */
  SPECIFIC: 0x2,
  /** The same, and what mappings lie there is unmapped. */
  SPECIFIC_OVERWRITE: 0x4,
  /** Children may choose where they are. */
  CAN_MAP_SPECIFIC: 0x8,
  /** What mappings below may allow at most. */
  CAN_MAP_READ: 0x10,
  CAN_MAP_WRITE: 0x20,
  CAN_MAP_EXECUTE: 0x40,
  CAN_RWX: 0x70,
  /** Refuses to map an object that can be resized. */
  REQUIRE_NON_RESIZABLE: 0x80,
  /** Accesses may fault where the object has nothing. */
  ALLOW_FAULTS: 0x100,
  /** The offset is where the region must end at the latest. */
  OFFSET_IS_UPPER_LIMIT: 0x200,
  /** A kernel mapping that its owner manages: the rule that its pages are pinned does not hold. */
  DEBUG_DYNAMIC_KERNEL_MAPPING: 0x400,
} as const;

/** A combination of `VmarFlags` bits. */
export type VmarFlagSet = number;

/** Permissions in MMU flags lie one bit below the flags that allow them. */
const CAN_MAP_SHIFT = 1;

/** The CAN_MAP bits that a mapping with these permissions needs. */
export function canMapFlags(mmuFlags: MmuFlagSet): VmarFlagSet {
  return (mmuFlags & MmuFlags.RWX_MASK) << CAN_MAP_SHIFT;
}

/** Whether a region allows to map with these permissions. Cache policy, USER and NS do not matter. */
export function allowsMmuFlags(flags: VmarFlagSet, mmuFlags: MmuFlagSet): boolean {
  return (canMapFlags(mmuFlags) & ~flags) === 0;
}
