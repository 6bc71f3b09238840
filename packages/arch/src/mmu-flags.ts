/**
 * Architecture-free attributes of a mapping. The numeric values are part of the contract: they are
 * Zircon's ARCH_MMU_FLAG_* values.
 */
export const MmuFlags = {
  /** Cache policy, a two-bit field under `CACHE_MASK`: ordinary write-back memory. */
  CACHED: 0,
  UNCACHED: 1,
  UNCACHED_DEVICE: 2,
  WRITE_COMBINING: 3,
  CACHE_MASK: 3,
  /** The lowest privilege level may access the page. */
  USER: 0x4,
  READ: 0x8,
  WRITE: 0x10,
  EXECUTE: 0x20,
  RWX_MASK: 0x38,
  /** Non-secure memory: arm64 stage 1 only, dropped elsewhere. */
  NS: 0x40,
  /** "Not specified": never legal in an operation. */
  INVALID: 0x80,
} as const;

/** A combination of `MmuFlags` bits. */
export type MmuFlagSet = number;

/** Number of flag words, legal or not: tables indexed by flags have this many rows. */
export const MMU_FLAG_WORDS = 256;

/** Whether `map`, `mapContiguous` and `protect` accept `flags`: READ set, INVALID and unknown bits clear. */
export function areMappableFlags(flags: MmuFlagSet): boolean {
  return (flags & MmuFlags.READ) !== 0 && flags >= 0 && flags < MmuFlags.INVALID;
}

const CACHE_NAMES = ["", " uncached", " device", " write-combining"] as const;

/** Prints flags the way listings do: `urw-`, `-r-x device`. */
export function formatFlags(flags: MmuFlagSet): string {
  const bit = (mask: number, letter: string): string => ((flags & mask) !== 0 ? letter : "-");
  const permissions =
    bit(MmuFlags.USER, "u") +
    bit(MmuFlags.READ, "r") +
    bit(MmuFlags.WRITE, "w") +
    bit(MmuFlags.EXECUTE, "x");
  const cache = CACHE_NAMES[flags & MmuFlags.CACHE_MASK] ?? "";
  return `${permissions}${cache}${(flags & MmuFlags.NS) !== 0 ? " non-secure" : ""}`;
}
