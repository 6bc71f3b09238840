import {
  KernelPanic,
  MemoryType,
  formatAddress,
  type AccessMask,
  type Pfn,
  type Vpn,
  type Walk,
} from "@aspace/arch";
import { PAYLOAD, type RangeTable } from "./range-table.ts";

/** A cached translation, decoded. Reused by the caller. */
export interface Translation {
  /** First page of the leaf and log2 of its pages. */
  leafVpn: Vpn;
  leafPages: number;
  /** Frame of the very page asked for. */
  pfn: Pfn;
  allowed: AccessMask;
  /** The leaf was dirty when it was cached. */
  dirty: boolean;
  global: boolean;
  memoryType: MemoryType;
  /** Level of the leaf. */
  level: number;
}

const TYPE_NAMES = ["write-back", "uncached", "device", "write-combining", "other type"] as const;

/** A leaf in words: `frame 0x5000, 2^9 pages, user rw- kernel --- copy rw-, write-back, global`. */
export function describeLeaf(
  leaf: Pick<Translation, "pfn" | "leafPages" | "allowed" | "memoryType" | "global">,
): string {
  const right = (access: number, letter: string): string =>
    ((leaf.allowed >> access) & 1) !== 0 ? letter : "-";
  const mode = (first: number): string =>
    right(first, "r") + right(first + 1, "w") + right(first + 2, "x");
  const rights = `user ${mode(0)} kernel ${mode(3)} copy ${mode(6)}`;
  const size = leaf.leafPages === 0 ? "" : `, 2^${leaf.leafPages} pages`;
  const global = leaf.global ? ", global" : "";
  return `frame ${formatAddress(leaf.pfn)}${size}, ${rights}, ${TYPE_NAMES[leaf.memoryType]}${global}`;
}

/** A translation with nothing in it. */
export function emptyTranslation(): Translation {
  return {
    leafVpn: 0,
    leafPages: 0,
    pfn: 0,
    allowed: 0,
    dirty: false,
    global: false,
    memoryType: MemoryType.WRITE_BACK,
    level: 0,
  };
}

// The payload words of a TLB entry.

/** The kinds of access that go through without another look at memory. */
export const READY: number = PAYLOAD;
const ATTRIBUTES = PAYLOAD + 1;
/** Low 32 bits of the first frame; the others are in the attributes word. */
const FRAME_LOW = PAYLOAD + 2;

/** Above every frame of RAM, and still a small integer. */
const BEYOND_RAM = 0x4000_0000;

// The attributes word: `allowed` in the low nine bits, then these.
const ALLOWED_BITS = 0x1ff;
const DIRTY_BIT = 0x200;
const GLOBAL_BIT = 0x400;
const TYPE_SHIFT = 11;
const TYPE_BITS = 7;
const LEVEL_SHIFT = 14;
const LEVEL_BITS = 7;
const FRAME_HIGH_SHIFT = 17;

/** Writes what a walk found for `vpn` into an entry; `ready` is what a hit may do. */
export function writeTranslation(
  table: RangeTable,
  entry: number,
  vpn: Vpn,
  walk: Walk,
  ready: AccessMask,
): void {
  const words = table.words;
  const first = walk.pfn - (vpn - table.vpnOf(entry));
  if (walk.leafPages !== 0 && first % table.pagesOf(entry) !== 0) {
    const size = `2^${walk.leafPages} pages`;
    throw new KernelPanic("K-7", `leaf of ${size} at unaligned frame ${formatAddress(first)}`);
  }
  words[entry + READY] = ready;
  words[entry + ATTRIBUTES] =
    walk.allowed |
    (walk.dirty ? DIRTY_BIT : 0) |
    (walk.global ? GLOBAL_BIT : 0) |
    (walk.memoryType << TYPE_SHIFT) |
    (walk.level << LEVEL_SHIFT) |
    (((first * 2 ** -32) | 0) << FRAME_HIGH_SHIFT);
  words[entry + FRAME_LOW] = first | 0;
}

/** First frame of an entry's leaf. */
export function leafFrameOf(table: RangeTable, entry: number): Pfn {
  const { words } = table;
  const high = words[entry + ATTRIBUTES]! >>> FRAME_HIGH_SHIFT;
  return high * 2 ** 32 + (words[entry + FRAME_LOW]! >>> 0);
}

/** The frame of one page of an entry's range; for one outside RAM, some number beyond RAM. */
export function ramFrameOf(table: RangeTable, entry: number, vpn: Vpn): Pfn {
  return Math.min(leafFrameOf(table, entry) + (vpn - table.vpnOf(entry)), BEYOND_RAM);
}

export function allowedOf(table: RangeTable, entry: number): AccessMask {
  return table.words[entry + ATTRIBUTES]! & ALLOWED_BITS;
}

export function memoryTypeOf(table: RangeTable, entry: number): MemoryType {
  return ((table.words[entry + ATTRIBUTES]! >> TYPE_SHIFT) & TYPE_BITS) as MemoryType;
}

export function isGlobal(table: RangeTable, entry: number): boolean {
  return (table.words[entry + ATTRIBUTES]! & GLOBAL_BIT) !== 0;
}

export function levelOf(table: RangeTable, entry: number): number {
  return (table.words[entry + ATTRIBUTES]! >> LEVEL_SHIFT) & LEVEL_BITS;
}

/** Decodes an entry as the translation of one page of its range. */
export function readTranslation(
  table: RangeTable,
  entry: number,
  vpn: Vpn,
  out: Translation,
): void {
  out.leafVpn = table.vpnOf(entry);
  out.leafPages = table.sizeOf(entry);
  out.pfn = leafFrameOf(table, entry) + (vpn - out.leafVpn);
  out.allowed = allowedOf(table, entry);
  out.dirty = (table.words[entry + ATTRIBUTES]! & DIRTY_BIT) !== 0;
  out.global = isGlobal(table, entry);
  out.memoryType = memoryTypeOf(table, entry);
  out.level = levelOf(table, entry);
}
