import {
  FRAME_WORDS,
  KernelPanic,
  MmuFlags,
  NO_FRAME,
  Status,
  type Hardware,
  type MmuFlagSet,
  type Pfn,
  type Vpn,
} from "@aspace/arch";
import type { AddressSpaceTag } from "./address-space-tag.ts";
import { SPLIT_BIT, codecOf, type EntryCodec } from "./entry-codec.ts";
import { entryCounts } from "./entry-counts.ts";
import type { EntryFormat } from "./entry-format.ts";
import { InvalidationBatch } from "./invalidation-batch.ts";
import { TableReserve } from "./table-reserve.ts";

/** A page number is handled as two int32: vpn = hi * 2^27 + lo. */
const LOW_BITS = SPLIT_BIT;
const LOW_SPAN: number = 2 ** LOW_BITS;
const LOW_MASK: number = LOW_SPAN - 1;
/** log2 of the words in a frame: the index of any word of RAM is an int32. */
const FRAME_SHIFT: number = Math.log2(FRAME_WORDS);

/** What the entry that decides about a page is. */
export const ABSENT = 0;
export const LEAF = 1;
export type EntryState = typeof ABSENT | typeof LEAF;

/** Root entries [first, first + count) that another root owns and shares: x86 kernel halves. */
export interface RootCopy {
  readonly first: number;
  readonly count: number;
  rootPfn(): Pfn;
}

/**
 * The tables of one aspace and the one traversal over them. `descend` stops at the entry that
 * decides about a page; map, unmap, protect, query and harvest are loops around it, one descent for
 * each leaf table.
 *
 * ```
 *              level 2 (root)        level 1            level 0
 *              ┌──┬──┬──┐           ┌──┬──┬──┐         ┌──┬──┬──┐
 *   descend ─▶ │  │ ─┼──┼─ tableAt(1) │ ─┼──┼ tableAt(0) │▓▓│  │  slot: the entry, level: 0
 *              └──┴──┴──┘           └──┴──┴──┘         └──┴──┴──┘
 *                 slots[2]             slots[1]            slots[0]
 * ```
 */
export class TableTree {
  readonly codec: EntryCodec;
  readonly hardware: Hardware;
  readonly words: Int32Array;
  readonly counts: Uint16Array;
  readonly reserve: TableReserve;
  readonly batch: InvalidationBatch;
  readonly tag: AddressSpaceTag;
  readonly topLevel: number;
  readonly leafTablePages: number;

  /** Root frame, NO_FRAME before `build` and after `dismantle`. */
  root: Pfn = NO_FRAME;
  /** Live tables, root included. */
  tableCount = 0;

  /** Where the last descent ended: the deciding entry's level and index in `words`. */
  level = 0;
  slot = 0;
  /** Level of the leaf, or of the absent entry, that `locate` found. */
  locatedLevel = 0;
  /** The path of the last descent, by level, valid from `level` up: the entries it went through. */
  readonly slots: Int32Array;

  /** First page of the leaf table used last, its frame, and whether every table above it is marked accessed. */
  #lastBase = Number.NaN;
  #lastTable: Pfn = NO_FRAME;
  #lastIsMarked = false;
  /** Tables unlinked by the running operation; freed only after the flush. */
  readonly #unlinked: Pfn[] = [];

  readonly #rootCopy: RootCopy | null;
  /** Software keeps the accessed marks of tables: hardware knows none. */
  readonly #setsMarks: boolean;

  constructor(
    format: EntryFormat,
    hardware: Hardware,
    tag: AddressSpaceTag,
    rootCopy: RootCopy | null,
  ) {
    this.#rootCopy = rootCopy;
    this.#setsMarks = format.capabilities.nonTerminalAccessed === "software";
    this.codec = codecOf(format);
    this.hardware = hardware;
    this.words = hardware.memory.words;
    this.counts = entryCounts(hardware.memory);
    this.reserve = new TableReserve(hardware.tables);
    this.batch = new InvalidationBatch(tag.batchLimit);
    this.tag = tag;
    this.topLevel = format.levels - 1;
    this.leafTablePages = this.codec.entries;
    this.slots = new Int32Array(format.levels);
  }

  /** Index in `words` of the entry for `vpn` in a table at `level`. */
  slotOf(table: Pfn, vpn: Vpn, level: number): number {
    const bits = level * this.codec.indexBits;
    const index =
      bits < LOW_BITS ? (vpn & LOW_MASK) >>> bits : ((vpn / LOW_SPAN) | 0) >>> (bits - LOW_BITS);
    return (table << FRAME_SHIFT) | ((index & this.codec.indexMask) << 1);
  }

  /**
   * Walks from the root to the entry that decides about `vpn`: a leaf, or an absent entry. Tables lie
   * in RAM, so that the frame in a table entry is an int32 and the loop needs no other numbers.
   */
  descend(vpn: Vpn): EntryState {
    const { codec, words, slots } = this;
    const { frameBit, frameMaskHi, highShift, indexBits, indexMask } = codec;
    const hi = (vpn / LOW_SPAN) | 0;
    const lo = vpn & LOW_MASK;
    let table = this.root;
    let bits = this.topLevel * indexBits;
    for (let level = this.topLevel; ; level--) {
      const index = bits < LOW_BITS ? lo >>> bits : hi >>> (bits - LOW_BITS);
      const slot = (table << FRAME_SHIFT) | ((index & indexMask) << 1);
      slots[level] = slot;
      const entryLo = words[slot]!;
      if (entryLo === 0 || codec.isLeaf(entryLo, level)) {
        this.level = level;
        this.slot = slot;
        return entryLo === 0 ? ABSENT : LEAF;
      }
      table = ((words[slot + 1]! & frameMaskHi) << highShift) | (entryLo >>> frameBit);
      bits -= indexBits;
    }
  }

  /**
   * Like `descend`, for readers: answers the slot of the leaf that maps `vpn`, or -1. It leaves the
   * path alone, so that an observer may ask while an edit is under way; of what edits use it changes
   * only which leaf table was used last, and only to one that is linked. Sets `locatedLevel`.
   */
  locate(vpn: Vpn): number {
    const { codec, words } = this;
    const { frameBit, frameMaskHi, highShift, indexBits, indexMask } = codec;
    const hi = (vpn / LOW_SPAN) | 0;
    const lo = vpn & LOW_MASK;
    const last = this.lastLeafTable(vpn);
    let table = last < 0 ? this.root : last;
    let level = last < 0 ? this.topLevel : 0;
    for (let bits = level * indexBits; ; bits -= indexBits) {
      const index = bits < LOW_BITS ? lo >>> bits : hi >>> (bits - LOW_BITS);
      const slot = (table << FRAME_SHIFT) | ((index & indexMask) << 1);
      const entryLo = words[slot]!;
      if (entryLo === 0) {
        this.locatedLevel = level;
        return -1;
      }
      if (codec.isLeaf(entryLo, level)) {
        if (level === 0) this.rememberUnmarked(vpn, table);
        this.locatedLevel = level;
        return slot;
      }
      table = ((words[slot + 1]! & frameMaskHi) << highShift) | (entryLo >>> frameBit);
      level--;
    }
  }

  /** The table at `level` on the path of the last descent. */
  tableAt(level: number): Pfn {
    return this.slots[level]! >> FRAME_SHIFT;
  }

  /** First page after what the entry found by the last descent covers. */
  endOfEntry(vpn: Vpn): Vpn {
    const span = this.codec.span[this.level]!;
    return (Math.floor(vpn / span) + 1) * span;
  }

  /** Pages from `vpn` on that lie in the same leaf table and before `end`. */
  runLength(vpn: Vpn, end: Vpn): number {
    const toTableEnd = this.leafTablePages - (vpn & (this.leafTablePages - 1));
    return end - vpn < toTableEnd ? (end - vpn) | 0 : toTableEnd;
  }

  /** The leaf table of `vpn` if it was used last, else NO_FRAME: spares work on single pages the descent. */
  lastLeafTable(vpn: Vpn): Pfn {
    const offset = vpn - this.#lastBase;
    return offset >= 0 && offset < this.leafTablePages ? this.#lastTable : NO_FRAME;
  }

  /** The same for an edit that leaves accessed entries behind: only if the tables above are marked. */
  lastMarkedTable(vpn: Vpn): Pfn {
    return this.#lastIsMarked ? this.lastLeafTable(vpn) : NO_FRAME;
  }

  /** Remembers the leaf table that the last descent ended in. The caller has marked its path. */
  rememberMarked(vpn: Vpn): void {
    this.rememberUnmarked(vpn, this.tableAt(0));
    this.#lastIsMarked = true;
  }

  /** Remembers a leaf table whose path nobody has marked; where marks are not ours to set, that is no less. */
  rememberUnmarked(vpn: Vpn, table: Pfn): void {
    if (table === this.#lastTable && this.lastLeafTable(vpn) === table) return;
    this.#lastBase = vpn - (vpn & (this.leafTablePages - 1));
    this.#lastTable = table;
    this.#lastIsMarked = !this.#setsMarks;
  }

  forgetLeafTable(): void {
    this.#lastBase = Number.NaN;
  }

  /** Marks every table on the path of the last descent as accessed, where software keeps the marks. */
  markPath(): void {
    if (!this.#setsMarks) return;
    const { lo, hi } = this.codec.format.tableAccessed;
    for (let level = this.level + 1; level <= this.topLevel; level++) {
      this.words[this.slots[level]!]! |= lo;
      this.words[this.slots[level]! + 1]! |= hi;
    }
  }

  /** Links reserved tables below the absent entry of the last descent until `level` is reached. */
  growTo(vpn: Vpn, level: number): void {
    while (this.level > level) {
      this.#link(this.level, this.slot, this.takeTable());
      this.descend(vpn);
    }
  }

  /** A reserved table with no entries. Running out is our own bug: the plan counted wrong. */
  takeTable(): Pfn {
    const table = this.reserve.next();
    if (table === NO_FRAME) throw new KernelPanic("P-M6", "an edit reserved too few tables");
    this.counts[table] = 0;
    return table;
  }

  #link(level: number, slot: number, table: Pfn): void {
    this.hardware.bus.barrier();
    this.writeTable(slot, table, 0, 0);
    this.counts[this.tableAt(level)]!++;
    this.tableCount++;
  }

  /** Writes a table entry: the format's bits for new tables, the frame, and extra bits. */
  writeTable(slot: number, table: Pfn, extraLo: number, extraHi: number): void {
    const { newTable } = this.codec.format;
    this.words[slot + 1] = (table * this.codec.hiScale) | newTable.hi | extraHi;
    this.words[slot] = (table << this.codec.frameBit) | newTable.lo | extraLo;
  }

  /** Writes a leaf at `slot`; `lo` and `hi` are its attribute bits. */
  writeLeaf(slot: number, pfn: Pfn, lo: number, hi: number): void {
    const { frameBit, hiScale, lowFrames } = this.codec;
    this.words[slot + 1] = pfn < lowFrames ? hi : (pfn * hiScale) | hi;
    this.words[slot] = (pfn << frameBit) | lo;
  }

  clear(slot: number): void {
    this.words[slot] = 0;
    this.words[slot + 1] = 0;
  }

  /** Whether frames mapped with `flags` must be made visible to instruction fetch first. */
  mustSynchronize(flags: MmuFlagSet): boolean {
    return (flags & MmuFlags.EXECUTE) !== 0 && this.codec.format.synchronizesInstructions;
  }

  /** Makes every frame of a leaf visible to instruction fetch. */
  synchronizeLeaf(lo: number, hi: number, level: number): void {
    const pfn = this.codec.leafPfn(lo, hi, level);
    const pages = this.codec.span[level]!;
    for (let i = 0; i < pages; i++) this.hardware.bus.synchronizeInstructions(pfn + i);
  }

  /**
   * After `removed` entries left the table of the last descent: unlinks it if it is empty, and then
   * its parents as far as they are (invariant E). Root and prebuilt tables stay.
   */
  shrink(vpn: Vpn, removed: number): void {
    let level = this.level;
    let table = this.tableAt(level);
    this.counts[table]! -= removed;
    while (level < this.topLevel && this.counts[table] === 0 && !this.#isPrebuilt(level)) {
      this.unlink(vpn, level);
      level++;
      table = this.tableAt(level);
      this.counts[table]!--;
    }
  }

  /** Takes the table at `level` on the path out of the tree; it is freed after the next flush. */
  unlink(vpn: Vpn, level: number): void {
    this.clear(this.slots[level + 1]!);
    this.#unlinked.push(this.tableAt(level));
    this.tableCount--;
    this.batch.addTable(vpn);
    this.forgetLeafTable();
  }

  /** Tables right below the root that `build` made stay for life. */
  #isPrebuilt(level: number): boolean {
    return level === this.topLevel - 1 && this.isPrebuiltSlot(this.slots[this.topLevel]!);
  }

  /** The same by the root entry's place in `words`. */
  isPrebuiltSlot(slot: number): boolean {
    return this.isPrebuiltIndex((slot & (FRAME_WORDS - 1)) >>> 1);
  }

  isPrebuiltIndex(index: number): boolean {
    const { first, count } = this.codec.format.prebuilt;
    return index >= first && index < first + count;
  }

  /** Whether a root entry was copied from another root and belongs to that one. */
  isForeign(index: number): boolean {
    const copy = this.#rootCopy;
    return copy !== null && index >= copy.first && index < copy.first + copy.count;
  }

  /** Allocates root and prebuilt tables and copies foreign root entries. All or nothing: NO_MEMORY, OK. */
  build(): Status {
    const { prebuilt } = this.codec.format;
    if (!this.reserve.take(1 + prebuilt.count)) return Status.NO_MEMORY;
    this.root = this.takeTable();
    this.tableCount = 1;
    for (let index = prebuilt.first; index < prebuilt.first + prebuilt.count; index++) {
      const slot = this.root * FRAME_WORDS + 2 * index;
      this.writeTable(slot, this.takeTable(), 0, 0);
      this.counts[this.root]!++;
      this.tableCount++;
    }
    this.#copyForeign();
    this.hardware.bus.barrier();
    return Status.OK;
  }

  #copyForeign(): void {
    if (this.#rootCopy === null) return;
    const { first, count, rootPfn } = this.#rootCopy;
    const from = rootPfn() * FRAME_WORDS + 2 * first;
    this.words.copyWithin(this.root * FRAME_WORDS + 2 * first, from, from + 2 * count);
  }

  /** Nothing is mapped: only root and prebuilt tables are left. */
  isEmpty(): boolean {
    if (this.root === NO_FRAME) return true;
    const { prebuilt } = this.codec.format;
    if (this.tableCount !== 1 + prebuilt.count) return false;
    if (this.counts[this.root] !== prebuilt.count) return false;
    for (let index = prebuilt.first; index < prebuilt.first + prebuilt.count; index++) {
      if (this.counts[this.#tableAt(index)] !== 0) return false;
    }
    return true;
  }

  /** Frees root and prebuilt tables of an empty tree. */
  dismantle(): void {
    const { prebuilt } = this.codec.format;
    for (let index = prebuilt.first; index < prebuilt.first + prebuilt.count; index++) {
      this.hardware.tables.free(this.#tableAt(index));
    }
    this.counts[this.root] = 0;
    this.hardware.tables.free(this.root);
    this.root = NO_FRAME;
    this.tableCount = 0;
    this.forgetLeafTable();
  }

  #tableAt(index: number): Pfn {
    const slot = this.root * FRAME_WORDS + 2 * index;
    return this.codec.tablePfn(this.words[slot]!, this.words[slot + 1]!);
  }

  /**
   * Executes and empties the batch, then frees the tables unlinked so far: the order that P-R2 and
   * P-T3 demand. Does nothing after an edit that changed nothing (P-T9).
   */
  drain(): void {
    if (!this.batch.isEmpty()) {
      this.hardware.bus.barrier();
      this.tag.invalidate(this.batch);
      this.batch.clear();
    }
    while (this.#unlinked.length > 0) this.hardware.tables.free(this.#unlinked.pop()!);
  }
}
