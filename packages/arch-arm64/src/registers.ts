import {
  type BitField,
  type EntryHalves,
  type EntryLayout,
  type Pfn,
  encodeFields,
} from "@aspace/arch";

/**
 * The system registers that a context switch or start-up loads, as tables of bits, and the values
 * that this kernel gives them. Arm ARM (DDI 0487), D24.2. Values are pairs of 32-bit halves.
 */

/** The system registers of the model, by the names that MSR and MRS use. */
export type RegisterName =
  | "TTBR0_EL1"
  | "TTBR1_EL1"
  | "TCR_EL1"
  | "MAIR_EL1"
  | "SCTLR_EL1"
  | "HCR_EL2"
  | "VTCR_EL2"
  | "VTTBR_EL2";

const MANUAL = "Arm ARM DDI 0487, D24.2";

/** Fields from bit 0 up, each `name width`; names starting with `-` are bits that the model ignores. */
function register(
  name: string,
  ...rows: readonly (readonly [string, number, string])[]
): EntryLayout {
  const fields: BitField[] = [];
  let bit = 0;
  for (const [label, width, meaning] of rows) {
    fields.push({ name: label === "-" ? `-@${String(bit)}` : label, bit, width, meaning });
    bit += width;
  }
  return { name, source: MANUAL, fields };
}

/** TTBR0_EL1 and TTBR1_EL1. */
export const TTBR: EntryLayout = register(
  "TTBRn_EL1",
  ["CnP", 1, "shared with other CPUs"],
  ["BADDR", 47, "root table address, bits 47:1"],
  ["ASID", 16, "address space identifier"],
);

export const VTTBR: EntryLayout = register(
  "VTTBR_EL2",
  ["CnP", 1, "shared with other CPUs"],
  ["BADDR", 47, "stage 2 root table address, bits 47:1"],
  ["VMID", 16, "virtual machine identifier"],
);

export const TCR: EntryLayout = register(
  "TCR_EL1",
  ["T0SZ", 6, "the low range has 64 - T0SZ address bits"],
  ["-", 1, ""],
  ["EPD0", 1, "no walks in the low range"],
  ["IRGN0", 2, "inner cacheability of walks"],
  ["ORGN0", 2, "outer cacheability of walks"],
  ["SH0", 2, "shareability of walks"],
  ["TG0", 2, "granule: 0 is 4 KiB"],
  ["T1SZ", 6, "the high range has 64 - T1SZ address bits"],
  ["A1", 1, "the ASID comes from TTBR1"],
  ["EPD1", 1, "no walks in the high range"],
  ["IRGN1", 2, "inner cacheability of walks"],
  ["ORGN1", 2, "outer cacheability of walks"],
  ["SH1", 2, "shareability of walks"],
  ["TG1", 2, "granule: 2 is 4 KiB"],
  ["IPS", 3, "output address size"],
  ["-", 1, ""],
  ["AS", 1, "ASIDs have 16 bits"],
  ["TBI0", 1, "the low range ignores the top address byte"],
  ["TBI1", 1, "the high range ignores the top address byte"],
  ["HA", 1, "hardware sets access flags"],
  ["HD", 1, "hardware tracks dirty pages"],
  ["HPD0", 1, "table attributes of the low range are ignored"],
  ["HPD1", 1, "table attributes of the high range are ignored"],
  ["-", 12, ""],
  ["E0PD0", 1, "EL0 may not use the low range"],
  ["E0PD1", 1, "EL0 may not use the high range"],
  ["-", 2, ""],
  ["DS", 1, "52-bit addresses (LPA2)"],
  ["-", 4, ""],
);

export const MAIR: EntryLayout = register(
  "MAIR_EL1",
  ...Array.from(
    { length: 8 },
    (_, slot) => [`Attr${String(slot)}`, 8, "memory type of AttrIndx"] as const,
  ),
);

/** Stage 1 counts as on (M = 1) whenever no guest runs. */
export const SCTLR: EntryLayout = register(
  "SCTLR_EL1",
  ["-", 19, ""],
  ["WXN", 1, "writable means not executable"],
  ["-", 44, ""],
);

export const HCR: EntryLayout = register(
  "HCR_EL2",
  ["VM", 1, "stage 2 translation is on"],
  ["-", 30, ""],
  ["RW", 1, "EL1 is AArch64"],
  ["-", 32, ""],
);

export const VTCR: EntryLayout = register(
  "VTCR_EL2",
  ["T0SZ", 6, "guest-physical addresses have 64 - T0SZ bits"],
  ["SL0", 2, "start level: 0, 1, 2 for level 2, 1, 0"],
  ["IRGN0", 2, "inner cacheability of walks"],
  ["ORGN0", 2, "outer cacheability of walks"],
  ["SH0", 2, "shareability of walks"],
  ["TG0", 2, "granule: 0 is 4 KiB"],
  ["PS", 3, "output address size"],
  ["VS", 1, "VMIDs have 16 bits"],
  ["-", 1, ""],
  ["HA", 1, "hardware sets access flags"],
  ["HD", 1, "hardware tracks dirty pages"],
  ["-", 8, ""],
  ["RES1", 1, "must be one"],
  ["-", 32, ""],
);

/** Every register layout, for the tests. */
export const REGISTER_LAYOUTS: readonly EntryLayout[] = [TTBR, VTTBR, TCR, MAIR, SCTLR, HCR, VTCR];

export const ZERO: Readonly<EntryHalves> = { lo: 0, hi: 0 };

/** What machines differ in. */
export interface Arm64Features {
  /** Width of a physical address: one of the sizes that TCR_EL1.IPS can say. */
  readonly physBits: 32 | 36 | 40 | 42 | 44 | 48;
}

/** TCR_EL1.IPS and VTCR_EL2.PS: every frame that the engine accepts is then in reach. */
const OUTPUT_SIZE: Readonly<Record<Arm64Features["physBits"], number>> = {
  32: 0,
  36: 1,
  40: 2,
  42: 3,
  44: 4,
  48: 5,
};

const WRITE_BACK = 1;
const INNER_SHAREABLE = 3;

/** Two 48-bit ranges, 4 KiB granule, 16-bit ASIDs. */
const COMMON_TCR: Readonly<Record<string, number>> = {
  T0SZ: 16,
  T1SZ: 16,
  TG0: 0,
  TG1: 2,
  IRGN0: WRITE_BACK,
  ORGN0: WRITE_BACK,
  SH0: INNER_SHAREABLE,
  IRGN1: WRITE_BACK,
  ORGN1: WRITE_BACK,
  SH1: INNER_SHAREABLE,
  AS: 1,
};

/** 36-bit guest-physical addresses, start level 1: a root of 64 entries. */
const COMMON_VTCR: Readonly<Record<string, number>> = {
  T0SZ: 64 - 36,
  SL0: 1,
  IRGN0: WRITE_BACK,
  ORGN0: WRITE_BACK,
  SH0: INNER_SHAREABLE,
  TG0: 0,
  RES1: 1,
};

/** The values of the translation control registers on one kind of machine. */
export interface TranslationControls {
  /**
   * TCR_EL1 while a user aspace runs. TBI0 stays 0, unlike in Zircon: with it, the top byte of a user
   * address would have to be stripped before a CPU looks into its TLB, and `Vpn` is looked up whole.
   */
  readonly tcrUser: EntryHalves;
  /** TCR_EL1 while only the kernel runs: no low range, and the ASID is the kernel's, from TTBR1. */
  readonly tcrKernelOnly: EntryHalves;
  readonly vtcr: EntryHalves;
}

export function translationControls({ physBits }: Arm64Features): TranslationControls {
  const tcr = { ...COMMON_TCR, IPS: OUTPUT_SIZE[physBits] };
  return {
    tcrUser: encodeFields(TCR, tcr),
    tcrKernelOnly: encodeFields(TCR, { ...tcr, EPD0: 1, A1: 1 }),
    vtcr: encodeFields(VTCR, { ...COMMON_VTCR, PS: OUTPUT_SIZE[physBits] }),
  };
}

/** Slots in the order of the cache policies' AttrIndx: nGnRnE, nGnRE, write-back, non-cacheable. */
export const MAIR_VALUE: EntryHalves = encodeFields(MAIR, {
  Attr0: 0x00,
  Attr1: 0x04,
  Attr2: 0xff,
  Attr3: 0x44,
});

export const HCR_HOST: EntryHalves = encodeFields(HCR, { RW: 1 });
export const HCR_GUEST: EntryHalves = encodeFields(HCR, { RW: 1, VM: 1 });

/** BADDR holds address bits 47:1. */
const baddr = (rootPfn: Pfn): number => rootPfn * 2 ** 11;

/** A TTBR0_EL1 or TTBR1_EL1 value. */
export function encodeTtbr(asid: number, rootPfn: Pfn): EntryHalves {
  return encodeFields(TTBR, { BADDR: baddr(rootPfn), ASID: asid });
}

/** A VTTBR_EL2 value. */
export function encodeVttbr(vmid: number, rootPfn: Pfn): EntryHalves {
  return encodeFields(VTTBR, { BADDR: baddr(rootPfn), VMID: vmid });
}
