import type { Vpn } from "@aspace/arch";

/** What `find` and `probe` answer when there is no such entry. */
export const NO_ENTRY = 0;

/** Words of one entry: two of key, the link, then the owner's payload. */
export const ENTRY_WORDS = 8;
const NEXT = 2;
/** First payload word of an entry. */
export const PAYLOAD = 3;

const FEWEST_ENTRIES = 16;
/**
 * Buckets for each entry that there is room for. With the multiplier below, at most 1 / 2.62 of the
 * buckets in use means that consecutive ranges never share one (the multiples of the golden ratio
 * are that far apart), so the loop over a chain nearly always ends, predictably, at its first entry.
 */
const BUCKETS_PER_ENTRY = 4;
/** 2^32 divided by the golden ratio, made odd. */
const GOLDEN = 0x9e3779b1;
const SIZE_BITS = 6;
const SIZE_MASK = (1 << SIZE_BITS) - 1;
/** log2 sizes are below this: page numbers have 52 bits. */
const SIZE_LIMIT = 53;

/**
 * A hash table from aligned, power-of-two ranges of pages to a few words each: the storage of a TLB
 * and of a walk cache under one tag. It never forgets an entry by itself.
 *
 * Entries lie without gaps in `words`, so that going through them costs what there is. An entry is
 * named by the index of its first word. Buckets and links chain the entries with the same hash:
 *
 *     buckets   [ 0 | 16 | 0 | 0 | 8 | ... ]              0 = none
 *     words     [ - | entry 8: key, next, payload | entry 16: key, next, payload | ... ]
 *
 * A key is the range's first page (a word of its low 32 bits; the high 20 in the next word) and its
 * log2 size. A lookup of a page probes once for each size that is present, smallest first.
 *
 * Names of entries are valid until the next `insert`, `remove` or `clear`.
 */
export class RangeTable {
  words: Int32Array = new Int32Array((FEWEST_ENTRIES + 1) * ENTRY_WORDS);
  /** Entries present. */
  count = 0;
  /** A power of two of them; the upper bits of a hash, after `hashShift`, choose one. */
  private buckets: Int32Array = new Int32Array(FEWEST_ENTRIES * BUCKETS_PER_ENTRY);
  private hashShift: number = Math.clz32(this.buckets.length) + 1;
  /** The sizes present in [0, sizeCount), ascending; and how many entries each size has. */
  private readonly sizes: Int32Array = new Int32Array(SIZE_LIMIT);
  private sizeCount = 0;
  private readonly entriesOfSize: Int32Array = new Int32Array(SIZE_LIMIT);

  /** The smallest range that contains the page, or NO_ENTRY. */
  find(vpn: Vpn): number {
    return this.findFrom(0, vpn);
  }

  /** The next larger range after `entry` that contains the page, or NO_ENTRY. */
  findLarger(entry: number, vpn: Vpn): number {
    return this.findFrom(this.positionOf(this.sizeOf(entry)) + 1, vpn);
  }

  /** The range of exactly this size that contains the page, or NO_ENTRY. */
  probe(vpn: Vpn, size: number): number {
    return this.lookUp(keyLow(vpn, size), keyHigh(vpn, size), size);
  }

  /** Adds an entry for the range of `size` around the page, which must not be present. Its payload is the caller's to write. */
  insert(vpn: Vpn, size: number): number {
    if (this.count * BUCKETS_PER_ENTRY === this.buckets.length) this.grow();
    const entry = ++this.count * ENTRY_WORDS;
    this.words[entry] = keyLow(vpn, size);
    this.words[entry + 1] = keyHigh(vpn, size);
    this.link(entry);
    if (this.entriesOfSize[size]!++ === 0) this.addSize(size);
    return entry;
  }

  /** Removes an entry. The last entry takes its place: names of entries change. */
  remove(entry: number): void {
    const size = this.sizeOf(entry);
    this.relink(entry, this.words[entry + NEXT]!);
    const last = this.count-- * ENTRY_WORDS;
    if (last !== entry) {
      this.relink(last, entry);
      // Not copyWithin: for so few words, calling it costs more than the loop.
      for (let i = 0; i < ENTRY_WORDS; i++) this.words[entry + i] = this.words[last + i]!;
    }
    if (--this.entriesOfSize[size]! === 0) this.dropSize(size);
  }

  /** Removes all entries, at the cost of the number there are. */
  clear(): void {
    for (let entry = this.count * ENTRY_WORDS; entry !== NO_ENTRY; entry -= ENTRY_WORDS) {
      this.buckets[this.bucketOf(entry)] = NO_ENTRY;
    }
    for (let i = 0; i < this.sizeCount; i++) this.entriesOfSize[this.sizes[i]!] = 0;
    this.sizeCount = 0;
    this.count = 0;
  }

  /** First page of an entry's range. */
  vpnOf(entry: number): Vpn {
    return (this.words[entry + 1]! >>> SIZE_BITS) * 2 ** 32 + (this.words[entry]! >>> 0);
  }

  /** log2 of the pages of an entry's range. */
  sizeOf(entry: number): number {
    return this.words[entry + 1]! & SIZE_MASK;
  }

  /** Pages of an entry's range. */
  pagesOf(entry: number): number {
    return pagesOf(this.sizeOf(entry));
  }

  /** Whether a range smaller than `size` is present. */
  hasSmaller(size: number): boolean {
    return this.sizeCount > 0 && this.sizes[0]! < size;
  }

  private findFrom(position: number, vpn: Vpn): number {
    for (let i = position; i < this.sizeCount; i++) {
      const size = this.sizes[i]!;
      const entry = this.lookUp(keyLow(vpn, size), keyHigh(vpn, size), size);
      if (entry !== NO_ENTRY) return entry;
    }
    return NO_ENTRY;
  }

  private lookUp(low: number, high: number, size: number): number {
    const { buckets, words } = this;
    let entry = buckets[hash(low, high, size) >>> this.hashShift]!;
    while (entry !== NO_ENTRY) {
      if (words[entry] === low && words[entry + 1] === high) return entry;
      entry = words[entry + NEXT]!;
    }
    return NO_ENTRY;
  }

  private bucketOf(entry: number): number {
    const high = this.words[entry + 1]!;
    return hash(this.words[entry]!, high, high & SIZE_MASK) >>> this.hashShift;
  }

  private link(entry: number): void {
    const bucket = this.bucketOf(entry);
    this.words[entry + NEXT] = this.buckets[bucket]!;
    this.buckets[bucket] = entry;
  }

  /** Whatever led to `entry` in its chain leads to `next` instead. */
  private relink(entry: number, next: number): void {
    const bucket = this.bucketOf(entry);
    if (this.buckets[bucket] === entry) {
      this.buckets[bucket] = next;
      return;
    }
    let before = this.buckets[bucket]!;
    while (this.words[before + NEXT] !== entry) before = this.words[before + NEXT]!;
    this.words[before + NEXT] = next;
  }

  private grow(): void {
    const words = new Int32Array((2 * this.count + 1) * ENTRY_WORDS);
    words.set(this.words);
    this.words = words;
    this.buckets = new Int32Array(2 * this.buckets.length);
    this.hashShift--;
    for (let i = 1; i <= this.count; i++) this.link(i * ENTRY_WORDS);
  }

  private addSize(size: number): void {
    let position = this.sizeCount++;
    for (; position > 0 && this.sizes[position - 1]! > size; position--) {
      this.sizes[position] = this.sizes[position - 1]!;
    }
    this.sizes[position] = size;
  }

  private dropSize(size: number): void {
    let position = this.positionOf(size);
    for (this.sizeCount--; position < this.sizeCount; position++) {
      this.sizes[position] = this.sizes[position + 1]!;
    }
  }

  private positionOf(size: number): number {
    let position = 0;
    while (this.sizes[position] !== size) position++;
    return position;
  }
}

/** Pages in a range of this size. A shift where it can be: `**` is a library call. */
export function pagesOf(size: number): number {
  return size < 31 ? 1 << size : 2 ** size;
}

/** The low 32 bits of the first page. */
function keyLow(vpn: Vpn, size: number): number {
  return size < 32 ? vpn & (-1 << size) : 0;
}

/** The high 20 bits of the first page, and the size. */
function keyHigh(vpn: Vpn, size: number): number {
  const high = (vpn * 2 ** -32) | 0;
  return ((size < 32 ? high : high & (-1 << (size - 32))) << SIZE_BITS) | size;
}

function hash(low: number, high: number, size: number): number {
  return Math.imul((low >>> size) + high, GOLDEN);
}
