import { KernelPanic, MemoryType, type EntryHalves } from "@aspace/arch";

/**
 * What an entry's memory-type bits say about caching. Part of the judge. Types have the same codes in
 * IA32_PAT and in EPT entries (Intel SDM vol. 3A, table 12-10). MTRRs are taken to say write-back
 * everywhere, so UC- is UC and every other type stays what it is.
 */
const TYPES: readonly (MemoryType | undefined)[] = [
  MemoryType.UNCACHED, // UC
  MemoryType.WRITE_COMBINING, // WC
  undefined,
  undefined,
  MemoryType.OTHER, // WT
  MemoryType.OTHER, // WP
  MemoryType.WRITE_BACK, // WB
  MemoryType.UNCACHED, // UC-, in IA32_PAT only
];

/** The memory type of each PAT index (Intel SDM vol. 3A, 12.12.3). A reserved type would raise #GP in WRMSR. */
export function patMemoryTypes(pat: EntryHalves): readonly MemoryType[] {
  return Array.from({ length: 8 }, (_, index) => {
    const half = index < 4 ? pat.lo : pat.hi;
    const type = TYPES[(half >>> (8 * (index & 3))) & 0xff];
    if (type === undefined) throw new KernelPanic("X-14", `IA32_PAT byte ${index} is reserved`);
    return type;
  });
}

/** Memory types that no EPT leaf may have. */
const isReservedInEpt = (code: number): boolean => TYPES[code] === undefined || code === 7;

/**
 * The memory type of each code in EPT leaves, undefined where reserved (Intel SDM vol. 3C, 29.3.7). The
 * guest's own PAT type counts as write-back, and combined with that an EPT type stays what it is.
 */
export const EPT_MEMORY_TYPES: readonly (MemoryType | undefined)[] = TYPES.map((type, code) =>
  isReservedInEpt(code) ? undefined : type,
);
