import {
  MmuFlags,
  decodeFields,
  encodeFields,
  fieldMask,
  fieldNamed,
  type Capabilities,
  type EntryHalves,
  type EntryLayout,
  type MmuFlagSet,
} from "@aspace/arch";
import type { EntryFormat } from "@aspace/page-table";
import { eptLayouts, pagingLayouts, type EntryLayouts } from "./entry-layout.ts";
import type { X86Features } from "./registers.ts";

/**
 * What the engine writes: MMU flags to entry bits and back, for 4-level and 5-level paging (user and
 * kernel) and for EPT (guest). Everything is encoded by field name from the layouts.
 */

const INDEX_BITS = 9;

/**
 * The kernel's 512 GiB end at the top of the address space, so they lie in the last slot of the root:
 * a PML4E for a PDPT or, with LA57, a PML5E for a PML4. The table in it is built once and stays, and
 * that is what keeps the copies of the slot in user roots from going stale.
 */
const KERNEL_SLOT = 511;

const NOTHING: EntryHalves = { lo: 0, hi: 0 };
const has = (flags: MmuFlagSet, flag: number): 0 | 1 => ((flags & flag) !== 0 ? 1 : 0);

/** PAT index for each cache policy, given IA32_PAT as `registers.ts` programs it. */
const PAT_INDEX: readonly number[] = [0, 3, 3, 7];

/**
 * Cache policy for each PAT index. The kernel writes 0, 3 and 7 only; write-through and UC-, which no
 * policy asks for, read as the policy that assumes least.
 */
const PAT_POLICY: readonly MmuFlagSet[] = [
  MmuFlags.CACHED,
  MmuFlags.UNCACHED,
  MmuFlags.UNCACHED,
  MmuFlags.UNCACHED,
  MmuFlags.CACHED,
  MmuFlags.UNCACHED,
  MmuFlags.UNCACHED,
  MmuFlags.WRITE_COMBINING,
];

/** EPT memory type for each cache policy, and back: WB, UC, UC, WC. */
const EPT_TYPE: readonly number[] = [6, 0, 0, 1];
const EPT_POLICY: readonly MmuFlagSet[] = [
  MmuFlags.UNCACHED,
  MmuFlags.WRITE_COMBINING,
  MmuFlags.UNCACHED,
  MmuFlags.UNCACHED,
  MmuFlags.UNCACHED,
  MmuFlags.UNCACHED,
  MmuFlags.CACHED,
  MmuFlags.UNCACHED,
];

/** There is one uncached type, and no notion of non-secure memory. */
function normalizePagingFlags(flags: MmuFlagSet): MmuFlagSet {
  const cache = flags & MmuFlags.CACHE_MASK;
  const policy = cache === MmuFlags.UNCACHED_DEVICE ? MmuFlags.UNCACHED : cache;
  return (flags & ~(MmuFlags.CACHE_MASK | MmuFlags.NS)) | policy;
}

function pagingCapabilities(features: X86Features, prebuiltTables: number): Capabilities {
  return {
    leafShifts: features.page1Gb ? [12, 21, 30] : [12, 21],
    physBits: features.physBits,
    indexBits: INDEX_BITS,
    accessedBit: true,
    hwAccessed: true,
    markAccessedSupported: false,
    nonTerminalAccessed: "hardware",
    cachesInvalid: false,
    splitNeedsBbm: false,
    unmapOnlyEnlargeOnOom: true,
    protectIsUnmap: false,
    faultTellsPresent: true,
    distinguishesUser: true,
    prebuiltTables,
    normalizeFlags: normalizePagingFlags,
  };
}

/** A guest has no user mode to tell apart, and no accessed bits because EPTP bit 6 is 0. */
function eptCapabilities(features: X86Features): Capabilities {
  return {
    ...pagingCapabilities(features, 0),
    accessedBit: false,
    nonTerminalAccessed: "none",
    distinguishesUser: false,
    normalizeFlags: (flags) => normalizePagingFlags(flags) & ~MmuFlags.USER,
  };
}

/** What tells the formats apart. */
interface Paging {
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly levels: number;
  readonly layouts: EntryLayouts;
  /** An entry is present if one of these fields is set. */
  readonly present: readonly string[];
  /** The fields that `protect` replaces. */
  readonly permissions: readonly string[];
  readonly newTable: Readonly<Record<string, number>>;
  readonly prebuilt: { readonly first: number; readonly count: number };
  readonly leafAccessed: EntryHalves;
  readonly tableAccessed: EntryHalves;
  encode(flags: MmuFlagSet): Record<string, number>;
  decode(lo: number, hi: number, level: number): MmuFlagSet;
}

const pageSize = (level: number): Readonly<Record<string, number>> => (level > 0 ? { PS: 1 } : {});

function entryFormat(paging: Paging): EntryFormat {
  const { capabilities, decode, encode, layouts } = paging;
  const { leaves, table } = layouts;
  const frame = fieldNamed(table, "frame");
  return {
    name: paging.name,
    capabilities,
    indexBits: INDEX_BITS,
    levels: paging.levels,
    frameBit: frame.bit,
    frameBits: frame.width,
    presentLo: fieldMask(table, ...paging.present).lo,
    leafMask: fieldMask(table, "PS").lo,
    leafFlip: 0,
    topLeafLevel: capabilities.leafShifts.length - 1,
    leafAccessed: paging.leafAccessed,
    newLeavesAccessed: false,
    synchronizesInstructions: false,
    tableAccessed: paging.tableAccessed,
    newTable: encodeFields(table, paging.newTable),
    prebuilt: paging.prebuilt,
    leafBits: (flags, level) =>
      encodeFields(leaves[level]!, { ...encode(flags), ...pageSize(level) }),
    permissionBits: (level) => fieldMask(leaves[level]!, ...paging.permissions),
    leafFlags: decode,
    splitBits: (lo, hi, level) => splitBits(leaves[level]!, leaves[level - 1]!, lo, hi),
  };
}

/**
 * Every field of the large leaf goes into the field of that name in the small one. So PAT moves from
 * bit 12 to bit 7 on the way into a PTE; PS, for which a PTE has no field, goes, and so does the
 * frame, whose field has a name of its own in each size.
 */
function splitBits(large: EntryLayout, small: EntryLayout, lo: number, hi: number): EntryHalves {
  const kept = Object.entries(decodeFields(large, lo, hi)).filter(([name]) =>
    small.fields.some((field) => field.name === name),
  );
  return encodeFields(small, Object.fromEntries(kept));
}

/** Reads flags back by masks made once: queries decode an entry each. */
function pagingDecoder({ leaves }: EntryLayouts): Paging["decode"] {
  const [pte] = leaves;
  const writable = fieldMask(pte, "RW").lo;
  const user = fieldMask(pte, "US").lo;
  const executeDisable = fieldMask(pte, "XD").hi;
  const pwt = fieldMask(pte, "PWT").lo;
  const pcd = fieldMask(pte, "PCD").lo;
  const pat = leaves.map((leaf) => fieldMask(leaf, "PAT").lo);
  return (lo, hi, level) => {
    const index =
      ((lo & pwt) !== 0 ? 1 : 0) | ((lo & pcd) !== 0 ? 2 : 0) | ((lo & pat[level]!) !== 0 ? 4 : 0);
    return (
      MmuFlags.READ |
      ((lo & writable) !== 0 ? MmuFlags.WRITE : 0) |
      ((lo & user) !== 0 ? MmuFlags.USER : 0) |
      ((hi & executeDisable) === 0 ? MmuFlags.EXECUTE : 0) |
      PAT_POLICY[index]!
    );
  };
}

function eptDecoder({ leaves }: EntryLayouts): Paging["decode"] {
  const [pte] = leaves;
  const writable = fieldMask(pte, "W").lo;
  const executable = fieldMask(pte, "X").lo;
  const { bit, width } = fieldNamed(pte, "MT");
  return (lo) =>
    MmuFlags.READ |
    ((lo & writable) !== 0 ? MmuFlags.WRITE : 0) |
    ((lo & executable) !== 0 ? MmuFlags.EXECUTE : 0) |
    EPT_POLICY[(lo >>> bit) & (2 ** width - 1)]!;
}

/** User and kernel tables (Intel SDM vol. 3A, 4.5). Restrictions are the leaf's; tables allow everything. */
export function pagingFormat(kind: "user" | "kernel", features: X86Features): EntryFormat {
  const layouts = pagingLayouts(features.physBits);
  const isKernel = kind === "kernel" ? 1 : 0;
  return entryFormat({
    name: `x86-64 ${kind}`,
    capabilities: pagingCapabilities(features, isKernel),
    levels: features.levels,
    layouts,
    present: ["P"],
    permissions: ["RW", "US", "XD"],
    newTable: { P: 1, RW: 1, US: 1 },
    prebuilt: { first: KERNEL_SLOT, count: isKernel },
    leafAccessed: fieldMask(layouts.leaves[0], "A"),
    tableAccessed: fieldMask(layouts.table, "A"),
    encode(flags) {
      const pat = PAT_INDEX[flags & MmuFlags.CACHE_MASK]!;
      return {
        P: 1,
        RW: has(flags, MmuFlags.WRITE),
        US: has(flags, MmuFlags.USER),
        PWT: pat & 1,
        PCD: (pat >> 1) & 1,
        PAT: pat >> 2,
        G: isKernel,
        XD: 1 - has(flags, MmuFlags.EXECUTE),
      };
    },
    decode: pagingDecoder(layouts),
  });
}

function eptPaging(features: X86Features): Paging {
  const layouts = eptLayouts(features.physBits);
  return {
    name: "x86-64 guest",
    capabilities: eptCapabilities(features),
    levels: 4,
    layouts,
    present: ["R", "W", "X"],
    permissions: ["R", "W", "X"],
    newTable: { R: 1, W: 1, X: 1 },
    prebuilt: { first: 0, count: 0 },
    leafAccessed: NOTHING,
    tableAccessed: NOTHING,
    encode: (flags) => ({
      R: 1,
      W: has(flags, MmuFlags.WRITE),
      X: has(flags, MmuFlags.EXECUTE),
      MT: EPT_TYPE[flags & MmuFlags.CACHE_MASK]!,
    }),
    decode: eptDecoder(layouts),
  };
}

/** Guest tables: extended page tables (Intel SDM vol. 3C, 29.3.2), four levels with LA57 too. */
export function eptFormat(features: X86Features): EntryFormat {
  return entryFormat(eptPaging(features));
}

/**
 * H11: guest tables by code that looks for accessed bits where ordinary paging has them. In EPT that
 * bit is the top one of a leaf's memory type, set for write-back, and zero in tables.
 */
export function eptFormatMisreadingAccessed(features: X86Features): EntryFormat {
  const paging = eptPaging(features);
  const { leaves, table } = pagingLayouts(features.physBits);
  return entryFormat({
    ...paging,
    capabilities: {
      ...paging.capabilities,
      accessedBit: true,
      nonTerminalAccessed: "hardware",
    },
    leafAccessed: fieldMask(leaves[0], "A"),
    tableAccessed: fieldMask(table, "A"),
  });
}

/** The formats of one machine: built once, because the engine compiles each format it meets. */
export interface X86Formats {
  readonly user: EntryFormat;
  readonly kernel: EntryFormat;
  readonly guest: EntryFormat;
  /** H11's. */
  readonly misreadGuest: EntryFormat;
}

export function x86Formats(features: X86Features): X86Formats {
  return {
    user: pagingFormat("user", features),
    kernel: pagingFormat("kernel", features),
    guest: eptFormat(features),
    misreadGuest: eptFormatMisreadingAccessed(features),
  };
}
