import {
  GUEST_TAGS,
  KernelPanic,
  NO_FAULT,
  emptyWalk,
  isWriteAccess,
  type Access,
  type FaultCode,
  type Mmu,
  type Pfn,
  type PhysicalMemory,
  type Tag,
  type Vpn,
  type Walk,
  type WalkCache,
} from "@aspace/arch";
import {
  EPT_MISCONFIGURATION,
  EptViolation,
  NON_CANONICAL,
  PageFault,
  eptViolation,
  pageFault,
} from "./fault.ts";
import { EPT_MEMORY_TYPES } from "./memory-types.ts";
import { ALL_RIGHTS, EPT_ALLOWED, eptRight, type Rights } from "./permissions.ts";
import { Cr4, type ControlRegisters, type X86Features } from "./registers.ts";
import {
  guestPhysicalRange,
  linearRange,
  type LinearRange,
  type TranslationRange,
} from "./translation-range.ts";

/**
 * How the CPU translates, from the manual alone (Intel SDM vol. 3A chapter 4, vol. 3C chapter 29).
 * This file judges what the encoder wrote and therefore repeats the bits that it needs.
 *
 * ```
 *          47     39 38    30 29    21 20    12 11       0
 *         │  PML4   │  PDPT  │   PD   │   PT   │  offset  │      levels 3, 2, 1, 0
 *         └───9─────┴───9────┴───9────┴───9────┴────12────┘      LA57: PML5, 9 more, level 4
 *   vpn = │  high   │           low            │
 * ```
 */
const INDEX_BITS = 9;
const INDEX_MASK = 511;
const LOW_BITS = 27;
const LOW_SPAN = 2 ** LOW_BITS;
/** log2 of the words in a frame. */
const FRAME_SHIFT = 10;

const P = 0x1;
const RW = 0x2;
const US = 0x4;
const A = 0x20;
const D = 0x40;
const PS = 0x80;

/** In an EPT entry: any of R, W, X; R alone; and what a table entry may not have, bits 6:3. */
const EPT_PRESENT = 0x7;
const EPT_R = 0x1;
const EPT_TABLE_RESERVED = 0x78;

/** EPTP bits 11:0: write-back tables, four levels, accessed and dirty bits off, the rest reserved. */
const EPTP_ATTRIBUTES = 0xfff;
const EPTP_EXPECTED = 0x1e;

/**
 * RAM has at most 2^21 frames, so the index of any word is an int32. Frames from `NO_RAM` on, and an
 * address whose high half reaches `FAR_LIMIT`, are in no RAM; a root is there before one is loaded.
 */
const NO_RAM: Pfn = 0x7fff_ffff;
const FAR_LIMIT = 0x800;

const indexAt = (high: number, low: number, level: number): number =>
  level < 3
    ? (low >>> (INDEX_BITS * level)) & INDEX_MASK
    : (high >>> (INDEX_BITS * level - LOW_BITS)) & INDEX_MASK;

/** `far` is the part of the high half that belongs to the address. */
const frameOf = (lo: number, far: number): Pfn =>
  far === 0 ? lo >>> 12 : far * 2 ** 20 + (lo >>> 12);

/** The same for a table that is about to be read: an int32, so that its entries' indices are too. */
const tableOf = (lo: number, far: number): Pfn =>
  far < FAR_LIMIT ? (far << 20) | (lo >>> 12) : NO_RAM;

/** Ends a walk at an entry without a leaf. */
function stopAt(out: Walk, level: number, entry: number, fault: FaultCode): void {
  out.fault = fault;
  out.present = false;
  out.allowed = 0;
  out.level = level;
  out.entry = entry;
}

/** Ends a walk at a leaf: its place and size, and the frame of the very page asked for. */
function foundLeaf(
  out: Walk,
  level: number,
  entry: number,
  lo: number,
  far: number,
  low: number,
): void {
  const inside = (1 << (INDEX_BITS * level)) - 1;
  const near = ((lo >>> 12) & ~inside) | (low & inside);
  out.present = true;
  out.level = level;
  out.entry = entry;
  out.leafPages = INDEX_BITS * level;
  out.pfn = far === 0 ? near : far * 2 ** 20 + near;
}

/** What both walkers start from. */
class TableWalker {
  root: Pfn = NO_RAM;
  protected readonly words: Int32Array;
  protected readonly frameCount: number;
  /** By level: the entries of the last walk, as indices in RAM's words. */
  protected readonly path: Int32Array = new Int32Array(5);
  readonly #plainMask: number;
  readonly #plain: number;

  /** A table entry is plain if its low byte under `plainMask` is `plain` and its high half is 0. */
  constructor(memory: PhysicalMemory, plainMask: number, plain: number) {
    this.words = memory.words;
    this.frameCount = memory.frameCount;
    this.#plainMask = plainMask;
    this.#plain = plain;
  }

  /**
   * The table of level 0 below a table of level 3, if both tables in between and the entries that lead
   * to them are plain: present, all rights, nothing to be set, nothing reserved. So it is on nearly
   * every walk, and a straight line is much faster than three rounds of the loop, which otherwise has
   * to look (NO_RAM).
   */
  protected plainDescent(top: Pfn, high: number, low: number): Pfn {
    const { frameCount, path, words } = this;
    if (top >= frameCount) return NO_RAM;
    const first = (top << FRAME_SHIFT) | ((high & INDEX_MASK) << 1);
    const second = this.#plainTable(words, first);
    if (second >= frameCount) return NO_RAM;
    const next = (second << FRAME_SHIFT) | ((low >>> 18) << 1);
    const third = this.#plainTable(words, next);
    if (third >= frameCount) return NO_RAM;
    const last = (third << FRAME_SHIFT) | (((low >>> 9) & INDEX_MASK) << 1);
    path[3] = first;
    path[2] = next;
    path[1] = last;
    return this.#plainTable(words, last);
  }

  #plainTable(words: Int32Array, entry: number): Pfn {
    const lo = words[entry]!;
    return (lo & this.#plainMask) === this.#plain && words[entry + 1] === 0 ? lo >>> 12 : NO_RAM;
  }
}

/** Walks 4-level and 5-level paging tables. */
class PagingWalker extends TableWalker {
  readonly #range: LinearRange;

  constructor(memory: PhysicalMemory, range: LinearRange) {
    super(memory, P | RW | US | A | PS, P | RW | US | A);
    this.#range = range;
  }

  walk(vpn: Vpn, access: Access, tag: Tag, cache: WalkCache | null, out: Walk): void {
    let first = this.#range.rootLevel;
    let table = this.root;
    let rights = ALL_RIGHTS;
    if (cache !== null && cache.find(tag, vpn)) {
      first = cache.level;
      table = Math.min(cache.table, NO_RAM);
      rights = cache.rights;
    }
    const common = this.#translate(vpn, access, first, table, rights, out);
    if (out.fault === NO_FAULT) this.#setAccessedAndDirty(access, first, common, out);
    if (cache !== null) this.#remember(vpn, tag, cache, first, rights, out);
  }

  inspect(vpn: Vpn, access: Access, out: Walk): void {
    this.#translate(vpn, access, this.#range.rootLevel, this.root, ALL_RIGHTS, out);
  }

  denied(access: Access): FaultCode {
    return pageFault(PageFault.P | this.#range.errors[access]!);
  }

  /** The walk itself, without side effects. Answers the AND of the low halves of all entries used. */
  #translate(
    vpn: Vpn,
    access: Access,
    first: number,
    firstTable: Pfn,
    firstRights: Rights,
    out: Walk,
  ): number {
    const words = this.words;
    const frameCount = this.frameCount;
    const { errors, frameHigh, largeReserved, reservedHigh, signOnes, signShift } = this.#range;
    const high = (vpn / LOW_SPAN) | 0;
    const low = (vpn - high * LOW_SPAN) | 0;
    const sign = high >> signShift;
    if (sign !== 0 && sign !== signOnes) {
      stopAt(out, first, -1, NON_CANONICAL);
      return 0;
    }
    let table = firstTable | 0;
    let rights = firstRights | 0;
    let level = first | 0;
    let common = -1;
    const last = level === 3 ? this.plainDescent(table, high, low) : NO_RAM;
    if (last < frameCount) {
      table = last;
      level = 0;
    }
    for (; ; level--) {
      // Outside RAM the bus answers zeroes, which is an absent entry.
      if (table >= frameCount) {
        stopAt(out, level, -1, pageFault(errors[access]!));
        return common;
      }
      const entry = (table << FRAME_SHIFT) | (indexAt(high, low, level) << 1);
      const lo = words[entry]!;
      if ((lo & P) === 0) {
        stopAt(out, level, entry, pageFault(errors[access]!));
        return common;
      }
      const hi = words[entry + 1]!;
      const isLarge = level !== 0 && (lo & PS) !== 0;
      if ((hi & reservedHigh) !== 0 || (isLarge && (lo & largeReserved[level]!) !== 0)) {
        stopAt(out, level, entry, pageFault(PageFault.P | PageFault.RSVD | errors[access]!));
        return common;
      }
      this.path[level] = entry;
      common &= lo;
      // P is 1 here, so the XOR makes bit 0 say that XD is clear.
      rights &= lo ^ (hi >>> 31);
      if (isLarge || level === 0) {
        foundLeaf(out, level, entry, lo, hi & frameHigh, low);
        this.#judgeLeaf(access, rights, lo, out);
        return common;
      }
      table = tableOf(lo, hi & frameHigh);
    }
  }

  #judgeLeaf(access: Access, rights: Rights, lo: number, out: Walk): void {
    const { allowed, globalBit, memoryTypes } = this.#range;
    const mask = allowed[rights]!;
    // The PAT bit is bit 7 of a PTE; in larger leaves PS is there, and PAT at bit 12.
    const patHigh = out.level === 0 ? lo >>> 5 : lo >>> 10;
    out.allowed = mask;
    out.fault = ((mask >> access) & 1) !== 0 ? NO_FAULT : this.denied(access);
    out.global = (lo & globalBit) !== 0;
    out.accessed = (lo & A) !== 0;
    out.dirty = (lo & D) !== 0;
    out.memoryType = memoryTypes[((lo >>> 3) & 3) | (patHigh & 4)]!;
  }

  /** After a permitted access: A in every entry used, D in the leaf for a write (4.8). */
  #setAccessedAndDirty(access: Access, first: number, common: number, out: Walk): void {
    const words = this.words;
    if ((common & A) === 0) {
      for (let level = first; level >= out.level; level--) words[this.path[level]!]! |= A;
      out.accessed = true;
    }
    if (!out.dirty && isWriteAccess(access)) {
      words[out.entry]! |= D;
      out.dirty = true;
    }
  }

  /**
   * Caches the tables that the walk went through. A CPU may cache a table entry only once its accessed
   * bit is set (4.10.3), which after a fault is true of those that an earlier access used.
   */
  #remember(
    vpn: Vpn,
    tag: Tag,
    cache: WalkCache,
    first: number,
    firstRights: Rights,
    out: Walk,
  ): void {
    let rights = firstRights;
    for (let level = first; level > out.level; level--) {
      const entry = this.path[level]!;
      const lo = this.words[entry]!;
      const hi = this.words[entry + 1]!;
      if ((lo & A) === 0) return;
      rights &= lo ^ (hi >>> 31);
      cache.fill(tag, vpn, level - 1, frameOf(lo, hi & this.#range.frameHigh), rights);
    }
  }
}

/**
 * Walks extended page tables. The guest's own first stage is not modelled: every guest-physical
 * address stands for a linear one, so an access is always the final one of its translation.
 */
class EptWalker extends TableWalker {
  readonly #range: TranslationRange;

  constructor(memory: PhysicalMemory, range: TranslationRange) {
    super(memory, EPT_PRESENT | EPT_TABLE_RESERVED | PS, EPT_PRESENT);
    this.#range = range;
  }

  walk(vpn: Vpn, access: Access, tag: Tag, cache: WalkCache | null, out: Walk): void {
    let first = this.#range.rootLevel;
    let table = this.root;
    let rights = ALL_RIGHTS;
    if (cache !== null && cache.find(tag, vpn)) {
      first = cache.level;
      table = Math.min(cache.table, NO_RAM);
      rights = cache.rights;
    }
    this.#translate(vpn, access, first, table, rights, out);
    if (cache !== null) this.#remember(vpn, tag, cache, first, rights, out);
  }

  /** While accessed and dirty bits are off, no EPT walk writes anything. */
  inspect(vpn: Vpn, access: Access, out: Walk): void {
    this.#translate(vpn, access, this.#range.rootLevel, this.root, ALL_RIGHTS, out);
  }

  /** The violation that an access meets where all entries together grant `rights`. */
  denied(access: Access, rights: Rights): FaultCode {
    return eptViolation(
      eptRight(access) |
        (rights << EptViolation.RIGHTS_SHIFT) |
        EptViolation.LINEAR_VALID |
        EptViolation.FINAL_ACCESS,
    );
  }

  #translate(
    vpn: Vpn,
    access: Access,
    first: number,
    firstTable: Pfn,
    firstRights: Rights,
    out: Walk,
  ): void {
    const words = this.words;
    const frameCount = this.frameCount;
    const { frameHigh } = this.#range;
    const high = (vpn / LOW_SPAN) | 0;
    const low = (vpn - high * LOW_SPAN) | 0;
    // Four levels translate 48 bits; there is nothing above.
    let table = high > INDEX_MASK ? NO_RAM : firstTable | 0;
    let rights = firstRights | 0;
    let level = first | 0;
    const last = level === 3 ? this.plainDescent(table, high, low) : NO_RAM;
    if (last < frameCount) {
      table = last;
      level = 0;
    }
    for (; ; level--) {
      if (table >= frameCount) {
        stopAt(out, level, -1, this.denied(access, 0));
        return;
      }
      const entry = (table << FRAME_SHIFT) | (indexAt(high, low, level) << 1);
      const lo = words[entry]!;
      if ((lo & EPT_PRESENT) === 0) {
        stopAt(out, level, entry, this.denied(access, 0));
        return;
      }
      const hi = words[entry + 1]!;
      const isLeaf = level === 0 || (lo & PS) !== 0;
      if (this.#isMisconfigured(lo, hi, level, isLeaf)) {
        stopAt(out, level, entry, EPT_MISCONFIGURATION);
        return;
      }
      this.path[level] = entry;
      rights &= lo;
      if (isLeaf) {
        foundLeaf(out, level, entry, lo, hi & frameHigh, low);
        this.#judgeLeaf(access, rights, lo, out);
        return;
      }
      table = tableOf(lo, hi & frameHigh);
    }
  }

  /** Intel SDM vol. 3C, 29.3.3.1, for a CPU without execute-only translations. */
  #isMisconfigured(lo: number, hi: number, level: number, isLeaf: boolean): boolean {
    const { largeReserved, reservedHigh } = this.#range;
    if ((lo & EPT_R) === 0 || (hi & reservedHigh) !== 0) return true;
    if (!isLeaf) return (lo & EPT_TABLE_RESERVED) !== 0;
    return (lo & largeReserved[level]!) !== 0 || EPT_MEMORY_TYPES[(lo >>> 3) & 7] === undefined;
  }

  #judgeLeaf(access: Access, rights: Rights, lo: number, out: Walk): void {
    out.allowed = EPT_ALLOWED[rights]!;
    out.fault = (rights & eptRight(access)) !== 0 ? NO_FAULT : this.denied(access, rights);
    out.global = false;
    out.accessed = false;
    out.dirty = false;
    out.memoryType = EPT_MEMORY_TYPES[(lo >>> 3) & 7]!;
  }

  /** Without accessed bits a CPU may cache any entry that is present and well formed. */
  #remember(
    vpn: Vpn,
    tag: Tag,
    cache: WalkCache,
    first: number,
    firstRights: Rights,
    out: Walk,
  ): void {
    let rights = firstRights;
    for (let level = first; level > out.level; level--) {
      const entry = this.path[level]!;
      const lo = this.words[entry]!;
      rights &= lo;
      const far = this.words[entry + 1]! & this.#range.frameHigh;
      cache.fill(tag, vpn, level - 1, frameOf(lo, far), rights);
    }
  }
}

/**
 * One CPU's memory management: CR3 and EPTP, which a context switch loads, and the walkers. Before
 * the first load it translates nothing. The control registers are given once and for all.
 */
export class X86Mmu implements Mmu {
  /** A fault drops what was cached for its address, also an EPT violation (vol. 3A 4.10.4.1, vol. 3C 29.4.3.1). */
  readonly faultEvicts = true;
  readonly tablePages: readonly number[];
  readonly #range: LinearRange;
  readonly #paging: PagingWalker;
  readonly #ept: EptWalker;
  readonly #usesPcids: boolean;
  readonly #fresh: Walk = emptyWalk();
  #pcid = 0;
  #isGuest = false;
  #tag: Tag = 0;

  constructor(memory: PhysicalMemory, features: X86Features, controls: ControlRegisters) {
    this.#range = linearRange(features, controls);
    this.#paging = new PagingWalker(memory, this.#range);
    this.#ept = new EptWalker(memory, guestPhysicalRange(features));
    this.#usesPcids = (controls.cr4 & Cr4.PCIDE) !== 0;
    this.tablePages = Array.from(
      { length: this.#range.rootLevel },
      (_, level) => INDEX_BITS * (level + 1),
    );
  }

  /** The PCID or, while a guest runs, GUEST_TAGS plus the frame of the EPT root. */
  get tag(): Tag {
    return this.#tag;
  }

  /** The PCID in CR3, which stays there while a guest runs. */
  get pcid(): number {
    return this.#pcid;
  }

  /** EPT entries have no dirty bits to keep while EPTP bit 6 is 0. */
  get tracksDirty(): boolean {
    return !this.#isGuest;
  }

  rootPfns(): readonly Pfn[] {
    return [this.#paging.root, this.#ept.root].filter((root) => root !== NO_RAM);
  }

  /**
   * MOV to CR3, as far as the register goes: what it flushes is `X86Flush.MOV_CR3`, and bit 63 is not
   * part of the register. An address beyond MAXPHYADDR would raise #GP, so panics.
   */
  loadCr3(lo: number, hi: number): void {
    const far = hi & 0x7fff_ffff;
    if ((far & ~this.#range.frameHigh) !== 0) {
      throw new KernelPanic("X-13", "CR3 with reserved bits set");
    }
    this.#paging.root = frameOf(lo, far);
    this.#pcid = this.#usesPcids ? lo & 0xfff : 0;
    if (!this.#isGuest) this.#tag = this.#pcid;
  }

  /** VM entry: from now on every access is a guest's, by guest-physical address. Panics on a bad EPTP. */
  enterGuest(eptpLo: number, eptpHi: number): void {
    if ((eptpLo & EPTP_ATTRIBUTES) !== EPTP_EXPECTED || (eptpHi & ~this.#range.frameHigh) !== 0) {
      throw new KernelPanic("X-13", "VM entry with an EPTP that this CPU does not take");
    }
    this.#ept.root = frameOf(eptpLo, eptpHi);
    this.#isGuest = true;
    this.#tag = GUEST_TAGS + this.#ept.root;
  }

  /** VM exit: the CPU is back in the context of CR3. */
  leaveGuest(): void {
    this.#ept.root = NO_RAM;
    this.#isGuest = false;
    this.#tag = this.#pcid;
  }

  walk(vpn: Vpn, access: Access, cache: WalkCache | null, out: Walk): void {
    if (this.#isGuest) this.#ept.walk(vpn, access, this.#tag, cache, out);
    else this.#paging.walk(vpn, access, this.#tag, cache, out);
  }

  inspect(vpn: Vpn, access: Access, out: Walk): void {
    if (this.#isGuest) this.#ept.inspect(vpn, access, out);
    else this.#paging.inspect(vpn, access, out);
  }

  /**
   * A CPU looks at memory once more before it reports a denial, so the qualification of an EPT
   * violation shows the rights found there. If those allow the access, the cached ones lacked it.
   */
  deniedFault(vpn: Vpn, access: Access, _level: number): FaultCode {
    if (!this.#isGuest) return this.#paging.denied(access);
    this.#ept.inspect(vpn, access, this.#fresh);
    if (this.#fresh.fault !== NO_FAULT) return this.#fresh.fault;
    return this.#ept.denied(access, ALL_RIGHTS & ~eptRight(access));
  }
}
