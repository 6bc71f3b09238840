import {
  AspaceKind,
  Enlarge,
  ExistingEntry,
  MmuFlags,
  NonTerminalAction,
  Status,
  TerminalAction,
  type Pfn,
  type Vpn,
} from "@aspace/arch";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SmallCpu } from "../test/small-cpu.ts";
import { BREAKING, IN_PLACE, UNMARKED, type SmallVariant } from "../test/small-format.ts";
import { DEVICE_PFN } from "../test/small-machine.ts";
import { frames } from "../test/small-script.ts";
import { SmallWorld } from "../test/small-world.ts";

const { READ, WRITE } = MmuFlags;
const { ERROR } = ExistingEntry;
const { RETAIN, FREE_UNACCESSED } = NonTerminalAction;
const { UPDATE_AGE, UPDATE_AGE_AND_HARVEST } = TerminalAction;

const VARIANTS: readonly [string, SmallVariant][] = [
  ["hardware marks", IN_PLACE],
  ["software marks", BREAKING],
  ["no marks", UNMARKED],
];
const MARKED = VARIANTS.slice(0, 2);

/** An aspace that maps `count` pages from 96 to frames from 0x100, with a CPU. */
function mapped(variant: SmallVariant, count: number): { world: SmallWorld; cpu: SmallCpu } {
  const world = SmallWorld.start({ variant });
  const cpu = new SmallCpu(world);
  expect(world.aspace.map(96, frames(0x100, count), count, READ, ERROR)).toBe(Status.OK);
  return { world, cpu };
}

/** Harvests and answers the frames reported. */
function harvest(
  world: SmallWorld,
  nonTerminal: NonTerminalAction,
  terminal: TerminalAction,
  vpn: Vpn = world.aspace.baseVpn,
  count: number = world.aspace.pageCount,
): Pfn[] {
  world.takeEvents();
  expect(world.aspace.harvestAccessed(vpn, count, nonTerminal, terminal)).toBe(Status.OK);
  return world.machine.events.flatMap((event) => (event.kind === "age" ? [event.pfn] : []));
}

/** Forgets the accesses that mapping itself counts as. */
function prime(world: SmallWorld): void {
  harvest(world, RETAIN, UPDATE_AGE_AND_HARVEST);
}

describe.each(VARIANTS)("harvest and retain, %s", (_, variant) => {
  test("T-50 P-H1: reports each touched page once, no other, only in range", () => {
    const { world, cpu } = mapped(variant, 24);
    prime(world);
    for (const vpn of [98, 103, 104, 118]) expect(cpu.touch(vpn)).toBe(true);
    expect(harvest(world, RETAIN, UPDATE_AGE, 99, 10)).toEqual([0x107, 0x108]);
    expect(harvest(world, RETAIN, UPDATE_AGE)).toEqual([0x102, 0x107, 0x108, 0x116]);
  });

  test("T-51 P-H2: UPDATE_AGE reports again and again, and sends nothing", () => {
    const { world, cpu } = mapped(variant, 4);
    prime(world);
    cpu.touch(97);
    expect(harvest(world, RETAIN, UPDATE_AGE)).toEqual([0x101]);
    expect(harvest(world, RETAIN, UPDATE_AGE)).toEqual([0x101]);
    expect(world.machine.count("invalidate")).toBe(0);
  });

  test("T-51 P-H2: UPDATE_AGE_AND_HARVEST reports once, until the page is touched again", () => {
    const { world, cpu } = mapped(variant, 4);
    prime(world);
    for (let round = 0; round < 3; round++) {
      cpu.touch(97);
      expect(harvest(world, RETAIN, UPDATE_AGE_AND_HARVEST)).toEqual([0x101]);
      expect(world.machine.events.at(-1)).toMatchObject({ kind: "invalidate", vpns: [97] });
      expect(harvest(world, RETAIN, UPDATE_AGE_AND_HARVEST)).toEqual([]);
      expect(world.machine.count("invalidate")).toBe(0);
    }
  });

  test("T-50 P-H5: a frame without a page record is neither reported nor cleared", () => {
    const world = SmallWorld.start({ variant });
    const cpu = new SmallCpu(world);
    world.aspace.map(96, [0x100, DEVICE_PFN, 0x102], 3, READ, ERROR);
    for (const vpn of [96, 97, 98]) cpu.touch(vpn);
    expect(harvest(world, RETAIN, UPDATE_AGE_AND_HARVEST)).toEqual([0x100, 0x102]);
    const accessed = [...world.read().pages].map(([vpn, page]) => [vpn, page.accessed]);
    expect(accessed).toEqual([
      [96, false],
      [97, true],
      [98, false],
    ]);
  });

  test.each([
    ["partly covered", 130, 8],
    ["wholly covered", 128, 64],
  ])("T-52 P-H3: a large leaf %s is left alone", (__, vpn, count) => {
    const world = SmallWorld.start({ variant });
    const cpu = new SmallCpu(world);
    world.aspace.mapContiguous(128, 0x100, 72, READ);
    cpu.touch(131);
    cpu.touch(193);
    const ram = world.machine.memory.words.slice();
    expect(harvest(world, RETAIN, UPDATE_AGE_AND_HARVEST, vpn, count)).toEqual([]);
    expect(world.machine.memory.words).toEqual(ram);
    expect(world.machine.events).toEqual([]);
  });

  test("T-51 P-H3: retain keeps every translation, every table and every mark", () => {
    const { world, cpu } = mapped(variant, 24);
    cpu.touch(100);
    const before = world.read();
    harvest(world, RETAIN, UPDATE_AGE_AND_HARVEST);
    const after = world.read();
    expect(after.tables).toEqual(before.tables);
    for (const [vpn, page] of before.pages) {
      expect(after.pages.get(vpn)).toEqual({ ...page, accessed: false });
    }
    world.aspace.validate();
  });

  test("T-12 P-T9: more cleared bits than a batch holds become one invalidation of everything", () => {
    const { world, cpu } = mapped(variant, 24);
    for (let vpn = 96; vpn < 120; vpn++) cpu.touch(vpn);
    harvest(world, RETAIN, UPDATE_AGE_AND_HARVEST);
    expect(world.machine.count("invalidate")).toBe(1);
    expect(world.machine.events.at(-1)).toMatchObject({ everything: true, tables: false });
  });
});

describe("marks on tables", () => {
  test("T-53: with hardware marks a table nobody used is skipped, whatever its leaves say", () => {
    const { world } = mapped(IN_PLACE, 2);
    // An accessed leaf below unmarked tables, as a cleared mark leaves it behind.
    const leafTable = world.read().tables.at(-1)!.pfn;
    world.machine.memory.words[leafTable * 1024]! |= 0x40;
    expect(harvest(world, RETAIN, UPDATE_AGE)).toEqual([]);
    new SmallCpu(world).touch(97);
    expect(harvest(world, RETAIN, UPDATE_AGE)).toEqual([0x100, 0x101]);
  });

  test("T-53 P-H1: the marks of prebuilt root entries are not believed: CPUs set them in copies", () => {
    const world = SmallWorld.start({
      kind: AspaceKind.KERNEL,
      variant: { ...IN_PLACE, prebuilt: { first: 0, count: 8 } },
    });
    const vpn = world.aspace.baseVpn + 700;
    world.aspace.map(vpn, [0x55], 1, READ, ERROR);
    new SmallCpu(world).touch(vpn);
    const rootEntry = world.aspace.rootPfn * 1024 + 2;
    world.machine.memory.words[rootEntry]! &= ~0x40;
    expect(harvest(world, RETAIN, UPDATE_AGE)).toEqual([0x55]);
  });

  test("T-56: without marks FREE_UNACCESSED frees nothing and reports as RETAIN does", () => {
    const { world, cpu } = mapped(UNMARKED, 9);
    cpu.touch(97);
    const before = world.read();
    expect(harvest(world, FREE_UNACCESSED, UPDATE_AGE)).toEqual([0x101]);
    expect(world.read()).toEqual(before);
    expect(world.machine.count("invalidate")).toBe(0);
  });
});

describe.each(MARKED)("FREE_UNACCESSED, %s", (_, variant) => {
  test("T-54 T-55 P-H4: a used table survives one round, an unused one goes with its pages", () => {
    const { world, cpu } = mapped(variant, 24);
    for (const vpn of [96, 104, 112]) cpu.touch(vpn);
    harvest(world, FREE_UNACCESSED, UPDATE_AGE_AND_HARVEST);
    expect(world.read().pages.size).toBe(24);
    cpu.touch(105);
    expect(harvest(world, FREE_UNACCESSED, UPDATE_AGE_AND_HARVEST)).toEqual([0x109]);
    expect([...world.read().pages.keys()]).toEqual(frames(104, 8));
    expect(world.machine.count("free")).toBe(2);
    harvest(world, FREE_UNACCESSED, UPDATE_AGE_AND_HARVEST);
    expect(world.aspace.tablePages()).toBe(1);
    world.aspace.validate();
  });

  test("T-54 P-H4: only pages in range go, and the table only once it is empty", () => {
    const { world, cpu } = mapped(variant, 8);
    cpu.touch(96);
    harvest(world, FREE_UNACCESSED, UPDATE_AGE_AND_HARVEST);
    harvest(world, FREE_UNACCESSED, UPDATE_AGE_AND_HARVEST, 98, 3);
    expect([...world.read().pages.keys()]).toEqual([96, 97, 101, 102, 103]);
    world.aspace.validate();
    harvest(world, FREE_UNACCESSED, UPDATE_AGE_AND_HARVEST, 90, 20);
    expect(world.aspace.tablePages()).toBe(1);
  });

  test("T-54: a large leaf below an unused table goes only as a whole", () => {
    const world = SmallWorld.start({ variant });
    world.aspace.mapContiguous(72, 8, 8, READ);
    const clearMarksOnTables = (): void => {
      for (const { slot } of world.read().tables) {
        world.machine.memory.words[slot]! &= ~0x40;
        world.machine.memory.words[slot + 1]! &= ~(1 << 30);
      }
    };
    clearMarksOnTables();
    for (const [vpn, count] of [
      [73, 7],
      [72, 7],
      [60, 14],
    ] as const) {
      harvest(world, FREE_UNACCESSED, UPDATE_AGE, vpn, count);
      expect(world.read().pages.size).toBe(8);
    }
    harvest(world, FREE_UNACCESSED, UPDATE_AGE, 72, 8);
    expect(world.aspace.tablePages()).toBe(1);
  });

  test("T-54 T-11: tables that were dropped are freed after an invalidation that names tables", () => {
    const { world, cpu } = mapped(variant, 1);
    cpu.touch(96);
    harvest(world, FREE_UNACCESSED, UPDATE_AGE_AND_HARVEST);
    harvest(world, FREE_UNACCESSED, UPDATE_AGE_AND_HARVEST);
    const kinds = world.machine.events.map(({ kind }) => kind);
    expect(kinds).toEqual(["barrier", "invalidate", "free", "free", "free"]);
    expect(world.machine.events[1]).toMatchObject({ tables: true });
  });
});

describe("taking marks", () => {
  test("T-55 P-H4: hardware marks are taken with an invalidation of everything, walk caches too", () => {
    const { world, cpu } = mapped(IN_PLACE, 2);
    cpu.touch(96);
    harvest(world, FREE_UNACCESSED, UPDATE_AGE);
    expect(world.machine.events.at(-1)).toMatchObject({ everything: true, tables: true });
    expect(world.read().tables.some(({ marked }) => marked)).toBe(false);
    // The CPU had it all cached; the flush makes it walk, and mark, again.
    cpu.touch(96);
    expect(world.read().tables.every(({ marked }) => marked)).toBe(true);
    harvest(world, FREE_UNACCESSED, UPDATE_AGE);
    expect(world.read().pages.size).toBe(2);
  });

  test("T-55 P-H4: a software mark stays while a leaf below is accessed, because touching that is silent", () => {
    const { world } = mapped(BREAKING, 2);
    for (let round = 0; round < 3; round++) {
      harvest(world, FREE_UNACCESSED, UPDATE_AGE);
      expect(world.read().pages.size).toBe(2);
    }
    harvest(world, FREE_UNACCESSED, UPDATE_AGE_AND_HARVEST);
    expect(world.read().tables.some(({ marked }) => marked)).toBe(false);
    harvest(world, FREE_UNACCESSED, UPDATE_AGE);
    expect(world.read().pages.size).toBe(0);
  });

  test("T-55: a software mark above a partly harvested table stays", () => {
    const { world } = mapped(BREAKING, 8);
    harvest(world, FREE_UNACCESSED, UPDATE_AGE_AND_HARVEST, 96, 4);
    expect(world.read().tables.every(({ marked }) => marked)).toBe(true);
  });

  test("T-6 T-55: after its mark is taken, the leaf table used last is marked again by the next map", () => {
    const { world } = mapped(BREAKING, 2);
    harvest(world, FREE_UNACCESSED, UPDATE_AGE_AND_HARVEST);
    expect(world.aspace.map(98, [0x102], 1, READ, ERROR)).toBe(Status.OK);
    harvest(world, FREE_UNACCESSED, UPDATE_AGE);
    expect(world.read().pages.size).toBe(3);
  });

  test("T-43 P-H7: pages of an accessed large leaf survive a round after its split", () => {
    for (const [, variant] of MARKED) {
      const world = SmallWorld.start({ variant });
      world.aspace.mapContiguous(128, 0x100, 64, READ | WRITE);
      new SmallCpu(world).touch(150);
      expect(world.aspace.protect(130, 1, READ, Enlarge.YES)).toBe(Status.OK);
      harvest(world, FREE_UNACCESSED, UPDATE_AGE);
      expect(world.read().pages.size).toBe(64);
    }
  });
});

describe("markAccessed", () => {
  test("T-57 P-H8: sets the bit of mapped base pages, ignores holes, and marks the path; sends nothing", () => {
    const { world } = mapped(BREAKING, 2);
    world.aspace.map(104, [0x110], 1, READ, ERROR);
    harvest(world, FREE_UNACCESSED, UPDATE_AGE_AND_HARVEST);
    world.takeEvents();
    expect(world.aspace.markAccessed(97, 10)).toBe(Status.OK);
    expect(world.takeEvents()).toEqual([]);
    const { pages, tables } = world.read();
    expect([96, 97, 104].map((vpn) => pages.get(vpn)?.accessed)).toEqual([false, true, true]);
    expect(tables.every(({ marked }) => marked)).toBe(true);
  });

  test("T-57: where nothing is mapped it marks no table", () => {
    const { world } = mapped(BREAKING, 1);
    harvest(world, FREE_UNACCESSED, UPDATE_AGE_AND_HARVEST);
    const ram = world.machine.memory.words.slice();
    expect(world.aspace.markAccessed(97, 300)).toBe(Status.OK);
    expect(world.machine.memory.words).toEqual(ram);
  });
});

type AgeingOp =
  | { kind: "map" | "unmap" | "protect"; vpn: Vpn; count: number }
  | { kind: "touch"; vpn: Vpn }
  | {
      kind: "harvest";
      vpn: Vpn;
      count: number;
      nonTerminal: NonTerminalAction;
      terminal: TerminalAction;
    };

const vpnNear = fc.integer({ min: 100, max: 140 });
const ageingOp: fc.Arbitrary<AgeingOp> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("map" as const, "unmap" as const, "protect" as const),
    vpn: vpnNear,
    count: fc.integer({ min: 1, max: 20 }),
  }),
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("touch" as const), vpn: vpnNear }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("harvest" as const),
      vpn: vpnNear,
      count: fc.constantFrom(1, 8, 20, 60),
      nonTerminal: fc.constantFrom(RETAIN, FREE_UNACCESSED),
      terminal: fc.constantFrom(UPDATE_AGE, UPDATE_AGE_AND_HARVEST),
    }),
  },
);

/** Frames differ from page to page, so that a report names its page. */
const pfnOf = (vpn: Vpn): Pfn => vpn + 0x1000;

/** What a scanner may believe, written down without any table. */
class Ages {
  /** Pages whose accessed bit may be set. */
  readonly maybe: Set<Vpn> = new Set();
  /** Pages touched since their bit was last cleared and since the last FREE_UNACCESSED. */
  readonly surely: Set<Vpn> = new Set();
  /** Pages touched since the last FREE_UNACCESSED. */
  readonly recent: Set<Vpn> = new Set();
}

function checkHarvest(
  world: SmallWorld,
  ages: Ages,
  op: Extract<AgeingOp, { kind: "harvest" }>,
): void {
  const before = world.read().pages;
  const end = op.vpn + op.count;
  const reported = harvest(world, op.nonTerminal, op.terminal, op.vpn, op.count);
  world.aspace.validate();
  const after = world.read().pages;
  expect(new Set(reported).size, "reported twice").toBe(reported.length);
  const vpns = new Set(reported.map((pfn) => pfn - 0x1000));
  for (const vpn of vpns) {
    expect(vpn >= op.vpn && vpn < end && ages.maybe.has(vpn), `page ${vpn} unused`).toBe(true);
  }
  for (const vpn of ages.surely) {
    if (vpn >= op.vpn && vpn < end) expect(vpns.has(vpn), `use of page ${vpn} lost`).toBe(true);
  }
  const dropped = [...before.keys()].filter((vpn) => !after.has(vpn));
  if (op.nonTerminal === RETAIN) expect(dropped).toEqual([]);
  for (const vpn of dropped) {
    expect(vpn >= op.vpn && vpn < end, `page ${vpn} dropped outside the range`).toBe(true);
    const neighbour = [...ages.recent].find((other) => other >> 3 === vpn >> 3);
    expect(neighbour, `page ${vpn} dropped from a used table`).toBeUndefined();
    for (const set of [ages.maybe, ages.surely]) set.delete(vpn);
  }
  if (op.terminal === UPDATE_AGE_AND_HARVEST) {
    for (const vpn of vpns) for (const set of [ages.maybe, ages.surely]) set.delete(vpn);
  }
  if (op.nonTerminal === FREE_UNACCESSED) for (const set of [ages.surely, ages.recent]) set.clear();
}

function runAgeing(variant: SmallVariant, script: readonly AgeingOp[]): void {
  const world = SmallWorld.start({ variant });
  const cpu = new SmallCpu(world);
  const ages = new Ages();
  const software = variant.marks === "software";
  for (const op of script) {
    if (op.kind === "harvest") checkHarvest(world, ages, op);
    else if (op.kind === "touch") {
      if (!cpu.touch(op.vpn)) continue;
      for (const set of [ages.maybe, ages.surely, ages.recent]) set.add(op.vpn);
    } else {
      const before = new Set(world.read().pages.keys());
      edit(world, op);
      const after = new Set(world.read().pages.keys());
      for (let vpn = op.vpn; vpn < op.vpn + op.count; vpn++) {
        const isNew = after.has(vpn) && !before.has(vpn);
        if (software && after.has(vpn) && (isNew || op.kind === "protect")) ages.maybe.add(vpn);
        if (after.has(vpn)) continue;
        for (const set of [ages.maybe, ages.surely, ages.recent]) set.delete(vpn);
      }
    }
  }
}

function edit(
  world: SmallWorld,
  { kind, vpn, count }: Exclude<AgeingOp, { kind: "touch" | "harvest" }>,
): void {
  const { aspace } = world;
  if (kind === "map") aspace.map(vpn, frames(pfnOf(vpn), count), count, READ, ExistingEntry.SKIP);
  else if (kind === "unmap") aspace.unmap(vpn, count, Enlarge.YES);
  else aspace.protect(vpn, count, READ | WRITE, Enlarge.YES);
}

describe("ageing under random edits, touches and harvests", () => {
  test.each(VARIANTS)("T-50 T-51 T-53 T-54 T-55 P-H1 P-H2 P-H3 P-H4: %s", (_, variant) => {
    fc.assert(
      fc.property(fc.array(ageingOp, { minLength: 2, maxLength: 25 }), (script) =>
        runAgeing(variant, script),
      ),
      { seed: 20_240_102, numRuns: 300 },
    );
  });
});
