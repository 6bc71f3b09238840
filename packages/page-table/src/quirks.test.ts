import {
  AspaceKind,
  Enlarge,
  ExistingEntry,
  MmuFlags,
  NonTerminalAction,
  Status,
  TerminalAction,
} from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { SmallCpu } from "../test/small-cpu.ts";
import { BREAKING, IN_PLACE, type SmallVariant } from "../test/small-format.ts";
import { frames } from "../test/small-script.ts";
import { SmallWorld } from "../test/small-world.ts";
import { ENGINE_QUIRKS, engineQuirks } from "./quirks.ts";

const { READ, WRITE, EXECUTE, USER } = MmuFlags;
const { ERROR, SKIP, UPGRADE } = ExistingEntry;
const { YES, NO } = Enlarge;
const { RETAIN, FREE_UNACCESSED } = NonTerminalAction;
const { UPDATE_AGE, UPDATE_AGE_AND_HARVEST } = TerminalAction;

/** Runs a scenario without and with one quirk. */
function both<T>(
  id: string,
  variant: SmallVariant,
  scenario: (world: SmallWorld) => T,
): { right: T; quirky: T } {
  return {
    right: scenario(SmallWorld.start({ variant })),
    quirky: scenario(SmallWorld.start({ variant, quirks: [id] })),
  };
}

const pagesOf = (world: SmallWorld): number[] => [...world.read().pages.keys()];
const kindsOf = (world: SmallWorld): string[] => world.takeEvents().map(({ kind }) => kind);

describe("the registry of quirks", () => {
  test("T-70: every id turns on exactly one switch, and no two the same", () => {
    const switches = ENGINE_QUIRKS.map(({ id }) => {
      const on = Object.entries(engineQuirks(new Set([id]))).filter(([, value]) => value);
      expect(on, id).toHaveLength(1);
      return on[0]![0];
    });
    expect(new Set(switches).size).toBe(ENGINE_QUIRKS.length);
    expect(switches.length).toBe(Object.keys(engineQuirks(new Set())).length);
  });

  test("T-70: without ids, and with ids of other components, everything is off", () => {
    for (const ids of [[], ["H11", "H14", "h5"]]) {
      expect(Object.values(engineQuirks(new Set(ids)))).not.toContain(true);
    }
  });

  test("T-70: names and summaries are there and unlike", () => {
    for (const field of ["id", "name", "summary"] as const) {
      const values = ENGINE_QUIRKS.map((quirk) => quirk[field]);
      expect(new Set(values).size).toBe(ENGINE_QUIRKS.length);
      expect(values).not.toContain("");
    }
  });
});

describe("what each quirk changes", () => {
  test("T-71 P-M3: H1 checks only the first page of a range", () => {
    const { right, quirky } = both("H1", IN_PLACE, ({ aspace }) => {
      const end = aspace.baseVpn + aspace.pageCount;
      return [
        aspace.mapContiguous(end - 1, 1, 2, READ),
        aspace.mapContiguous(end, 1, 1, READ),
        aspace.mapContiguous(aspace.baseVpn - 1, 1, 2, READ),
      ];
    });
    const { OK, OUT_OF_RANGE } = Status;
    expect(right).toEqual([OUT_OF_RANGE, OUT_OF_RANGE, OUT_OF_RANGE]);
    expect(quirky).toEqual([OK, OUT_OF_RANGE, OUT_OF_RANGE]);
  });

  test("T-71 P-M6: H3 unmaps what was mapped before when a later table is refused", () => {
    const { right, quirky } = both("H3", IN_PLACE, (world) => {
      world.aspace.map(100, [1, 2], 2, READ, ERROR);
      const fail = (): Status => world.aspace.map(99, frames(9, 9), 9, READ, SKIP);
      return [world.withFrames(0, fail), pagesOf(world), world.takeEvents().length > 6];
    });
    expect(right.slice(0, 2)).toEqual([Status.NO_MEMORY, [100, 101]]);
    expect(quirky.slice(0, 2)).toEqual([Status.NO_MEMORY, []]);
  });

  test("T-71 P-M7 P-M8: H4 answers ALREADY_EXISTS for a large leaf, whatever the action", () => {
    const { right, quirky } = both("H4", IN_PLACE, ({ aspace }) => {
      aspace.mapContiguous(128, 128, 8, READ);
      return [SKIP, UPGRADE].map((action) => aspace.map(127, [1, 2], 2, READ, action));
    });
    expect(right).toEqual([Status.OK, Status.OK]);
    expect(quirky).toEqual([Status.ALREADY_EXISTS, Status.ALREADY_EXISTS]);
  });

  test("T-71 P-M8 P-T1: H5 upgrades read-only to another frame without break or flush", () => {
    for (const [flags, quirkyKinds] of [
      [READ | USER, []],
      [READ | WRITE, ["barrier", "invalidate"]],
    ] as const) {
      const { right, quirky } = both("H5", IN_PLACE, (world) => {
        world.aspace.map(96, [1, 2], 2, READ | WRITE, ERROR);
        world.takeEvents();
        world.aspace.map(96, [7], 1, flags, UPGRADE);
        return [world.query(96), kindsOf(world)];
      });
      expect(quirky[0]).toEqual(right[0]);
      expect(right[1]).toEqual(["barrier", "invalidate"]);
      expect(quirky[1]).toEqual(quirkyKinds);
    }
  });

  test("T-71 P-T1: strict caches see H5's stale translation", () => {
    const world = SmallWorld.start({ quirks: ["H5"] });
    world.aspace.map(96, [1], 1, READ, ERROR);
    expect(() => world.observe(() => world.aspace.map(96, [7], 1, READ, UPGRADE))).toThrow("P-T1");
  });

  test("T-71 P-U4: H6 opens a gap that the caller forbade, for unmap and protect", () => {
    const edits = [
      ({ aspace }: SmallWorld): Status => aspace.unmap(130, 1, NO),
      ({ aspace }: SmallWorld): Status => aspace.protect(130, 1, READ | WRITE, NO),
    ];
    for (const edit of edits) {
      const { right, quirky } = both("H6", BREAKING, (world) => {
        world.aspace.mapContiguous(128, 128, 64, READ);
        const seen: number[] = [];
        const { status } = world.observe(
          () => edit(world),
          ({ pages }) => seen.push(pages.size),
        );
        return [status, seen.includes(0)];
      });
      expect(right).toEqual([Status.NOT_SUPPORTED, false]);
      expect(quirky).toEqual([Status.OK, true]);
    }
  });

  test("T-71 P-U4: H7 drops the whole leaf when its split has no memory", () => {
    const { right, quirky } = both("H7", IN_PLACE, (world) => {
      world.aspace.mapContiguous(128, 128, 72, READ);
      const status = world.withFrames(0, () => world.aspace.unmap(130, 1, NO));
      return [status, world.read().pages.size];
    });
    expect(right).toEqual([Status.NO_MEMORY, 72]);
    expect(quirky).toEqual([Status.OK, 8]);
  });

  test("T-71 P-P1: H8 adds permissions to the old ones", () => {
    const { right, quirky } = both("H8", IN_PLACE, (world) => {
      world.aspace.map(96, [1], 1, READ | WRITE | EXECUTE, ERROR);
      world.aspace.protect(96, 1, READ | USER, NO);
      const page = world.query(96);
      return "flags" in page ? page.flags : null;
    });
    expect(right).toBe(READ | USER);
    // WRITE is a bit that is set, EXECUTE one that is clear: only the first survives an OR.
    expect(quirky).toBe(READ | WRITE | USER);
  });

  test("T-71 P-H1: H9 clears the accessed bit of a large leaf and reports nothing", () => {
    const { right, quirky } = both("H9", IN_PLACE, (world) => {
      world.aspace.mapContiguous(128, 128, 8, READ);
      new SmallCpu(world).touch(130);
      world.takeEvents();
      world.aspace.harvestAccessed(128, 8, RETAIN, UPDATE_AGE);
      return [world.read().pages.get(130)?.accessed, world.machine.count("age")];
    });
    expect(right).toEqual([true, 0]);
    expect(quirky).toEqual([false, 0]);
  });

  test("T-71 P-H4: H10 frees a table after looking at the part of it in range", () => {
    const { right, quirky } = both("H10", IN_PLACE, (world) => {
      world.aspace.map(96, frames(1, 16), 16, READ, ERROR);
      // Only the table of pages 96.. goes unused: the path above it is marked by a touch beside it.
      new SmallCpu(world).touch(104);
      world.aspace.harvestAccessed(98, 2, FREE_UNACCESSED, UPDATE_AGE_AND_HARVEST);
      world.aspace.validate();
      return pagesOf(world);
    });
    expect(right).toEqual([96, 97, ...frames(100, 12)]);
    expect(quirky).toEqual(frames(104, 8));
  });

  test("T-71 P-H7: H12 leaves the table of a split leaf unmarked, and ageing drops it", () => {
    for (const variant of [IN_PLACE, BREAKING]) {
      const { right, quirky } = both("H12", variant, (world) => {
        world.aspace.mapContiguous(128, 128, 8, READ | WRITE);
        world.aspace.map(200, [1], 1, READ, ERROR);
        const cpu = new SmallCpu(world);
        cpu.touch(130);
        cpu.touch(200);
        world.aspace.unmap(130, 1, YES);
        world.aspace.harvestAccessed(128, 8, FREE_UNACCESSED, UPDATE_AGE);
        return world.read().pages.size;
      });
      expect(right).toBe(8);
      expect(quirky).toBe(1);
    }
  });
});

/** Something of everything, away from what each quirk is about. */
function bystander(world: SmallWorld): unknown[] {
  const { aspace } = world;
  const statuses = [
    aspace.map(60, frames(1, 20), 20, READ | WRITE, ERROR),
    aspace.mapContiguous(128, 0x80, 72, READ),
    aspace.map(62, frames(9, 30), 30, READ, SKIP),
    aspace.map(64, frames(5, 2), 2, READ | WRITE, UPGRADE),
    aspace.protect(60, 4, READ | WRITE, YES),
    aspace.protect(128, 64, READ | WRITE, NO),
    aspace.unmap(192, 8, NO),
    aspace.harvestAccessed(60, 20, RETAIN, UPDATE_AGE),
  ];
  return [statuses, [...world.read().pages], world.takeEvents()];
}

test("T-71: no quirk changes what happens where it does not apply", () => {
  const right = bystander(SmallWorld.start({ kind: AspaceKind.GUEST }));
  for (const { id } of ENGINE_QUIRKS) {
    const quirky = bystander(SmallWorld.start({ kind: AspaceKind.GUEST, quirks: [id] }));
    expect(quirky, id).toEqual(right);
  }
});
