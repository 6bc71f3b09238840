import {
  ALL_ALLOWED,
  type AccessMask,
  type EntryHalves,
  FRAME_WORDS,
  KernelPanic,
  PAGE_BYTES,
  type Pfn,
  type PhysicalMemory,
} from "@aspace/arch";
import {
  FaultStatus,
  type FaultStatusCode,
  STAGE1_SYNDROMES,
  STAGE2_SYNDROMES,
  type Syndromes,
  atLevel,
} from "./fault.ts";
import type { MemoryTypes } from "./memory-types.ts";
import { STAGE2_MEMORY_TYPES } from "./memory-types.ts";
import { E0PD_REFUSED, STAGE1_ALLOWED, STAGE2_ALLOWED, Stage1Control } from "./permissions.ts";

/**
 * A contiguous range of input addresses and all that the control registers say about walks in it:
 * the low half (TTBR0), the high half (TTBR1), or the guest-physical range (VTTBR). Decoded when a
 * register is written, so that a walk reads plain numbers and needs no "which stage am I".
 * Arm ARM, D8.2 "Translation process". Part of the judge.
 */
export interface TranslationRange {
  /** Pages in the range: 2^(address bits - 12); 0 where TxSZ is out of bounds. */
  readonly pageCount: number;
  /** Bits 63:56 of an address do not count (TBI). */
  readonly ignoresTopByte: boolean;
  /** The range is enabled and its root can be read. */
  readonly isWalkable: boolean;
  /** Accesses that fault before any table is read: all, if the range is not walkable; EL0's under E0PD. */
  readonly refused: AccessMask;
  /** The status of those faults. */
  readonly refusal: FaultStatusCode;
  readonly rootPfn: Pfn;
  /** Index in RAM's words of the root table, which may be shorter than a frame and inside one. */
  readonly rootWord: number;
  /** log2 of the pages that a root entry translates: 9 for each level below the root. */
  readonly rootShift: number;
  /** Multiplying a page number by this and cutting it off leaves the root index in `rootMask`. */
  readonly rootScale: number;
  readonly rootMask: number;
  /** High-half bits of an address field that lie beyond the output address size (IPS, PS). */
  readonly oversize: number;
  /** Which table attributes count, in `Rights` bits: all, or none (HPD, stage 2). */
  readonly tableRights: number;
  /** Makes leaf bits AP[2:1] or S2AP into `Rights` bits: AP[1] gives and is stored inverted. */
  readonly rightsFlip: number;
  readonly allowed: Uint16Array;
  readonly memoryTypes: MemoryTypes;
  /** The bit whose absence makes a leaf valid for every ASID: nG, or none in stage 2. */
  readonly notGlobalBit: number;
  /** Hardware sets access flags (HA). */
  readonly updatesAccessed: boolean;
  /** DBM as a high-half mask where hardware tracks dirty pages (HA and HD), else 0. */
  readonly dirtyModifier: number;
  /** Value of bit 7 in a writable leaf: AP[2] is 0 then, S2AP[1] is 1. */
  readonly writableBit: number;
  readonly syndromes: Syndromes;
}

/** Input addresses have 22 to 48 bits with the 4 KiB granule. */
const MIN_SIZE_BITS = 22;
const MAX_SIZE_BITS = 48;

const INDEX_BITS = 9;
/** A stage 2 root may be up to 16 tables in a row. */
const CONCATENATED_BITS = 4;
const TABLE_RIGHTS = 0xf;
const AP1_INVERTED = 0b0100;
const NG = 0x800;
const DBM = 1 << (51 - 32);
const AP2 = 0x80;

/** Bits of a register given as halves, `width` up to 32, not across the middle. */
function bits(register: EntryHalves, bit: number, width: number): number {
  const half = bit < 32 ? register.lo : register.hi;
  return (half >>> (bit & 31)) & (2 ** width - 1);
}

const flag = (register: EntryHalves, bit: number): boolean => bits(register, bit, 1) === 1;

/** Address bits that the IPS or PS field stands for; the CPU itself has 48 (no LPA). */
const OUTPUT_BITS = [32, 36, 40, 42, 44, 48, 48, 48] as const;

/** High-half bits 15:0 that must be zero in an address. */
function oversizeMask(sizeField: number): number {
  return 0xffff & ~(2 ** (OUTPUT_BITS[sizeField & 7]! - 32) - 1);
}

type RootPlace = Pick<
  TranslationRange,
  | "isWalkable"
  | "refused"
  | "refusal"
  | "rootPfn"
  | "rootWord"
  | "rootShift"
  | "rootScale"
  | "rootMask"
>;

/** No walks: `status` says why. */
function noRoot(refusal: FaultStatusCode): RootPlace {
  const nothing = { rootPfn: 0, rootWord: 0, rootShift: 0, rootScale: 1, rootMask: 0 };
  return { isWalkable: false, refused: ALL_ALLOWED, refusal, ...nothing };
}

interface RootRequest {
  readonly memory: PhysicalMemory;
  /** TTBRn_EL1 or VTTBR_EL2. */
  readonly base: EntryHalves;
  readonly sizeBits: number;
  /** Level of the root, from the last one up. */
  readonly rootLevel: number;
  readonly oversize: number;
  readonly enabled: boolean;
  readonly refused: AccessMask;
}

/** Where the root is and how it is indexed. */
function placeRoot(request: RootRequest): RootPlace {
  const { memory, base, sizeBits, rootLevel, oversize, enabled, refused } = request;
  const rootShift = INDEX_BITS * rootLevel;
  const indexBits = sizeBits - 12 - rootShift;
  const fits = indexBits >= 1 && indexBits <= INDEX_BITS + CONCATENATED_BITS;
  if (!enabled || !fits) return noRoot(FaultStatus.TRANSLATION);
  if ((base.hi & oversize) !== 0) return noRoot(FaultStatus.ADDRESS_SIZE);
  const bytes = 8 * 2 ** indexBits;
  const rootPfn = (base.hi & 0xffff) * 2 ** 20 + (base.lo >>> 12);
  if (rootPfn + Math.ceil(bytes / PAGE_BYTES) > memory.frameCount) {
    return noRoot(atLevel(FaultStatus.EXTERNAL_ABORT_ON_WALK, rootLevel));
  }
  // The root is aligned to its own size; lower address bits are RES0 and do not count.
  const offset = base.lo & (PAGE_BYTES - 1) & ~(Math.min(bytes, PAGE_BYTES) - 1);
  return {
    isWalkable: true,
    refused,
    refusal: FaultStatus.TRANSLATION,
    rootPfn,
    rootWord: rootPfn * FRAME_WORDS + offset / 4,
    rootShift,
    rootScale: 2 ** -rootShift,
    rootMask: 2 ** indexBits - 1,
  };
}

/** Bit positions of the TCR_EL1 fields that come once per half. */
export interface HalfFields {
  readonly txsz: number;
  readonly epd: number;
  readonly tg: number;
  /** TG value that stands for 4 KiB; the two halves disagree. */
  readonly tg4k: number;
  readonly tbi: number;
  readonly hpd: number;
  readonly e0pd: number;
}

export const LOW_HALF: HalfFields = {
  txsz: 0,
  epd: 7,
  tg: 14,
  tg4k: 0,
  tbi: 37,
  hpd: 41,
  e0pd: 55,
};
export const HIGH_HALF: HalfFields = {
  txsz: 16,
  epd: 23,
  tg: 30,
  tg4k: 2,
  tbi: 38,
  hpd: 42,
  e0pd: 56,
};

const IPS = 32;
const HA = 39;
const HD = 40;
const DS = 59;
const WXN = 19;

export interface Stage1Registers {
  readonly tcr: EntryHalves;
  readonly ttbr: EntryHalves;
  readonly sctlr: EntryHalves;
  readonly memoryTypes: MemoryTypes;
}

/** One half of the stage 1 address space. Panics (G-2) on a granule that the model does not have. */
export function stage1Range(
  memory: PhysicalMemory,
  registers: Stage1Registers,
  half: HalfFields,
): TranslationRange {
  const { tcr, ttbr, sctlr, memoryTypes } = registers;
  const sizeBits = 64 - bits(tcr, half.txsz, 6);
  const inRange = sizeBits >= MIN_SIZE_BITS && sizeBits <= MAX_SIZE_BITS;
  const enabled = !flag(tcr, half.epd) && inRange;
  if (enabled && (bits(tcr, half.tg, 2) !== half.tg4k || flag(tcr, DS))) {
    throw new KernelPanic("G-2", "TCR_EL1 asks for something else than the 4 KiB granule");
  }
  const e0pd = flag(tcr, half.e0pd);
  const controls = (flag(sctlr, WXN) ? Stage1Control.WXN : 0) | (e0pd ? Stage1Control.E0PD : 0);
  const oversize = oversizeMask(bits(tcr, IPS, 3));
  const hardwareUpdates = flag(tcr, HA);
  return {
    ...placeRoot({
      memory,
      base: ttbr,
      sizeBits,
      rootLevel: Math.max(Math.ceil((sizeBits - 12) / INDEX_BITS) - 1, 0),
      oversize,
      enabled,
      refused: e0pd ? E0PD_REFUSED : 0,
    }),
    pageCount: inRange ? 2 ** (sizeBits - 12) : 0,
    ignoresTopByte: flag(tcr, half.tbi),
    oversize,
    tableRights: flag(tcr, half.hpd) ? 0 : TABLE_RIGHTS,
    rightsFlip: AP1_INVERTED,
    allowed: STAGE1_ALLOWED[controls]!,
    memoryTypes,
    notGlobalBit: NG,
    updatesAccessed: hardwareUpdates,
    dirtyModifier: hardwareUpdates && flag(tcr, HD) ? DBM : 0,
    writableBit: 0,
    syndromes: STAGE1_SYNDROMES,
  };
}

const VTCR_SL0 = 6;
const VTCR_TG0 = 14;
const VTCR_PS = 16;
const VTCR_HA = 21;
const VTCR_HD = 22;

/** The guest-physical address space. Panics (G-2) on a granule that the model does not have. */
export function stage2Range(
  memory: PhysicalMemory,
  vtcr: EntryHalves,
  vttbr: EntryHalves,
): TranslationRange {
  if (bits(vtcr, VTCR_TG0, 2) !== 0) {
    throw new KernelPanic("G-2", "VTCR_EL2 asks for something else than the 4 KiB granule");
  }
  const sizeBits = 64 - bits(vtcr, 0, 6);
  const startLevel = bits(vtcr, VTCR_SL0, 2);
  const oversize = oversizeMask(bits(vtcr, VTCR_PS, 3));
  const hardwareUpdates = flag(vtcr, VTCR_HA);
  return {
    pageCount: 2 ** (sizeBits - 12),
    ignoresTopByte: false,
    ...placeRoot({
      memory,
      base: vttbr,
      sizeBits,
      rootLevel: startLevel + 1,
      oversize,
      // SL0 = 3 needs FEAT_TTST; here it leaves no address bits for a root index.
      enabled: sizeBits <= MAX_SIZE_BITS,
      refused: 0,
    }),
    oversize,
    tableRights: 0,
    rightsFlip: 0,
    allowed: STAGE2_ALLOWED,
    memoryTypes: STAGE2_MEMORY_TYPES,
    notGlobalBit: 0,
    updatesAccessed: hardwareUpdates,
    dirtyModifier: hardwareUpdates && flag(vtcr, VTCR_HD) ? DBM : 0,
    writableBit: AP2,
    syndromes: STAGE2_SYNDROMES,
  };
}

/** The gap beside a range, where no table is ever read. */
export function gapBeside(range: TranslationRange): TranslationRange {
  return { ...range, ...noRoot(FaultStatus.TRANSLATION), pageCount: 0 };
}
