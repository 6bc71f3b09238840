import type { Access, AccessMask } from "./access.ts";
import type { FaultCode } from "./fault.ts";
import type { Pfn, Vpn } from "./units.ts";

/**
 * Under which name a CPU caches a translation: PCID, ASID, VMID or EPT root. Tags of second-stage
 * tables start at `GUEST_TAGS`, so that one number also says which kind of translation it is.
 */
export type Tag = number;
export const GUEST_TAGS: Tag = 0x1_0000;

/** Memory types as a CPU sees them, named like the cache policies they should come from. */
export const MemoryType = {
  WRITE_BACK: 0,
  UNCACHED: 1,
  DEVICE: 2,
  WRITE_COMBINING: 3,
  /** A type that no cache policy asks for. */
  OTHER: 4,
} as const;
export type MemoryType = (typeof MemoryType)[keyof typeof MemoryType];

/** What a walk of the tables found. Reused by the caller: a walk allocates nothing. */
export interface Walk {
  /** 0 when the access is allowed, else the exact architectural code. */
  fault: FaultCode;
  /** A valid leaf was found, so the fields below hold, even if this access is denied. */
  present: boolean;
  /** Frame of the very page asked for, also inside a large leaf. */
  pfn: Pfn;
  /** log2 of the pages that the leaf maps: 0, 9, 18. */
  leafPages: number;
  /** Valid under every tag. */
  global: boolean;
  /** Which kinds of access the entries allow, from all levels together. */
  allowed: AccessMask;
  /** The leaf's accessed and dirty bits as they are after the walk. */
  accessed: boolean;
  dirty: boolean;
  memoryType: MemoryType;
  /** Level of the leaf, or of the entry that stopped the walk; 0 is the last level. */
  level: number;
  /** Index in RAM's words of that entry, or -1 when none was read. */
  entry: number;
}

/** A walk result with nothing in it. */
export function emptyWalk(): Walk {
  return {
    fault: 0,
    present: false,
    pfn: 0,
    leafPages: 0,
    global: false,
    allowed: 0,
    accessed: false,
    dirty: false,
    memoryType: MemoryType.WRITE_BACK,
    level: 0,
    entry: -1,
  };
}

/**
 * A CPU's cache of table entries (x86 paging-structure caches, Arm walk caches). A cached step says:
 * under this tag, the table for this address is in that frame, reached with these rights. `level` is
 * the level of the entries in the table, 0 for the last.
 */
export interface WalkCache {
  /** Looks for the deepest cached table of `vpn`; on success fills `level`, `table`, `rights`. */
  find(tag: Tag, vpn: Vpn): boolean;
  level: number;
  table: Pfn;
  /** Rights accumulated above the table, in the architecture's own encoding. */
  rights: number;
  /** Remembers a step, for as long as nobody invalidates it. */
  fill(tag: Tag, vpn: Vpn, level: number, table: Pfn, rights: number): void;
}

/**
 * One CPU's memory-management unit: control registers and the walk they steer. Written per
 * architecture from the manual alone; shares no code with the encoder it judges.
 *
 * Control registers other than those a context switch loads are fixed while the CPU runs, so a
 * cached translation's `allowed` mask stays right for as long as it is cached.
 */
export interface Mmu {
  /** The tag that walks and lookups use now. */
  readonly tag: Tag;
  /** Frames of the roots that the registers point at, for P-T3. */
  rootPfns(): readonly Pfn[];
  /** log2 of the pages that a table at level 0, 1, ... (below the root) translates: [9, 18, 27]. */
  readonly tablePages: readonly number[];
  /** A fault also drops what the CPU cached about the address (x86; SDM 4.10.4.1). */
  readonly faultEvicts: boolean;
  /** A cached translation whose dirty bit was never seen must go back to memory for a write. */
  readonly tracksDirty: boolean;
  /**
   * Translates one access from the tables in RAM, sets accessed and dirty bits as the hardware does,
   * and starts from, and fills, `cache` if there is one. With `cache` null the walk is cold.
   */
  walk(vpn: Vpn, access: Access, cache: WalkCache | null, out: Walk): void;
  /** The same without any side effect: accessed and dirty bits stay as they are in RAM. */
  inspect(vpn: Vpn, access: Access, out: Walk): void;
  /** The code of a fault raised by a cached translation that does not allow `access`. */
  deniedFault(vpn: Vpn, access: Access, level: number): FaultCode;
}
