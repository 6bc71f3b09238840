import { Status, type MmuFlagSet } from "@aspace/arch";
import fc from "fast-check";
import { expect, test } from "vitest";
import { R, RW, RX, RegionWorld } from "../../test/region-world.ts";
import { put } from "../../test/public-object.ts";
import { run } from "../../test/small-system.ts";
import { isValue } from "../objects/blocking.ts";
import type { VmObjectPaged } from "../objects/vm-object-paged.ts";
import { markMergeable } from "./mapping-merge.ts";
import { createMapping } from "./region-creation.ts";
import { findMappingLocked } from "./region-lookup.ts";
import { RegionOperation, operateOnRange } from "./region-operation.ts";
import { protectRegion } from "./region-protect.ts";
import { OpChildren, unmapRegion } from "./region-unmap.ts";
import { VmarFlags } from "./vmar-flags.ts";

const PAGES = 10;
const FLAGS = [R, RW, RX] as const;

/** What a page of the address space shows, and allows. */
interface Shown {
  readonly objectPage: number;
  readonly flags: MmuFlagSet;
}

/** The oracle: each page by itself, with no idea of mappings. */
type Pages = readonly (Shown | null)[];

interface Op {
  readonly kind: "map" | "overwrite" | "unmap" | "protect" | "merge" | "populate";
  readonly at: number;
  readonly count: number;
  readonly value: number;
  /** The n-th allocation fails; 0 for none. */
  readonly failAt: number;
}

/** Every kind, as often as it is listed. */
const KINDS: readonly Op["kind"][] = [
  ...(["map", "map", "map", "overwrite", "unmap", "merge"] as const),
  ...(["protect", "protect", "protect", "protect", "populate", "populate"] as const),
];

const op: fc.Arbitrary<Op> = fc
  .record({
    kind: fc.constantFrom(...KINDS),
    ends: fc.tuple(fc.nat(PAGES - 1), fc.integer({ min: 1, max: PAGES + 1 })),
    value: fc.nat(2),
    failAt: fc.constantFrom(0, 0, 0, 1, 2),
  })
  .map(({ ends, ...rest }) => {
    const [low, high] = ends.toSorted((a, b) => a - b);
    return { ...rest, at: low!, count: Math.max(high! - low!, 1) };
  });

class Pair {
  readonly world: RegionWorld;
  readonly object: VmObjectPaged;
  pages: Pages = Array.from({ length: PAGES }, () => null);

  constructor(quirks: readonly string[]) {
    this.world = new RegionWorld({ pageCount: PAGES, quirks });
    this.object = this.world.object(PAGES + 2);
    for (let page = 0; page < PAGES + 2; page += 2) put(this.object, page, 1);
  }

  step(action: Op): void {
    const { failures } = this.world.memory.pmm;
    if (action.failAt > 0) failures.failAt(action.failAt);
    const status = this.perform(action);
    failures.failNever();
    const expected = this.expected(action);
    const mayFail = action.failAt > 0 && status === Status.NO_MEMORY;
    if (!mayFail) expect(status, JSON.stringify(action)).toBe(expected);
    if (status === Status.OK) this.pages = this.after(action);
    else if (status === Status.NO_MEMORY && action.kind === "protect") this.resync(action);
    if (status === Status.OK && action.kind === "populate") this.comparePopulated(action);
    this.compare();
  }

  /** I-25: what the object has is mapped now, whatever the run of protections it lies in. */
  private comparePopulated({ at, count }: Op): void {
    for (let index = at; index < at + count; index++) {
      const isFilled = this.pages[index]!.objectPage % 2 === 0;
      if (isFilled) expect(this.world.arch.entries.has(index), `page ${index}`).toBe(true);
    }
  }

  private perform({ kind, at, count, value }: Op): Status {
    const { root } = this.world;
    switch (kind) {
      case "unmap":
        return unmapRegion(root, at, count, OpChildren.NO);
      case "protect":
        return protectRegion(root, at, count, FLAGS[value]!, OpChildren.NO);
      case "populate":
        return run(operateOnRange(root, RegionOperation.MAP_RANGE, at, count, OpChildren.NO));
      case "merge": {
        const mapping = this.world.locked(() => findMappingLocked(root, at));
        if (mapping !== null) markMergeable(mapping);
        return Status.OK;
      }
      default:
        return this.map(at, count, value, kind);
    }
  }

  private map(at: number, count: number, value: number, kind: "map" | "overwrite"): Status {
    const place = kind === "map" ? VmarFlags.SPECIFIC : VmarFlags.SPECIFIC_OVERWRITE;
    const created = createMapping(this.world.root, {
      offset: at,
      pageCount: count,
      alignShift: 0,
      flags: place | VmarFlags.CAN_RWX,
      object: this.object,
      objectOffset: at + value,
      mmuFlags: FLAGS[value]!,
    });
    return isValue(created) ? Status.OK : created;
  }

  private expected({ kind, at, count }: Op): Status {
    const range = this.pages.slice(at, at + count);
    if (kind === "merge") return Status.OK;
    const outside = kind === "populate" ? Status.OUT_OF_RANGE : Status.INVALID_ARGS;
    if (at + count > PAGES) return outside;
    const hasHole = range.includes(null);
    if (kind === "protect" && hasHole) return Status.NOT_FOUND;
    if (kind === "populate" && hasHole) return Status.BAD_STATE;
    const isTaken = range.some((page) => page !== null);
    return kind === "map" && isTaken ? Status.ALREADY_EXISTS : Status.OK;
  }

  private after({ kind, at, count, value }: Op): Pages {
    const flags = FLAGS[value]!;
    return this.pages.map((page, index) => {
      if (index < at || index >= at + count) return page;
      if (kind === "unmap") return null;
      if (kind === "protect") return page === null ? null : { ...page, flags };
      if (kind === "map" || kind === "overwrite") return { objectPage: index + value, flags };
      return page;
    });
  }

  /** V-11: the mappings before the one without memory are changed, from there on nothing is. */
  private resync({ at, count, value }: Op): void {
    const wanted = FLAGS[value]!;
    let isBehind = false;
    this.pages = this.pages.map((page, index) => {
      if (page === null || index < at || index >= at + count) return page;
      const flags = this.shownAt(index)!.flags;
      isBehind ||= flags !== wanted;
      expect(flags).toBe(isBehind ? page.flags : wanted);
      return { ...page, flags };
    });
  }

  /** The tree and its entries are sound (I-1 to I-29), and say of each page what the oracle says. */
  private compare(): void {
    this.world.layout();
    expect(this.pages.map((_, index) => this.shownAt(index))).toEqual(this.pages);
  }

  private shownAt(vpn: number): Shown | null {
    const mapping = this.world.locked(() => findMappingLocked(this.world.root, vpn));
    if (mapping === null) return null;
    const objectPage = mapping.objectOffset + vpn - mapping.base;
    return { objectPage, flags: mapping.ranges.flagsAt(vpn) };
  }
}

function compareRandomEdits(quirks: readonly string[]): void {
  fc.assert(
    fc.property(fc.array(op, { minLength: 20, maxLength: 60, size: "max" }), (actions) => {
      const pair = new Pair(quirks);
      for (const action of actions) pair.step(action);
    }),
    { seed: 20_240_502, numRuns: 1500, endOnFailure: true },
  );
}

test("V-3 V-5 V-10 V-11 V-13 M-20 I-3 I-10 I-12 I-16 I-20 I-25 I-36 I-37: random edits of an aspace equal a page array", () => {
  compareRandomEdits([]);
});

test.each(["Q-1", "Q-2", "Q-3"])("Q-1 Q-2 Q-3: with quirk %s on, random edits find it", (quirk) => {
  expect(() => compareRandomEdits([quirk])).toThrow();
});
