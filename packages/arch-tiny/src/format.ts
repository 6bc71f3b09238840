import {
  type AspaceKind,
  type Capabilities,
  type EntryHalves,
  MmuFlags,
  type MmuFlagSet,
  PAGE_SHIFT,
  encodeFields,
  fieldMask,
  fieldNamed,
  fieldValue,
} from "@aspace/arch";
import type { EntryFormat } from "@aspace/page-table";
import { LEAF_ENTRY, TABLE_ENTRY } from "./entry-layout.ts";
import type { TinyVariant } from "./variant.ts";

const INDEX_BITS = 3;
const LEVELS = 4;
const TOP_LEAF_LEVEL = 2;
const FRAME = fieldNamed(LEAF_ENTRY, "frame");
const NOTHING: EntryHalves = { lo: 0, hi: 0 };

/** Values of the T field by cache policy: cached, uncached, device, write-combining. */
const TYPE_OF_POLICY = [0, 3, 2, 1] as const;

function capabilitiesOf(kind: AspaceKind, variant: TinyVariant): Capabilities {
  const isSoftware = variant.accessedBy === "software";
  const needsBbm = variant.split === "break-before-make";
  return {
    leafShifts: [0, 1, TOP_LEAF_LEVEL].map((level) => PAGE_SHIFT + level * INDEX_BITS),
    physBits: PAGE_SHIFT + FRAME.width,
    indexBits: INDEX_BITS,
    accessedBit: true,
    hwAccessed: !isSoftware,
    markAccessedSupported: isSoftware,
    nonTerminalAccessed: isSoftware ? "software" : "none",
    cachesInvalid: false,
    splitNeedsBbm: needsBbm,
    unmapOnlyEnlargeOnOom: !needsBbm,
    protectIsUnmap: false,
    faultTellsPresent: true,
    distinguishesUser: kind !== "guest",
    prebuiltTables: 0,
    normalizeFlags: (flags) => flags & ~(kind === "guest" ? DROPPED_IN_GUESTS : MmuFlags.NS),
  };
}

const DROPPED_IN_GUESTS = MmuFlags.NS | MmuFlags.USER;

/** A variant's formats, one for each kind of aspace. The engine compiles each once, by identity. */
export type TinyFormats = Readonly<Record<AspaceKind, EntryFormat>>;

export function formatsOf(variant: TinyVariant): TinyFormats {
  return {
    user: formatOf("user", variant),
    kernel: formatOf("kernel", variant),
    guest: formatOf("guest", variant),
  };
}

/** How the engine writes entries of one kind of aspace. */
function formatOf(kind: AspaceKind, variant: TinyVariant): EntryFormat {
  const isSoftware = variant.accessedBy === "software";
  const mark = isSoftware ? fieldMask(TABLE_ENTRY, "S") : NOTHING;
  const valid = fieldMask(TABLE_ENTRY, "V");
  return {
    name: `${variant.name} ${kind}`,
    capabilities: capabilitiesOf(kind, variant),
    indexBits: INDEX_BITS,
    levels: LEVELS,
    frameBit: FRAME.bit,
    frameBits: FRAME.width,
    presentLo: fieldMask(LEAF_ENTRY, "V").lo,
    leafMask: fieldMask(LEAF_ENTRY, "L").lo,
    leafFlip: 0,
    topLeafLevel: TOP_LEAF_LEVEL,
    leafAccessed: fieldMask(LEAF_ENTRY, "A"),
    newLeavesAccessed: isSoftware,
    synchronizesInstructions: isSoftware,
    tableAccessed: mark,
    newTable: { lo: valid.lo | mark.lo, hi: valid.hi | mark.hi },
    prebuilt: { first: 0, count: 0 },
    leafBits: (flags) => leafBits(flags, kind, isSoftware ? 1 : 0),
    permissionBits: () => fieldMask(LEAF_ENTRY, "W", "X", "U"),
    leafFlags,
    // A leaf looks alike on every level, so the smaller ones have the large one's bits.
    splitBits: (lo, hi) => ({ lo: lo & ~FRAME_MASK.lo, hi: hi & ~FRAME_MASK.hi }),
  };
}

const FRAME_MASK = fieldMask(LEAF_ENTRY, "frame");

function leafBits(flags: MmuFlagSet, kind: AspaceKind, accessed: 0 | 1): EntryHalves {
  const bit = (mask: number): 0 | 1 => ((flags & mask) === 0 ? 0 : 1);
  return encodeFields(LEAF_ENTRY, {
    V: 1,
    L: 1,
    W: bit(MmuFlags.WRITE),
    X: bit(MmuFlags.EXECUTE),
    U: kind === "guest" ? 0 : bit(MmuFlags.USER),
    A: accessed,
    G: kind === "kernel" ? 1 : 0,
    T: TYPE_OF_POLICY[flags & MmuFlags.CACHE_MASK]!,
  });
}

function leafFlags(lo: number, hi: number): MmuFlagSet {
  const field = (name: string): number => fieldValue(fieldNamed(LEAF_ENTRY, name), lo, hi);
  return (
    MmuFlags.READ |
    (field("W") * MmuFlags.WRITE) |
    (field("X") * MmuFlags.EXECUTE) |
    (field("U") * MmuFlags.USER) |
    TYPE_OF_POLICY.findIndex((type) => type === field("T"))
  );
}
