import { KernelPanic, type Pfn } from "@aspace/arch";

/** Leaf sizes, as log2 pages, are below this. */
const SIZE_LIMIT = 53;

/**
 * How many cached translations of all CPUs and tags refer to a frame of RAM, so that freeing a frame
 * that nobody caches, which is nearly every free, needs no search.
 *
 * Invariant: the counts of a leaf size are those of the TLB entries of that size, per aligned block
 * of frames; `tables` are those of the walk-cache entries.
 */
export class CachedFrames {
  private readonly frameCount: number;
  /** By leaf size: the entries per block of frames, made when the size first occurs. */
  private readonly blocks: (Int32Array | undefined)[] = [];
  /** By leaf size: all entries. */
  private readonly totals: Int32Array = new Int32Array(SIZE_LIMIT);
  private readonly tables: Int32Array;

  constructor(frameCount: number) {
    this.frameCount = frameCount;
    this.tables = new Int32Array(frameCount);
  }

  addLeaf(pfn: Pfn, leafPages: number): void {
    this.countLeaf(pfn, leafPages, 1);
  }

  dropLeaf(pfn: Pfn, leafPages: number): void {
    this.countLeaf(pfn, leafPages, -1);
  }

  addTable(pfn: Pfn): void {
    if (pfn < this.frameCount) this.tables[pfn]!++;
  }

  dropTable(pfn: Pfn): void {
    if (pfn < this.frameCount) this.tables[pfn]!--;
  }

  /** Some TLB entry, usable or not, leads to the frame. */
  isInTlb(pfn: Pfn): boolean {
    for (let size = 0; size < this.blocks.length; size++) {
      if (this.totals[size] !== 0 && this.blocks[size]![blockOf(pfn, size)] !== 0) {
        return true;
      }
    }
    return false;
  }

  /** Some walk-cache entry, usable or not, leads to the frame. */
  isInWalkCache(pfn: Pfn): boolean {
    return this.tables[pfn] !== 0;
  }

  /** Counts for the same RAM, all zero. */
  empty(): CachedFrames {
    return new CachedFrames(this.frameCount);
  }

  /** Panics with K-6 unless these counts are those of a recount. */
  assertEquals(recount: CachedFrames): void {
    const sizes = Math.max(this.blocks.length, recount.blocks.length);
    for (let size = 0; size < sizes; size++) {
      if (!sameWords(this.blocksOf(size), recount.blocksOf(size))) {
        throw new KernelPanic("K-6", `TLB entries of 2^${size} pages are miscounted`);
      }
    }
    if (!sameWords(this.totals, recount.totals) || !sameWords(this.tables, recount.tables)) {
      throw new KernelPanic("K-6", "walk-cache entries or sums of TLB entries are miscounted");
    }
  }

  private countLeaf(pfn: Pfn, leafPages: number, change: number): void {
    if (pfn >= this.frameCount) return;
    this.blocksOf(leafPages)[blockOf(pfn, leafPages)]! += change;
    this.totals[leafPages]! += change;
  }

  private blocksOf(leafPages: number): Int32Array {
    let blocks = this.blocks[leafPages];
    if (blocks === undefined) {
      blocks = new Int32Array(blockOf(this.frameCount - 1, leafPages) + 1);
      while (this.blocks.length < leafPages) this.blocks.push(undefined);
      this.blocks[leafPages] = blocks;
    }
    return blocks;
  }
}

/** Number of the aligned block of 2^size frames that a frame of RAM is in. */
function blockOf(pfn: Pfn, size: number): number {
  return size < 31 ? pfn >> size : 0;
}

function sameWords(left: Int32Array, right: Int32Array): boolean {
  return left.every((word, i) => word === right[i]);
}
