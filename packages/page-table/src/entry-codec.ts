import { FRAME_WORDS, MMU_FLAG_WORDS, MmuFlags, PAGE_SHIFT, type Pfn } from "@aspace/arch";
import type { EntryFormat } from "./entry-format.ts";

const COMPILED = new WeakMap<EntryFormat, EntryCodec>();

/** The codec of a format, compiled once: aspaces come and go, formats stay. */
export function codecOf(format: EntryFormat): EntryCodec {
  let codec = COMPILED.get(format);
  if (codec === undefined) {
    codec = new EntryCodec(format);
    COMPILED.set(format, codec);
  }
  return codec;
}

/**
 * An `EntryFormat` compiled into numbers: what the inner loops use, so that they call nothing that
 * differs by architecture. Rows of `leafLo` and `leafHi` are indexed `flags * levels + level`.
 */
export class EntryCodec {
  readonly format: EntryFormat;
  readonly levels: number;
  /** Entry index mask within a table, and entries per table. */
  readonly indexBits: number;
  readonly indexMask: number;
  readonly entries: number;
  /** `span[level]`: pages that one entry at the level maps; `span[levels]` is the whole table tree. */
  readonly span: Float64Array;
  readonly topLeafLevel: number;
  readonly leafMask: number;
  readonly leafFlip: number;
  readonly frameBit: number;
  /** Shifting the high half of an entry left by this puts its frame bits where the frame has them. */
  readonly highShift: number;
  /** Frames below this leave the high half alone: all those of a small RAM. */
  readonly lowFrames: number;
  /** Multiplying a frame number by this leaves what belongs to the high half. Exact: a power of two. */
  readonly hiScale: number;
  readonly frameMaskHi: number;
  readonly leafLo: Int32Array;
  readonly leafHi: Int32Array;
  /** Per level: bits that `protect` replaces; bits that only a new mapping may set (cache policy, NS). */
  readonly permissionLo: Int32Array;
  readonly permissionHi: Int32Array;
  readonly fixedLo: Int32Array;
  readonly fixedHi: Int32Array;
  /** Accessed bit for `protect` to set: the leaf's where software sets it, else nothing. */
  readonly reviveLo: number;
  readonly reviveHi: number;

  constructor(format: EntryFormat) {
    checkFormat(format);
    this.format = format;
    this.levels = format.levels;
    this.indexBits = format.indexBits;
    // Shifts, not powers: `**` makes a floating-point number, which the loops would convert each time.
    this.entries = 1 << format.indexBits;
    this.indexMask = this.entries - 1;
    this.span = Float64Array.from(
      { length: format.levels + 1 },
      (_, level) => 2 ** (format.indexBits * level),
    );
    this.frameBit = format.frameBit;
    this.lowFrames = 1 << (32 - format.frameBit);
    this.highShift = 32 - format.frameBit;
    this.topLeafLevel = format.topLeafLevel;
    this.leafMask = format.leafMask;
    this.leafFlip = format.leafFlip;
    this.hiScale = 2 ** (format.frameBit - 32);
    this.frameMaskHi = (1 << (format.frameBits + format.frameBit - 32)) - 1;
    const rows = MMU_FLAG_WORDS * this.levels;
    this.leafLo = new Int32Array(rows);
    this.leafHi = new Int32Array(rows);
    this.permissionLo = new Int32Array(this.levels);
    this.permissionHi = new Int32Array(this.levels);
    this.fixedLo = new Int32Array(this.levels);
    this.fixedHi = new Int32Array(this.levels);
    this.reviveLo = format.newLeavesAccessed ? format.leafAccessed.lo : 0;
    this.reviveHi = format.newLeavesAccessed ? format.leafAccessed.hi : 0;
    for (let level = 0; level <= format.topLeafLevel; level++) this.#compileLevel(level);
  }

  #compileLevel(level: number): void {
    const plain = this.format.leafBits(MmuFlags.READ, level);
    const permission = this.format.permissionBits(level);
    let varyingLo = 0;
    let varyingHi = 0;
    for (let flags = MmuFlags.READ; flags < MmuFlags.INVALID; flags++) {
      if ((flags & MmuFlags.READ) === 0) continue;
      const bits = this.format.leafBits(flags, level);
      this.leafLo[flags * this.levels + level] = bits.lo;
      this.leafHi[flags * this.levels + level] = bits.hi;
      varyingLo |= bits.lo ^ plain.lo;
      varyingHi |= bits.hi ^ plain.hi;
    }
    this.permissionLo[level] = permission.lo;
    this.permissionHi[level] = permission.hi;
    this.fixedLo[level] = varyingLo & ~permission.lo;
    this.fixedHi[level] = varyingHi & ~permission.hi;
  }

  /** The frame in a leaf at `level`: its first page's. Low frame bits of a large leaf hold attributes. */
  leafPfn(lo: number, hi: number, level: number): Pfn {
    const raw = this.tablePfn(lo, hi);
    return level === 0 ? raw : raw - (raw % this.span[level]!);
  }

  /** The frame in a table entry, or in a leaf of the last level. */
  tablePfn(lo: number, hi: number): Pfn {
    const low = lo >>> this.frameBit;
    const high = hi & this.frameMaskHi;
    return high === 0 ? low : low + high * this.lowFrames;
  }

  /** Whether a present entry at `level` ends the walk. */
  isLeaf(lo: number, level: number): boolean {
    if (level === 0) return true;
    if (level > this.topLeafLevel) return false;
    return ((lo ^ this.leafFlip) & this.leafMask) !== 0;
  }
}

/** A page number is split at this bit; no index may straddle it. */
export const SPLIT_BIT = 27;

/** What the engine takes for granted about a format. A format that breaks it is a mistake in its package. */
function checkFormat(format: EntryFormat): void {
  const { indexBits, frameBit, frameBits, capabilities, topLeafLevel } = format;
  const leafShifts = Array.from({ length: topLeafLevel + 1 }, (_, level) => {
    return PAGE_SHIFT + level * indexBits;
  });
  const facts: readonly (readonly [boolean, string])[] = [
    [SPLIT_BIT % indexBits === 0, `index bits divide ${SPLIT_BIT}`],
    [2 * 2 ** indexBits <= FRAME_WORDS, "a table fits a frame"],
    [frameBit + frameBits >= 32, "frame field reaches the high half"],
    [
      frameBits === capabilities.physBits - PAGE_SHIFT,
      "frame field is as wide as physical addresses",
    ],
    [topLeafLevel < format.levels, "leaf levels exist"],
    [`${leafShifts}` === `${capabilities.leafShifts}`, "leaf shifts name the leaf levels"],
  ];
  for (const [holds, fact] of facts) {
    if (!holds) throw new RangeError(`format ${format.name}: ${fact} does not hold`);
  }
}
