import { Enlarge, MmuFlags, Status } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { BREAKING, IN_PLACE, type SmallVariant } from "../test/small-format.ts";
import { perform, PLENTY } from "../test/small-script.ts";
import { SmallWorld } from "../test/small-world.ts";

const { READ, WRITE, EXECUTE, USER, NS, CACHE_MASK } = MmuFlags;
const { YES, NO } = Enlarge;

const VARIANTS: readonly [string, SmallVariant][] = [
  ["in place", IN_PLACE],
  ["break-before-make", BREAKING],
];

/** A 64-page leaf at page 128, frame 0x1000. */
function withLeaf(variant: SmallVariant, flags: number): SmallWorld {
  const world = SmallWorld.start({ variant });
  const op = { kind: "mapContiguous", vpn: 128, count: 64, pfn: 0x1000, flags } as const;
  perform(world, { ...op, frames: PLENTY });
  return world;
}

/** Splits the leaf down to page 130 by a protect that changes nothing else. */
function split(world: SmallWorld, flags: number): void {
  expect(world.aspace.protect(130, 1, flags, YES)).toBe(Status.OK);
}

describe.each(VARIANTS)("a split %s", (_, variant) => {
  test("T-40 P-B4: keeps frame, permissions, every cache policy and non-secure, at both sizes", () => {
    for (let cache = 0; cache <= CACHE_MASK; cache++) {
      for (const permissions of [0, WRITE, EXECUTE | USER, WRITE | EXECUTE | USER | NS]) {
        const flags = READ | permissions | cache;
        const world = withLeaf(variant, flags);
        split(world, flags);
        const { pages } = world.read();
        for (let i = 0; i < 64; i++) {
          expect(pages.get(128 + i)).toMatchObject({
            pfn: 0x1000 + i,
            flags,
            level: i < 8 ? 0 : 1,
          });
        }
      }
    }
  });

  test("T-40 P-B4: keeps the accessed bit, set or clear", () => {
    for (const accessed of [true, false]) {
      const world = withLeaf(variant, READ);
      const leafTable = world.read().tables.at(-1)!.pfn;
      const slot = leafTable * 1024 + 2 * 2;
      const { words } = world.machine.memory;
      words[slot] = accessed ? words[slot]! | 0x40 : words[slot]! & ~0x40;
      expect(world.aspace.unmap(130, 1, YES)).toBe(Status.OK);
      const found = new Set([...world.read().pages.values()].map((page) => page.accessed));
      expect(found).toEqual(new Set([accessed]));
    }
  });

  test("T-43 P-H7: the new tables are marked as accessed iff the leaf was", () => {
    for (const accessed of [true, false]) {
      const world = withLeaf(variant, READ);
      const holder = world.read().tables.at(-1)!.pfn;
      const slot = holder * 1024 + 2 * 2;
      const { words } = world.machine.memory;
      words[slot] = accessed ? words[slot]! | 0x40 : words[slot]! & ~0x40;
      expect(world.aspace.unmap(130, 1, YES)).toBe(Status.OK);
      const made = world.read().tables.filter(({ level }) => level < 2 && level >= 0);
      const marks = made.filter(({ pfn }) => pfn !== holder).map(({ marked }) => marked);
      expect(marks).toEqual([accessed, accessed]);
    }
  });

  test("T-8: both edges inside one leaf share the tables they have in common", () => {
    for (const [from, count, tables] of [
      [130, 1, 2],
      [130, 5, 2],
      [136, 8, 1],
      [130, 6, 2],
      [130, 20, 3],
      [128, 3, 2],
      [188, 4, 2],
      [127, 2, 2],
      [191, 2, 2],
      [100, 28, 0],
    ] as const) {
      const world = withLeaf(variant, READ);
      const events = perform(world, {
        kind: "protect",
        vpn: from,
        count,
        flags: READ | WRITE,
        enlarge: YES,
        frames: PLENTY,
      });
      expect(events?.filter(({ kind }) => kind === "allocate").length).toBe(tables);
    }
  });
});

test("T-41 P-B6: in place, no page is ever absent, and one flush ends the operation", () => {
  const world = withLeaf(IN_PLACE, READ);
  const sizes = new Set<number>();
  const { status, events } = world.observe(
    () => world.aspace.protect(130, 1, READ | WRITE, NO),
    ({ pages }) => sizes.add(pages.size),
  );
  expect(status).toBe(Status.OK);
  expect(sizes).toEqual(new Set([64]));
  expect(events.map(({ kind }) => kind)).toEqual([
    "allocate",
    "allocate",
    "barrier",
    "barrier",
    "barrier",
    "invalidate",
  ]);
});

test("T-42 P-B6: break-before-make clears, orders, flushes, orders again, and only then links", () => {
  const world = withLeaf(BREAKING, READ);
  const steps: number[] = [];
  const { status, events } = world.observe(
    () => world.aspace.protect(136, 8, READ | WRITE, YES),
    ({ pages }) => steps.push(pages.size),
  );
  expect(status).toBe(Status.OK);
  expect(events.map(({ kind }) => kind)).toEqual([
    "allocate",
    "barrier",
    "invalidate",
    "barrier",
    "barrier",
    "invalidate",
  ]);
  // The whole leaf is gone at the first three, and back with all its pages after them.
  expect(steps).toEqual([0, 0, 0, 64, 64]);
});

test("T-42: two levels of break-before-make open two gaps, the second for the smaller leaf", () => {
  const world = withLeaf(BREAKING, READ);
  const steps: number[] = [];
  world.observe(
    () => world.aspace.protect(130, 1, READ | WRITE, YES),
    ({ pages }) => steps.push(pages.size),
  );
  expect(steps).toEqual([0, 0, 0, 56, 56, 56, 64, 64]);
});
