import { type EntryHalves, MemoryType } from "@aspace/arch";

/**
 * What descriptor bits say about caching. Arm ARM, D8.6 "Memory region attributes". Part of the judge.
 * Tables are indexed by descriptor bits 5:2 with SH (bits 9:8) above them: `SH << 4 | bits 5:2`.
 */
export type MemoryTypes = Uint8Array;

const ENTRIES = 64;
const INNER_SHAREABLE = 3;

/** Write-back memory that other CPUs do not snoop is something no cache policy asks for. */
const writeBack = (shareability: number): MemoryType =>
  shareability === INNER_SHAREABLE ? MemoryType.WRITE_BACK : MemoryType.OTHER;

/** SH counts for cacheable memory only: device and non-cacheable memory are always outer shareable. */
function stage1Type(attributes: number, shareability: number): MemoryType {
  switch (attributes) {
    case 0x00: // Device-nGnRnE
      return MemoryType.UNCACHED;
    case 0x04: // Device-nGnRE
      return MemoryType.DEVICE;
    case 0x44: // Normal, inner and outer non-cacheable
      return MemoryType.WRITE_COMBINING;
    case 0xff: // Normal, inner and outer write-back, read and write allocate
      return writeBack(shareability);
    default:
      return MemoryType.OTHER;
  }
}

function stage2Type(memAttr: number, shareability: number): MemoryType {
  switch (memAttr) {
    case 0b0000:
      return MemoryType.UNCACHED;
    case 0b0001:
      return MemoryType.DEVICE;
    case 0b0101:
      return MemoryType.WRITE_COMBINING;
    case 0b1111:
      return writeBack(shareability);
    default:
      return MemoryType.OTHER;
  }
}

/** By value of MAIR_EL1: a machine has the one after reset and the one that its kernel chose. */
const typesByMair = new Map<string, MemoryTypes>();

/** Stage 1: AttrIndx (bits 4:2) picks a byte of MAIR_EL1; bit 5 is NS and does not matter. */
export function stage1MemoryTypes(mair: EntryHalves): MemoryTypes {
  const key = `${mair.hi},${mair.lo}`;
  const known = typesByMair.get(key);
  if (known !== undefined) return known;
  const types = decodeMair(mair);
  typesByMair.set(key, types);
  return types;
}

function decodeMair(mair: EntryHalves): MemoryTypes {
  return Uint8Array.from({ length: ENTRIES }, (_, index) => {
    const slot = index & 7;
    const half = slot < 4 ? mair.lo : mair.hi;
    return stage1Type((half >>> (8 * (slot & 3))) & 0xff, index >>> 4);
  });
}

/** Stage 2: MemAttr (bits 5:2) is the type. */
export const STAGE2_MEMORY_TYPES: MemoryTypes = Uint8Array.from({ length: ENTRIES }, (_, index) =>
  stage2Type(index & 0xf, index >>> 4),
);
