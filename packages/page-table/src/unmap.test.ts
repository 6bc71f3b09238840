import { AspaceKind, Enlarge, ExistingEntry, MmuFlags, Status } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { BREAKING, IN_PLACE, SMALL_PAGES } from "../test/small-format.ts";
import { BATCH_LIMIT } from "../test/small-machine.ts";
import { frames, perform, PLENTY } from "../test/small-script.ts";
import { SmallWorld } from "../test/small-world.ts";

const { READ, WRITE } = MmuFlags;
const { ERROR } = ExistingEntry;
const { YES, NO } = Enlarge;

/** A world with base pages [vpn, vpn + count). */
function withPages(vpn: number, count: number): SmallWorld {
  const world = SmallWorld.start();
  const op = { kind: "map", vpn, count, pfn: 0x100, flags: READ, action: ERROR } as const;
  perform(world, { ...op, frames: PLENTY });
  return world;
}

/** A world with a run of frames mapped by the largest leaves. */
function withLeaves(variant: typeof IN_PLACE, vpn: number, count: number): SmallWorld {
  const world = SmallWorld.start({ variant });
  const op = { kind: "mapContiguous", vpn, count, pfn: vpn + 0x1000, flags: READ | WRITE } as const;
  perform(world, { ...op, frames: PLENTY });
  return world;
}

describe("base pages", () => {
  test("T-30 P-U1: removes what is mapped, ignores holes, leaves the pages beside", () => {
    const world = withPages(100, 10);
    expect(world.aspace.unmap(98, 8, NO)).toBe(Status.OK);
    expect([...world.read().pages.keys()]).toEqual([106, 107, 108, 109]);
  });

  test("T-30 P-U2 P-U6 P-T9: unmapping holes changes and sends nothing, the second time too", () => {
    const world = withPages(100, 10);
    world.aspace.unmap(104, 3, YES);
    world.takeEvents();
    const ram = world.machine.memory.words.slice();
    for (const [vpn, count] of [
      [104, 3],
      [105, 1],
      [21, 79],
      [110, 2000],
    ] as const) {
      expect(world.aspace.unmap(vpn, count, YES)).toBe(Status.OK);
    }
    expect(world.machine.memory.words).toEqual(ram);
    expect(world.takeEvents()).toEqual([]);
  });

  test("T-30 P-U5: unmapping the whole aspace leaves the root alone", () => {
    const world = withPages(60, 500);
    perform(world, { kind: "unmap", vpn: 21, count: SMALL_PAGES - 42, enlarge: YES, frames: 0 });
    expect(world.aspace.tablePages()).toBe(1);
    expect(world.machine.live.size).toBe(1);
  });

  test("T-30 P-U7: ranges one page around each table edge", () => {
    for (const edge of [64, 512, 1024]) {
      for (const from of [edge - 1, edge, edge + 1]) {
        for (const to of [edge, edge + 1, edge + 2]) {
          if (to <= from) continue;
          const world = withPages(edge - 10, 20);
          perform(world, { kind: "unmap", vpn: from, count: to - from, enlarge: NO, frames: 0 });
        }
      }
    }
  });

  test("T-12: as many pages as a batch holds are named, one more becomes everything", () => {
    for (const [count, everything] of [
      [BATCH_LIMIT, false],
      [BATCH_LIMIT + 1, true],
    ] as const) {
      const world = withPages(96, 8);
      const { events } = world.observe(() => world.aspace.unmap(96, count, YES));
      expect(events).toEqual([
        { kind: "barrier" },
        {
          kind: "invalidate",
          vpns: everything ? [] : frames(96, count),
          everything,
          tables: false,
        },
      ]);
    }
  });

  test("T-6 T-12: one page of the table used last is named alone", () => {
    const world = withPages(96, 8);
    const { events } = world.observe(() => world.aspace.unmap(99, 1, YES));
    expect(events.at(-1)).toMatchObject({ vpns: [99], everything: false, tables: false });
  });
});

describe("large leaves", () => {
  const variants = [
    ["in place", IN_PLACE],
    ["break-before-make", BREAKING],
  ] as const;

  describe.each(variants)("splitting %s", (_, variant) => {
    test.each([8, 64])(
      "T-31 P-B3: a whole leaf of %i pages goes without a split or an allocation",
      (pages) => {
        const world = withLeaves(variant, 128, pages);
        const events = perform(world, {
          kind: "unmap",
          vpn: 128,
          count: pages,
          enlarge: NO,
          frames: 0,
        });
        expect(events?.filter(({ kind }) => kind === "invalidate")).toHaveLength(1);
        expect(world.aspace.tablePages()).toBe(1);
      },
    );

    test.each([0, 1, 2, 61, 62, 63])(
      "T-31 T-40 P-B2: page %i of a leaf leaves all the others",
      (page) => {
        const world = withLeaves(variant, 128, 64);
        perform(world, { kind: "unmap", vpn: 128 + page, count: 1, enlarge: YES, frames: PLENTY });
        expect(world.read().pages.size).toBe(63);
      },
    );

    test("T-8 T-31: every range over a 64-page leaf and its neighbours, with every number of frames", () => {
      for (let from = 124; from < 200; from += 5) {
        for (const count of [1, 5, 8, 20, 64]) {
          for (const allowed of [0, 1, 2, 3, PLENTY]) {
            const world = withLeaves(variant, 120, 80);
            perform(world, { kind: "unmap", vpn: from, count, enlarge: YES, frames: allowed });
            world.aspace.validate();
          }
        }
      }
    });
  });

  test("T-31 P-U3: with leave to enlarge and no memory the whole leaf goes, and the answer is OK", () => {
    const world = withLeaves(IN_PLACE, 120, 80);
    perform(world, { kind: "unmap", vpn: 130, count: 1, enlarge: YES, frames: 0 });
    expect([...world.read().pages.keys()]).toEqual([...frames(120, 8), ...frames(192, 8)]);
  });

  test("T-31 P-U3: with memory for one split the smaller leaf goes", () => {
    const world = withLeaves(IN_PLACE, 128, 64);
    perform(world, { kind: "unmap", vpn: 130, count: 1, enlarge: YES, frames: 1 });
    expect([...world.read().pages.keys()]).toEqual(frames(136, 56));
  });

  test("T-32 P-U4: without leave to enlarge and without memory nothing changes", () => {
    for (const allowed of [0, 1, 2]) {
      const world = withLeaves(IN_PLACE, 120, 80);
      const op = { kind: "unmap", vpn: 130, count: 20, enlarge: NO } as const;
      const events = perform(world, { ...op, frames: allowed });
      expect(events?.filter(({ kind }) => kind === "refuse")).toHaveLength(1);
      expect(world.read().pages.size).toBe(80);
    }
  });

  test("T-32 P-U4: a split that needs a gap nobody allowed is NOT_SUPPORTED, before memory is asked for", () => {
    const world = withLeaves(BREAKING, 128, 64);
    const events = perform(world, { kind: "unmap", vpn: 130, count: 1, enlarge: NO, frames: 0 });
    expect(events).toEqual([]);
    expect(world.aspace.unmap(130, 1, NO)).toBe(Status.NOT_SUPPORTED);
    expect(world.aspace.unmap(128, 64, NO)).toBe(Status.OK);
  });
});

test("T-1 P-U1: pages at the very top of a 64-bit address space", () => {
  const world = SmallWorld.start({ kind: AspaceKind.KERNEL });
  const top = 2 ** 52;
  perform(world, {
    kind: "mapContiguous",
    vpn: top - 66,
    count: 66,
    pfn: 62,
    flags: READ,
    frames: PLENTY,
  });
  perform(world, { kind: "unmap", vpn: top - 3, count: 3, enlarge: NO, frames: PLENTY });
  expect(world.query(top - 4)).toMatchObject({ pfn: 124, leafShift: 12 });
  expect(world.query(top - 1).status).toBe(Status.NOT_FOUND);
  perform(world, {
    kind: "unmap",
    vpn: world.treeBase,
    count: SMALL_PAGES,
    enlarge: NO,
    frames: 0,
  });
  expect(world.aspace.tablePages()).toBe(1);
});
