/**
 * One CPU that touches pages: walks the small format's tables, sets accessed bits or raises access
 * faults, and does not look again while its caches know the answer.
 */
import type { Pfn, Vpn } from "@aspace/arch";
import type { LinkedTable, Reading, Translation } from "./read-tables.ts";
import type { InvalidateEvent } from "./small-machine.ts";
import type { SmallWorld } from "./small-world.ts";

/** The accessed bit of leaves, and of tables where hardware sets it. */
const ACCESSED = 0x40;

interface Cached {
  readonly base: Vpn;
  readonly pages: number;
}

export class SmallCpu {
  readonly #world: SmallWorld;
  readonly #leaves: Map<Vpn, Cached> = new Map();
  readonly #steps: Map<Pfn, Cached> = new Map();

  constructor(world: SmallWorld) {
    this.#world = world;
    world.tag.onInvalidate = (event) => this.#invalidate(event);
  }

  /** Accesses a page, as often as it takes; answers whether it is mapped. */
  touch(vpn: Vpn): boolean {
    if ([...this.#leaves.values()].some((leaf) => covers(leaf, vpn))) return true;
    const reading = this.#world.read();
    const page = reading.pages.get(vpn);
    if (page === undefined) return false;
    if (this.#world.variant.marks === "software" && !page.accessed) {
      this.#world.aspace.markAccessed(vpn, 1);
      return this.touch(vpn);
    }
    this.#walk(reading, vpn, page);
    return true;
  }

  #walk(reading: Reading, vpn: Vpn, page: Translation): void {
    const { words } = this.#world.machine.memory;
    const path = reading.tables.filter((table) => covers(reachOf(table), vpn));
    const start = path.findLastIndex((table) => this.#steps.has(table.pfn));
    const marks = this.#world.variant.marks;
    for (const table of path.slice(start + 1)) {
      if (marks === "hardware") words[table.slot]! |= ACCESSED;
      this.#steps.set(table.pfn, reachOf(table));
    }
    const holder = path.at(-1)?.pfn ?? this.#world.aspace.rootPfn;
    const span = 8 ** page.level;
    if (marks !== "software") words[holder * 1024 + 2 * (Math.floor(vpn / span) % 8)]! |= ACCESSED;
    this.#leaves.set(vpn, { base: vpn - (vpn % span), pages: span });
  }

  #invalidate({ vpns, everything, tables }: InvalidateEvent): void {
    const isNamed = (entry: Cached): boolean =>
      everything || vpns.some((vpn) => covers(entry, vpn));
    for (const [vpn, leaf] of this.#leaves) if (isNamed(leaf)) this.#leaves.delete(vpn);
    if (!tables) return;
    for (const [pfn, step] of this.#steps) if (isNamed(step)) this.#steps.delete(pfn);
  }
}

const covers = ({ base, pages }: Cached, vpn: Vpn): boolean => vpn >= base && vpn < base + pages;

const reachOf = ({ base, level }: LinkedTable): Cached => ({ base, pages: 8 ** (level + 1) });
