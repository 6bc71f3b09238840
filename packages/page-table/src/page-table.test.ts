import {
  AccessedCheck,
  AspaceKind,
  Enlarge,
  ExistingEntry,
  FRAME_WORDS,
  KernelPanic,
  MmuFlags,
  NO_FRAME,
  NonTerminalAction,
  Status,
  TerminalAction,
} from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { BREAKING, IN_PLACE, SMALL_PAGES } from "../test/small-format.ts";
import { SmallWorld } from "../test/small-world.ts";

const { READ, WRITE, INVALID } = MmuFlags;
const { ERROR } = ExistingEntry;
const { RETAIN, FREE_UNACCESSED } = NonTerminalAction;
const { UPDATE_AGE } = TerminalAction;

function panicOf(run: () => void): string {
  try {
    run();
  } catch (error) {
    if (error instanceof KernelPanic) return error.rule;
    throw error;
  }
  return "no panic";
}

describe("lifecycle", () => {
  test("T-60 P-L1: init then destroy gives back every frame and the tag", () => {
    const world = SmallWorld.start();
    expect(world.aspace.rootPfn).not.toBe(NO_FRAME);
    world.aspace.destroy();
    expect(world.aspace.rootPfn).toBe(NO_FRAME);
    expect(world.machine.live.size).toBe(0);
    expect(world.tag.tagsLeft).toBe(1);
  });

  test("T-60 P-R2: destroy flushes and releases the tag before it frees the root", () => {
    const world = SmallWorld.start();
    world.aspace.destroy();
    expect(world.takeEvents().map(({ kind }) => kind)).toEqual(["release", "free"]);
  });

  test("T-60 P-L2: destroy without init, after a failed init, and twice does nothing", () => {
    const world = new SmallWorld();
    world.aspace.destroy();
    world.withFrames(0, () => world.aspace.init());
    world.aspace.destroy();
    expect(world.aspace.init()).toBe(Status.OK);
    world.aspace.destroy();
    world.aspace.destroy();
    expect(world.machine.live.size).toBe(0);
    expect(world.tag.tagsLeft).toBe(1);
  });

  test("T-60 P-L6: without a tag init answers NO_RESOURCES, with one again it succeeds", () => {
    const world = new SmallWorld();
    world.tag.tagsLeft = 0;
    expect(world.aspace.init()).toBe(Status.NO_RESOURCES);
    expect(world.machine.live.size).toBe(0);
    world.tag.tagsLeft = 1;
    expect(world.aspace.init()).toBe(Status.OK);
  });

  test("T-60 P-L1: init of a live aspace panics", () => {
    expect(panicOf(() => SmallWorld.start().aspace.init())).toBe("P-L1");
  });

  test.each([
    ["a base page", (world: SmallWorld) => world.aspace.map(100, [1], 1, READ, ERROR)],
    ["a large leaf", (world: SmallWorld) => world.aspace.mapContiguous(128, 64, 64, READ)],
  ])("T-61 P-L4: destroy with %s left panics and frees nothing", (_, mapSomething) => {
    const world = SmallWorld.start();
    mapSomething(world);
    const frames = world.machine.live.size;
    expect(panicOf(() => world.aspace.destroy())).toBe("P-L4");
    expect(world.machine.live.size).toBe(frames);
  });

  test("T-61 P-L4: destroy with a page left below a prebuilt table panics", () => {
    const world = SmallWorld.start({ variant: { ...IN_PLACE, prebuilt: { first: 1, count: 1 } } });
    world.aspace.mapContiguous(512, 0, 64, READ);
    expect(panicOf(() => world.aspace.destroy())).toBe("P-L4");
  });

  test("T-61 P-L4: destroy while a CPU runs the aspace panics", () => {
    const world = SmallWorld.start();
    world.tag.active = true;
    expect(panicOf(() => world.aspace.destroy())).toBe("P-L4");
  });

  test("T-61 P-L4: the kernel aspace is never destroyed", () => {
    const world = SmallWorld.start({ kind: AspaceKind.KERNEL });
    expect(panicOf(() => world.aspace.destroy())).toBe("P-L4");
  });

  test("T-62 P-L5: after disableUpdates every edit panics and queries go on", () => {
    const world = SmallWorld.start();
    const { aspace } = world;
    aspace.disableUpdates();
    expect(panicOf(() => aspace.map(100, [1], 1, READ, ERROR))).toBe("P-L5");
    expect(panicOf(() => aspace.mapContiguous(100, 1, 1, READ))).toBe("P-L5");
    expect(panicOf(() => aspace.unmap(100, 1, Enlarge.YES))).toBe("P-L5");
    expect(panicOf(() => aspace.protect(100, 1, READ, Enlarge.YES))).toBe("P-L5");
    expect(world.query(100).status).toBe(Status.NOT_FOUND);
    aspace.destroy();
    expect(world.machine.live.size).toBe(0);
  });

  test("T-62 P-L5: disableUpdates of an aspace that maps something panics", () => {
    const world = SmallWorld.start();
    world.aspace.map(100, [1], 1, READ, ERROR);
    expect(panicOf(() => world.aspace.disableUpdates())).toBe("P-L5");
  });

  test("T-60 P-L2: edits and queries of an aspace without tables panic", () => {
    const { aspace } = new SmallWorld();
    expect(panicOf(() => aspace.map(100, [1], 1, READ, ERROR))).toBe("P-L2");
    expect(panicOf(() => aspace.query(100, { pfn: 0, flags: 0, leafShift: 0 }))).toBe("P-L2");
    expect(panicOf(() => aspace.harvestAccessed(100, 1, RETAIN, UPDATE_AGE))).toBe("P-L2");
    aspace.validate();
  });
});

describe("arguments", () => {
  const out = { pfn: 0, flags: 0, leafShift: 0 };
  const calls: [string, (world: SmallWorld, vpn: number, count: number) => Status][] = [
    ["map", ({ aspace }, vpn, count) => aspace.map(vpn, [1, 2, 3, 4], count, READ, ERROR)],
    ["mapContiguous", ({ aspace }, vpn, count) => aspace.mapContiguous(vpn, 1, count, READ)],
    ["unmap", ({ aspace }, vpn, count) => aspace.unmap(vpn, count, Enlarge.YES)],
    ["protect", ({ aspace }, vpn, count) => aspace.protect(vpn, count, READ, Enlarge.YES)],
    ["harvest", ({ aspace }, vpn, count) => aspace.harvestAccessed(vpn, count, RETAIN, UPDATE_AGE)],
    ["markAccessed", ({ aspace }, vpn, count) => aspace.markAccessed(vpn, count)],
  ];
  const first = 21;
  const end = SMALL_PAGES - 21;
  const badRanges: [string, number, number][] = [
    ["starts below", first - 1, 2],
    ["starts at the end", end, 1],
    ["ends above", end - 2, 3],
    ["wraps around", first, 2 ** 53],
    ["has a negative count", first, -1],
    ["lies nowhere", Number.NaN, 1],
  ];

  describe.each(calls)("%s", (_, call) => {
    test.each(badRanges)("S-21 T-7 P-M3: a range that %s is OUT_OF_RANGE", (__, vpn, count) => {
      const world = SmallWorld.start({ variant: BREAKING });
      expect(call(world, vpn, count)).toBe(Status.OUT_OF_RANGE);
      expect(world.takeEvents()).toEqual([]);
      expect(world.aspace.accessedSinceLastCheck(AccessedCheck.PEEK)).toBe(false);
    });

    test("S-21 T-7 P-M4: count 0 anywhere inside, even at the end, is OK and does nothing", () => {
      const world = SmallWorld.start({ variant: BREAKING });
      const ram = world.machine.memory.words.slice();
      for (const vpn of [first, 100, end]) expect(call(world, vpn, 0)).toBe(Status.OK);
      expect(world.takeEvents()).toEqual([]);
      expect(world.machine.memory.words).toEqual(ram);
    });

    test("T-7: the first and the last pages of the aspace are inside", () => {
      const world = SmallWorld.start({ variant: BREAKING });
      expect(call(world, first, 2)).toBe(Status.OK);
      expect(call(world, end - 2, 2)).toBe(Status.OK);
    });
  });

  test("T-7: query answers OUT_OF_RANGE on either side of the aspace", () => {
    const { aspace } = SmallWorld.start();
    expect(aspace.query(first - 1, out)).toBe(Status.OUT_OF_RANGE);
    expect(aspace.query(end, out)).toBe(Status.OUT_OF_RANGE);
    expect(aspace.query(end - 1, out)).toBe(Status.NOT_FOUND);
  });

  test.each([0, WRITE, READ | INVALID, INVALID, READ | 0x100, -8, Number.NaN])(
    "S-21 T-7 P-M3: flags %i are INVALID_ARGS, after the range and before the frames",
    (flags) => {
      const { aspace, machine } = SmallWorld.start();
      expect(aspace.map(100, [-1], 1, flags, ERROR)).toBe(Status.INVALID_ARGS);
      expect(aspace.mapContiguous(100, 1, 1, flags)).toBe(Status.INVALID_ARGS);
      expect(aspace.protect(100, 1, flags, Enlarge.YES)).toBe(Status.INVALID_ARGS);
      expect(aspace.map(1, [-1], 1, flags, ERROR)).toBe(Status.OUT_OF_RANGE);
      expect(aspace.mapContiguous(1, 1, 1, flags)).toBe(Status.OUT_OF_RANGE);
      expect(aspace.protect(1, 1, flags, Enlarge.YES)).toBe(Status.OUT_OF_RANGE);
      expect(machine.events).toEqual([]);
    },
  );

  test.each([0, 1, 2])("S-21 T-7 P-M3: a bad frame at index %i is INVALID_ARGS", (index) => {
    const { aspace, machine } = SmallWorld.start();
    for (const bad of [2 ** 32, -1, Number.NaN]) {
      const pfns = [1, 2, 3].with(index, bad);
      expect(aspace.map(100, pfns, 3, READ, ERROR)).toBe(Status.INVALID_ARGS);
    }
    expect(aspace.map(100, [1, 2], 3, READ, ERROR)).toBe(Status.INVALID_ARGS);
    expect(machine.events).toEqual([]);
  });

  test("S-21 T-7 P-M3: the last physical frame can be mapped, the one after cannot", () => {
    const { aspace } = SmallWorld.start();
    expect(aspace.map(100, [2 ** 32 - 1], 1, READ, ERROR)).toBe(Status.OK);
    expect(aspace.mapContiguous(128, 2 ** 32 - 64, 64, READ)).toBe(Status.OK);
    expect(aspace.mapContiguous(200, 2 ** 32 - 1, 2, READ)).toBe(Status.INVALID_ARGS);
    expect(aspace.mapContiguous(200, -1, 2, READ)).toBe(Status.INVALID_ARGS);
  });

  test("T-7: FREE_UNACCESSED in a kernel aspace and markAccessed by hardware are NOT_SUPPORTED", () => {
    const kernel = SmallWorld.start({ kind: AspaceKind.KERNEL });
    const vpn = kernel.aspace.baseVpn;
    const harvest = (at: number): Status =>
      kernel.aspace.harvestAccessed(at, 1, FREE_UNACCESSED, UPDATE_AGE);
    expect(harvest(vpn)).toBe(Status.NOT_SUPPORTED);
    expect(harvest(vpn - 1)).toBe(Status.OUT_OF_RANGE);
    const { aspace } = SmallWorld.start();
    expect(aspace.markAccessed(100, 1)).toBe(Status.NOT_SUPPORTED);
    expect(aspace.markAccessed(1, 1)).toBe(Status.OUT_OF_RANGE);
  });
});

describe("the lock", () => {
  test("T-13 P-T1: an edit entered while another runs panics", () => {
    const { aspace, machine } = SmallWorld.start();
    machine.onBarrier = () => aspace.map(200, [2], 1, READ, ERROR);
    expect(panicOf(() => aspace.map(100, [1], 1, READ, ERROR))).toBe("P-T1");
  });

  test("T-13 P-T1: the lock is held until the invalidation is done", () => {
    const { aspace, tag } = SmallWorld.start();
    aspace.map(100, [1, 2], 2, READ, ERROR);
    tag.onInvalidate = () => aspace.unmap(100, 1, Enlarge.YES);
    expect(panicOf(() => aspace.unmap(100, 1, Enlarge.YES))).toBe("P-T1");
  });

  test("T-13: every outcome of an operation releases the lock", () => {
    const world = SmallWorld.start({ variant: BREAKING });
    const { aspace } = world;
    expect(world.withFrames(0, () => aspace.map(100, [1], 1, READ, ERROR))).toBe(Status.NO_MEMORY);
    expect(aspace.mapContiguous(128, 128, 8, READ)).toBe(Status.OK);
    expect(aspace.mapContiguous(128, 128, 8, READ)).toBe(Status.ALREADY_EXISTS);
    expect(aspace.unmap(129, 1, Enlarge.NO)).toBe(Status.NOT_SUPPORTED);
    expect(aspace.harvestAccessed(129, 1, RETAIN, UPDATE_AGE)).toBe(Status.OK);
    expect(aspace.markAccessed(129, 1)).toBe(Status.OK);
    expect(aspace.unmap(129, 1, Enlarge.YES)).toBe(Status.OK);
  });
});

describe("queries", () => {
  test("T-45 P-Q2: frames on both sides of 4 GiB, where they reach the entry's high half", () => {
    const world = SmallWorld.start();
    world.aspace.mapContiguous(65, 0x10_0000 - 4, 7, READ);
    const pfns = Array.from({ length: 7 }, (_, i) => 0x10_0000 - 3 + i);
    world.aspace.map(129, pfns, 7, READ, ERROR);
    for (let i = 0; i < 7; i++) {
      expect(world.query(65 + i)).toMatchObject({ pfn: 0x10_0000 - 4 + i });
      expect(world.query(129 + i)).toMatchObject({ pfn: 0x10_0000 - 3 + i });
    }
  });

  test("T-45 P-Q2: every page of every leaf size answers its own frame", () => {
    const world = SmallWorld.start();
    world.aspace.mapContiguous(64, 0x10_0000, 75, READ);
    for (let i = 0; i < 75; i++) {
      const leafShift = i < 64 ? 18 : i < 72 ? 15 : 12;
      expect(world.query(64 + i)).toMatchObject({ pfn: 0x10_0000 + i, flags: READ, leafShift });
    }
    expect(world.query(63).status).toBe(Status.NOT_FOUND);
    expect(world.query(139).status).toBe(Status.NOT_FOUND);
  });

  test("T-45 P-Q1: a query changes no word, sends nothing, and says of a hole only how large it is", () => {
    const world = SmallWorld.start();
    world.aspace.mapContiguous(64, 0, 75, READ);
    world.takeEvents();
    const ram = world.machine.memory.words.slice();
    const out = { pfn: 5, flags: 6, leafShift: 7 };
    expect(world.aspace.query(139, out)).toBe(Status.NOT_FOUND);
    expect(out).toEqual({ pfn: 5, flags: 6, leafShift: 12 });
    expect(world.aspace.query(63, out)).toBe(Status.NOT_FOUND);
    expect(out).toEqual({ pfn: 5, flags: 6, leafShift: 18 });
    expect(world.aspace.query(2 ** 40, out)).toBe(Status.OUT_OF_RANGE);
    expect(out).toEqual({ pfn: 5, flags: 6, leafShift: 18 });
    world.query(64);
    world.query(138);
    expect(world.machine.memory.words).toEqual(ram);
    expect(world.takeEvents()).toEqual([]);
  });

  test("T-45: the next leaf table starts at the next multiple of a table's pages", () => {
    const { aspace } = SmallWorld.start();
    expect([96, 97, 103, 104].map((vpn) => aspace.nextUserPageTableVpn(vpn))).toEqual([
      104, 104, 104, 112,
    ]);
    expect(aspace.pickSpot(97)).toBe(97);
  });

  test("T-45 P-X2: mapping up to the next leaf table allocates nothing once the table is there", () => {
    const { aspace, machine } = SmallWorld.start();
    aspace.map(97, [1], 1, READ, ERROR);
    machine.events = [];
    expect(aspace.map(98, [2, 3, 4, 5, 6, 7], 6, READ, ERROR)).toBe(Status.OK);
    expect(aspace.nextUserPageTableVpn(98)).toBe(104);
    expect(machine.events).toEqual([]);
    expect(aspace.map(104, [8], 1, READ, ERROR)).toBe(Status.OK);
    expect(machine.count("allocate")).toBe(1);
  });
});

describe("accessedSinceLastCheck", () => {
  const { PEEK, CLEAR } = AccessedCheck;

  test("T-63: false at first, true after an edit, after a switch, and while a CPU is active", () => {
    const { aspace, tag } = SmallWorld.start();
    expect(aspace.accessedSinceLastCheck(PEEK)).toBe(false);
    aspace.map(100, [1], 1, READ, ERROR);
    expect(aspace.accessedSinceLastCheck(PEEK)).toBe(true);
    expect(aspace.accessedSinceLastCheck(CLEAR)).toBe(true);
    expect(aspace.accessedSinceLastCheck(PEEK)).toBe(false);
    aspace.noteActive();
    tag.active = true;
    expect(aspace.accessedSinceLastCheck(CLEAR)).toBe(true);
    expect(aspace.accessedSinceLastCheck(CLEAR)).toBe(true);
    tag.active = false;
    expect(aspace.accessedSinceLastCheck(CLEAR)).toBe(true);
    expect(aspace.accessedSinceLastCheck(CLEAR)).toBe(false);
  });

  test("T-63: queries and harvests are no accesses, unmap, protect and markAccessed are", () => {
    const world = SmallWorld.start({ variant: BREAKING });
    const { aspace } = world;
    world.query(100);
    aspace.harvestAccessed(100, 1, RETAIN, UPDATE_AGE);
    expect(aspace.accessedSinceLastCheck(CLEAR)).toBe(false);
    const edits = [
      () => aspace.unmap(100, 1, Enlarge.YES),
      () => aspace.protect(100, 1, READ, Enlarge.YES),
      () => aspace.markAccessed(100, 1),
    ];
    for (const edit of edits) {
      edit();
      expect(aspace.accessedSinceLastCheck(CLEAR)).toBe(true);
    }
  });
});

/** A tree with one base page: root -> level 2 -> level 1 -> level 0 -> page 100. */
function corrupted(change: (words: Int32Array, slots: number[]) => void): string {
  const world = SmallWorld.start();
  world.aspace.map(100, [1], 1, READ, ERROR);
  world.aspace.validate();
  const slots = world.read().tables.map(({ slot }) => slot);
  change(world.machine.memory.words, slots);
  return panicOf(() => world.aspace.validate());
}

const leafTableOf = (words: Int32Array, slots: number[]): number => words[slots[2]!]! >>> 12;

describe("validate", () => {
  test("T-3 T-64 P-R1: an absent entry that is not zero", () => {
    const lowHalf = corrupted((words, slots) => (words[slots[2]! + 4] = 0x1000));
    const highHalf = corrupted((words, slots) => (words[slots[2]! + 5] = 1));
    expect([lowHalf, highHalf]).toEqual(["P-R1", "P-R1"]);
  });

  test("T-64 P-R1: an entry that nobody counted", () => {
    const rule = corrupted((words, slots) => {
      words[leafTableOf(words, slots) * FRAME_WORDS] = 0x2001;
    });
    expect(rule).toBe("P-R1");
  });

  test("T-64 P-R1: a table that is linked twice", () => {
    const rule = corrupted((words, slots) => {
      words[slots[2]! + 4] = words[slots[2]!]!;
    });
    expect(rule).toBe("P-R1");
  });

  test("T-64 P-R1: an empty table", () => {
    const rule = corrupted((words, slots) => {
      const table = leafTableOf(words, slots);
      words.fill(0, table * FRAME_WORDS, (table + 1) * FRAME_WORDS);
    });
    expect(rule).toBe("P-R1");
  });

  test("T-64 P-R1: a subtree that fell off", () => {
    const rule = corrupted((words, slots) => {
      words[slots[0]!] = 0;
      words[slots[0]! + 1] = 0;
    });
    expect(["P-R1", "P-U5"]).toContain(rule);
  });
});
