/**
 * One CPU's caches at their worst: everything the tables allow is cached at every opportunity, and
 * nothing goes before somebody invalidates it. After an operation they must agree with the tables.
 */
import type { MmuFlagSet, Pfn, Vpn } from "@aspace/arch";
import type { Reading } from "./read-tables.ts";
import type { InvalidateEvent } from "./small-machine.ts";

interface CachedLeaf {
  readonly base: Vpn;
  readonly pages: number;
  readonly pfn: Pfn;
  readonly flags: MmuFlagSet;
  readonly accessed: boolean;
}

interface CachedStep {
  readonly base: Vpn;
  readonly pages: number;
  readonly table: Pfn;
}

export class StrictCaches {
  readonly #leaves: Map<string, CachedLeaf> = new Map();
  readonly #steps: Map<string, CachedStep> = new Map();

  readonly #onTwoEntries: "forbidden" | "allowed";

  /** Some architectures forbid two cached translations of a page that differ in size or output. */
  constructor(onTwoEntries: "forbidden" | "allowed") {
    this.#onTwoEntries = onTwoEntries;
  }

  /** Caches what is not cached yet; a leaf only once it is accessed if software sets that bit. */
  prefetch(reading: Reading, needsAccessed: boolean): void {
    const isFirst = this.#leaves.size === 0;
    for (const leaf of leavesOf(reading)) {
      const key = keyOf(leaf);
      if (needsAccessed && !leaf.accessed) continue;
      const cached = this.#leaves.get(key);
      if (cached === undefined && !isFirst) this.#checkAlone(leaf);
      if (cached === undefined) this.#leaves.set(key, leaf);
      else if (cached.pfn !== leaf.pfn) this.#reportTwoEntries(leaf);
    }
    for (const { pfn, level, base } of reading.tables) {
      const step = { base, pages: 8 ** (level + 1), table: pfn };
      const key = keyOf(step);
      if (!this.#steps.has(key)) this.#steps.set(key, step);
    }
  }

  #checkAlone(leaf: CachedLeaf): void {
    for (const { base, pages } of this.#leaves.values()) {
      if (base < leaf.base + leaf.pages && leaf.base < base + pages) this.#reportTwoEntries(leaf);
    }
  }

  #reportTwoEntries({ base }: CachedLeaf): void {
    if (this.#onTwoEntries === "allowed") return;
    throw new Error(`P-T4: two translations of page ${base} at once`);
  }

  invalidate(event: InvalidateEvent): void {
    const names = (entry: { base: Vpn; pages: number }): boolean =>
      event.everything ||
      event.vpns.some((vpn) => vpn >= entry.base && vpn < entry.base + entry.pages);
    for (const [key, leaf] of this.#leaves) if (names(leaf)) this.#leaves.delete(key);
    if (!event.tables) return;
    for (const [key, step] of this.#steps) if (names(step)) this.#steps.delete(key);
  }

  /** P-T3: no cached step leads into a frame that is being freed. */
  checkFree(pfn: Pfn): void {
    for (const step of this.#steps.values()) {
      if (step.table === pfn) throw new Error(`P-T3: table ${pfn} is freed while it is cached`);
    }
  }

  /** P-T1: everything cached is what a walk would find now. */
  checkCoherent(reading: Reading): void {
    for (const { base, pages, pfn, flags, accessed } of this.#leaves.values()) {
      for (let i = 0; i < pages; i++) {
        const now = reading.pages.get(base + i);
        const same =
          now !== undefined &&
          now.pfn === pfn + i &&
          now.flags === flags &&
          8 ** now.level === pages &&
          (now.accessed || !accessed);
        if (!same) throw new Error(`P-T1: a stale translation of page ${base + i}`);
      }
    }
    const linked = new Map(
      reading.tables.map((table) => [`${table.base}+${8 ** (table.level + 1)}`, table.pfn]),
    );
    for (const [key, step] of this.#steps) {
      if (linked.get(key) !== step.table) throw new Error(`P-T3: a stale step for ${key}`);
    }
  }
}

const keyOf = ({ base, pages }: { base: Vpn; pages: number }): string => `${base}+${pages}`;

function leavesOf(reading: Reading): CachedLeaf[] {
  return [...reading.pages]
    .map(([vpn, { pfn, flags, level, accessed }]) => ({
      base: vpn,
      pages: 8 ** level,
      pfn,
      flags,
      accessed,
    }))
    .filter(({ base, pages }) => base % pages === 0);
}
