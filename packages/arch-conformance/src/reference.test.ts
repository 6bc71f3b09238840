import {
  AspaceKind,
  type AspaceProfile,
  type Capabilities,
  Enlarge,
  ExistingEntry,
  MmuFlags,
  NonTerminalAction,
  type Pfn,
  Status,
  type Vpn,
} from "@aspace/arch";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ReferenceAspace, type Refusal } from "./reference.ts";
import { RO, RW, RX } from "./touch.ts";

/** Leaves of 1, 4 and 16 pages: small enough to compare every page with a map of pages. */
const CAPABILITIES: Capabilities = {
  leafShifts: [12, 14, 16],
  physBits: 32,
  indexBits: 2,
  accessedBit: true,
  hwAccessed: true,
  markAccessedSupported: false,
  nonTerminalAccessed: "none",
  cachesInvalid: false,
  splitNeedsBbm: false,
  unmapOnlyEnlargeOnOom: true,
  protectIsUnmap: false,
  faultTellsPresent: true,
  distinguishesUser: true,
  prebuiltTables: 0,
  normalizeFlags: (flags) => flags,
};

const BASE = 16;
const PAGES = 64;
const END = BASE + PAGES;

function build(
  kind: AspaceKind = "user",
  capabilities: Partial<Capabilities> = {},
): ReferenceAspace {
  const profile: AspaceProfile = {
    baseVpn: BASE,
    pageCount: PAGES,
    capabilities: { ...CAPABILITIES, ...capabilities },
  };
  return new ReferenceAspace(kind, profile);
}

const sizesOf = (reference: ReferenceAspace): number[] =>
  reference.leavesIn(BASE, PAGES).map(({ pages }) => pages);

/** Every page as `frame:flags`, or nothing. */
function pagesOf(reference: ReferenceAspace): string[] {
  return Array.from({ length: PAGES }, (_, i) => {
    const leaf = reference.lookup(BASE + i);
    return leaf === null ? "-" : `${reference.frameOf(BASE + i)}:${leaf.flags}`;
  });
}

/** The whole leaf was lost: no page outside is found any more. */
const ALL_LOST: Refusal = { isMapped: () => false };
/** Nothing was lost. */
const ALL_KEPT: Refusal = { isMapped: () => true };

describe("arguments", () => {
  const reference = build();
  const refusals = [null, ALL_KEPT];

  test.each([
    [BASE - 1, 1],
    [BASE - 1, 2],
    [END, 1],
    [END - 1, 2],
    [BASE, PAGES + 1],
    [2 ** 52 - 1, 2],
    [BASE, 2 ** 52],
  ])("a range of %i +%i is OUT_OF_RANGE before anything else (P-M3)", (vpn, count) => {
    for (const refusal of refusals) {
      expect(reference.map(vpn, [], count, 0, "error", refusal)).toBe(Status.OUT_OF_RANGE);
      expect(reference.mapContiguous(vpn, -1, count, 0, refusal)).toBe(Status.OUT_OF_RANGE);
      expect(reference.unmap(vpn, count, Enlarge.NO, refusal)).toBe(Status.OUT_OF_RANGE);
      expect(reference.protect(vpn, count, 0, Enlarge.NO, refusal)).toBe(Status.OUT_OF_RANGE);
    }
    expect(reference.harvestAccessed(vpn, count, "retain", () => true)).toBe(Status.OUT_OF_RANGE);
    expect(reference.markAccessed(vpn, count)).toBe(Status.OUT_OF_RANGE);
  });

  test.each([0, MmuFlags.WRITE, RW | MmuFlags.INVALID, RW | 0x100, -1])(
    "flags %i are INVALID_ARGS, also without pages (P-M3)",
    (flags) => {
      for (const count of [0, 1]) {
        expect(reference.map(BASE, [1], count, flags, "error", null)).toBe(Status.INVALID_ARGS);
        expect(reference.mapContiguous(BASE, 1, count, flags, null)).toBe(Status.INVALID_ARGS);
        expect(reference.protect(BASE, count, flags, "no", null)).toBe(Status.INVALID_ARGS);
      }
    },
  );

  test("a frame outside physical memory is INVALID_ARGS, wherever it stands (P-M3)", () => {
    const limit = 2 ** 20;
    expect(reference.map(BASE, [1, limit], 2, RW, "error", null)).toBe(Status.INVALID_ARGS);
    expect(reference.mapContiguous(BASE, limit - 1, 2, RW, null)).toBe(Status.INVALID_ARGS);
    expect(reference.mapContiguous(BASE, limit - 1, 1, RW, null)).toBe(Status.OK);
  });
});

describe("map", () => {
  test("with Error stops at anything mapped and changes nothing (P-M5)", () => {
    const reference = build();
    reference.map(BASE + 1, [7], 1, RW, "error", null);
    const before = pagesOf(reference);
    expect(reference.map(BASE, [1, 2], 2, RX, "error", null)).toBe(Status.ALREADY_EXISTS);
    expect(pagesOf(reference)).toEqual(before);
  });

  test("with Skip keeps what is there, large leaves whole (P-M7)", () => {
    const reference = build();
    reference.mapContiguous(BASE, 64, 4, RO, null);
    expect(reference.map(BASE + 3, [1, 2], 2, RW, "skip", null)).toBe(Status.OK);
    expect(sizesOf(reference)).toEqual([4, 1]);
    expect(reference.frameOf(BASE + 3)).toBe(67);
  });

  test.each([
    ["same frame, read-only request", 5, RO, RW, 5, RW],
    ["same frame, other policy, read-only request", 5, RO | 1, RW, 5, RW],
    ["same frame, fewer rights but not read-only", 5, RX, RW | 0x20, 5, RX],
    ["same frame, non-secure", 5, RO | MmuFlags.NS, RW, 5, RO | MmuFlags.NS],
    ["other frame, read-only request", 6, RO, RW, 6, RO],
    ["other frame", 6, RW, RX, 6, RW],
  ] as const)("with Upgrade: %s (P-M8)", (_, pfn, flags, had, frame, has) => {
    const reference = build();
    reference.map(BASE, [5], 1, had, "error", null);
    expect(reference.map(BASE, [pfn], 1, flags, "upgrade", null)).toBe(Status.OK);
    expect(reference.lookup(BASE)).toEqual({ vpn: BASE, pages: 1, pfn: frame, flags: has });
  });

  test("with Upgrade splits a large leaf, except in the kernel (P-M8)", () => {
    const user = build();
    user.mapContiguous(BASE, 64, 16, RW, null);
    expect(user.map(BASE + 5, [9], 1, RW, "upgrade", null)).toBe(Status.OK);
    expect(sizesOf(user)).toEqual([4, 1, 1, 1, 1, 4, 4]);
    const kernel = build("kernel");
    kernel.mapContiguous(BASE, 64, 16, RW, null);
    const status = kernel.map(BASE + 5, [9], 1, RW, "upgrade", null);
    expect(status).toBe(Status.ALREADY_EXISTS);
    expect(sizesOf(kernel)).toEqual([16]);
  });

  test("answers NO_MEMORY and changes nothing when an allocation was refused (P-M6)", () => {
    for (const action of Object.values(ExistingEntry)) {
      const reference = build();
      expect(reference.map(BASE, [1], 1, RW, action, ALL_KEPT)).toBe(Status.NO_MEMORY);
      expect(reference.size).toBe(0);
    }
  });
});

describe("mapContiguous", () => {
  test.each([
    [0, 0, 16, [16]],
    [0, 0, 22, [16, 4, 1, 1]],
    [0, 4, 16, [4, 4, 4, 4]],
    [0, 1, 4, [1, 1, 1, 1]],
    [3, 3, 18, [1, 4, 4, 4, 4, 1]],
    [12, 12, 21, [4, 16, 1]],
  ])("at +%i, frame +%i, %i pages uses leaves of %j (P-B1)", (at, frame, count, sizes) => {
    const reference = build();
    expect(reference.mapContiguous(BASE + at, 64 + frame, count, RW, null)).toBe(Status.OK);
    expect(sizesOf(reference)).toEqual(sizes);
  });
});

/** One leaf of 16 pages. */
const whole = (capabilities: Partial<Capabilities> = {}): ReferenceAspace => {
  const reference = build("user", capabilities);
  reference.mapContiguous(BASE, 64, 16, RW, null);
  return reference;
};

describe("a large leaf cut by a range", () => {
  test("is split around it and keeps every other page (P-B2)", () => {
    const reference = whole();
    const before = pagesOf(reference);
    expect(reference.unmap(BASE + 5, 2, Enlarge.NO, null)).toBe(Status.OK);
    expect(pagesOf(reference)).toEqual(before.map((page, i) => (i === 5 || i === 6 ? "-" : page)));
    expect(sizesOf(reference)).toEqual([4, 1, 1, 4, 4]);
  });

  test("may not be split with Enlarge.NO where that opens a gap, whatever memory says (P-U4)", () => {
    for (const refusal of [null, ALL_LOST]) {
      const reference = whole({ splitNeedsBbm: true });
      expect(reference.unmap(BASE + 1, 1, "no", refusal)).toBe(Status.NOT_SUPPORTED);
      expect(reference.protect(BASE + 1, 1, RO, "no", refusal)).toBe(Status.NOT_SUPPORTED);
      expect(sizesOf(reference)).toEqual([16]);
    }
  });

  test("stays whole when an edit that may not enlarge has no memory (P-U4, P-P5)", () => {
    const reference = whole();
    expect(reference.unmap(BASE + 1, 1, "no", ALL_KEPT)).toBe(Status.NO_MEMORY);
    expect(reference.protect(BASE + 1, 1, RO, "yes", ALL_KEPT)).toBe(Status.NO_MEMORY);
    expect(sizesOf(reference)).toEqual([16]);
  });

  test("goes as a whole if the unmap lost it for want of memory (P-U3)", () => {
    const reference = whole();
    expect(reference.unmap(BASE + 1, 1, "yes", ALL_LOST)).toBe(Status.OK);
    expect(reference.size).toBe(0);
  });

  test("loses no more than the smaller leaf if the first split had memory (P-U3)", () => {
    const reference = whole();
    const refusal: Refusal = { isMapped: (vpn: Vpn) => vpn >= BASE + 4 };
    expect(reference.unmap(BASE + 1, 1, "yes", refusal)).toBe(Status.OK);
    expect(sizesOf(reference)).toEqual([4, 4, 4]);
  });

  test("is rewritten in place by a protect that covers it (P-B3)", () => {
    const reference = whole({ splitNeedsBbm: true });
    expect(reference.protect(BASE, 16, RO, "no", null)).toBe(Status.OK);
    expect(reference.lookup(BASE)).toEqual({ vpn: BASE, pages: 16, pfn: 64, flags: RO });
  });
});

describe("protect and harvest", () => {
  test("protect unmaps where protectIsUnmap, whatever enlarge says (P-P7)", () => {
    const reference = build("guest", { protectIsUnmap: true, splitNeedsBbm: true });
    reference.mapContiguous(BASE, 64, 4, RW, null);
    expect(reference.protect(BASE, 1, RO, "no", null)).toBe(Status.OK);
    expect(sizesOf(reference)).toEqual([1, 1, 1]);
  });

  test("policyIn is the policy that protect must be given, null if pages differ (P-P1)", () => {
    const reference = build();
    expect(reference.policyIn(BASE, 4)).toBe(MmuFlags.CACHED);
    reference.map(BASE, [1], 1, RW | MmuFlags.WRITE_COMBINING, "error", null);
    expect(reference.policyIn(BASE, 4)).toBe(MmuFlags.WRITE_COMBINING);
    reference.map(BASE + 1, [1], 1, RW, "error", null);
    expect(reference.policyIn(BASE, 4)).toBeNull();
  });

  test("FreeUnaccessed takes whole leaves in range that are gone, and no others (P-H4)", () => {
    const reference = build();
    reference.mapContiguous(BASE, 64, 4, RW, null);
    reference.map(BASE + 4, [1, 2], 2, RW, "error", null);
    const { FREE_UNACCESSED } = NonTerminalAction;
    const harvest = (): Status =>
      reference.harvestAccessed(BASE + 1, 4, FREE_UNACCESSED, () => false);
    expect(harvest()).toBe(Status.OK);
    expect(sizesOf(reference)).toEqual([4, 1]);
    const kernel = build("kernel");
    const status = kernel.harvestAccessed(BASE, 1, FREE_UNACCESSED, () => true);
    expect(status).toBe(Status.NOT_SUPPORTED);
  });
});

/** The reference of the reference: pages, without leaves. */
class PageMap {
  readonly pages = new Map<Vpn, { pfn: Pfn; flags: number }>();

  apply([verb, at, count, frame, flags]: Step): void {
    for (let i = 0; i < count; i++) {
      const vpn = BASE + at + i;
      const old = this.pages.get(vpn);
      if (verb === "unmap") this.pages.delete(vpn);
      else if (verb === "protect") {
        if (old !== undefined) this.pages.set(vpn, { pfn: old.pfn, flags });
      } else if (verb === "upgrade") {
        const keeps = old !== undefined && old.pfn === frame + i && flags === RO;
        if (!keeps) this.pages.set(vpn, { pfn: frame + i, flags });
      } else if (old === undefined) this.pages.set(vpn, { pfn: frame + i, flags });
    }
  }

  isEmptyIn(at: number, count: number): boolean {
    return Array.from({ length: count }, (_, i) => BASE + at + i).every(
      (vpn) => !this.pages.has(vpn),
    );
  }

  toLines(): string[] {
    return Array.from({ length: PAGES }, (_, i) => {
      const page = this.pages.get(BASE + i);
      return page === undefined ? "-" : `${page.pfn}:${page.flags}`;
    });
  }
}

type Verb = "contiguous" | "skip" | "upgrade" | "unmap" | "protect";
type Step = readonly [Verb, number, number, Pfn, number];

const step: fc.Arbitrary<Step> = fc
  .tuple(
    fc.constantFrom<Verb>("contiguous", "skip", "upgrade", "unmap", "protect"),
    fc.nat(PAGES - 1),
    fc.constantFrom(1, 2, 3, 4, 5, 16, 20),
    fc.constantFrom(64, 65, 68, 80),
    fc.constantFrom(RO, RW, RX),
  )
  .filter(([, at, count]) => at + count <= PAGES);

function perform(reference: ReferenceAspace, [verb, at, count, frame, flags]: Step): Status {
  const vpn = BASE + at;
  const pfns = Array.from({ length: count }, (_, i) => frame + i);
  if (verb === "contiguous") return reference.mapContiguous(vpn, frame, count, flags, null);
  if (verb === "unmap") return reference.unmap(vpn, count, "yes", null);
  if (verb === "protect") return reference.protect(vpn, count, flags, "yes", null);
  return reference.map(vpn, pfns, count, flags, verb, null);
}

describe("any sequence of operations", () => {
  test("leaves the pages that a plain map of pages has, in aligned disjoint leaves", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const reference = build();
        const flat = new PageMap();
        for (const next of steps) {
          const [verb, at, count] = next;
          const isBlocked = verb === "contiguous" && !flat.isEmptyIn(at, count);
          const status = perform(reference, next);
          expect(status).toBe(isBlocked ? Status.ALREADY_EXISTS : Status.OK);
          if (!isBlocked) flat.apply(next);
          expect(pagesOf(reference)).toEqual(flat.toLines());
          for (const leaf of reference.leaves()) {
            expect([leaf.vpn % leaf.pages, leaf.pfn % leaf.pages]).toEqual([0, 0]);
          }
        }
        const covered = [...reference.leaves()].reduce((sum, { pages }) => sum + pages, 0);
        expect(covered).toBe(flat.pages.size);
      }),
      { numRuns: 200, seed: 1 },
    );
  });
});
