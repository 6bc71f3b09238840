import { VPN_LIMIT, type Vpn } from "@aspace/arch";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { GapNode } from "./gap-tree.ts";
import { RegionList, type Listed } from "./region-list.ts";

class Child implements Listed {
  base: Vpn;
  pageCount: number;
  listNode: GapNode = 0;

  constructor(base: Vpn, pageCount: number) {
    this.base = base;
    this.pageCount = pageCount;
  }

  get end(): Vpn {
    return this.base + this.pageCount;
  }
}

/** A list and its oracle: the children in an array, in address order. */
class Pair {
  readonly list: RegionList<Child> = new RegionList<Child>();
  naive: Child[] = [];

  add(base: Vpn, pageCount: number): Child {
    const child = new Child(base, pageCount);
    this.list.insert(child);
    this.naive.push(child);
    this.naive.sort((a, b) => a.base - b.base);
    return child;
  }

  remove(child: Child): void {
    this.list.erase(child);
    this.naive = this.naive.filter((other) => other !== child);
  }

  /** I-6 I-3, and every question about every page of [base, end) and about neighbours. */
  compare(base: Vpn, end: Vpn): void {
    const { list, naive } = this;
    list.validate();
    expect(list.count).toBe(naive.length);
    expect(list.maxGap).toBe(Math.max(0, ...gapsBetween(naive).map(([from, to]) => to - from)));
    this.compareNeighbours();
    for (let vpn = base; vpn < end; vpn++) {
      const higher = naive.find((child) => child.end > vpn) ?? null;
      const above = naive.find((child) => child.base > vpn) ?? null;
      expect(list.includeOrHigher(vpn)).toBe(higher);
      expect(list.upperBound(vpn)).toBe(above);
      expect(list.findRegion(vpn)).toBe(higher !== null && higher.base <= vpn ? higher : null);
      for (let count = 1; vpn + count <= end; count++) {
        const free = !naive.some((child) => child.base < vpn + count && vpn < child.end);
        expect(list.isRangeAvailable(vpn, count)).toBe(free);
      }
    }
    for (let size = 1; size <= end - base; size++) {
      expect(gapsShown(list, base, end, size)).toEqual(gapsOf(naive, base, end, size));
    }
  }

  private compareNeighbours(): void {
    const { list, naive } = this;
    const seen: Child[] = [];
    for (let child = list.first(); child !== null; child = list.next(child)) seen.push(child);
    const back: Child[] = [];
    for (let child = list.last(); child !== null; child = list.previous(child)) back.push(child);
    expect(seen).toEqual(naive);
    expect(back.toReversed()).toEqual(naive);
  }
}

type Gap = [from: Vpn, to: Vpn];

function gapsBetween(children: readonly Child[]): Gap[] {
  return children.slice(1).map((child, index) => [children[index]!.end, child.base]);
}

function gapsOf(children: readonly Child[], base: Vpn, end: Vpn, size: number): Gap[] {
  const walls = [new Child(base, 0), ...children, new Child(end, 0)];
  return gapsBetween(walls).filter(([from, to]) => to - from >= size);
}

function gapsShown(list: RegionList<Child>, base: Vpn, end: Vpn, size: number): Gap[] {
  const gaps: Gap[] = [];
  list.visitGaps(base, end, size, (from, to) => {
    gaps.push([from, to]);
    return true;
  });
  return gaps;
}

describe("small worlds", () => {
  const PAGES = 6;

  /** Every way to lay disjoint children into [0, PAGES). */
  function* layouts(from = 0): Iterable<Gap[]> {
    yield [];
    for (let base = from; base < PAGES; base++) {
      for (let end = base + 1; end <= PAGES; end++) {
        for (const rest of layouts(end)) yield [[base, end], ...rest];
      }
    }
  }

  test("V-7 I-3 I-6: every layout of six pages, built in either order, answers like a naive list", () => {
    const window = VPN_LIMIT - PAGES;
    let count = 0;
    for (const layout of layouts()) {
      for (const order of [layout, layout.toReversed()]) {
        const pair = new Pair();
        for (const [base, end] of order) pair.add(window + base, end - base);
        pair.compare(window, VPN_LIMIT);
        count++;
      }
    }
    expect(count).toBeGreaterThan(400);
  });

  test("V-7 I-6: every layout, after each child was taken out, put back, and cut at each end", () => {
    for (const layout of layouts()) {
      const pair = new Pair();
      for (const [base, end] of layout) pair.add(base, end - base);
      for (const child of pair.naive) {
        pair.remove(child);
        pair.compare(0, PAGES);
        const back = pair.add(child.base, child.pageCount);
        if (back.pageCount < 2) continue;
        back.base++;
        back.pageCount--;
        pair.list.extentChanged(back);
        pair.compare(0, PAGES);
        back.base--;
        pair.list.extentChanged(back);
        pair.compare(0, PAGES);
        back.pageCount++;
        pair.list.extentChanged(back);
      }
    }
  });
});

describe("T-2: whether a range is available", () => {
  test("T-2 V-7: with pages 1 and 3 used", () => {
    const list = new RegionList<Child>();
    list.insert(new Child(1, 1));
    list.insert(new Child(3, 1));
    expect(list.isRangeAvailable(0, 1)).toBe(true);
    expect(list.isRangeAvailable(0, 2)).toBe(false);
    expect(list.isRangeAvailable(2, 1)).toBe(true);
    expect(list.isRangeAvailable(VPN_LIMIT - 1, 1)).toBe(true);
    expect(list.isRangeAvailable(0, VPN_LIMIT)).toBe(false);
  });

  test("V-7: an empty range is nobody's question", () => {
    expect(() => new RegionList<Child>().isRangeAvailable(0, 0)).toThrow("V-7");
  });
});

/** Inserts a child where there is none; cuts an end off the one that is there, or removes it. */
function change(pair: Pair, base: Vpn, pages: number, cut: number): void {
  const child = pair.list.includeOrHigher(base);
  if (child === null || child.base >= base + 4) {
    pair.add(base, pages);
  } else if (cut === 0 || child.pageCount === 1) {
    pair.remove(child);
  } else {
    child.base += cut - 1;
    child.pageCount--;
    pair.list.extentChanged(child);
  }
}

describe("many children", () => {
  /** Many enough for several blocks, few enough to compare at every step. */
  const SPOTS = 400;

  test("V-7 I-3 I-6: random insertions, removals and cuts answer like a naive list", () => {
    const step = fc.tuple(fc.nat(SPOTS - 1), fc.integer({ min: 1, max: 3 }), fc.nat(2));
    fc.assert(
      fc.property(fc.array(step, { minLength: 300, maxLength: 900, size: "max" }), (steps) => {
        const pair = new Pair();
        for (const [spot, pages, cut] of steps) change(pair, 4 * spot, pages, cut);
        pair.list.validate();
        const gaps = gapsShown(pair.list, 0, 4 * SPOTS, 5);
        expect(gaps).toEqual(gapsOf(pair.naive, 0, 4 * SPOTS, 5));
        while (pair.naive.length > 3) pair.remove(pair.naive[(7 * pair.naive.length) >> 4]!);
        pair.compare(0, 0);
      }),
      { seed: 20_240_501, numRuns: 60 },
    );
  });

  test.each(["ascending", "descending", "inwards"])(
    "V-7 I-6: a thousand children inserted and removed %s stay in order and balanced",
    (order) => {
      const pair = new Pair();
      const bases = Array.from({ length: 1000 }, (_, index) => 3 * index);
      if (order === "descending") bases.reverse();
      if (order === "inwards") bases.sort((a, b) => Math.abs(b - 1500) - Math.abs(a - 1500));
      const children = bases.map((base) => pair.add(base, 1 + (base % 2)));
      pair.compare(0, 0);
      for (const child of children.slice(0, 990)) {
        pair.list.erase(child);
        pair.list.validate();
      }
      pair.naive = pair.naive.filter((child) => child.listNode !== 0);
      pair.compare(0, 0);
      expect(pair.list.count).toBe(10);
    },
  );

  test.each(["upwards", "downwards"])(
    "V-7 I-6: thinning a thousand children out %s leaves no two blocks with few",
    (direction) => {
      const pair = new Pair();
      const children = Array.from({ length: 1000 }, (_, index) => pair.add(3 * index, 1));
      const kept = new Set(children.filter((_, index) => index % 10 === 0));
      const inOrder = direction === "upwards" ? children : children.toReversed();
      for (const child of inOrder) {
        if (kept.has(child)) continue;
        pair.list.erase(child);
        pair.list.validate();
      }
      pair.naive = [...kept];
      pair.compare(0, 0);
    },
  );
});

describe("misuse", () => {
  test("I-3: overlapping children panic, on insertion and on growing", () => {
    const pair = new Pair();
    const low = pair.add(10, 5);
    pair.add(20, 5);
    for (const [base, count] of [
      [14, 1],
      [5, 6],
      [8, 20],
      [24, 9],
    ] as const) {
      expect(() => pair.list.insert(new Child(base, count))).toThrow("I-3");
    }
    low.pageCount = 11;
    expect(() => pair.list.extentChanged(low)).toThrow("I-3");
    low.pageCount = 5;
    pair.compare(5, 30);
  });

  test("V-7: a child is in one list, once, and not empty", () => {
    const pair = new Pair();
    const child = pair.add(10, 5);
    expect(() => pair.list.insert(child)).toThrow("V-7");
    expect(() => new RegionList<Child>().erase(child)).toThrow("V-7");
    expect(() => pair.list.insert(new Child(40, 0))).toThrow("V-7");
    pair.list.erase(child);
    expect(() => pair.list.erase(child)).toThrow("V-7");
    expect(() => pair.list.next(child)).toThrow("V-7");
    const other = pair.list;
    other.insert(child);
    child.pageCount = 0;
    expect(() => other.extentChanged(child)).toThrow("V-7");
  });

  test("I-6: a child that moved without a word is found", () => {
    const pair = new Pair();
    const child = pair.add(10, 5);
    child.pageCount = 4;
    expect(() => pair.list.validate()).toThrow("I-6");
    child.pageCount = 5;
    child.listNode = 7;
    expect(() => pair.list.validate()).toThrow("I-6");
  });
});
