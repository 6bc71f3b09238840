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
 * This file judges what the encoder wrote and therefore repeats the bits that it needs. Numbers of the
 * inner loops are this module's own constants: V8 folds those, but loads an imported one at every use.
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
const A = 0x20;
const D = 0x40;
const PS = 0x80;

/** In an EPT entry: any of R, W, X; R alone; and R with what a table entry may not have, bits 7:3. */
const EPT_PRESENT = 0x7;
const EPT_R = 0x1;
const EPT_TABLE = 0xf9;

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

/** Walks 4-level and 5-level paging tables. */
class PagingWalker {
  root: Pfn = NO_RAM;
  readonly #words: Int32Array;
  readonly #frameCount: number;
  readonly #range: LinearRange;
  /** By level: the entries that the last walk went through, as indices in RAM's words. */
  readonly #path = new Int32Array(5);

  constructor(memory: PhysicalMemory, range: LinearRange) {
    this.#words = memory.words;
    this.#frameCount = memory.frameCount;
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
    return this.#fault(access, PageFault.P);
  }

  /**
   * The walk itself, without side effects: down through tables to the entry that is none, then what
   * that entry says. Answers the AND of the low halves of all entries used.
   */
  #translate(
    vpn: Vpn,
    access: Access,
    first: number,
    firstTable: Pfn,
    firstRights: Rights,
    out: Walk,
  ): number {
    const words = this.#words;
    const frameCount = this.#frameCount;
    const path = this.#path;
    const { frameHigh, reservedHigh, signOnes, signShift } = this.#range;
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
    let entry = 0;
    let lo = 0;
    let hi = 0;
    for (; ; level--) {
      // Outside RAM the bus answers zeroes, which is an absent entry.
      if (table >= frameCount) {
        stopAt(out, level, -1, this.#fault(access, 0));
        return common;
      }
      entry = (table << FRAME_SHIFT) | (indexAt(high, low, level) << 1);
      lo = words[entry]!;
      hi = words[entry + 1]!;
      if (level === 0 || (lo & (P | PS)) !== P || (hi & reservedHigh) !== 0) break;
      path[level] = entry;
      common &= lo;
      // P is 1 here, so the XOR makes bit 0 say that XD is clear.
      rights &= lo ^ (hi >>> 31);
      table = tableOf(lo, hi & frameHigh);
    }
    if ((lo & P) === 0 || this.#isMalformed(lo, hi, level)) {
      const error = (lo & P) === 0 ? 0 : PageFault.P | PageFault.RSVD;
      stopAt(out, level, entry, this.#fault(access, error));
      return common;
    }
    path[level] = entry;
    foundLeaf(out, level, entry, lo, hi & frameHigh, low);
    this.#judgeLeaf(access, rights & (lo ^ (hi >>> 31)), lo, out);
    return common & lo;
  }

  #fault(access: Access, error: number): FaultCode {
    return pageFault(error | this.#range.errors[access]!);
  }

  /** Whether an entry that should be a leaf has a bit set that must be zero. */
  #isMalformed(lo: number, hi: number, level: number): boolean {
    const { largeReserved, reservedHigh } = this.#range;
    if ((hi & reservedHigh) !== 0) return true;
    return level !== 0 && (lo & largeReserved[level]!) !== 0;
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
    const words = this.#words;
    if ((common & A) === 0) {
      for (let level = first; level >= out.level; level--) words[this.#path[level]!]! |= A;
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
      const entry = this.#path[level]!;
      const lo = this.#words[entry]!;
      const hi = this.#words[entry + 1]!;
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
class EptWalker {
  root: Pfn = NO_RAM;
  readonly #words: Int32Array;
  readonly #frameCount: number;
  readonly #range: TranslationRange;
  readonly #path = new Int32Array(4);

  constructor(memory: PhysicalMemory, range: TranslationRange) {
    this.#words = memory.words;
    this.#frameCount = memory.frameCount;
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
    const words = this.#words;
    const frameCount = this.#frameCount;
    const { frameHigh, reservedHigh } = this.#range;
    const high = (vpn / LOW_SPAN) | 0;
    const low = (vpn - high * LOW_SPAN) | 0;
    // Four levels translate 48 bits; there is nothing above.
    let table = high > INDEX_MASK ? NO_RAM : firstTable | 0;
    let rights = firstRights | 0;
    let level = first | 0;
    let entry = 0;
    let lo = 0;
    let hi = 0;
    for (; ; level--) {
      if (table >= frameCount) {
        stopAt(out, level, -1, this.denied(access, 0));
        return;
      }
      entry = (table << FRAME_SHIFT) | (indexAt(high, low, level) << 1);
      lo = words[entry]!;
      hi = words[entry + 1]!;
      if (level === 0 || (lo & EPT_TABLE) !== EPT_R || (hi & reservedHigh) !== 0) break;
      this.#path[level] = entry;
      rights &= lo;
      table = tableOf(lo, hi & frameHigh);
    }
    if ((lo & EPT_PRESENT) === 0) {
      stopAt(out, level, entry, this.denied(access, 0));
    } else if (this.#isMisconfigured(lo, hi, level)) {
      stopAt(out, level, entry, EPT_MISCONFIGURATION);
    } else {
      foundLeaf(out, level, entry, lo, hi & frameHigh, low);
      this.#judgeLeaf(access, rights & lo, lo, out);
    }
  }

  /**
   * Whether an entry that ends a walk holds what no entry may hold (Intel SDM vol. 3C, 29.3.3.1), on a
   * CPU without execute-only translations: a leaf, or a table entry with bits of a leaf's memory type.
   */
  #isMisconfigured(lo: number, hi: number, level: number): boolean {
    const { largeReserved, reservedHigh } = this.#range;
    if ((lo & EPT_R) === 0 || (hi & reservedHigh) !== 0) return true;
    if (level !== 0 && (lo & PS) === 0) return true;
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
      const entry = this.#path[level]!;
      const lo = this.#words[entry]!;
      rights &= lo;
      const far = this.#words[entry + 1]! & this.#range.frameHigh;
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
