/**
 * Reads the small format's tables back, from the drawing in `small-format.ts` alone: the judge shares
 * neither code nor masks with the encoder or the engine. Everything that no correct engine can leave
 * behind is an error here.
 */
import type { MmuFlagSet, Pfn, PhysicalMemory, Vpn } from "@aspace/arch";
import type { SmallVariant } from "./small-format.ts";

/** What one page translates to. */
export interface Translation {
  readonly pfn: Pfn;
  readonly flags: MmuFlagSet;
  /** Level of the leaf: 0, 1, 2 for 1, 8, 64 pages. */
  readonly level: number;
  readonly accessed: boolean;
}

/** One table on the way: what it translates, and whether the entry that points at it is marked. */
export interface LinkedTable {
  readonly pfn: Pfn;
  readonly level: number;
  readonly base: Vpn;
  readonly marked: boolean;
  /** Index in `words` of the entry that points at it. */
  readonly slot: number;
}

export interface Reading {
  readonly pages: Map<Vpn, Translation>;
  /** Without the root, in address order, parents first. */
  readonly tables: LinkedTable[];
}

const ENTRIES = 8;

/**
 * Reads all tables below `root`, the first page of which is `base`. Between operations no table is
 * empty; one that is being edited may be.
 */
export function readTables(
  memory: PhysicalMemory,
  variant: SmallVariant,
  root: Pfn,
  base: Vpn,
  state: "settled" | "edited" = "settled",
): Reading {
  const reading: Reading = { pages: new Map(), tables: [] };
  readTable(memory, variant, root, 3, base, reading);
  if (state === "settled") checkNoneEmpty(memory, variant, reading, base);
  return reading;
}

/** Invariant E. Prebuilt tables may be empty. */
function checkNoneEmpty(
  memory: PhysicalMemory,
  variant: SmallVariant,
  reading: Reading,
  treeBase: Vpn,
): void {
  const { first, count } = variant.prebuilt;
  for (const { pfn, level, base } of reading.tables) {
    const index = Math.floor((base - treeBase) / 512);
    if (level === 2 && index >= first && index < first + count) continue;
    const words = memory.words.subarray(pfn * 1024, pfn * 1024 + 2 * ENTRIES);
    if (words.every((word) => word === 0)) throw new Error(`table ${pfn} is empty (P-R1)`);
  }
}

function readTable(
  memory: PhysicalMemory,
  variant: SmallVariant,
  table: Pfn,
  level: number,
  base: Vpn,
  reading: Reading,
): void {
  if (!(table >= 0 && table < memory.frameCount)) throw new Error(`table ${table} outside RAM`);
  const span = ENTRIES ** level;
  for (let index = 0; index < ENTRIES; index++) {
    const slot = table * 1024 + index * 2;
    const lo = memory.words[slot]! >>> 0;
    const hi = memory.words[slot + 1]! >>> 0;
    if (lo % 2 === 0) {
      if (lo !== 0 || hi !== 0) throw new Error(`absent entry ${slot} holds ${hi}, ${lo}`);
      continue;
    }
    const first = base + index * span;
    const tableBit = Math.floor(lo / 1024) % 2 === 1;
    const largeBit = Math.floor(lo / 256) % 2 === 1;
    const large = variant.leavesHave === "large-bit" ? largeBit : !tableBit;
    if (level > 0 && !large) {
      const child = frameOf(lo, hi);
      const marked = variant.marks === "software" ? hi >>> 30 === 1 : Math.floor(lo / 64) % 2 === 1;
      reading.tables.push({ pfn: child, level: level - 1, base: first, marked, slot });
      readTable(memory, variant, child, level - 1, first, reading);
      continue;
    }
    if (level > 2) throw new Error(`a leaf at level ${level}`);
    if (level === 0 && largeBit) throw new Error("a large bit in the last level");
    readLeaf(lo, hi, level, first, reading);
  }
}

const frameOf = (lo: number, hi: number): Pfn => Math.floor(lo / 4096) + (hi % 4096) * 2 ** 20;

const bit = (half: number, at: number): number => Math.floor(half / 2 ** at) % 2;

function readLeaf(lo: number, hi: number, level: number, first: Vpn, reading: Reading): void {
  const pages = ENTRIES ** level;
  const cacheHigh = bit(lo, level === 0 ? 5 : 12);
  const frame = frameOf(lo, hi) - (level === 0 ? 0 : cacheHigh);
  if (frame % pages !== 0) throw new Error(`leaf of ${pages} pages at unaligned frame ${frame}`);
  if (level > 0 && bit(lo, 5) !== 0) throw new Error("a large leaf has the small cache bit");
  if (Math.floor(hi / 4096) % 2 ** 18 !== 0) throw new Error("a leaf has a reserved high bit");
  const flags =
    cacheHigh * 2 +
    bit(lo, 4) +
    bit(lo, 3) * 4 +
    8 +
    bit(lo, 2) * 16 +
    (1 - bit(hi, 31)) * 32 +
    bit(lo, 9) * 64;
  for (let i = 0; i < pages; i++) {
    reading.pages.set(first + i, { pfn: frame + i, flags, level, accessed: bit(lo, 6) === 1 });
  }
}
