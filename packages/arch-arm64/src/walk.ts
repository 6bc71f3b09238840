import {
  type Access,
  type EntryHalves,
  type FaultCode,
  GUEST_TAGS,
  type Mmu,
  NO_FAULT,
  type Pfn,
  type PhysicalMemory,
  type Tag,
  VPN_LIMIT,
  type Vpn,
  type Walk,
  type WalkCache,
  isWriteAccess,
} from "@aspace/arch";
import { FaultStatus, type FaultStatusCode, atLevel, composeFault } from "./fault.ts";
import { type MemoryTypes, stage1MemoryTypes } from "./memory-types.ts";
import type { RegisterName } from "./registers.ts";
import {
  HIGH_HALF,
  LOW_HALF,
  type TranslationRange,
  gapBeside,
  stage1Range,
  stage2Range,
} from "./translation-range.ts";

/**
 * The judge: a CPU's MMU, written from the manual. Arm ARM (DDI 0487), D8 "The AArch64 Virtual Memory
 * System Architecture". It shares no code with the formats that encode the entries it reads.
 *
 * ```
 *  VA 63      48 47     39 38     30 29     21 20     12 11      0
 *    ┌──────────┬─────────┬─────────┬─────────┬─────────┬─────────┐
 *    │ all 0: TTBR0       │         │         │         │         │     manual's level  0  1  2  3
 *    │ all 1: TTBR1  L0   │   L1    │   L2    │   L3    │ offset  │     `level` here    3  2  1  0
 *    └──────────┴─────────┴─────────┴─────────┴─────────┴─────────┘
 * ```
 *
 * The order of checks at each descriptor (G-10): type, then address size; at the leaf then access
 * flag, then permissions.
 */

const INDEX_BITS = 9;
const INDEX_MASK = 0x1ff;
/** `shift * 57 >>> 9` is `shift / 9` for the shifts there are, 0, 9, 18, 27, without a division. */
const NINTH = 57;
const NINTH_BITS = 9;

/** Bits 1:0 of a descriptor. "11" is a table above the last level and a page on it. */
const TYPE_MASK = 0b11;
const TABLE_OR_PAGE = 0b11;
const BLOCK = 0b01;
/** Blocks exist at the manual's levels 1 and 2; at level 0 their encoding is reserved. */
const TOP_BLOCK_LEVEL = 2;
const TOP_BLOCK_SHIFT: number = INDEX_BITS * TOP_BLOCK_LEVEL;
/** Where the four table attributes start in the high half: bits 62:59 of the descriptor. */
const TABLE_RIGHTS_BIT = 59 - 32;

const AF = 0x400;
const AP2 = 0x80;
const ADDRESS_HIGH = 0xffff;
/** Address bits that no RAM needs; without them a frame number is a small integer. */
const FAR_FRAMES = 0xf800;

/** The level of the root of a 48-bit range, the manual's level 0. */
const ROOT_LEVEL = 3;

const TABLE_PAGES: readonly number[] = [9, 18, 27];

const HCR_VM = 1;
const TCR_EPD0 = 1 << 7;
const TCR_A1 = 1 << 22;
const TCR_EPD1 = 1 << 23;
/** Bit 36, in the high half. */
const TCR_AS_HIGH = 1 << 4;
const VTCR_VS = 1 << 19;

/** What translates while a guest runs; the other registers do while none does. */
const GUEST_REGISTERS: ReadonlySet<RegisterName> = new Set(["VTCR_EL2", "VTTBR_EL2"]);

const zero = (): EntryHalves => ({ lo: 0, hi: 0 });

export class Arm64Mmu implements Mmu {
  /** The current ASID, or GUEST_TAGS + VMID while a guest runs. */
  tag: Tag = 0;
  /** Some range has hardware dirty tracking on (TCR_EL1.HD, VTCR_EL2.HD). */
  tracksDirty = false;
  /** A permission fault leaves what was cached: granting a right needs an invalidation. */
  readonly faultEvicts = false;
  readonly tablePages: readonly number[] = TABLE_PAGES;

  readonly #memory: PhysicalMemory;
  readonly #words: Int32Array;
  readonly #frameCount: number;
  readonly #registers: Record<RegisterName, EntryHalves>;
  #memoryTypes: MemoryTypes;
  /** Addresses from 0 up: TTBR0's half, or the guest-physical space. */
  #low: TranslationRange;
  /** TTBR1's half, and its first page. While a guest runs there is only one range. */
  #high: TranslationRange;
  /** Everything else. */
  #gap: TranslationRange;
  #highStart: Vpn = VPN_LIMIT;
  #roots: readonly Pfn[] = [];

  /** In reset state both halves are disabled: nothing translates until the registers are loaded. */
  constructor(memory: PhysicalMemory) {
    this.#memory = memory;
    this.#words = memory.words;
    this.#frameCount = memory.frameCount;
    this.#registers = {
      TTBR0_EL1: zero(),
      TTBR1_EL1: zero(),
      TCR_EL1: { lo: TCR_EPD0 | TCR_EPD1, hi: 0 },
      MAIR_EL1: zero(),
      SCTLR_EL1: zero(),
      HCR_EL2: zero(),
      VTCR_EL2: zero(),
      VTTBR_EL2: zero(),
    };
    this.#memoryTypes = stage1MemoryTypes(this.#registers.MAIR_EL1);
    this.#low = this.#stage1(LOW_HALF);
    this.#high = this.#stage1(HIGH_HALF);
    this.#gap = gapBeside(this.#low);
  }

  /** MSR followed by ISB: the next walk obeys the new value. */
  write(register: RegisterName, value: Readonly<EntryHalves>): void {
    const own = this.#registers[register];
    own.lo = value.lo | 0;
    own.hi = value.hi | 0;
    if (register === "MAIR_EL1") this.#memoryTypes = stage1MemoryTypes(own);
    const isGuest = (this.#registers.HCR_EL2.lo & HCR_VM) !== 0;
    if (register === "HCR_EL2" || GUEST_REGISTERS.has(register) === isGuest) this.#decode(register);
  }

  /** MRS. */
  read(register: RegisterName): EntryHalves {
    return { ...this.#registers[register] };
  }

  rootPfns(): readonly Pfn[] {
    return this.#roots;
  }

  walk(vpn: Vpn, access: Access, cache: WalkCache | null, out: Walk): void {
    const range = this.#rangeOf(vpn);
    this.#translate(range, vpn, access, cache, out);
    if (range.updatesAccessed && out.fault === NO_FAULT) this.#updateLeaf(range, access, out);
  }

  inspect(vpn: Vpn, access: Access, out: Walk): void {
    this.#translate(this.#rangeOf(vpn), vpn, access, null, out);
  }

  deniedFault(vpn: Vpn, access: Access, level: number): FaultCode {
    const range = this.#rangeOf(vpn);
    const isRefused = ((range.refused >>> access) & 1) !== 0;
    const status = isRefused ? range.refusal : atLevel(FaultStatus.PERMISSION, level);
    return composeFault(range.syndromes, access, status);
  }

  /** The range that an address falls into, or the gap between the halves. */
  #rangeOf(vpn: Vpn): TranslationRange {
    if (vpn < this.#low.pageCount) return this.#low;
    if (vpn >= this.#highStart) return this.#high;
    return this.#rangeOfTagged(vpn);
  }

  /** With TBI, bit 55 alone selects the half and bits 63:56 hold whatever the program likes. */
  #rangeOfTagged(vpn: Vpn): TranslationRange {
    const untagged = vpn % 2 ** 44;
    if (untagged < 2 ** 43) {
      const low = this.#low;
      return low.ignoresTopByte && untagged < low.pageCount ? low : this.#gap;
    }
    const high = this.#high;
    return high.ignoresTopByte && untagged >= 2 ** 44 - high.pageCount ? high : this.#gap;
  }

  /**
   * Descends to the leaf of `vpn`, judges the access and fills `out`; writes nothing to RAM.
   */
  #translate(
    range: TranslationRange,
    vpn: Vpn,
    access: Access,
    cache: WalkCache | null,
    out: Walk,
  ): void {
    if (((range.refused >>> access) & 1) !== 0) {
      out.level = ROOT_LEVEL;
      out.entry = -1;
      stop(range, access, range.refusal, out);
      return;
    }
    const words = this.#words;
    const frameCount = this.#frameCount;
    const outside = range.oversize | FAR_FRAMES;
    // The low 32 bits of a page number index every table below the root.
    const page = vpn | 0;
    let shift = range.rootShift;
    let slot = range.rootWord + ((((vpn * range.rootScale) | 0) & range.rootMask) << 1);
    /** Attribute bits of the tables passed so far, where descriptors have them. */
    let inherited = 0;
    if (cache !== null && cache.find(this.tag, vpn)) {
      shift = INDEX_BITS * cache.level;
      inherited = cache.rights << TABLE_RIGHTS_BIT;
      slot = (cache.table << 10) | (((page >>> shift) & INDEX_MASK) << 1);
    }
    let lo = words[slot]!;
    let hi = words[slot + 1]!;
    while ((lo & TYPE_MASK) === TABLE_OR_PAGE && shift > 0) {
      const table = (hi << 20) | (lo >>> 12);
      if ((hi & outside) !== 0 || table >= frameCount) break;
      shift -= INDEX_BITS;
      inherited |= hi;
      if (cache !== null) {
        const rights = (inherited >>> TABLE_RIGHTS_BIT) & range.tableRights;
        cache.fill(this.tag, vpn, shift / INDEX_BITS, table, rights);
      }
      slot = (table << 10) | (((page >>> shift) & INDEX_MASK) << 1);
      lo = words[slot]!;
      hi = words[slot + 1]!;
    }
    out.level = (shift * NINTH) >>> NINTH_BITS;
    out.entry = slot;
    const leafType = shift === 0 ? TABLE_OR_PAGE : BLOCK;
    if ((lo & TYPE_MASK) !== leafType || shift > TOP_BLOCK_SHIFT || (hi & range.oversize) !== 0) {
      stop(range, access, unusable(range, lo, hi, out), out);
      return;
    }
    const tableRights = (inherited >>> TABLE_RIGHTS_BIT) & range.tableRights;
    readLeaf(range, page, tableRights, lo, hi, out);
    if (!out.present) out.fault = faultAt(range, access, FaultStatus.ACCESS_FLAG, out.level);
    else if (((out.allowed >>> access) & 1) !== 0) out.fault = NO_FAULT;
    else out.fault = faultAt(range, access, FaultStatus.PERMISSION, out.level);
  }

  /**
   * Hardware updates of an allowed access, one atomic step each: AF, and for the first write through
   * a DBM leaf AP[2] or S2AP[1]. Whether a denied access also sets AF is CONSTRAINED UNPREDICTABLE;
   * here it does not.
   */
  #updateLeaf(range: TranslationRange, access: Access, out: Walk): void {
    if (!out.accessed) {
      this.#words[out.entry]! |= AF;
      out.accessed = true;
    }
    if (!out.dirty && isWriteAccess(access)) {
      this.#words[out.entry] = (this.#words[out.entry]! & ~AP2) | range.writableBit;
      out.dirty = true;
    }
  }

  #stage1(half: typeof LOW_HALF): TranslationRange {
    const { TCR_EL1: tcr, TTBR0_EL1, TTBR1_EL1, SCTLR_EL1: sctlr } = this.#registers;
    const ttbr = half === LOW_HALF ? TTBR0_EL1 : TTBR1_EL1;
    return stage1Range(this.#memory, { tcr, ttbr, sctlr, memoryTypes: this.#memoryTypes }, half);
  }

  /** Recomputes everything that follows from the registers. */
  #decode(changed: RegisterName): void {
    if ((this.#registers.HCR_EL2.lo & HCR_VM) !== 0) this.#decodeGuest();
    else this.#decodeHost(changed);
    this.#gap = gapBeside(this.#low);
    this.tracksDirty = (this.#low.dirtyModifier | this.#high.dirtyModifier) !== 0;
    this.#roots = [...new Set([...rootFrames(this.#low), ...rootFrames(this.#high)])];
  }

  /** Each half has a root register of its own; the other registers concern both. */
  #decodeHost(changed: RegisterName): void {
    const { TCR_EL1, TTBR0_EL1, TTBR1_EL1 } = this.#registers;
    if (changed !== "TTBR1_EL1") this.#low = this.#stage1(LOW_HALF);
    if (changed !== "TTBR0_EL1") this.#high = this.#stage1(HIGH_HALF);
    this.#highStart = VPN_LIMIT - this.#high.pageCount;
    const { hi } = (TCR_EL1.lo & TCR_A1) !== 0 ? TTBR1_EL1 : TTBR0_EL1;
    this.tag = (hi >>> 16) & ((TCR_EL1.hi & TCR_AS_HIGH) !== 0 ? 0xffff : 0xff);
  }

  /** While a guest runs, its stage 1 is off: every address it uses is guest-physical. */
  #decodeGuest(): void {
    const { VTCR_EL2, VTTBR_EL2 } = this.#registers;
    this.#low = stage2Range(this.#memory, VTCR_EL2, VTTBR_EL2);
    this.#high = this.#low;
    this.#highStart = VPN_LIMIT;
    const vmid = (VTTBR_EL2.hi >>> 16) & ((VTCR_EL2.lo & VTCR_VS) !== 0 ? 0xffff : 0xff);
    this.tag = GUEST_TAGS + vmid;
  }
}

/** The frames of a root table that walks may read. */
function rootFrames(range: TranslationRange): readonly Pfn[] {
  if (!range.isWalkable) return [];
  const frames = Math.ceil((range.rootMask + 1) / (INDEX_MASK + 1));
  return Array.from({ length: frames }, (_, index) => range.rootPfn + index);
}

/** The code of a fault at a descriptor. */
function faultAt(range: TranslationRange, access: Access, group: number, level: number): FaultCode {
  return composeFault(range.syndromes, access, atLevel(group, level));
}

/** Ends a walk that found no leaf. */
function stop(range: TranslationRange, access: Access, status: FaultStatusCode, out: Walk): void {
  out.present = false;
  out.allowed = 0;
  out.fault = composeFault(range.syndromes, access, status);
}

/**
 * Why a walk ended at a descriptor that is neither a leaf nor a table that can be read. For a table
 * outside RAM that is an abort at the next level, whose entry nobody could read.
 */
function unusable(range: TranslationRange, lo: number, hi: number, out: Walk): FaultStatusCode {
  const { level } = out;
  const isTableOrPage = (lo & TYPE_MASK) === TABLE_OR_PAGE;
  const isBlock = (lo & TYPE_MASK) === BLOCK && level > 0 && level <= TOP_BLOCK_LEVEL;
  if (!isTableOrPage && !isBlock) return atLevel(FaultStatus.TRANSLATION, level);
  if ((hi & range.oversize) !== 0) return atLevel(FaultStatus.ADDRESS_SIZE, level);
  out.level = level - 1;
  out.entry = -1;
  return atLevel(FaultStatus.EXTERNAL_ABORT_ON_WALK, out.level);
}

/** What a valid leaf says. The Contiguous hint needs nothing: each entry of a run says it all. */
function readLeaf(
  range: TranslationRange,
  page: number,
  tableRights: number,
  lo: number,
  hi: number,
  out: Walk,
): void {
  out.leafPages = INDEX_BITS * out.level;
  const inside = (1 << out.leafPages) - 1;
  out.pfn = (hi & ADDRESS_HIGH) * 0x10_0000 + (((lo >>> 12) & ~inside) | (page & inside));
  out.global = (~lo & range.notGlobalBit) !== 0;
  // With dirty tracking, DBM makes a read-only leaf writable: the write will clear AP[2] itself.
  const writes = (hi & range.dirtyModifier) !== 0 ? (lo & ~AP2) | range.writableBit : lo;
  const rights =
    tableRights | (((writes >>> 4) & 0b1100) ^ range.rightsFlip) | ((hi >>> 21) & 0b0011);
  out.allowed = range.allowed[rights]!;
  const type = range.memoryTypes[((lo >>> 2) & 0xf) | ((lo >>> 4) & 0x30)]!;
  out.memoryType = type as Walk["memoryType"];
  out.dirty = ((lo ^ range.writableBit) & AP2) === 0;
  out.accessed = (lo & AF) !== 0;
  // A leaf whose access flag faults is never held in a TLB, so it does not count as present.
  out.present = out.accessed || range.updatesAccessed;
}
