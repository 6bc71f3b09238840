/**
 * What an aspace should be, without any tables: a map from page to frame, flags and leaf size. Which
 * tables exist follows from it (invariant E), and so does what each operation must allocate and free.
 */
import {
  AspaceKind,
  Enlarge,
  ExistingEntry,
  MmuFlags,
  Status,
  type MmuFlagSet,
  type Pfn,
  type Vpn,
} from "@aspace/arch";
import { SMALL_TOP_LEAF, type SmallVariant } from "./small-format.ts";

export interface FlatPage {
  readonly pfn: Pfn;
  readonly flags: MmuFlagSet;
  readonly level: number;
}

/** What an operation answers and asks of the allocator. */
export interface Outcome {
  readonly status: Status;
  readonly allocations: number;
  readonly frees: number;
}

const FIXED = MmuFlags.CACHE_MASK | MmuFlags.NS;
const spanOf = (level: number): number => 8 ** level;

export class FlatModel {
  pages: Map<Vpn, FlatPage> = new Map();
  readonly #kind: AspaceKind;
  readonly #variant: SmallVariant;
  readonly #treeBase: Vpn;

  constructor(kind: AspaceKind, variant: SmallVariant, treeBase: Vpn) {
    this.#kind = kind;
    this.#variant = variant;
    this.#treeBase = treeBase;
  }

  /** `level:region` of each table that has to exist, the root apart. */
  tables(): Set<string> {
    const tables = new Set<string>();
    for (const [vpn, { level }] of this.pages) {
      for (let above = level; above < 3; above++) {
        tables.add(`${above}:${Math.floor((vpn - this.#treeBase) / spanOf(above + 1))}`);
      }
    }
    const { first, count } = this.#variant.prebuilt;
    for (let index = first; index < first + count; index++) tables.add(`2:${index}`);
    return tables;
  }

  /** Whether `protect` of the range with these flags keeps every page's cache policy, as it must. */
  mayProtect(vpn: Vpn, count: number, flags: MmuFlagSet): boolean {
    for (let at = vpn; at < vpn + count; at++) {
      const page = this.pages.get(at);
      if (page !== undefined && (page.flags & FIXED) !== (flags & FIXED)) return false;
    }
    return true;
  }

  map(
    vpn: Vpn,
    pfns: readonly Pfn[],
    flags: MmuFlagSet,
    action: ExistingEntry,
    frames: number,
  ): Outcome {
    for (let i = 0; i < pfns.length; i++) {
      const page = this.pages.get(vpn + i);
      if (page === undefined || action === ExistingEntry.SKIP) continue;
      const splits = action === ExistingEntry.UPGRADE && page.level > 0;
      if (action === ExistingEntry.ERROR || (splits && this.#kind === AspaceKind.KERNEL)) {
        return refused(Status.ALREADY_EXISTS);
      }
    }
    return this.#plan(frames, () => {
      pfns.forEach((pfn, i) => this.#mapPage(vpn + i, pfn, flags, action));
    });
  }

  #mapPage(vpn: Vpn, pfn: Pfn, flags: MmuFlagSet, action: ExistingEntry): void {
    const page = this.pages.get(vpn);
    if (page !== undefined && action === ExistingEntry.SKIP) return;
    this.#splitAround(vpn);
    const request = flags & ~(MmuFlags.USER | MmuFlags.CACHE_MASK);
    const keeps = page?.pfn === pfn && request === MmuFlags.READ;
    this.pages.set(vpn, keeps ? { ...page, level: 0 } : { pfn, flags, level: 0 });
  }

  mapContiguous(vpn: Vpn, pfn: Pfn, count: number, flags: MmuFlagSet, frames: number): Outcome {
    for (let at = vpn; at < vpn + count; at++) {
      if (this.pages.has(at)) return refused(Status.ALREADY_EXISTS);
    }
    return this.#plan(frames, () => {
      for (let done = 0; done < count;) {
        const level = this.#largestFit(vpn + done, pfn + done, count - done);
        for (let i = 0; i < spanOf(level); i++) {
          this.pages.set(vpn + done + i, { pfn: pfn + done + i, flags, level });
        }
        done += spanOf(level);
      }
    });
  }

  #largestFit(vpn: Vpn, pfn: Pfn, rest: number): number {
    for (let level = SMALL_TOP_LEAF; level > 0; level--) {
      const span = spanOf(level);
      if (vpn % span === 0 && pfn % span === 0 && rest >= span && this.#isFree(vpn, span)) {
        return level;
      }
    }
    return 0;
  }

  #isFree(vpn: Vpn, count: number): boolean {
    for (let at = vpn; at < vpn + count; at++) if (this.pages.has(at)) return false;
    return true;
  }

  unmap(vpn: Vpn, count: number, enlarge: Enlarge, frames: number): Outcome {
    if (enlarge === Enlarge.NO) {
      const plan = this.#edges(vpn, vpn + count, enlarge, frames);
      if (plan.status !== Status.OK) return plan;
      const frees = this.#remove(vpn, count);
      return { ...plan, frees };
    }
    const before = this.tables();
    let left = frames;
    for (const edge of [vpn, vpn + count]) left = this.#splitOrDrop(edge, left);
    const allocations = frames === Number.POSITIVE_INFINITY ? added(before, this) : frames - left;
    // What a dropped leaf leaves behind counts as freed too: compare with all tables ever there.
    const between = new Set([...before, ...this.tables()]);
    this.#remove(vpn, count);
    const after = this.tables();
    const frees = [...between].filter((table) => !after.has(table)).length;
    return { status: Status.OK, allocations, frees };
  }

  protect(vpn: Vpn, count: number, flags: MmuFlagSet, enlarge: Enlarge, frames: number): Outcome {
    if (this.#variant.protect === "unmaps") return this.unmap(vpn, count, Enlarge.YES, frames);
    const plan = this.#edges(vpn, vpn + count, enlarge, frames);
    if (plan.status !== Status.OK) return plan;
    for (let at = vpn; at < vpn + count; at++) {
      const page = this.pages.get(at);
      if (page !== undefined) this.pages.set(at, { ...page, flags });
    }
    return plan;
  }

  /** Splits both edges of a range, or refuses. */
  #edges(from: Vpn, end: Vpn, enlarge: Enlarge, frames: number): Outcome {
    const gap = this.#variant.split === "break-before-make" && enlarge === Enlarge.NO;
    const trial = this.#copy();
    trial.#splitEdge(from);
    trial.#splitEdge(end);
    if (gap && added(this.tables(), trial) > 0) return refused(Status.NOT_SUPPORTED);
    return this.#plan(frames, () => {
      this.#splitEdge(from);
      this.#splitEdge(end);
    });
  }

  /** Runs an edit that only adds tables, unless they are more than the allocator has. */
  #plan(frames: number, edit: () => void): Outcome {
    const old = this.#copy();
    edit();
    const allocations = added(old.tables(), this);
    if (allocations <= frames) return { status: Status.OK, allocations, frees: 0 };
    this.pages = old.pages;
    return { status: Status.NO_MEMORY, allocations: frames, frees: frames };
  }

  #copy(): FlatModel {
    const copy = new FlatModel(this.#kind, this.#variant, this.#treeBase);
    copy.pages = new Map(this.pages);
    return copy;
  }

  /** Splits the leaf of a page down to the last level. */
  #splitAround(vpn: Vpn): void {
    while ((this.pages.get(vpn)?.level ?? 0) > 0) this.#splitOnce(vpn);
  }

  #splitOnce(vpn: Vpn): void {
    const { level } = this.pages.get(vpn)!;
    const base = vpn - (vpn % spanOf(level));
    for (let at = base; at < base + spanOf(level); at++) {
      this.pages.set(at, { ...this.pages.get(at)!, level: level - 1 });
    }
  }

  #isInsideLeaf(edge: Vpn): boolean {
    const page = this.pages.get(edge);
    return page !== undefined && edge % spanOf(page.level) !== 0;
  }

  #splitEdge(edge: Vpn): void {
    while (this.#isInsideLeaf(edge)) this.#splitOnce(edge);
  }

  /** The same with a limited number of tables: without one, the leaf around the edge goes. */
  #splitOrDrop(edge: Vpn, frames: number): number {
    let left = frames;
    for (; this.#isInsideLeaf(edge) && left > 0; left--) this.#splitOnce(edge);
    if (this.#isInsideLeaf(edge)) {
      const span = spanOf(this.pages.get(edge)!.level);
      this.#remove(edge - (edge % span), span);
    }
    return left;
  }

  /** Removes pages; answers how many tables that frees. */
  #remove(vpn: Vpn, count: number): number {
    const before = this.tables();
    for (let at = vpn; at < vpn + count; at++) this.pages.delete(at);
    const after = this.tables();
    return [...before].filter((table) => !after.has(table)).length;
  }
}

function refused(status: Status): Outcome {
  return { status, allocations: 0, frees: 0 };
}

function added(before: ReadonlySet<string>, now: FlatModel): number {
  return [...now.tables()].filter((table) => !before.has(table)).length;
}
