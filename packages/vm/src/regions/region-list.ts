import { KernelPanic, type Vpn } from "@aspace/arch";
import { endOf, type Extent } from "./extent.ts";
import { GapTree, NO_NODE, type GapNode } from "./gap-tree.ts";

/** What can be in a `RegionList`: it carries its place in the list, so that leaving costs no search. */
export interface Listed extends Extent {
  /** The block it is in: written by its list alone; NO_NODE outside of any. */
  listNode: GapNode;
}

/** Is shown a gap, [base, end); answers whether to go on. */
export type GapVisitor = (base: Vpn, end: Vpn) => boolean;

const BLOCK_SHIFT = 5;
/** Regions that a block has room for. */
const BLOCK = 1 << BLOCK_SHIFT;
const HALF = BLOCK >> 1;
/** A block with fewer is joined with a neighbour when both fit in half a block. */
const FEW = BLOCK >> 2;

/**
 * The children of an address region, in address order: disjoint, and what is not covered is a gap (V-7). A lookup, an
 * insertion, a removal and a change of extent take time in the logarithm of the number of children.
 *
 * Neighbours share blocks of up to 32, and each block is one node of a `GapTree`. What an operation touches is then a
 * short path of nodes and one block, so that a million children cost little more than a thousand:
 *
 *     tree                     ┌───── [40,90) ─────┐
 *                       [2,31) gap 6          [95,99) gap 0
 *     blocks     2-4 · 10-12 · ... · 30    40-60 · ...    95-96 · 97-98
 */
export class RegionList<T extends Listed> {
  private size = 0;
  /** One node for each block in use, with the block's number. */
  private readonly tree: GapTree = new GapTree();
  /** By block: how many regions it has. */
  private counts: Int32Array = new Int32Array(0);
  /** By slot: `slotsOf(block)` is the first of a block's 32. */
  private bases: Float64Array = new Float64Array(0);
  private ends: Float64Array = new Float64Array(0);
  /** By slot. Invariant: null in a slot that is not in use. */
  private readonly regions: (T | null)[] = [];

  /** How many children there are. */
  get count(): number {
    return this.size;
  }

  /** Pages of the largest gap between two children; 0 for none. */
  get maxGap(): number {
    return this.tree.maxGapOf(this.tree.root);
  }

  first(): T | null {
    return this.firstIn(this.tree.first());
  }

  last(): T | null {
    return this.lastIn(this.tree.last());
  }

  /** The nearest child above another one. */
  next(region: T): T | null {
    const slot = this.slotOf(region) + 1;
    const block = region.listNode;
    if (slot < this.topOf(block)) return this.regions[slot]!;
    return this.firstIn(this.tree.next(block));
  }

  /** The nearest child below another one. */
  previous(region: T): T | null {
    const slot = this.slotOf(region) - 1;
    const block = region.listNode;
    if (slot >= slotsOf(block)) return this.regions[slot]!;
    return this.lastIn(this.tree.previous(block));
  }

  /** The child that contains the page, else the first one above it. */
  includeOrHigher(vpn: Vpn): T | null {
    const block = this.tree.firstEndingAbove(vpn);
    return block === NO_NODE ? null : this.regions[this.slotEndingAbove(block, vpn)]!;
  }

  /** The child that contains the page. */
  findRegion(vpn: Vpn): T | null {
    const region = this.includeOrHigher(vpn);
    return region !== null && region.base <= vpn ? region : null;
  }

  /** The first child that begins above the page. */
  upperBound(vpn: Vpn): T | null {
    const region = this.includeOrHigher(vpn);
    return region !== null && region.base <= vpn ? this.next(region) : region;
  }

  /** Whether no child has a page of [vpn, vpn + count). Panics with V-7 for an empty range. */
  isRangeAvailable(vpn: Vpn, count: number): boolean {
    if (count <= 0) throw new KernelPanic("V-7", "an empty range is asked for");
    const block = this.tree.firstEndingAbove(vpn);
    return block === NO_NODE || this.bases[this.slotEndingAbove(block, vpn)]! >= vpn + count;
  }

  /**
   * Shows the gaps of at least `atLeast` pages in [base, end), ascending: before the first child, between children,
   * behind the last. All children must lie in that range, and `atLeast` be positive.
   */
  visitGaps(base: Vpn, end: Vpn, atLeast: number, visit: GapVisitor): void {
    const { tree } = this;
    for (
      let block = tree.firstWide(base, atLeast);
      block !== NO_NODE;
      block = tree.nextWide(block, atLeast)
    ) {
      const before = tree.previous(block);
      let gapBase = before === NO_NODE ? base : tree.endOf(before);
      const top = this.topOf(block);
      for (let slot = slotsOf(block); slot < top; slot++) {
        const gapEnd = this.bases[slot]!;
        if (gapEnd - gapBase >= atLeast && !visit(gapBase, gapEnd)) return;
        gapBase = this.ends[slot]!;
      }
    }
    const top = this.size === 0 ? base : tree.maxEndOf(tree.root);
    if (end - top >= atLeast) visit(top, end);
  }

  /** Adds a child. Panics with I-3 where it would overlap another one, with V-7 when it is empty or in a list already. */
  insert(region: T): void {
    if (region.listNode !== NO_NODE) throw new KernelPanic("V-7", "a region is in a list already");
    if (region.pageCount <= 0) throw new KernelPanic("V-7", "an empty region is inserted");
    const { base } = region;
    const end = endOf(region);
    let block = this.tree.firstEndingAbove(base);
    if (block === NO_NODE) block = this.tree.last();
    if (block === NO_NODE) block = this.addBlock(base, end, 0);
    let slot = this.slotEndingAbove(block, base);
    if (slot < this.topOf(block) && this.bases[slot]! < end) {
      throw new KernelPanic("I-3", "a region is inserted over another one");
    }
    if (this.counts[block] === BLOCK) {
      const index = slot - slotsOf(block);
      const upper = this.split(block);
      if (index > HALF) {
        block = upper;
        slot = slotsOf(upper) + index - HALF;
      }
    }
    this.openSlot(block, slot);
    this.fillSlot(slot, region, block);
    this.size++;
    this.sumUp(block);
  }

  /** Removes a child. Panics with V-7 when it is not in this list. */
  erase(region: T): void {
    const slot = this.slotOf(region);
    const block = region.listNode;
    this.closeSlot(block, slot);
    region.listNode = NO_NODE;
    this.size--;
    const count = this.counts[block]!;
    if (count === 0) {
      this.tree.erase(block);
      return;
    }
    this.sumUp(block);
    if (count < FEW) this.joinWithNeighbour(block);
  }

  /**
   * Takes note of a child's new extent, which keeps its place in the order: an end was cut off, or the gap beside it
   * filled. Panics with I-3 where it would overlap a neighbour.
   */
  extentChanged(region: T): void {
    const slot = this.slotOf(region);
    const end = endOf(region);
    if (end <= region.base) throw new KernelPanic("V-7", "a region in a list becomes empty");
    const before = this.previous(region);
    const after = this.next(region);
    if ((before !== null && endOf(before) > region.base) || (after !== null && after.base < end)) {
      throw new KernelPanic("I-3", "a region grows over its neighbour");
    }
    this.bases[slot] = region.base;
    this.ends[slot] = end;
    this.sumUp(region.listNode);
  }

  /** Looks at every child. Panics with I-3 or I-6. */
  validate(): void {
    this.tree.validate();
    let seen = 0;
    let countBefore = BLOCK;
    for (let block = this.tree.first(); block !== NO_NODE; block = this.tree.next(block)) {
      const count = this.counts[block]!;
      if (count < 1 || count > BLOCK) throw new KernelPanic("I-6", "a block is empty or too full");
      if (Math.max(count, countBefore) < FEW) throw new KernelPanic("I-6", "two blocks have few");
      seen += count;
      countBefore = count;
      this.validateBlock(block);
    }
    if (seen !== this.size) throw new KernelPanic("I-6", "a region cannot be reached");
    const held = this.regions.filter((region) => region !== null).length;
    if (held !== seen) throw new KernelPanic("I-6", "a region is held that is not in the list");
  }

  private validateBlock(block: GapNode): void {
    const top = this.topOf(block);
    let end = 0;
    for (let slot = slotsOf(block); slot < top; slot++) {
      const region = this.regions[slot]!;
      if (region?.listNode !== block) throw new KernelPanic("I-6", "a slot has lost its region");
      if (region.base !== this.bases[slot] || endOf(region) !== this.ends[slot]) {
        throw new KernelPanic("I-6", "a region lies elsewhere than its slot says");
      }
      if (region.base < end) throw new KernelPanic("I-3", "regions overlap");
      end = endOf(region);
    }
    if (
      this.tree.baseOf(block) !== this.bases[slotsOf(block)] ||
      this.tree.endOf(block) !== end ||
      this.tree.innerGapOf(block) !== this.largestGap(slotsOf(block), top)
    ) {
      throw new KernelPanic("I-6", "a node sums up its block wrongly");
    }
  }

  private firstIn(block: GapNode): T | null {
    return block === NO_NODE ? null : this.regions[slotsOf(block)]!;
  }

  private lastIn(block: GapNode): T | null {
    return block === NO_NODE ? null : this.regions[this.topOf(block) - 1]!;
  }

  /** One past a block's last slot in use. */
  private topOf(block: GapNode): number {
    return slotsOf(block) + this.counts[block]!;
  }

  /** The first slot of a block whose region ends above a page, or its top. */
  private slotEndingAbove(block: GapNode, vpn: Vpn): number {
    const { ends } = this;
    let low = slotsOf(block);
    let high = low + this.counts[block]!;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ends[middle]! > vpn) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Where a child is, also when its extent has just changed within the gaps around it. */
  private slotOf(region: T): number {
    const block = region.listNode;
    if (block !== NO_NODE && block < this.counts.length) {
      const slot = this.slotEndingAbove(block, region.base);
      if (this.regions[slot] === region) return slot;
    }
    throw new KernelPanic("V-7", "a region is not in this list");
  }

  private fillSlot(slot: number, region: T, block: GapNode): void {
    this.bases[slot] = region.base;
    this.ends[slot] = endOf(region);
    this.regions[slot] = region;
    region.listNode = block;
  }

  /** Moves a block's regions from a slot on one up. */
  private openSlot(block: GapNode, slot: number): void {
    const { bases, ends, regions } = this;
    for (let to = this.topOf(block); to > slot; to--) {
      bases[to] = bases[to - 1]!;
      ends[to] = ends[to - 1]!;
      regions[to] = regions[to - 1]!;
    }
    this.counts[block]!++;
  }

  /** Moves a block's regions above a slot one down. */
  private closeSlot(block: GapNode, slot: number): void {
    const { bases, ends, regions } = this;
    const last = this.topOf(block) - 1;
    for (let to = slot; to < last; to++) {
      bases[to] = bases[to + 1]!;
      ends[to] = ends[to + 1]!;
      regions[to] = regions[to + 1]!;
    }
    regions[last] = null;
    this.counts[block]!--;
  }

  /** Tells the tree where a block's regions lie now. */
  private sumUp(block: GapNode): void {
    const first = slotsOf(block);
    const top = this.topOf(block);
    this.tree.update(block, this.bases[first]!, this.ends[top - 1]!, this.largestGap(first, top));
  }

  /** The largest gap between the regions in slots [first, top). */
  private largestGap(first: number, top: number): number {
    const { bases, ends } = this;
    let largest = 0;
    for (let slot = first + 1; slot < top; slot++) {
      const gap = bases[slot]! - ends[slot - 1]!;
      if (gap > largest) largest = gap;
    }
    return largest;
  }

  /** Moves the upper half of a full block to a new one, which it answers. */
  private split(block: GapNode): GapNode {
    const middle = slotsOf(block) + HALF;
    const top = middle + HALF;
    this.counts[block] = HALF;
    this.sumUp(block);
    const upper = this.addBlock(
      this.bases[middle]!,
      this.ends[top - 1]!,
      this.largestGap(middle, top),
    );
    this.moveRegions(middle, top, upper);
    return upper;
  }

  /**
   * Joins a block that has few regions with the next or the previous one, if there is room to spare. So never do two
   * neighbouring blocks both have few, and their number follows the number of regions down as well as up.
   */
  private joinWithNeighbour(block: GapNode): void {
    if (!this.join(block, this.tree.next(block))) this.join(this.tree.previous(block), block);
  }

  private join(lower: GapNode, upper: GapNode): boolean {
    if (lower === NO_NODE || upper === NO_NODE) return false;
    if (this.counts[lower]! + this.counts[upper]! > HALF) return false;
    const first = slotsOf(upper);
    const top = this.topOf(upper);
    this.counts[upper] = 0;
    this.tree.erase(upper);
    this.moveRegions(first, top, lower);
    this.sumUp(lower);
    return true;
  }

  /** Appends the regions in slots [first, top) to a block. */
  private moveRegions(first: number, top: number, block: GapNode): void {
    for (let slot = first; slot < top; slot++) {
      this.fillSlot(this.topOf(block), this.regions[slot]!, block);
      this.counts[block]!++;
      this.regions[slot] = null;
    }
  }

  /** A block without regions, under a node for the ones that it will have. */
  private addBlock(base: Vpn, end: Vpn, innerGap: number): GapNode {
    const block = this.tree.insert(base, end, innerGap);
    if (block >= this.counts.length) this.growTo(Math.max(block, 2 * (block - 1)));
    return block;
  }

  private growTo(blocks: number): void {
    const counts = new Int32Array(blocks + 1);
    const bases = new Float64Array(blocks << BLOCK_SHIFT);
    const ends = new Float64Array(blocks << BLOCK_SHIFT);
    counts.set(this.counts);
    bases.set(this.bases);
    ends.set(this.ends);
    this.counts = counts;
    this.bases = bases;
    this.ends = ends;
    while (this.regions.length < bases.length) this.regions.push(null);
  }
}

/** The first slot of a block. Blocks are numbered from 1. */
function slotsOf(block: GapNode): number {
  return (block - 1) << BLOCK_SHIFT;
}
