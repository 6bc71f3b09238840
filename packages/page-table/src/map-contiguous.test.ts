import { MmuFlags, Status, ExistingEntry } from "@aspace/arch";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BREAKING, IN_PLACE } from "../test/small-format.ts";
import { perform, PLENTY } from "../test/small-script.ts";
import { SmallWorld } from "../test/small-world.ts";

const { READ, WRITE, EXECUTE } = MmuFlags;

/** Leaf sizes from low to high addresses, in pages. */
function leafSizes(world: SmallWorld): number[] {
  const sizes: number[] = [];
  for (const [vpn, { level }] of world.read().pages) {
    if (vpn % 8 ** level === 0) sizes.push(8 ** level);
  }
  return sizes;
}

describe("leaf sizes", () => {
  test.each([
    ["all aligned", 128, 0x100, 64, [64]],
    ["more than the largest leaf", 128, 0x100, 136, [64, 64, 8]],
    ["a page before and after", 127, 0xff, 66, [1, 64, 1]],
    ["up the sizes and down again", 119, 0xf7, 84, [1, 8, 64, 8, 1, 1, 1]],
    ["the frame is not aligned", 128, 0x101, 8, [1, 1, 1, 1, 1, 1, 1, 1]],
    ["the frame is aligned for the middle size only", 128, 0x108, 64, [8, 8, 8, 8, 8, 8, 8, 8]],
    ["the page is aligned for the middle size only", 136, 0x100, 16, [8, 8]],
    ["one page short of a leaf", 128, 0x100, 7, [1, 1, 1, 1, 1, 1, 1]],
    ["no leaf is larger than the top leaf level allows", 512, 0x200, 512, Array(8).fill(64)],
  ])("T-26 P-B1: %s", (_, vpn, pfn, count, sizes) => {
    const world = SmallWorld.start();
    expect(world.aspace.mapContiguous(vpn, pfn, count, READ)).toBe(Status.OK);
    expect(leafSizes(world)).toEqual(sizes);
    world.aspace.validate();
  });

  test("T-26 P-B1 T-8: sizes, tables and allocations are the greedy optimum for every alignment", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 40, max: 300 }),
        fc.nat(70),
        fc.integer({ min: 1, max: 300 }),
        (vpn, shift, count) => {
          const world = SmallWorld.start();
          const pfn = vpn + 0x1000 + shift;
          perform(world, {
            kind: "mapContiguous",
            vpn,
            pfn,
            count,
            flags: READ | WRITE,
            frames: PLENTY,
          });
        },
      ),
      { seed: 20_240_103, numRuns: 150 },
    );
  });

  test("T-26 P-B5: an aligned run next to a base page in the same slot descends into the table there", () => {
    const world = SmallWorld.start();
    world.aspace.map(191, [7], 1, READ, ExistingEntry.ERROR);
    expect(world.aspace.mapContiguous(128, 0x100, 63, READ)).toBe(Status.OK);
    expect(leafSizes(world)).toEqual([8, 8, 8, 8, 8, 8, 8, ...Array(8).fill(1)]);
  });
});

describe("failures", () => {
  test("T-27 P-B5: any mapped page in range is ALREADY_EXISTS with nothing changed, else it succeeds", () => {
    for (const [vpn, count] of [
      [140, 1],
      [136, 8],
    ] as const) {
      for (let start = 120; start < 150; start++) {
        const world = SmallWorld.start();
        world.aspace.mapContiguous(vpn, vpn, count, READ);
        const ram = world.machine.memory.words.slice();
        const status = world.aspace.mapContiguous(start, start + 64, 9, READ);
        const overlaps = start < vpn + count && vpn < start + 9;
        expect(status).toBe(overlaps ? Status.ALREADY_EXISTS : Status.OK);
        if (overlaps) expect(world.machine.memory.words).toEqual(ram);
      }
    }
  });

  test("T-9 P-M6: refused at any allocation it has changed no word and holds no frame", () => {
    for (let frames = 0; frames < 9; frames++) {
      const world = SmallWorld.start();
      const op = { kind: "mapContiguous", vpn: 60, pfn: 0x101c, count: 480, flags: READ } as const;
      perform(world, { ...op, frames });
    }
  });
});

test("T-26 T-57: large leaves of software-marked formats start accessed below marked tables", () => {
  const world = SmallWorld.start({ variant: BREAKING });
  world.aspace.mapContiguous(128, 0, 72, READ);
  const { pages, tables } = world.read();
  expect([...pages.values()].every(({ accessed }) => accessed)).toBe(true);
  expect(tables.every(({ marked }) => marked)).toBe(true);
});

test("T-25: with EXECUTE every frame is synchronised first", () => {
  const world = SmallWorld.start({ variant: BREAKING });
  world.aspace.mapContiguous(126, 0x7e, 11, READ | EXECUTE);
  const kinds = world.machine.events.map(({ kind }) => kind);
  expect(world.machine.count("synchronize")).toBe(11);
  expect(kinds.lastIndexOf("synchronize")).toBeLessThan(kinds.indexOf("barrier"));
  const coherent = SmallWorld.start({ variant: IN_PLACE });
  coherent.aspace.mapContiguous(126, 0x7e, 11, READ | EXECUTE);
  expect(coherent.machine.count("synchronize")).toBe(0);
});
