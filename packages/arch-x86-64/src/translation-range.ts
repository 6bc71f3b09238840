import type { MemoryType } from "@aspace/arch";
import { patMemoryTypes } from "./memory-types.ts";
import { accessErrorBits, pagingAllowedTable } from "./permissions.ts";
import { Cr4, Efer, type ControlRegisters, type X86Features } from "./registers.ts";

/**
 * All that CPUID and the control registers say about walks: one range of linear addresses for CR3,
 * one of guest-physical addresses for EPTP. Decoded once, so that a walk reads plain numbers. Part
 * of the judge.
 */
export interface TranslationRange {
  readonly rootLevel: number;
  /** Bits of an entry's high half that belong to the address: 51:32, cut off at MAXPHYADDR. */
  readonly frameHigh: number;
  /** Bits of the high half that must be zero. */
  readonly reservedHigh: number;
  /** By level: bits of the low half that must be zero if bit 7 is set; bit 7 itself where only tables are. */
  readonly largeReserved: Int32Array;
}

/** Linear addresses, by CR3 (Intel SDM vol. 3A, 4.5). */
export interface LinearRange extends TranslationRange {
  /** In a canonical address `vpn >> (27 + signShift)` is 0 or `signOnes`. */
  readonly signShift: number;
  readonly signOnes: number;
  /** Bit 8 if CR4.PGE makes it mean "global". */
  readonly globalBit: number;
  /** By rights. */
  readonly allowed: Uint16Array;
  /** By access. */
  readonly errors: Uint8Array;
  /** By PAT index. */
  readonly memoryTypes: readonly MemoryType[];
}

/** Bits of a page number per level, and in the lower of the two numbers that a walk splits it into. */
const INDEX_BITS = 9;
const LOW_BITS = 27;
const VPN_BITS = 52;

const PS = 0x80;
const G = 0x100;
const XD_HIGH = 0x8000_0000;
const ADDRESS_HIGH = 0x000f_ffff;

/** Low address bits that a large leaf does not use, above PAT (bit 12) in paging, from bit 12 on in EPT. */
const GAP_2M = 0x001f_e000;
const GAP_1G = 0x3fff_e000;
const EPT_GAP_2M = 0x001f_f000;
const EPT_GAP_1G = 0x3fff_f000;

const frameHighMask = (physBits: number): number => (1 << (physBits - 32)) - 1;

/** Every CPU of a machine has the same control registers, and the tables in a range are big. */
const ranges = new WeakMap<ControlRegisters, WeakMap<X86Features, LinearRange>>();

/** The range of 4-level or, with CR4.LA57, 5-level paging. Decoded once for each pair of objects. */
export function linearRange(features: X86Features, controls: ControlRegisters): LinearRange {
  const decoded = ranges.get(controls)?.get(features);
  if (decoded !== undefined) return decoded;
  const range = decodeLinearRange(features, controls);
  const byFeatures = ranges.get(controls) ?? new WeakMap<X86Features, LinearRange>();
  ranges.set(controls, byFeatures.set(features, range));
  return range;
}

function decodeLinearRange(features: X86Features, controls: ControlRegisters): LinearRange {
  const levels = (controls.cr4 & Cr4.LA57) !== 0 ? 5 : 4;
  const signBit = levels * INDEX_BITS - 1;
  const frameHigh = frameHighMask(features.physBits);
  const reservedXd = (controls.efer & Efer.NXE) === 0 ? XD_HIGH : 0;
  return {
    rootLevel: levels - 1,
    frameHigh,
    reservedHigh: (ADDRESS_HIGH & ~frameHigh) | reservedXd,
    largeReserved: Int32Array.of(0, GAP_2M, features.page1Gb ? GAP_1G : PS, PS, PS),
    signShift: signBit - LOW_BITS,
    signOnes: (1 << (VPN_BITS - signBit)) - 1,
    globalBit: (controls.cr4 & Cr4.PGE) !== 0 ? G : 0,
    allowed: pagingAllowedTable(controls),
    errors: accessErrorBits(controls),
    memoryTypes: patMemoryTypes(controls.pat),
  };
}

/** The range of extended page tables, four levels (Intel SDM vol. 3C, 29.3.2). */
export function guestPhysicalRange(features: X86Features): TranslationRange {
  const frameHigh = frameHighMask(features.physBits);
  return {
    rootLevel: 3,
    frameHigh,
    reservedHigh: ADDRESS_HIGH & ~frameHigh,
    largeReserved: Int32Array.of(0, EPT_GAP_2M, features.page1Gb ? EPT_GAP_1G : PS, PS),
  };
}
