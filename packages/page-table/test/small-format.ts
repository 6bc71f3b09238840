/**
 * A made-up format with 3-bit indices: 8 entries a table, 4 levels, leaves of 1, 8 and 64 pages, 4096
 * pages in all. Small enough to try everything, yet with each oddity of a real one: a frame that
 * straddles the halves, an attribute in the high half, an attribute that moves when a leaf is split
 * and lies among the frame bits of a large leaf.
 *
 * ```
 *   63 62  44 43        12 11 10 9  8     7 6 5  4  3 2 1 0
 *   XD mark   frame        C1 TB NS LARGE D A C1 C0 U W   P      level 0 has C1 at bit 5, large leaves at bit 12
 * ```
 */
import { MmuFlags, type Capabilities, type EntryHalves, type MmuFlagSet } from "@aspace/arch";
import type { EntryFormat } from "../src/entry-format.ts";

export interface SmallVariant {
  /** Who sets accessed marks of tables, and with "software" also of leaves. */
  readonly marks: "hardware" | "software" | "none";
  readonly split: "in-place" | "break-before-make";
  /** How a large leaf is told from a table: a bit that leaves have, or a bit that tables have. */
  readonly leavesHave: "large-bit" | "no-table-bit";
  readonly protect: "rewrites" | "unmaps";
  readonly prebuilt: { readonly first: number; readonly count: number };
}

/** Like x86: marks by hardware, splits in place. */
export const IN_PLACE: SmallVariant = {
  marks: "hardware",
  split: "in-place",
  leavesHave: "large-bit",
  protect: "rewrites",
  prebuilt: { first: 0, count: 0 },
};

/** Like arm64: marks by software, splits by break-before-make. */
export const BREAKING: SmallVariant = {
  ...IN_PLACE,
  marks: "software",
  split: "break-before-make",
  leavesHave: "no-table-bit",
};

/** Like riscv64: no marks on tables. */
export const UNMARKED: SmallVariant = { ...IN_PLACE, marks: "none" };

export const SMALL_LEVELS = 4;
export const SMALL_INDEX_BITS = 3;
export const SMALL_PAGES = 4096;
export const SMALL_TOP_LEAF = 2;
export const SMALL_FRAME_BITS = 32;

const P = 1 << 0;
const W = 1 << 2;
const U = 1 << 3;
const C0 = 1 << 4;
const C1_SMALL = 1 << 5;
const A = 1 << 6;
const LARGE = 1 << 8;
const NS = 1 << 9;
const TABLE = 1 << 10;
const C1_LARGE = 1 << 12;
const XD_HI = 1 << 31;
const MARK_HI = 1 << 30;
const LOW_ATTRIBUTES = 0xfff;
const HIGH_ATTRIBUTES = ~0xfff;

const NOTHING: EntryHalves = { lo: 0, hi: 0 };
const when = (flags: MmuFlagSet, mask: number, bit: number): number =>
  (flags & mask) === 0 ? 0 : bit;

export function smallCapabilities(variant: SmallVariant): Capabilities {
  return {
    leafShifts: [12, 15, 18],
    physBits: 12 + SMALL_FRAME_BITS,
    indexBits: SMALL_INDEX_BITS,
    accessedBit: true,
    hwAccessed: variant.marks !== "software",
    markAccessedSupported: variant.marks === "software",
    nonTerminalAccessed: variant.marks,
    cachesInvalid: false,
    splitNeedsBbm: variant.split === "break-before-make",
    unmapOnlyEnlargeOnOom: variant.split === "in-place",
    protectIsUnmap: variant.protect === "unmaps",
    faultTellsPresent: true,
    distinguishesUser: true,
    prebuiltTables: variant.prebuilt.count,
    normalizeFlags: (flags) => flags,
  };
}

/** The high bit of the cache policy. */
const c1 = (level: number): number => (level === 0 ? C1_SMALL : C1_LARGE);

export function smallFormat(variant: SmallVariant): EntryFormat {
  const software = variant.marks === "software";
  const flipped = variant.leavesHave === "no-table-bit";
  const leafTag = (level: number): number => {
    if (flipped) return level === 0 ? TABLE : 0;
    return level === 0 ? 0 : LARGE;
  };
  return {
    name: "small",
    capabilities: smallCapabilities(variant),
    indexBits: SMALL_INDEX_BITS,
    levels: SMALL_LEVELS,
    frameBit: 12,
    frameBits: SMALL_FRAME_BITS,
    presentLo: P,
    leafMask: flipped ? TABLE : LARGE,
    leafFlip: flipped ? TABLE : 0,
    topLeafLevel: SMALL_TOP_LEAF,
    leafAccessed: { lo: A, hi: 0 },
    newLeavesAccessed: software,
    synchronizesInstructions: software,
    tableAccessed: tableMark(variant.marks),
    newTable: { lo: P | (flipped ? TABLE : 0), hi: 0 },
    prebuilt: variant.prebuilt,
    leafBits: (flags, level) => ({
      lo:
        P |
        leafTag(level) |
        (software ? A : 0) |
        when(flags, MmuFlags.WRITE, W) |
        when(flags, MmuFlags.USER, U) |
        when(flags, MmuFlags.NS, NS) |
        when(flags, 1, C0) |
        when(flags, 2, c1(level)),
      hi: when(flags, MmuFlags.EXECUTE, XD_HI) ^ XD_HI,
    }),
    permissionBits: () => ({ lo: W | U, hi: XD_HI }),
    leafFlags: (lo, hi, level) =>
      MmuFlags.READ |
      when(lo, W, MmuFlags.WRITE) |
      when(lo, U, MmuFlags.USER) |
      when(lo, NS, MmuFlags.NS) |
      when(lo, C0, 1) |
      when(lo, c1(level), 2) |
      (when(hi, XD_HI, MmuFlags.EXECUTE) ^ MmuFlags.EXECUTE),
    splitBits: (lo, hi, level) => ({
      lo: (lo & LOW_ATTRIBUTES & ~LARGE) | leafTag(level - 1) | when(lo, C1_LARGE, c1(level - 1)),
      hi: hi & HIGH_ATTRIBUTES,
    }),
  };
}

function tableMark(marks: SmallVariant["marks"]): EntryHalves {
  if (marks === "none") return NOTHING;
  return marks === "hardware" ? { lo: A, hi: 0 } : { lo: 0, hi: MARK_HI };
}
