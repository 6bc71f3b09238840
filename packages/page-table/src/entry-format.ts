import type { Capabilities, EntryHalves, MmuFlagSet } from "@aspace/arch";

/**
 * Everything the engine needs to know about one architecture's entries for one kind of aspace: a few
 * constants and a few small questions. Levels count from 0, the last level, up to the root.
 *
 * Invariant on every format: a not-present entry is all zeroes.
 */
export interface EntryFormat {
  /** For messages and dumps: `x86-64 user`. */
  readonly name: string;
  readonly capabilities: Capabilities;
  /** log2 of the entries in a table: 9. */
  readonly indexBits: number;
  /** Levels of tables, root included. */
  readonly levels: number;
  /** Where the frame number starts in an entry: bit 12, or 10 on riscv. */
  readonly frameBit: number;
  /** log2 of the highest frame number plus one, for the frame field's width: physBits - 12. */
  readonly frameBits: number;
  /** An entry is present iff its low half has one of these bits. */
  readonly presentLo: number;
  /**
   * A present entry at a level from 1 to `topLeafLevel` is a leaf iff
   * `((lo ^ leafFlip) & leafMask) !== 0`. Level 0 holds only leaves, levels above only tables.
   */
  readonly leafMask: number;
  readonly leafFlip: number;
  /** Highest level that may hold a leaf. */
  readonly topLeafLevel: number;
  /** The accessed bit of a leaf; zero where there is none. */
  readonly leafAccessed: EntryHalves;
  /** New and re-protected leaves start accessed, because software has to set the bit (arm64, riscv). */
  readonly newLeavesAccessed: boolean;
  /** Frames must be synchronised for instruction fetch before they become executable (arm64, riscv). */
  readonly synchronizesInstructions: boolean;
  /** The accessed mark of a table entry; zero where there is none. */
  readonly tableAccessed: EntryHalves;
  /** What a table entry has besides the frame when the engine links a new table. */
  readonly newTable: EntryHalves;
  /**
   * Top-level entries [first, first + count) whose tables `init` builds at once and which stay for
   * life, relative to the whole root table; count 0 for none.
   */
  readonly prebuilt: { readonly first: number; readonly count: number };

  /** All bits of a new leaf at `level` for `flags`, except the frame; with the accessed bit iff `newLeavesAccessed`. */
  leafBits(flags: MmuFlagSet, level: number): EntryHalves;
  /** The bits of a leaf that `protect` replaces. */
  permissionBits(level: number): EntryHalves;
  /** What `query` reports for a leaf. */
  leafFlags(lo: number, hi: number, level: number): MmuFlagSet;
  /** The bits (except the frame) of the leaves one level down that together equal this leaf: moves PAT, drops PS, ... */
  splitBits(lo: number, hi: number, level: number): EntryHalves;
}
