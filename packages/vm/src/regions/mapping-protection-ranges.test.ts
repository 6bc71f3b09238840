import { KernelPanic, MmuFlags, Status, VPN_LIMIT, type MmuFlagSet, type Vpn } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { AllocationFailures } from "../objects/allocation-failures.ts";
import type { Extent } from "./extent.ts";
import { MappingProtectionRanges, RunControl } from "./mapping-protection-ranges.ts";
import { regionQuirks } from "./quirks.ts";

const { READ, WRITE, EXECUTE, UNCACHED } = MmuFlags;
const R = READ;
const RW = READ | WRITE;
const RX = READ | EXECUTE;

const SOUND = regionQuirks(new Set());
const Q1 = regionQuirks(new Set(["Q-1"]));

type Run = readonly [vpn: Vpn, count: number, flags: MmuFlagSet];

/** The oracle: what each page allows, one by one, cut into the longest equal runs. */
function runsOf(base: Vpn, pages: readonly MmuFlagSet[]): Run[] {
  const runs: [number, number, number][] = [];
  pages.forEach((flags, index) => {
    const last = runs.at(-1);
    if (last?.[2] === flags) last[1]++;
    else runs.push([base + index, 1, flags]);
  });
  return runs;
}

/** All runs of a mapping, as `enumerate` shows them. */
function allRuns(ranges: MappingProtectionRanges, mapping: Extent): Run[] {
  const runs: Run[] = [];
  ranges.enumerate(mapping, mapping.base, mapping.pageCount, (vpn, count, flags) => {
    runs.push([vpn, count, flags]);
    return RunControl.NEXT;
  });
  return runs;
}

/** A mapping of ten pages at 10 for the examples, with a log of what updates showed. */
class Example {
  readonly mapping: Extent = { base: 10, pageCount: 10 };
  readonly ranges: MappingProtectionRanges = new MappingProtectionRanges(R);
  readonly failures: AllocationFailures = new AllocationFailures();
  shown: Run[] = [];

  /** Updates pages first .. last, both included, and says how many allocations it took. */
  update(first: Vpn, last: Vpn, flags: MmuFlagSet, quirks = SOUND): number {
    this.shown = [];
    let attempts = 0;
    const failures = new AllocationFailures();
    failures.claims = () => {
      attempts++;
      return false;
    };
    const show = (...run: Run): void => void this.shown.push(run);
    const count = last - first + 1;
    const context = { failures, quirks };
    expect(this.ranges.update(this.mapping, first, count, flags, context, show)).toBe(Status.OK);
    this.ranges.validate(this.mapping);
    return attempts;
  }

  runs(): Run[] {
    return allRuns(this.ranges, this.mapping);
  }
}

const showNothing = (): void => expect.unreachable("nothing may be shown");

describe("updates", () => {
  test("R-4: the worked example: nodes, allocations and what is shown", () => {
    const example = new Example();
    expect(example.update(12, 14, RW)).toBe(2);
    expect(example.shown).toEqual([[12, 3, R]]);
    expect(example.runs()).toEqual([
      [10, 2, R],
      [12, 3, RW],
      [15, 5, R],
    ]);

    expect(example.update(14, 19, RW)).toBe(0);
    expect(example.shown).toEqual([
      [14, 1, RW],
      [15, 5, R],
    ]);
    expect(example.runs()).toEqual([
      [10, 2, R],
      [12, 8, RW],
    ]);

    expect(example.update(12, 12, R)).toBe(0);
    expect(example.shown).toEqual([[12, 1, RW]]);
    expect(example.runs()).toEqual([
      [10, 3, R],
      [13, 7, RW],
    ]);

    expect(example.update(10, 12, RW)).toBe(0);
    expect(example.shown).toEqual([[10, 3, R]]);
    expect(example.runs()).toEqual([[10, 10, RW]]);
    expect(example.ranges.isSingleRegion).toBe(true);
  });

  test("R-4: an update of the whole mapping shows every old run and never allocates", () => {
    const example = new Example();
    example.update(13, 15, RW);
    expect(example.update(10, 19, RX)).toBe(0);
    expect(example.shown).toEqual([
      [10, 3, R],
      [13, 3, RW],
      [16, 4, R],
    ]);
    expect(example.runs()).toEqual([[10, 10, RX]]);
  });

  test("Q-1 T-8: the quirk shows one run with the first page's flags, and only for a whole mapping", () => {
    const example = new Example();
    example.update(10, 19, RW);
    example.update(10, 10, R);
    example.update(10, 19, R, Q1);
    expect(example.shown).toEqual([[10, 10, R]]);
    expect(example.runs()).toEqual([[10, 10, R]]);

    example.update(11, 19, RW);
    example.update(10, 18, R, Q1);
    expect(example.shown).toEqual([
      [10, 1, R],
      [11, 8, RW],
    ]);
  });

  test("R-4 I-14: a refused allocation changes nothing and shows nothing", () => {
    for (const nth of [1, 2]) {
      const { mapping, ranges, failures } = new Example();
      failures.failAt(nth);
      const context = { failures, quirks: SOUND };
      expect(ranges.update(mapping, 12, 3, RW, context, showNothing)).toBe(Status.NO_MEMORY);
      expect(allRuns(ranges, mapping)).toEqual([[10, 10, R]]);
    }
  });

  test.each([
    [9, 2],
    [19, 2],
    [12, 0],
    [20, 1],
  ])("R-2 R-4: a range of %d, %d pages that is no part of the mapping panics", (vpn, count) => {
    const { mapping, ranges, failures } = new Example();
    const context = { failures, quirks: SOUND };
    expect(() => ranges.update(mapping, vpn, count, RW, context, () => {})).toThrow("R-4");
    expect(() => ranges.enumerate(mapping, vpn, count, () => RunControl.NEXT)).toThrow("R-2");
  });
});

describe("lookups", () => {
  test("R-2: NEXT goes on, STOP ends with OK, any status ends and is returned, OK too", () => {
    const { mapping, ranges, update } = bound(new Example());
    update(12, 14, RW);
    for (const [verdict, status, seen] of [
      [RunControl.NEXT, Status.OK, 3],
      [RunControl.STOP, Status.OK, 1],
      [Status.OK, Status.OK, 1],
      [Status.NO_MEMORY, Status.NO_MEMORY, 1],
    ] as const) {
      let runs = 0;
      const visit = (): typeof verdict => {
        runs++;
        return verdict;
      };
      expect(ranges.enumerate(mapping, 10, 10, visit)).toBe(status);
      expect(runs).toBe(seen);
    }
  });

  test("R-2: without nodes NEXT and STOP become OK as well", () => {
    const { mapping, ranges } = new Example();
    for (const verdict of [RunControl.NEXT, RunControl.STOP]) {
      expect(ranges.enumerate(mapping, 11, 2, () => verdict)).toBe(Status.OK);
    }
    expect(ranges.enumerate(mapping, 11, 2, () => Status.IO)).toBe(Status.IO);
  });

  test("R-3: a page's flags reach to the next node, or to the mapping's end", () => {
    const { mapping, ranges, update } = bound(new Example());
    update(12, 14, RW);
    const out = { flags: 0, end: 0 };
    for (const [vpn, flags, end] of [
      [10, R, 12],
      [11, R, 12],
      [12, RW, 15],
      [14, RW, 15],
      [15, R, 20],
      [19, R, 20],
    ] as const) {
      ranges.flagsRangeAt(mapping, vpn, out);
      expect(out).toEqual({ flags, end });
      expect(ranges.flagsAt(vpn)).toBe(flags);
    }
  });

  test("R-2 R-3: a mapping that ends at 2^64 is like any other", () => {
    const mapping = { base: VPN_LIMIT - 3, pageCount: 3 };
    const ranges = new MappingProtectionRanges(R);
    const context = { failures: new AllocationFailures(), quirks: SOUND };
    ranges.update(mapping, VPN_LIMIT - 1, 1, RW, context, () => {});
    expect(allRuns(ranges, mapping)).toEqual([
      [VPN_LIMIT - 3, 2, R],
      [VPN_LIMIT - 1, 1, RW],
    ]);
    const out = { flags: 0, end: 0 };
    ranges.flagsRangeAt(mapping, VPN_LIMIT - 1, out);
    expect(out).toEqual({ flags: RW, end: VPN_LIMIT });
  });
});

describe("parts and wholes", () => {
  test("R-5: a merge allocates one node iff the flags differ where the two meet", () => {
    for (const [flags, isRefused] of [
      [RW, true],
      [R, false],
    ] as const) {
      const left = new MappingProtectionRanges(R);
      const right = new MappingProtectionRanges(flags);
      const failures = new AllocationFailures();
      failures.failAlways();
      const status = left.mergeRight(right, 15, failures);
      expect(status).toBe(isRefused ? Status.NO_MEMORY : Status.OK);
      expect(left.isSingleRegion).toBe(true);
      failures.failNever();
      if (isRefused) expect(left.mergeRight(right, 15, failures)).toBe(Status.OK);
      expect([left.flagsAt(14), left.flagsAt(15)]).toEqual([R, flags]);
    }
  });

  test("R-5: merging what does not meet panics", () => {
    const { mapping, ranges, update } = bound(new Example());
    update(15, 19, RW);
    const right = new MappingProtectionRanges(R);
    const failures = new AllocationFailures();
    expect(() => ranges.mergeRight(right, 15, failures)).toThrow("R-5");
    expect(allRuns(ranges, mapping)).toHaveLength(2);
  });

  test("R-6: a node exactly at the split stays in the left part until it is discarded", () => {
    const { ranges, update } = bound(new Example());
    update(12, 14, RW);
    const right = ranges.splitAt(15);
    expect([right.firstFlags, right.isSingleRegion]).toEqual([R, true]);
    expect(ranges.areNodesWithin({ base: 10, pageCount: 5 })).toBe(false);
    ranges.discardAbove(15);
    expect(ranges.areNodesWithin({ base: 10, pageCount: 5 })).toBe(true);
    ranges.validate({ base: 10, pageCount: 5 });
  });

  test("R-6: nodes above the split are gone from the left part at once", () => {
    const { ranges, update } = bound(new Example());
    update(12, 14, RW);
    ranges.splitAt(13);
    expect(ranges.areNodesWithin({ base: 10, pageCount: 3 })).toBe(true);
    expect(ranges.flagsAt(19)).toBe(RW);
  });

  test("R-7: flags are set at once only for a single region; clearing keeps the first flags", () => {
    const { ranges, update } = bound(new Example());
    ranges.setFirstFlags(RX);
    expect(ranges.firstFlags).toBe(RX);
    update(12, 14, RW);
    expect(() => ranges.setFirstFlags(R)).toThrow("R-7");
    ranges.clear();
    expect([ranges.isSingleRegion, ranges.flagsAt(13)]).toEqual([true, RX]);
  });

  test("R-8: nodes are within an extent from the first node to past the last", () => {
    const { ranges, update } = bound(new Example());
    expect(ranges.areNodesWithin({ base: 0, pageCount: 0 })).toBe(true);
    update(12, 14, RW);
    for (const [base, pageCount, within] of [
      [12, 4, true],
      [13, 3, false],
      [12, 3, false],
      [10, 10, true],
    ] as const) {
      expect(ranges.areNodesWithin({ base, pageCount }), `${base}+${pageCount}`).toBe(within);
    }
  });

  test("R-1 I-13: ranges that do not fit their mapping, or mix cache policies, panic", () => {
    const { ranges, mapping, update } = bound(new Example());
    update(12, 14, RW);
    expect(() => ranges.validate(mapping)).not.toThrow();
    expect(() => ranges.validate({ base: 12, pageCount: 8 })).toThrow("R-1");
    expect(() => ranges.validate({ base: 10, pageCount: 5 })).toThrow("R-1");
    const context = { failures: new AllocationFailures(), quirks: SOUND };
    ranges.update(mapping, 18, 1, R | UNCACHED, context, () => {});
    expect(() => ranges.validate(mapping)).toThrow(KernelPanic);
    expect(() => ranges.validate(mapping)).toThrow("I-13");
  });

  test("R-4: a thousand alternating runs are kept and found", () => {
    const mapping = { base: 2 ** 40, pageCount: 1000 };
    const ranges = new MappingProtectionRanges(R);
    const context = { failures: new AllocationFailures(), quirks: SOUND };
    for (let page = 0; page < 1000; page += 2) {
      ranges.update(mapping, mapping.base + ((page * 7) % 1000), 1, RW, context, () => {});
    }
    ranges.validate(mapping);
    const expected = Array.from({ length: 1000 }, (_, page) => (page % 2 === 0 ? RW : R));
    expect(allRuns(ranges, mapping)).toEqual(runsOf(mapping.base, expected));
  });
});

/** Lets a test take `update` out of an example. */
function bound(example: Example): Pick<Example, "mapping" | "ranges" | "update"> {
  return {
    mapping: example.mapping,
    ranges: example.ranges,
    update: (...args) => example.update(...args),
  };
}
