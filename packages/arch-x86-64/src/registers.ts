import type { EntryHalves, Pfn } from "@aspace/arch";

/** What CPUID says about the machine, as far as translation goes. */
export interface X86Features {
  /** 5 with LA57: 57-bit addresses and one more level of tables. */
  readonly levels: 4 | 5;
  /** MAXPHYADDR, 36 to 52. */
  readonly physBits: number;
  /** 1 GiB pages (CPUID 8000_0001h EDX[26]); here also in EPT. */
  readonly page1Gb: boolean;
}

/** Bits of CR0, CR4 and IA32_EFER that steer translation (Intel SDM vol. 3A, 2.5 and 4.1.3). */
export const Cr0 = { WP: 0x1_0000 } as const;
export const Cr4 = {
  PGE: 0x80,
  LA57: 0x1000,
  PCIDE: 0x2_0000,
  SMEP: 0x10_0000,
  SMAP: 0x20_0000,
} as const;
export const Efer = { NXE: 0x800 } as const;

/** The registers that are written once at boot and stay while the CPU runs. */
export interface ControlRegisters {
  readonly cr0: number;
  readonly cr4: number;
  readonly efer: number;
  /** IA32_PAT: eight memory types, one byte each. */
  readonly pat: EntryHalves;
}

/**
 * IA32_PAT as the kernel programs it: WB, WT, UC-, UC, WB, WT, UC-, WC. Only index 7 differs from the
 * value after reset, which offers no write combining.
 */
export const IA32_PAT: EntryHalves = { lo: 0x0007_0406, hi: 0x0107_0406 };

/** What the kernel writes at boot: every protection on. */
export function kernelControls(features: X86Features): ControlRegisters {
  const la57 = features.levels === 5 ? Cr4.LA57 : 0;
  return {
    cr0: Cr0.WP,
    cr4: Cr4.PGE | Cr4.PCIDE | Cr4.SMEP | Cr4.SMAP | la57,
    efer: Efer.NXE,
    pat: IA32_PAT,
  };
}

/** PCIDs are 12 bits; 0 is the kernel's own. */
export const KERNEL_PCID = 0;
export const HIGHEST_PCID = 4095;

/** Whether MOV to CR3 keeps what is cached under the PCID it loads: bit 63 of the value written. */
export const Cr3Flush = { FLUSH: 0, KEEP: -0x8000_0000 } as const;
export type Cr3Flush = (typeof Cr3Flush)[keyof typeof Cr3Flush];

const PHYSICAL_ADDRESS = 12;
const HIGH_HALF = 2 ** 20;

/** The operand of MOV to CR3 with CR4.PCIDE = 1 (Intel SDM vol. 3A, 4.5.2 and 4.10.4.1). */
export function encodeCr3(rootPfn: Pfn, pcid: number, flush: Cr3Flush): EntryHalves {
  return {
    lo: (rootPfn << PHYSICAL_ADDRESS) | pcid,
    hi: Math.floor(rootPfn / HIGH_HALF) | flush,
  };
}

/** EPTP bits 2:0: tables are read write-back; bits 5:3: four levels, less one; bit 6, accessed and dirty bits: off. */
const EPTP_WRITE_BACK = 6;
const EPTP_WALK_LENGTH = 3 << 3;

/** The extended-page-table pointer for a root (Intel SDM vol. 3C, 25.6.11). */
export function encodeEptp(rootPfn: Pfn): EntryHalves {
  return {
    lo: (rootPfn << PHYSICAL_ADDRESS) | EPTP_WALK_LENGTH | EPTP_WRITE_BACK,
    hi: Math.floor(rootPfn / HIGH_HALF),
  };
}
