import { VPN_LIMIT, type Vpn } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import type { GapNode } from "./gap-tree.ts";
import { Prng } from "./prng.ts";
import { RegionList, type Listed } from "./region-list.ts";
import { NO_SPOT, countSpots, findSpot, spotAt, type SpotRequest } from "./spot-search.ts";

class Child implements Listed {
  base: Vpn;
  pageCount: number;
  listNode: GapNode = 0;

  constructor(base: Vpn, pageCount: number) {
    this.base = base;
    this.pageCount = pageCount;
  }
}

/** A region [base, base + pageCount) in which single pages are taken. */
class Parent {
  readonly base: Vpn;
  readonly pageCount: number;
  readonly regions: RegionList<Child> = new RegionList<Child>();

  constructor(base: Vpn, pageCount: number, taken: readonly number[] = []) {
    this.base = base;
    this.pageCount = pageCount;
    for (const page of taken) this.regions.insert(new Child(base + page, 1));
  }

  get end(): Vpn {
    return this.base + this.pageCount;
  }
}

/** The oracle: every place is tried. */
function naiveSpots(parent: Parent, { pageCount, alignShift, limit }: SpotRequest): Vpn[] {
  const spots: Vpn[] = [];
  for (let vpn = parent.base; vpn + pageCount <= Math.min(parent.end, limit); vpn++) {
    const isAligned = vpn % 2 ** alignShift === 0;
    if (isAligned && parent.regions.isRangeAvailable(vpn, pageCount)) spots.push(vpn);
  }
  return spots;
}

function requestOf(parent: Parent, pageCount: number, alignShift = 0): SpotRequest {
  return { pageCount, alignShift, limit: parent.end };
}

function compare(parent: Parent, request: SpotRequest): void {
  const expected = naiveSpots(parent, request);
  const found = Array.from({ length: expected.length + 1 }, (_, n) => spotAt(parent, request, n));
  // Not one `expect` for each of a million cases: they would take a minute.
  if (found.join() !== [...expected, NO_SPOT].join()) {
    throw new Error(
      `${JSON.stringify(request)}: found ${found.join()}, expected ${expected.join()}`,
    );
  }
  if (countSpots(parent, request, 100) !== expected.length) throw new Error("miscounted");
  if (countSpots(parent, request, 2) !== Math.min(expected.length, 2)) throw new Error("capped");
  if (findSpot(parent, request, null) !== found[0]) throw new Error("not first fit");
}

describe("V-8 I-8: the spots are those of a naive search", () => {
  const PAGES = 8;

  test.each([
    ["at address 0", 0],
    ["at an odd page", 5],
    ["above 2^32 pages", 2 ** 33 - 3],
    ["at the end of the address space", VPN_LIMIT - PAGES],
  ])("V-8 I-8: for every set of taken pages, size, alignment and limit, %s", (_, base) => {
    for (let set = 0; set < 2 ** PAGES; set++) {
      const taken = Array.from({ length: PAGES }, (__, page) => page).filter(
        (page) => ((set >> page) & 1) === 1,
      );
      const parent = new Parent(base, PAGES, taken);
      for (let pageCount = 1; pageCount <= PAGES; pageCount++) {
        for (let alignShift = 0; alignShift <= 3; alignShift++) {
          for (const limit of [base, base + 3, base + 6, base + PAGES]) {
            compare(parent, { pageCount, alignShift, limit });
          }
        }
      }
    }
  });
});

describe("T-1: first fit", () => {
  const B = 1000;

  test("T-1 V-8: the worked example", () => {
    const parent = new Parent(B, VPN_LIMIT - B);
    const spot = (pages: number): Vpn => findSpot(parent, requestOf(parent, pages), null);
    expect(spot(2)).toBe(B);
    parent.regions.insert(new Child(B, 1));
    const third = new Child(B + 2, 1);
    parent.regions.insert(third);
    expect(spot(2)).toBe(B + 3);
    parent.regions.insert(new Child(B + 3, 2));
    parent.regions.erase(third);
    expect(spot(2)).toBe(B + 1);
    parent.regions.insert(new Child(B + 1, 2));
    expect(spot(1)).toBe(B + 5);
    parent.regions.insert(new Child(B + 5, 1));
    const rest = VPN_LIMIT - (B + 6);
    expect(spot(rest)).toBe(B + 6);
    expect(spot(rest + 1)).toBe(NO_SPOT);
  });

  test("T-1 V-8: one free page is no place for two", () => {
    const parent = new Parent(B, 3, [0, 2]);
    expect(findSpot(parent, requestOf(parent, 2), null)).toBe(NO_SPOT);
    expect(findSpot(parent, requestOf(parent, 1), null)).toBe(B + 1);
  });

  test("V-8: a gap that alignment refuses is passed over, also among hundreds", () => {
    const taken = Array.from({ length: 1000 }, (_, page) => page).filter((page) => page % 4 === 0);
    const narrow = new Parent(
      0,
      1000,
      taken.filter((page) => page !== 604),
    );
    expect(findSpot(narrow, requestOf(narrow, 4), null)).toBe(601);
    expect(findSpot(narrow, requestOf(narrow, 4, 3), null)).toBe(NO_SPOT);
    const roomy = new Parent(
      0,
      1000,
      taken.filter((page) => page !== 604 && page !== 800),
    );
    expect(findSpot(roomy, requestOf(roomy, 4), null)).toBe(601);
    expect(findSpot(roomy, requestOf(roomy, 4, 3), null)).toBe(800);
    expect(findSpot(roomy, { ...requestOf(roomy, 4, 3), limit: 803 }, null)).toBe(NO_SPOT);
    expect(findSpot(roomy, { ...requestOf(roomy, 4, 3), limit: 804 }, null)).toBe(800);
  });

  test("V-8: the largest alignment works up to the last page of the address space", () => {
    const parent = new Parent(VPN_LIMIT - 2 ** 21, 2 ** 21, [0]);
    const request = requestOf(parent, 2 ** 20, 20);
    expect(findSpot(parent, request, null)).toBe(VPN_LIMIT - 2 ** 20);
    expect(findSpot(parent, { ...request, limit: VPN_LIMIT - 1 }, null)).toBe(NO_SPOT);
  });
});

/** How often each spot was drawn. */
function histogram(parent: Parent, request: SpotRequest, entropyBits: number): Map<Vpn, number> {
  const prng = new Prng(5);
  const hits = new Map<Vpn, number>();
  for (let draw = 0; draw < 4000; draw++) {
    const spot = findSpot(parent, request, { entropyBits, prng });
    hits.set(spot, (hits.get(spot) ?? 0) + 1);
  }
  return hits;
}

describe("V-8: chance", () => {
  test.each([
    ["fewer spots than entropy asks for", 6],
    ["as many as there are", 3],
    ["the first few of many", 2],
    ["no entropy: first fit", 0],
  ])(
    "V-8: every spot among the first 2^entropy is drawn about as often, and no other: %s",
    (_, bits) => {
      const parent = new Parent(40, 16, [0, 2, 7, 8, 13]);
      const request = requestOf(parent, 2);
      const spots = naiveSpots(parent, request).slice(0, 2 ** bits);
      const hits = histogram(parent, request, bits);
      expect([...hits.keys()].toSorted((a, b) => a - b)).toEqual(spots);
      const even = 4000 / spots.length;
      for (const count of hits.values()) expect(Math.abs(count - even)).toBeLessThan(0.2 * even);
    },
  );

  test("V-8: without a spot nothing is drawn", () => {
    const parent = new Parent(40, 3, [1]);
    const chance = { entropyBits: 4, prng: new Prng(5) };
    expect(findSpot(parent, requestOf(parent, 2), chance)).toBe(NO_SPOT);
    expect(chance.prng.next()).toBe(new Prng(5).next());
  });

  test("V-8: too much entropy, and a place for nothing, are our own mistakes", () => {
    const parent = new Parent(0, 8);
    const chance = { entropyBits: 53, prng: new Prng(5) };
    expect(() => findSpot(parent, requestOf(parent, 1), chance)).toThrow("V-8");
    expect(() => findSpot(parent, requestOf(parent, 0), null)).toThrow("V-8");
  });
});
