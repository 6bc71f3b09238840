import { AspaceKind, Enlarge, ExistingEntry, KernelPanic, MmuFlags, Status } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { BREAKING, IN_PLACE } from "../test/small-format.ts";
import { frames, perform, PLENTY } from "../test/small-script.ts";
import { SmallWorld } from "../test/small-world.ts";

const { READ, WRITE, EXECUTE, USER, NS, WRITE_COMBINING } = MmuFlags;
const { ERROR } = ExistingEntry;
const { YES, NO } = Enlarge;

const VARIANTS = [
  ["in place", IN_PLACE],
  ["break-before-make", BREAKING],
] as const;

describe.each(VARIANTS)("protect, splits %s", (_, variant) => {
  test("T-33 P-P1 P-P3: new permissions on every page, frame and cache policy kept, holes still holes", () => {
    const world = SmallWorld.start({ variant });
    const fixed = WRITE_COMBINING | NS;
    world.aspace.map(100, frames(1, 10), 10, READ | WRITE | fixed, ERROR);
    world.aspace.unmap(104, 2, YES);
    for (const permissions of [EXECUTE | USER, WRITE | USER, 0, WRITE | EXECUTE]) {
      const { status } = world.observe(() =>
        world.aspace.protect(98, 20, READ | permissions | fixed, NO),
      );
      expect(status).toBe(Status.OK);
      const { pages } = world.read();
      expect([...pages.keys()]).toEqual([100, 101, 102, 103, 106, 107, 108, 109]);
      for (const [vpn, page] of pages) {
        expect(page).toMatchObject({ pfn: vpn - 99, flags: READ | permissions | fixed });
      }
    }
  });

  test("T-33 P-P2 P-T9: the same permissions again send nothing and change no word", () => {
    const world = SmallWorld.start({ variant });
    world.aspace.mapContiguous(100, 100, 100, READ | WRITE);
    world.takeEvents();
    const ram = world.machine.memory.words.slice();
    expect(world.aspace.protect(100, 100, READ | WRITE, NO)).toBe(Status.OK);
    expect(world.aspace.protect(101, 1, READ | WRITE, NO)).toBe(Status.OK);
    expect(world.machine.memory.words).toEqual(ram);
    expect(world.takeEvents()).toEqual([]);
  });

  test.each([8, 64])(
    "T-33 P-B3: a whole leaf of %i pages is rewritten in place, without allocation",
    (pages) => {
      const world = SmallWorld.start({ variant });
      const range = { vpn: 128, count: pages, frames: PLENTY };
      perform(world, { kind: "mapContiguous", ...range, pfn: 0x1000, flags: READ | WRITE });
      const events = perform(world, {
        kind: "protect",
        ...range,
        flags: READ,
        enlarge: NO,
        frames: 0,
      });
      expect(events).toEqual([
        { kind: "barrier" },
        { kind: "invalidate", vpns: [128], everything: false, tables: false },
      ]);
      expect(world.query(129)).toMatchObject({ leafShift: pages === 8 ? 15 : 18, flags: READ });
    },
  );

  test("T-33 T-6: one page of the table used last is rewritten and flushed alone", () => {
    const world = SmallWorld.start({ variant });
    world.aspace.map(96, frames(1, 8), 8, READ, ERROR);
    const { events } = world.observe(() => world.aspace.protect(99, 2, READ | WRITE, NO));
    expect(events.at(-1)).toMatchObject({ vpns: [99, 100], tables: false });
    expect([...world.read().pages.values()].filter(({ flags }) => flags !== READ)).toHaveLength(2);
  });

  test.each([
    ["cache policy", READ | WRITE_COMBINING],
    ["non-secure", READ | NS],
  ])("T-34 P-P1: another %s is the caller's bug and panics", (__, flags) => {
    for (const [vpn, count] of [
      [100, 1],
      [128, 64],
    ] as const) {
      const world = SmallWorld.start({ variant });
      world.aspace.mapContiguous(vpn, vpn, count, READ);
      expect(() => world.aspace.protect(vpn, count, flags, YES)).toThrow(KernelPanic);
    }
  });
});

describe("failures", () => {
  test("T-9 P-P5: without memory for a split nothing changes, and unmap still works", () => {
    for (const allowed of [0, 1, 2, 3]) {
      const world = SmallWorld.start();
      perform(world, {
        kind: "mapContiguous",
        vpn: 128,
        count: 128,
        pfn: 128,
        flags: READ,
        frames: PLENTY,
      });
      const range = { vpn: 130, count: 70 };
      perform(world, {
        kind: "protect",
        ...range,
        flags: READ | WRITE,
        enlarge: NO,
        frames: allowed,
      });
      perform(world, { kind: "unmap", ...range, enlarge: YES, frames: 0 });
    }
  });

  test("T-32 P-P5: a gap that nobody allowed is NOT_SUPPORTED, before memory is asked for", () => {
    const world = SmallWorld.start({ variant: BREAKING });
    world.aspace.mapContiguous(128, 128, 64, READ);
    world.takeEvents();
    const status = world.withFrames(0, () => world.aspace.protect(130, 1, READ | WRITE, NO));
    expect(status).toBe(Status.NOT_SUPPORTED);
    expect(world.takeEvents()).toEqual([]);
  });
});

describe("accessed bits that software sets", () => {
  test("T-35 P-P6: protect sets them, marks the path, and flushes nothing for that", () => {
    const world = SmallWorld.start({ variant: BREAKING });
    world.aspace.map(96, [1, 2], 2, READ, ERROR);
    world.aspace.harvestAccessed(96, 2, "free-unaccessed", "update-age-and-harvest");
    expect([...world.read().pages.values()].map(({ accessed }) => accessed)).toEqual([
      false,
      false,
    ]);
    world.takeEvents();
    expect(world.aspace.protect(96, 1, READ, NO)).toBe(Status.OK);
    expect(world.takeEvents()).toEqual([]);
    const { pages, tables } = world.read();
    expect([...pages.values()].map(({ accessed }) => accessed)).toEqual([true, false]);
    expect(tables.every(({ marked }) => marked)).toBe(true);
  });

  test("T-35: where hardware sets them protect leaves them as they are", () => {
    const world = SmallWorld.start();
    world.aspace.map(96, [1, 2], 2, READ, ERROR);
    const slot = world.read().tables.at(-1)!.pfn * 1024;
    world.machine.memory.words[slot]! |= 0xc0;
    world.aspace.protect(96, 2, READ | WRITE, NO);
    expect(world.machine.memory.words[slot]! & 0xc0).toBe(0xc0);
    expect([...world.read().pages.values()].map(({ accessed }) => accessed)).toEqual([true, false]);
  });
});

test("T-25: with EXECUTE every frame of every leaf in range is synchronised before its entry changes", () => {
  const world = SmallWorld.start({ variant: BREAKING });
  world.aspace.mapContiguous(126, 0x7e, 11, READ);
  world.takeEvents();
  const executable: number[] = [];
  world.machine.onSynchronize = () => {
    const pages = [...world.readWhileEdited().pages.values()];
    executable.push(pages.filter(({ flags }) => (flags & EXECUTE) !== 0).length);
  };
  expect(world.aspace.protect(126, 11, READ | EXECUTE, NO)).toBe(Status.OK);
  const synchronized = world.machine.events.flatMap((event) =>
    event.kind === "synchronize" ? [event.pfn] : [],
  );
  expect(synchronized).toEqual(frames(0x7e, 11));
  // Entry by entry: two base pages, one leaf of eight, a base page.
  expect(executable).toEqual([0, 1, ...Array(8).fill(2), 10]);
});

describe("where second-stage permission faults cannot be resolved", () => {
  const variant = { ...BREAKING, protect: "unmaps" } as const;

  test("T-36 P-P7: protect removes the range instead and answers OK, even without memory", () => {
    for (const allowed of [0, PLENTY]) {
      const world = SmallWorld.start({ kind: AspaceKind.GUEST, variant });
      perform(world, {
        kind: "mapContiguous",
        vpn: 128,
        count: 64,
        pfn: 128,
        flags: READ,
        frames: PLENTY,
      });
      perform(world, {
        kind: "protect",
        vpn: 130,
        count: 3,
        flags: READ | WRITE,
        enlarge: NO,
        frames: allowed,
      });
      for (const vpn of [130, 131, 132]) expect(world.query(vpn).status).toBe(Status.NOT_FOUND);
      expect(world.read().pages.size).toBe(allowed === 0 ? 0 : 61);
    }
  });

  test("T-36 S-21: arguments are checked all the same", () => {
    const world = SmallWorld.start({ kind: AspaceKind.GUEST, variant });
    expect(world.aspace.protect(100, 1, WRITE, NO)).toBe(Status.INVALID_ARGS);
    expect(world.aspace.protect(1, 1, WRITE, NO)).toBe(Status.OUT_OF_RANGE);
  });
});
