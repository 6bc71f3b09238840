import type { MmuFlagSet } from "./mmu-flags.ts";

/** Where accessed marks of table entries come from. */
export type TableAccessedMarks = "hardware" | "software" | "none";

/**
 * What a backend can do for one kind of aspace. These constants are the only permitted way for code
 * and tests above the seam to branch on the architecture.
 */
export interface Capabilities {
  /** log2 byte sizes of the leaves that `mapContiguous` may use, ascending, e.g. [12, 21, 30]. */
  readonly leafShifts: readonly number[];
  /** Width of a physical address in bits. */
  readonly physBits: number;
  /** log2 of the entries in a table. */
  readonly indexBits: number;
  /** Leaves carry an accessed bit at all; without one, `harvestAccessed` never reports anything. */
  readonly accessedBit: boolean;
  /** The MMU sets accessed bits itself; otherwise an unaccessed leaf raises an access fault. */
  readonly hwAccessed: boolean;
  /** `markAccessed` works; otherwise it answers NOT_SUPPORTED. */
  readonly markAccessedSupported: boolean;
  /** Who marks table entries as accessed, which FreeUnaccessed harvesting depends on. */
  readonly nonTerminalAccessed: TableAccessedMarks;
  /** CPUs may cache the absence of a translation (riscv). */
  readonly cachesInvalid: boolean;
  /** Splitting a large leaf needs break-before-make, a moment in which the whole leaf is unmapped (arm64). */
  readonly splitNeedsBbm: boolean;
  /** `unmap` with Enlarge.Yes loses pages outside the range only when a split cannot allocate. */
  readonly unmapOnlyEnlargeOnOom: boolean;
  /** `protect` unmaps instead: second-stage permission faults cannot be resolved (arm64 guests). */
  readonly protectIsUnmap: boolean;
  /** Fault flags tell an absent page from a denied access (not on riscv). */
  readonly faultTellsPresent: boolean;
  /** The MMU tells user accesses from kernel accesses (not in second-stage tables). */
  readonly distinguishesUser: boolean;
  /** Top-level tables that exist from `init` on, are never freed and do not count as leaks. */
  readonly prebuiltTables: number;
  /** The flags that `query` reports for a page mapped with `flags`. */
  normalizeFlags(flags: MmuFlagSet): MmuFlagSet;
}
