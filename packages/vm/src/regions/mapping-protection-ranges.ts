import { KernelPanic, MmuFlags, Status, type MmuFlagSet, type Vpn } from "@aspace/arch";
import type { AllocationFailures } from "../objects/allocation-failures.ts";
import { endOf, isInRange, type Extent } from "./extent.ts";
import type { RegionQuirks } from "./quirks.ts";

/** What a visitor of runs answers besides a status. No status is positive, so neither can reach a caller. */
export const RunControl = { NEXT: 1, STOP: 2 } as const;
export type RunControl = (typeof RunControl)[keyof typeof RunControl];

/** Is shown a run of pages with the same flags. Only NEXT asks for the run that follows. */
export type RunVisitor = (vpn: Vpn, count: number, flags: MmuFlagSet) => Status | RunControl;

/** Is shown a run of pages and the flags that an update takes away from it. */
export type OldRunVisitor = (vpn: Vpn, count: number, oldFlags: MmuFlagSet) => void;

/** Where `flagsRangeAt` puts its answer; reused by the caller, so that a fault allocates nothing. */
export interface FlagsRange {
  flags: MmuFlagSet;
  /** One past the last page, in the direction of the mapping's end, that has these flags too. */
  end: Vpn;
}

/** What the ranges need of the kernel around them. */
export interface ProtectionContext {
  readonly failures: AllocationFailures;
  readonly quirks: RegionQuirks;
}

const FEWEST_NODES = 4;
const NO_STARTS = new Float64Array(0);
const NO_FLAGS = new Uint8Array(0);

/**
 * What each page of one mapping allows. Most mappings allow the same everywhere and cost one word; the others have a
 * node wherever the flags change:
 *
 *     page      10  11  12  13  14  15  16  17  18  19          mapping [10, 20)
 *     flags      R   R  RW  RW  RW   R   R   R   R   R
 *     first      R       │           │
 *     nodes            {12, RW}   {15, R}
 *
 * The mapping's own extent is not stored: it is passed in wherever it matters.
 *
 * Invariant: starts lie strictly inside the mapping and ascend strictly; every node's flags differ from those
 * before it; all flags have the same cache policy. So the flags of the pages determine the nodes.
 */
export class MappingProtectionRanges {
  /** The flags from the mapping's base up to the first node. */
  private first: MmuFlagSet;
  private nodeCount = 0;
  private starts: Float64Array = NO_STARTS;
  private flags: Uint8Array = NO_FLAGS;

  constructor(flags: MmuFlagSet) {
    this.first = flags;
  }

  get firstFlags(): MmuFlagSet {
    return this.first;
  }

  /** Whether every page has the same flags. */
  get isSingleRegion(): boolean {
    return this.nodeCount === 0;
  }

  /** Gives every page these flags. Panics with R-7 unless they all have the same ones now. */
  setFirstFlags(flags: MmuFlagSet): void {
    if (this.nodeCount !== 0) throw new KernelPanic("R-7", "flags are set over several ranges");
    this.first = flags;
  }

  /** Forgets all nodes: every page has the first page's flags. */
  clear(): void {
    this.nodeCount = 0;
  }

  /** The flags of one page of the mapping. */
  flagsAt(vpn: Vpn): MmuFlagSet {
    return this.flagsBefore(this.firstNodeAbove(vpn));
  }

  /** The flags of one page of `mapping`, and how far they reach above it. */
  flagsRangeAt(mapping: Extent, vpn: Vpn, out: FlagsRange): void {
    const above = this.firstNodeAbove(vpn);
    out.flags = this.flagsBefore(above);
    out.end = this.startOr(above, endOf(mapping));
  }

  /**
   * Shows the runs in [vpn, vpn + count), each as long as it can be, ascending. NEXT goes on; STOP ends with OK; any
   * status ends and is returned, OK too. OK at the natural end. Panics with R-2 unless the range is a part of
   * `mapping`. The visitor may not change the ranges.
   */
  enumerate(mapping: Extent, vpn: Vpn, count: number, visit: RunVisitor): Status {
    assertPart("R-2", mapping, vpn, count);
    const end = vpn + count;
    let start = vpn;
    for (let node = this.firstNodeAbove(vpn); ; node++) {
      const runEnd = Math.min(this.startOr(node, end), end);
      const verdict = visit(start, runEnd - start, this.flagsBefore(node));
      if (verdict === RunControl.STOP) return Status.OK;
      if (verdict !== RunControl.NEXT) return verdict;
      if (runEnd === end) return Status.OK;
      start = runEnd;
    }
  }

  /**
   * Gives the pages of [vpn, vpn + count) the flags, and shows what they had, run by run, ascending, also where that
   * is the same. OK; NO_MEMORY before anything changed or was shown. Panics with R-4 unless the range is a part of
   * `mapping`.
   *
   *     before      ──A──┬──B──┬──C──┬──D──          needed: a node where the range begins, unless it begins with
   *     update           │ ▒▒▒▒▒▒▒▒▒ │               the mapping or A has the flags; one where it ends, unless the
   *     after       ──A──┬─▒▒▒▒▒▒▒▒▒─┬──D──          next node is there, the mapping ends, or C has the flags.
   *
   * Nodes inside the range go and serve as new ones; only what is missing then is allocated.
   */
  update(
    mapping: Extent,
    vpn: Vpn,
    count: number,
    flags: MmuFlagSet,
    { failures, quirks }: ProtectionContext,
    showOld: OldRunVisitor,
  ): Status {
    assertPart("R-4", mapping, vpn, count);
    const end = vpn + count;
    const from = this.firstNodeFrom(vpn);
    let to = this.firstNodeFrom(end);
    const endCarry = this.flagsBefore(to);
    const nextStart = this.startOr(to, endOf(mapping));
    const needsStart = vpn !== mapping.base && this.flagsBefore(from) !== flags;
    const needsEnd = nextStart !== end && endCarry !== flags;
    const needed = Number(needsStart) + Number(needsEnd);
    for (let missing = needed - (to - from); missing > 0; missing--) {
      if (failures.claims()) return Status.NO_MEMORY;
    }

    const isWhole = count === mapping.pageCount;
    if (isWhole && quirks.protectsWholeAsOneRun) showOld(vpn, count, this.first);
    else this.showRuns(vpn, end, showOld);

    const meetsEqual = to < this.nodeCount && nextStart === end && this.flags[to] === flags;
    if (meetsEqual) to++;
    this.replaceNodes(from, to, needed);
    if (vpn === mapping.base) this.first = flags;
    if (needsStart) this.setNode(from, vpn, flags);
    if (needsEnd) this.setNode(from + needed - 1, end, endCarry);
    return Status.OK;
  }

  /**
   * Appends the ranges of the mapping whose first page is `vpn`, where this one's mapping ends. OK, and `right` has no
   * node left; NO_MEMORY with nothing changed.
   */
  mergeRight(right: MappingProtectionRanges, vpn: Vpn, failures: AllocationFailures): Status {
    if (this.nodeCount > 0 && this.starts[this.nodeCount - 1]! >= vpn) {
      throw new KernelPanic("R-5", "the left ranges reach into the right ones");
    }
    if (this.flagsBefore(this.nodeCount) !== right.first) {
      if (failures.claims()) return Status.NO_MEMORY;
      this.appendNode(vpn, right.first);
    }
    for (let node = 0; node < right.nodeCount; node++) {
      this.appendNode(right.starts[node]!, right.flags[node]!);
    }
    right.nodeCount = 0;
    return Status.OK;
  }

  /**
   * Takes off the ranges from page `vpn` on. A node exactly at `vpn` stays behind: what is left is right for a mapping
   * that ends at or below `vpn` only after `discardAbove` its end.
   */
  splitAt(vpn: Vpn): MappingProtectionRanges {
    const from = this.firstNodeAbove(vpn);
    const right = new MappingProtectionRanges(this.flagsBefore(from));
    for (let node = from; node < this.nodeCount; node++) {
      right.appendNode(this.starts[node]!, this.flags[node]!);
    }
    this.nodeCount = from;
    return right;
  }

  /** The mapping now begins at `vpn`. */
  discardBelow(vpn: Vpn): void {
    const above = this.firstNodeAbove(vpn);
    this.first = this.flagsBefore(above);
    this.replaceNodes(0, above, 0);
  }

  /** The mapping now ends at `vpn`. */
  discardAbove(vpn: Vpn): void {
    this.nodeCount = this.firstNodeFrom(vpn);
  }

  /** Whether no node lies outside `extent`: weaker than R-1, which forbids one at its base too. */
  areNodesWithin(extent: Extent): boolean {
    if (this.nodeCount === 0) return true;
    return this.starts[0]! >= extent.base && this.starts[this.nodeCount - 1]! < endOf(extent);
  }

  /** Panics with R-1 or I-13 unless the ranges are well-formed for `mapping`. */
  validate(mapping: Extent): void {
    let start = mapping.base;
    for (let node = 0; node < this.nodeCount; node++) {
      const flags = this.flags[node]!;
      const before = this.flagsBefore(node);
      if (!(this.starts[node]! > start)) throw new KernelPanic("R-1", "starts do not ascend");
      if (flags === before) throw new KernelPanic("R-1", "a node changes nothing");
      if (((flags ^ before) & MmuFlags.CACHE_MASK) !== 0) {
        throw new KernelPanic("I-13", "ranges of one mapping differ in cache policy");
      }
      start = this.starts[node]!;
    }
    if (start >= endOf(mapping)) throw new KernelPanic("R-1", "a node lies past the mapping");
  }

  /** The flags that hold just before a node, or to the end when there is no such node. */
  private flagsBefore(node: number): MmuFlagSet {
    return node === 0 ? this.first : this.flags[node - 1]!;
  }

  /** Where a node begins; `end` when there is no such node. */
  private startOr(node: number, end: Vpn): Vpn {
    return node < this.nodeCount ? this.starts[node]! : end;
  }

  /** Index of the first node that begins at or above a page. */
  private firstNodeFrom(vpn: Vpn): number {
    let low = 0;
    let high = this.nodeCount;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.starts[middle]! < vpn) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Index of the first node that begins above a page. */
  private firstNodeAbove(vpn: Vpn): number {
    return this.firstNodeFrom(vpn + 1);
  }

  private showRuns(vpn: Vpn, end: Vpn, show: OldRunVisitor): void {
    let start = vpn;
    for (let node = this.firstNodeAbove(vpn); start < end; node++) {
      const runEnd = Math.min(this.startOr(node, end), end);
      show(start, runEnd - start, this.flagsBefore(node));
      start = runEnd;
    }
  }

  private setNode(node: number, start: Vpn, flags: MmuFlagSet): void {
    this.starts[node] = start;
    this.flags[node] = flags;
  }

  private appendNode(start: Vpn, flags: MmuFlagSet): void {
    const node = this.nodeCount;
    this.replaceNodes(node, node, 1);
    this.setNode(node, start, flags);
  }

  /** Nodes [from, to) give way to `count` others, which are the caller's to write. */
  private replaceNodes(from: number, to: number, count: number): void {
    const newCount = this.nodeCount - (to - from) + count;
    if (newCount > this.starts.length) this.grow(newCount);
    if (to < this.nodeCount && to !== from + count) {
      this.starts.copyWithin(from + count, to, this.nodeCount);
      this.flags.copyWithin(from + count, to, this.nodeCount);
    }
    this.nodeCount = newCount;
  }

  private grow(atLeast: number): void {
    const capacity = Math.max(FEWEST_NODES, atLeast, 2 * this.starts.length);
    const starts = new Float64Array(capacity);
    const flags = new Uint8Array(capacity);
    starts.set(this.starts);
    flags.set(this.flags);
    this.starts = starts;
    this.flags = flags;
  }
}

function assertPart(rule: string, mapping: Extent, vpn: Vpn, count: number): void {
  if (count > 0 && isInRange(mapping, vpn, count)) return;
  throw new KernelPanic(rule, "the range is not a part of the mapping");
}
