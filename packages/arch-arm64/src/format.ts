import {
  type AspaceKind,
  type Capabilities,
  type EntryHalves,
  type EntryLayout,
  MmuFlags,
  type MmuFlagSet,
  decodeFields,
  encodeFields,
  fieldMask,
  fieldNamed,
} from "@aspace/arch";
import type { EntryFormat } from "@aspace/page-table";
import {
  PAGE,
  STAGE1_LEAVES,
  STAGE2_LEAVES,
  STAGE2_PAGE,
  STAGE2_TABLE,
  TABLE,
} from "./entry-layout.ts";
import type { Arm64Features } from "./registers.ts";

/**
 * What the engine writes: MMU flags to descriptor bits and back, for stage 1 (user and kernel) and
 * stage 2 (guest). Everything is encoded by field name from the layouts.
 */

/** The frame field of a page; blocks use its upper part. Machines with less memory use its lower bits. */
const FRAME = fieldNamed(PAGE, "OA");

const STAGE1_CAPABILITIES: Omit<Capabilities, "physBits"> = {
  leafShifts: [12, 21, 30],
  indexBits: 9,
  accessedBit: true,
  hwAccessed: false,
  markAccessedSupported: true,
  nonTerminalAccessed: "software",
  cachesInvalid: false,
  splitNeedsBbm: true,
  unmapOnlyEnlargeOnOom: false,
  protectIsUnmap: false,
  faultTellsPresent: true,
  distinguishesUser: true,
  prebuiltTables: 0,
  normalizeFlags: (flags) => flags,
};

const STAGE2_CAPABILITIES: Omit<Capabilities, "physBits"> = {
  ...STAGE1_CAPABILITIES,
  protectIsUnmap: true,
  distinguishesUser: false,
  normalizeFlags: (flags) => flags & ~(MmuFlags.USER | MmuFlags.NS),
};

/** AP[2:1] values. */
const AP_READ_ONLY = 0b10;
const AP_EL0 = 0b01;

/** S2AP and XN bits. */
const S2AP_READ = 0b01;
const S2AP_WRITE = 0b10;
const XN_ALWAYS = 0b10;

/** Shareability of normal memory; device memory is outer shareable whatever SH says. */
const INNER_SHAREABLE = 0b11;

/** Cache policy to MAIR_EL1 byte number: the slots are laid out in the order of the policies. */
const ATTR_INDEX: Readonly<Record<number, number>> = {
  [MmuFlags.UNCACHED]: 0,
  [MmuFlags.UNCACHED_DEVICE]: 1,
  [MmuFlags.CACHED]: 2,
  [MmuFlags.WRITE_COMBINING]: 3,
};

/** Cache policy to stage 2 MemAttr. */
const MEM_ATTR: Readonly<Record<number, number>> = {
  [MmuFlags.UNCACHED]: 0b0000,
  [MmuFlags.UNCACHED_DEVICE]: 0b0001,
  [MmuFlags.WRITE_COMBINING]: 0b0101,
  [MmuFlags.CACHED]: 0b1111,
};

const has = (flags: MmuFlagSet, flag: number): boolean => (flags & flag) !== 0;

function shareability(flags: MmuFlagSet): number {
  const policy = flags & MmuFlags.CACHE_MASK;
  const normal = policy === MmuFlags.CACHED || policy === MmuFlags.WRITE_COMBINING;
  return normal ? INNER_SHAREABLE : 0;
}

/** The cache policy whose code in `codes` is `value`; nothing here ever writes another one. */
function policyOf(codes: Readonly<Record<number, number>>, value: number): MmuFlagSet {
  const policy = Object.keys(codes).find((key) => codes[Number(key)] === value);
  return policy === undefined ? MmuFlags.UNCACHED : Number(policy);
}

/** The attribute fields of a stage 1 leaf; `nonGlobal` is the value of nG. */
function stage1Fields(flags: MmuFlagSet, nonGlobal: number): Record<string, number> {
  const user = has(flags, MmuFlags.USER);
  const execute = has(flags, MmuFlags.EXECUTE);
  return {
    AttrIndx: ATTR_INDEX[flags & MmuFlags.CACHE_MASK]!,
    NS: has(flags, MmuFlags.NS) ? 1 : 0,
    AP: (has(flags, MmuFlags.WRITE) ? 0 : AP_READ_ONLY) | (user ? AP_EL0 : 0),
    SH: shareability(flags),
    AF: 1,
    nG: nonGlobal,
    // AP does not gate fetches, so each side's pages must be closed to the other side by name.
    PXN: execute && !user ? 0 : 1,
    UXN: execute && user ? 0 : 1,
  };
}

/** The attribute fields of a stage 2 leaf. */
function stage2Fields(flags: MmuFlagSet): Record<string, number> {
  return {
    MemAttr: MEM_ATTR[flags & MmuFlags.CACHE_MASK]!,
    S2AP: S2AP_READ | (has(flags, MmuFlags.WRITE) ? S2AP_WRITE : 0),
    SH: shareability(flags),
    AF: 1,
    XN: has(flags, MmuFlags.EXECUTE) ? 0 : XN_ALWAYS,
  };
}

type Decoded = Readonly<Record<string, number>>;

function stage1Flags(leaf: Decoded): MmuFlagSet {
  const user = (leaf["AP"]! & AP_EL0) !== 0;
  const neverExecutes = leaf[user ? "UXN" : "PXN"] === 1;
  return (
    MmuFlags.READ |
    policyOf(ATTR_INDEX, leaf["AttrIndx"]!) |
    (user ? MmuFlags.USER : 0) |
    ((leaf["AP"]! & AP_READ_ONLY) === 0 ? MmuFlags.WRITE : 0) |
    (neverExecutes ? 0 : MmuFlags.EXECUTE) |
    (leaf["NS"] === 1 ? MmuFlags.NS : 0)
  );
}

function stage2Flags(leaf: Decoded): MmuFlagSet {
  return (
    MmuFlags.READ |
    policyOf(MEM_ATTR, leaf["MemAttr"]!) |
    ((leaf["S2AP"]! & S2AP_WRITE) !== 0 ? MmuFlags.WRITE : 0) |
    ((leaf["XN"]! & XN_ALWAYS) !== 0 ? 0 : MmuFlags.EXECUTE)
  );
}

/**
 * In both stages everything that `query` reports sits in descriptor bits 7:2 and 54:53. Together they
 * index a table of flags, so that a query decodes a leaf with one look-up.
 */
const LOW_ATTRIBUTES = { bit: fieldNamed(PAGE, "AttrIndx").bit, width: 6 };
const HIGH_ATTRIBUTES = { bit: fieldNamed(PAGE, "PXN").bit - 32, width: 2 };
const LOW_MASK = 2 ** LOW_ATTRIBUTES.width - 1;
const HIGH_MASK = 2 ** HIGH_ATTRIBUTES.width - 1;

function flagTable(page: EntryLayout, decode: (leaf: Decoded) => MmuFlagSet): Uint8Array {
  return Uint8Array.from({ length: (LOW_MASK + 1) * (HIGH_MASK + 1) }, (_, index) => {
    const lo = (index & LOW_MASK) << LOW_ATTRIBUTES.bit;
    const hi = (index >>> LOW_ATTRIBUTES.width) << HIGH_ATTRIBUTES.bit;
    return decode(decodeFields(page, lo, hi));
  });
}

/** What tells the formats apart. */
interface Stage {
  readonly name: string;
  readonly capabilities: Omit<Capabilities, "physBits">;
  readonly levels: number;
  /** Leaf layouts by level, and the table layout. */
  readonly leaves: readonly EntryLayout[];
  readonly table: EntryLayout;
  /** The fields that `protect` replaces. */
  readonly permissions: readonly string[];
  readonly flags: Uint8Array;
  encode(flags: MmuFlagSet): Record<string, number>;
}

function entryFormat(stage: Stage, { physBits }: Arm64Features): EntryFormat {
  const { leaves, flags } = stage;
  const typeBit = fieldMask(stage.table, "Type");
  return {
    name: stage.name,
    capabilities: { ...stage.capabilities, physBits },
    indexBits: stage.capabilities.indexBits,
    levels: stage.levels,
    frameBit: FRAME.bit,
    frameBits: physBits - FRAME.bit,
    presentLo: fieldMask(stage.table, "Valid").lo,
    leafMask: typeBit.lo,
    leafFlip: typeBit.lo,
    topLeafLevel: leaves.length - 1,
    leafAccessed: fieldMask(leaves[0]!, "AF"),
    newLeavesAccessed: true,
    synchronizesInstructions: true,
    tableAccessed: fieldMask(stage.table, "Accessed"),
    newTable: encodeFields(stage.table, { Valid: 1, Type: 1, Accessed: 1 }),
    prebuilt: { first: 0, count: 0 },
    leafBits: (wanted, level) =>
      encodeFields(leaves[level]!, { Valid: 1, Type: leafType(level), ...stage.encode(wanted) }),
    permissionBits: (level) => fieldMask(leaves[level]!, ...stage.permissions),
    leafFlags: (lo, hi) =>
      flags[
        ((lo >>> LOW_ATTRIBUTES.bit) & LOW_MASK) |
          (((hi >>> HIGH_ATTRIBUTES.bit) & HIGH_MASK) << LOW_ATTRIBUTES.width)
      ]!,
    splitBits: (lo, hi, level) => splitBits(leaves, lo, hi, level),
  };
}

/** "11" means a page at the last level; above it, leaves are blocks, "01". */
const leafType = (level: number): number => (level === 0 ? 1 : 0);

/** Attributes sit at the same bits on every level; only the type can change on the way down. */
function splitBits(
  leaves: readonly EntryLayout[],
  lo: number,
  hi: number,
  level: number,
): EntryHalves {
  const frame = fieldMask(leaves[0]!, "OA");
  const type = encodeFields(leaves[level - 1]!, { Type: leafType(level - 1) });
  return { lo: (lo & ~frame.lo) | type.lo, hi: hi & ~frame.hi };
}

const STAGE1: Omit<Stage, "name" | "encode"> = {
  capabilities: STAGE1_CAPABILITIES,
  levels: 4,
  leaves: STAGE1_LEAVES,
  table: TABLE,
  permissions: ["AP", "PXN", "UXN"],
  flags: flagTable(PAGE, stage1Flags),
};

/** User leaves are bound to an ASID; kernel leaves are global. */
const USER: Stage = {
  ...STAGE1,
  name: "arm64 user",
  encode: (flags) => stage1Fields(flags, 1),
};

const KERNEL: Stage = {
  ...STAGE1,
  name: "arm64 kernel",
  encode: (flags) => stage1Fields(flags, 0),
};

/** 36-bit guest-physical addresses: the root is a table of the manual's level 1. */
const GUEST: Stage = {
  name: "arm64 guest",
  capabilities: STAGE2_CAPABILITIES,
  levels: 3,
  leaves: STAGE2_LEAVES,
  table: STAGE2_TABLE,
  permissions: ["S2AP", "XN"],
  flags: flagTable(STAGE2_PAGE, stage2Flags),
  encode: stage2Fields,
};

const STAGES: Readonly<Record<AspaceKind, Stage>> = { user: USER, kernel: KERNEL, guest: GUEST };

/** The entries of one kind of aspace: stage 1 for user and kernel, stage 2 for guests. */
export function descriptorFormat(kind: AspaceKind, features: Arm64Features): EntryFormat {
  return entryFormat(STAGES[kind], features);
}

/** The formats of one machine: built once, because the engine compiles each format it meets. */
export type Arm64Formats = Readonly<Record<AspaceKind, EntryFormat>>;

export function arm64Formats(features: Arm64Features): Arm64Formats {
  return {
    user: descriptorFormat("user", features),
    kernel: descriptorFormat("kernel", features),
    guest: descriptorFormat("guest", features),
  };
}
