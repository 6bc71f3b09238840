import { MmuFlags, PAGE_SHIFT, Status, type MmuFlagSet } from "@aspace/arch";
import type { Result } from "../objects/blocking.ts";
import type { VmAddressRegion } from "../regions/vm-address-region.ts";
import { VmarFlags, type VmarFlagSet } from "../regions/vmar-flags.ts";
import { Right, type Rights } from "./rights.ts";

/** Options of the calls, with Zircon's numbers (ZX_VM_*). */
export const VmOption = {
  PERM_READ: 0x1,
  PERM_WRITE: 0x2,
  PERM_EXECUTE: 0x4,
  COMPACT: 0x8,
  SPECIFIC: 0x10,
  SPECIFIC_OVERWRITE: 0x20,
  CAN_MAP_SPECIFIC: 0x40,
  CAN_MAP_READ: 0x80,
  CAN_MAP_WRITE: 0x100,
  CAN_MAP_EXECUTE: 0x200,
  /** Map what the object has at once. */
  MAP_RANGE: 0x400,
  REQUIRE_NON_RESIZABLE: 0x800,
  ALLOW_FAULTS: 0x1000,
  OFFSET_IS_UPPER_LIMIT: 0x2000,
  /** Read too, if hardware cannot map what is only executed: no hardware here can. */
  PERM_READ_IF_XOM_UNSUPPORTED: 0x4000,
} as const;

/**
 * A combination of `VmOption` bits and an alignment, unsigned 32-bit:
 *
 *     31 ─────────── 24 │ 23 ─── 15 │ 14 ────────── 0
 *      log2 of alignment    unknown     options
 */
export type VmOptions = number;

/** Where the log2 of an alignment in bytes begins. 0 is none in particular. */
export const ALIGN_SHIFT = 24;
const MIN_ALIGN = 10;
const MAX_ALIGN = 32;
const UNKNOWN_OPTIONS = 0xff_8000;

const { PERM_READ, PERM_WRITE, PERM_EXECUTE, PERM_READ_IF_XOM_UNSUPPORTED } = VmOption;
const RWX_OPTIONS: VmOptions = PERM_READ | PERM_WRITE | PERM_EXECUTE;
export const PERMISSION_OPTIONS: VmOptions = RWX_OPTIONS | PERM_READ_IF_XOM_UNSUPPORTED;
export const CAN_MAP_OPTIONS: VmOptions =
  VmOption.CAN_MAP_READ | VmOption.CAN_MAP_WRITE | VmOption.CAN_MAP_EXECUTE;

/** What options ask of a region, in the words of regions. */
export interface SplitOptions {
  readonly flags: VmarFlagSet;
  /** log2 of the alignment in pages; 0 also for an alignment below a page's. */
  readonly alignShift: number;
}

const FLAGS: readonly (readonly [VmOptions, VmarFlagSet])[] = [
  [VmOption.COMPACT, VmarFlags.COMPACT],
  [VmOption.SPECIFIC, VmarFlags.SPECIFIC],
  [VmOption.SPECIFIC_OVERWRITE, VmarFlags.SPECIFIC_OVERWRITE],
  [VmOption.CAN_MAP_SPECIFIC, VmarFlags.CAN_MAP_SPECIFIC],
  [VmOption.CAN_MAP_READ, VmarFlags.CAN_MAP_READ],
  [VmOption.CAN_MAP_WRITE, VmarFlags.CAN_MAP_WRITE],
  [VmOption.CAN_MAP_EXECUTE, VmarFlags.CAN_MAP_EXECUTE],
  [VmOption.REQUIRE_NON_RESIZABLE, VmarFlags.REQUIRE_NON_RESIZABLE],
  [VmOption.ALLOW_FAULTS, VmarFlags.ALLOW_FAULTS],
  [VmOption.OFFSET_IS_UPPER_LIMIT, VmarFlags.OFFSET_IS_UPPER_LIMIT],
];

const PERMISSIONS: readonly (readonly [VmOptions, MmuFlagSet])[] = [
  [PERM_READ, MmuFlags.READ],
  [PERM_WRITE, MmuFlags.WRITE],
  [PERM_EXECUTE, MmuFlags.EXECUTE],
];

/** Takes options apart. INVALID_ARGS for an unknown bit, and for an alignment that is not 0 or 10..32. */
export function splitOptions(options: VmOptions): Result<SplitOptions> {
  const align = options >>> ALIGN_SHIFT;
  if ((options & UNKNOWN_OPTIONS) !== 0) return Status.INVALID_ARGS;
  if (align !== 0 && (align < MIN_ALIGN || align > MAX_ALIGN)) return Status.INVALID_ARGS;
  return { flags: translate(FLAGS, options), alignShift: Math.max(0, align - PAGE_SHIFT) };
}

/** The permissions in options as an MMU word of this region. A user's says so; a guest's says nothing more. */
export function mmuFlagsIn(options: VmOptions, { aspace }: VmAddressRegion): MmuFlagSet {
  return translate(PERMISSIONS, options) | (aspace.isUser ? MmuFlags.USER : 0);
}

/** Adds READ where it was asked for in case that hardware cannot do without. */
export function withReadForExecute(options: VmOptions): VmOptions {
  return (options & PERM_READ_IF_XOM_UNSUPPORTED) === 0 ? options : options | PERM_READ;
}

/** Whether options ask to write or to execute what cannot be read. */
export function lacksRead(options: VmOptions): boolean {
  return (options & (PERM_WRITE | PERM_EXECUTE)) !== 0 && (options & PERM_READ) === 0;
}

/** READ is bit 0 of the permissions, bit 7 of the options and bit 2 of the rights; WRITE and EXECUTE follow it in each. */
const CAN_MAP_SHIFT = 7;
const RIGHT_SHIFT = 2;

/** The rights that the permissions in options need. */
export function rightsForPermissions(options: VmOptions): Rights {
  return (options & RWX_OPTIONS) << RIGHT_SHIFT;
}

/** The rights that it needs to give such permissions later. */
export function rightsForCanMap(options: VmOptions): Rights {
  return ((options & CAN_MAP_OPTIONS) >> CAN_MAP_SHIFT) << RIGHT_SHIFT;
}

/** The CAN_MAP options that rights allow. */
export function canMapOptionsFor(rights: Rights): VmOptions {
  const permissions = (rights & (Right.READ | Right.WRITE | Right.EXECUTE)) >> RIGHT_SHIFT;
  return permissions << CAN_MAP_SHIFT;
}

function translate(table: readonly (readonly [number, number])[], options: VmOptions): number {
  return table.reduce((sum, [from, to]) => ((options & from) === 0 ? sum : sum | to), 0);
}
