import {
  type AspaceProfile,
  AspaceKind,
  Enlarge,
  ExistingEntry,
  MmuFlags,
  type MmuFlagSet,
  NonTerminalAction,
  PAGE_SHIFT,
  type Pfn,
  Status,
  type Vpn,
  areMappableFlags,
} from "@aspace/arch";

/**
 * The trusted model: an aspace as a flat set of leaves, and for each operation the status it must
 * answer and the leaves it must leave behind. Short on purpose; it knows no tables, no entries and
 * no CPUs, and shares no code with any page-table engine.
 *
 * ```
 *   tables        leaves                               pages
 *   (not here)    { vpn 512, pages 512, pfn 1024 }     512..1023 -> frames 1024..1535
 *                 { vpn 1024, pages 1, pfn 77 }        1024      -> frame 77
 * ```
 */

/** One mapped run of pages: a base page, or a large leaf. Frames are consecutive. */
export interface Leaf {
  /** First page; aligned to `pages`. */
  vpn: Vpn;
  /** Base pages covered: 1, or the size of a large leaf. */
  pages: number;
  /** Frame of the first page. */
  pfn: Pfn;
  /** The flags it was mapped or last protected with, not normalised. */
  flags: MmuFlagSet;
}

/**
 * An allocation was refused during the operation. Which one is the backend's affair, so the model
 * asks what became of single pages where the contract leaves more than one outcome open.
 */
export interface Refusal {
  /** Whether `query` still finds the page after the operation. */
  isMapped(vpn: Vpn): boolean;
}

/** Memory sufficed: no allocation was refused. */
export const NO_REFUSAL: Refusal | null = null;

const POLICY_MASK = MmuFlags.CACHE_MASK | MmuFlags.NS;

export class ReferenceAspace {
  readonly kind: AspaceKind;
  readonly profile: AspaceProfile;
  /** Leaf sizes in pages, ascending: [1, 512, 262144]. */
  readonly leafSizes: readonly number[];
  /** Invariant: keyed by first page; leaves are disjoint and aligned to their size. */
  readonly #leaves = new Map<Vpn, Leaf>();

  constructor(kind: AspaceKind, profile: AspaceProfile) {
    this.kind = kind;
    this.profile = profile;
    this.leafSizes = profile.capabilities.leafShifts.map((shift) => 2 ** (shift - PAGE_SHIFT));
  }

  /** Number of leaves. */
  get size(): number {
    return this.#leaves.size;
  }

  /** All leaves, in the order in which they appeared. Not to be changed. */
  leaves(): IterableIterator<Readonly<Leaf>> {
    return this.#leaves.values();
  }

  /** The leaf that maps `vpn`, or null. */
  lookup(vpn: Vpn): Readonly<Leaf> | null {
    for (const size of this.leafSizes) {
      const leaf = this.#leaves.get(Math.floor(vpn / size) * size);
      if (leaf !== undefined && leaf.pages === size) return leaf;
    }
    return null;
  }

  /** The frame that maps `vpn`, or null. */
  frameOf(vpn: Vpn): Pfn | null {
    const leaf = this.lookup(vpn);
    return leaf === null ? null : leaf.pfn + (vpn - leaf.vpn);
  }

  /** The leaves that have a page in range, in ascending order. */
  leavesIn(vpn: Vpn, count: number): Readonly<Leaf>[] {
    const end = vpn + count;
    if (count > this.#leaves.size) {
      return [...this.#leaves.values()]
        .filter((leaf) => leaf.vpn < end && leaf.vpn + leaf.pages > vpn)
        .toSorted((a, b) => a.vpn - b.vpn);
    }
    const found: Readonly<Leaf>[] = [];
    for (let page = vpn; page < end;) {
      const leaf = this.lookup(page);
      if (leaf !== null) found.push(leaf);
      page = leaf === null ? page + 1 : leaf.vpn + leaf.pages;
    }
    return found;
  }

  /**
   * The cache policy and NS bit shared by every page mapped in range; null when they differ. A
   * `protect` must pass the same ones.
   */
  policyIn(vpn: Vpn, count: number): MmuFlagSet | null {
    const leaves = this.leavesIn(vpn, count);
    const first = leaves[0];
    if (first === undefined) return MmuFlags.CACHED;
    const policy = first.flags & POLICY_MASK;
    return leaves.every((leaf) => (leaf.flags & POLICY_MASK) === policy) ? policy : null;
  }

  /** Expected status of `map`; on OK the pages are mapped. */
  map(
    vpn: Vpn,
    pfns: ArrayLike<Pfn>,
    count: number,
    flags: MmuFlagSet,
    action: ExistingEntry,
    refusal: Refusal | null,
  ): Status {
    if (!this.#contains(vpn, count)) return Status.OUT_OF_RANGE;
    if (!areMappableFlags(flags)) return Status.INVALID_ARGS;
    for (let i = 0; i < count; i++) if (!this.#isFrame(pfns[i]!)) return Status.INVALID_ARGS;
    if (refusal !== null) return Status.NO_MEMORY;
    if (this.#blocksMap(vpn, count, action)) return Status.ALREADY_EXISTS;
    for (let i = 0; i < count; i++) this.#mapPage(vpn + i, pfns[i]!, flags, action);
    return Status.OK;
  }

  /** Expected status of `mapContiguous`; on OK the range is mapped with the largest leaves that fit. */
  mapContiguous(
    vpn: Vpn,
    pfn: Pfn,
    count: number,
    flags: MmuFlagSet,
    refusal: Refusal | null,
  ): Status {
    if (!this.#contains(vpn, count)) return Status.OUT_OF_RANGE;
    if (!areMappableFlags(flags)) return Status.INVALID_ARGS;
    if (count > 0 && !(this.#isFrame(pfn) && this.#isFrame(pfn + count - 1))) {
      return Status.INVALID_ARGS;
    }
    if (refusal !== null) return Status.NO_MEMORY;
    if (this.leavesIn(vpn, count).length > 0) return Status.ALREADY_EXISTS;
    for (let done = 0; done < count;) {
      const pages = this.largestLeaf(vpn + done, pfn + done, count - done);
      this.#install({ vpn: vpn + done, pages, pfn: pfn + done, flags });
      done += pages;
    }
    return Status.OK;
  }

  /** Pages of the largest leaf that both addresses are aligned to and `count` covers. */
  largestLeaf(vpn: Vpn, pfn: Pfn, count: number): number {
    const fits = (size: number): boolean => vpn % size === 0 && pfn % size === 0 && size <= count;
    return this.leafSizes.findLast(fits) ?? 1;
  }

  /** Expected status of `unmap`; on OK the range is empty. */
  unmap(vpn: Vpn, count: number, enlarge: Enlarge, refusal: Refusal | null): Status {
    if (!this.#contains(vpn, count)) return Status.OUT_OF_RANGE;
    if (count === 0) return Status.OK;
    if (enlarge === Enlarge.NO) {
      const failure = this.#splitFailure(this.#isCut(vpn, count), refusal);
      if (failure !== Status.OK) return failure;
    }
    this.#splitEdges(vpn, count, refusal);
    for (const leaf of this.leavesIn(vpn, count)) this.#leaves.delete(leaf.vpn);
    return Status.OK;
  }

  /**
   * Expected status of `protect`; on OK the mapped pages in range have the permissions of `flags`.
   * The caller passes the cache policy that the pages have (`policyIn`).
   */
  protect(
    vpn: Vpn,
    count: number,
    flags: MmuFlagSet,
    enlarge: Enlarge,
    refusal: Refusal | null,
  ): Status {
    if (!this.#contains(vpn, count)) return Status.OUT_OF_RANGE;
    if (!areMappableFlags(flags)) return Status.INVALID_ARGS;
    if (this.profile.capabilities.protectIsUnmap) {
      return this.unmap(vpn, count, Enlarge.YES, refusal);
    }
    if (count === 0) return Status.OK;
    const bbm = enlarge === Enlarge.NO && this.#isCut(vpn, count);
    const failure = this.#splitFailure(bbm, refusal);
    if (failure !== Status.OK) return failure;
    this.#splitEdges(vpn, count, null);
    for (const { vpn: first } of this.leavesIn(vpn, count)) this.#leaves.get(first)!.flags = flags;
    return Status.OK;
  }

  /** Expected status of `query`; `lookup` has the rest of the answer. */
  query(vpn: Vpn): Status {
    if (!this.#contains(vpn, 1)) return Status.OUT_OF_RANGE;
    return this.lookup(vpn) === null ? Status.NOT_FOUND : Status.OK;
  }

  /**
   * Expected status of `harvestAccessed`. FREE_UNACCESSED may remove leaves that lie in range as a
   * whole; which, depends on accessed marks that this model does not have, so it is told.
   */
  harvestAccessed(
    vpn: Vpn,
    count: number,
    nonTerminal: NonTerminalAction,
    isMapped: (vpn: Vpn) => boolean,
  ): Status {
    if (!this.#contains(vpn, count)) return Status.OUT_OF_RANGE;
    if (count === 0 || nonTerminal === NonTerminalAction.RETAIN) return Status.OK;
    if (this.kind === AspaceKind.KERNEL) return Status.NOT_SUPPORTED;
    for (const leaf of this.leavesIn(vpn, count)) {
      const whole = leaf.vpn >= vpn && leaf.vpn + leaf.pages <= vpn + count;
      if (whole && !isMapped(leaf.vpn)) this.#leaves.delete(leaf.vpn);
    }
    return Status.OK;
  }

  /** Expected status of `markAccessed`, which changes no leaf. */
  markAccessed(vpn: Vpn, count: number): Status {
    if (!this.#contains(vpn, count)) return Status.OUT_OF_RANGE;
    if (count === 0) return Status.OK;
    return this.profile.capabilities.markAccessedSupported ? Status.OK : Status.NOT_SUPPORTED;
  }

  #contains(vpn: Vpn, count: number): boolean {
    const { baseVpn, pageCount } = this.profile;
    return vpn >= baseVpn && count >= 0 && count <= pageCount && vpn - baseVpn <= pageCount - count;
  }

  #isFrame(pfn: Pfn): boolean {
    return pfn >= 0 && pfn < 2 ** (this.profile.capabilities.physBits - PAGE_SHIFT);
  }

  /** Whether a leaf in range stops a `map` with this action. */
  #blocksMap(vpn: Vpn, count: number, action: ExistingEntry): boolean {
    if (action === ExistingEntry.SKIP) return false;
    const leaves = this.leavesIn(vpn, count);
    if (action === ExistingEntry.ERROR) return leaves.length > 0;
    // Upgrading a page of a large leaf splits it, which a kernel mapping cannot survive.
    return this.kind === AspaceKind.KERNEL && leaves.some((leaf) => leaf.pages > 1);
  }

  #mapPage(vpn: Vpn, pfn: Pfn, flags: MmuFlagSet, action: ExistingEntry): void {
    const old = this.lookup(vpn);
    if (old !== null) {
      if (action === ExistingEntry.SKIP) return;
      this.#splitDown(vpn);
      const isReadOnly = (flags & ~(MmuFlags.USER | MmuFlags.CACHE_MASK)) === MmuFlags.READ;
      if (isReadOnly && this.frameOf(vpn) === pfn) return;
    }
    this.#install({ vpn, pages: 1, pfn, flags });
  }

  #install(leaf: Leaf): void {
    this.#leaves.set(leaf.vpn, leaf);
  }

  /** Why an edit that may have to split fails before it starts; `needsGap`: it would have to open one. */
  #splitFailure(needsGap: boolean, refusal: Refusal | null): Status {
    if (needsGap && this.profile.capabilities.splitNeedsBbm) return Status.NOT_SUPPORTED;
    return refusal === null ? Status.OK : Status.NO_MEMORY;
  }

  /** Whether a large leaf lies across an edge of the range. */
  #isCut(vpn: Vpn, count: number): boolean {
    return this.#leafAcross(vpn) !== null || this.#leafAcross(vpn + count) !== null;
  }

  /** The leaf that `edge` falls into the middle of, or null. */
  #leafAcross(edge: Vpn): Readonly<Leaf> | null {
    const leaf = this.lookup(edge);
    return leaf !== null && leaf.vpn < edge ? leaf : null;
  }

  /**
   * Splits the leaves across both edges of the range until none is. Where an allocation was refused a
   * leaf may be lost instead: its pages outside the range tell.
   */
  #splitEdges(vpn: Vpn, count: number, refusal: Refusal | null): void {
    const end = vpn + count;
    for (const edge of [vpn, end]) {
      for (let leaf = this.#leafAcross(edge); leaf !== null; leaf = this.#leafAcross(edge)) {
        if (refusal !== null && isLost(leaf, vpn, end, refusal)) this.#leaves.delete(leaf.vpn);
        else this.#splitOnce(leaf);
      }
    }
  }

  /** Splits the leaf that maps `vpn` down to base pages around it. */
  #splitDown(vpn: Vpn): void {
    for (let leaf = this.lookup(vpn); leaf !== null && leaf.pages > 1; leaf = this.lookup(vpn)) {
      this.#splitOnce(leaf);
    }
  }

  /** Replaces a large leaf by leaves of the next smaller size that translate alike. */
  #splitOnce(leaf: Readonly<Leaf>): void {
    const pages = this.leafSizes[this.leafSizes.indexOf(leaf.pages) - 1]!;
    this.#leaves.delete(leaf.vpn);
    for (let done = 0; done < leaf.pages; done += pages) {
      this.#install({ vpn: leaf.vpn + done, pages, pfn: leaf.pfn + done, flags: leaf.flags });
    }
  }
}

/** Whether the leaf's pages outside [vpn, end) went with it: those furthest out decide. */
function isLost(leaf: Readonly<Leaf>, vpn: Vpn, end: Vpn, refusal: Refusal): boolean {
  const last = leaf.vpn + leaf.pages - 1;
  const keptBelow = leaf.vpn < vpn && refusal.isMapped(leaf.vpn);
  const keptAbove = last >= end && refusal.isMapped(last);
  return !keptBelow && !keptAbove;
}
