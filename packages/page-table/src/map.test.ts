import {
  AspaceKind,
  Enlarge,
  ExistingEntry,
  MmuFlags,
  Status,
  type MmuFlagSet,
  type Pfn,
} from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { BREAKING, IN_PLACE, type SmallVariant } from "../test/small-format.ts";
import { frames, perform, PLENTY } from "../test/small-script.ts";
import { SmallWorld } from "../test/small-world.ts";

const { READ, WRITE, EXECUTE, USER, NS, UNCACHED, WRITE_COMBINING } = MmuFlags;
const { ERROR, SKIP, UPGRADE } = ExistingEntry;
const ACTIONS = Object.values(ExistingEntry);

const map = (
  world: SmallWorld,
  vpn: number,
  pfns: readonly Pfn[],
  flags: MmuFlagSet,
  action: ExistingEntry = ERROR,
): Status => world.aspace.map(vpn, pfns, pfns.length, flags, action);

describe("mapping into nothing", () => {
  test.each(ACTIONS)(
    "T-20 P-M1 P-M9: %s maps every page as a base page, neighbours stay absent",
    (action) => {
      const world = SmallWorld.start();
      // Frames and pages are aligned for an 8-page leaf: map never uses one.
      expect(map(world, 96, frames(0x100, 8), READ | WRITE, action)).toBe(Status.OK);
      const pages = [...world.read().pages];
      expect(pages).toEqual(
        frames(96, 8).map((vpn, i) => [
          vpn,
          { pfn: 0x100 + i, flags: READ | WRITE, level: 0, accessed: false },
        ]),
      );
    },
  );

  test("S-12 T-20 P-M2: every legal flag word comes back as it was asked for", () => {
    const world = SmallWorld.start();
    for (let flags = READ; flags < MmuFlags.INVALID; flags++) {
      if ((flags & READ) === 0) continue;
      expect(map(world, 96 + flags, [7], flags)).toBe(Status.OK);
      expect(world.query(96 + flags)).toMatchObject({ flags });
    }
    world.aspace.validate();
  });

  test("T-20: only the first `count` frames of a longer list are used, typed arrays too", () => {
    const world = SmallWorld.start();
    expect(world.aspace.map(96, Int32Array.of(5, 6, -1), 2, READ, ERROR)).toBe(Status.OK);
    expect(world.query(98).status).toBe(Status.NOT_FOUND);
  });

  test("T-8: a map that spans three leaf tables and two tables above allocates exactly those", () => {
    const world = SmallWorld.start();
    expect(map(world, 60, frames(1, 15), READ)).toBe(Status.OK);
    // Root -> one table of 512 pages -> two of 64 -> pages 56.., 64.., 72..
    expect(world.machine.count("allocate")).toBe(1 + 2 + 3);
    expect(world.aspace.tablePages()).toBe(7);
  });

  test("T-57: software-marked formats map accessed leaves below marked tables", () => {
    const world = SmallWorld.start({ variant: BREAKING });
    map(world, 96, [1], READ);
    const { pages, tables } = world.read();
    expect(pages.get(96)?.accessed).toBe(true);
    expect(tables.map(({ marked }) => marked)).toEqual([true, true, true]);
  });
});

describe("failures", () => {
  test.each(ACTIONS)(
    "T-8 T-9 P-M6 P-M5: %s refused at any allocation has changed no word",
    (action) => {
      for (const variant of [IN_PLACE, BREAKING]) {
        for (let allowed = 0; allowed <= 7; allowed++) {
          const world = SmallWorld.start({ variant });
          world.aspace.mapContiguous(128, 0x80, 64, READ | WRITE);
          world.model.mapContiguous(128, 0x80, 64, READ | WRITE, PLENTY);
          const op = { kind: "map", vpn: 120, count: 84, pfn: 0x200, flags: READ | WRITE } as const;
          perform(world, { ...op, action, frames: allowed });
        }
      }
    },
  );

  test("T-20 P-M5: ERROR that meets a mapped page at index k, each k, changes nothing", () => {
    for (let k = 0; k < 20; k++) {
      const world = SmallWorld.start();
      map(world, 96 + k, [0x99], READ);
      world.takeEvents();
      const ram = world.machine.memory.words.slice();
      expect(map(world, 96, frames(1, 20), READ | WRITE)).toBe(Status.ALREADY_EXISTS);
      expect(world.machine.memory.words).toEqual(ram);
      expect(world.takeEvents()).toEqual([]);
    }
  });

  test("T-20 P-M5: ERROR that meets a large leaf answers ALREADY_EXISTS, even without memory", () => {
    const world = SmallWorld.start();
    world.aspace.mapContiguous(128, 0, 64, READ);
    world.takeEvents();
    const status = world.withFrames(0, () => map(world, 100, frames(1, 50), READ));
    expect(status).toBe(Status.ALREADY_EXISTS);
    expect(world.takeEvents()).toEqual([]);
  });
});

describe("SKIP", () => {
  test("T-21 P-M7: keeps frame and flags of what is mapped and maps the rest", () => {
    const world = SmallWorld.start();
    map(world, 97, [0x51, 0x52], READ | EXECUTE);
    expect(map(world, 96, [0x50, 0x51, 0x77, 0x53], READ | WRITE, SKIP)).toBe(Status.OK);
    const found = [96, 97, 98, 99].map((vpn) => world.query(vpn));
    expect(found.map((page) => ("pfn" in page ? [page.pfn, page.flags] : null))).toEqual([
      [0x50, READ | WRITE],
      [0x51, READ | EXECUTE],
      [0x52, READ | EXECUTE],
      [0x53, READ | WRITE],
    ]);
  });

  test("T-21 P-M7: skips just the pages of a large leaf, which stays large", () => {
    for (const kind of Object.values(AspaceKind)) {
      const world = SmallWorld.start({ kind });
      const base = world.treeBase;
      world.aspace.mapContiguous(base + 128, 0x80, 8, READ);
      expect(map(world, base + 126, frames(0x200, 12), READ | WRITE, SKIP)).toBe(Status.OK);
      expect(world.query(base + 127)).toMatchObject({ pfn: 0x201, flags: READ | WRITE });
      expect(world.query(base + 128)).toMatchObject({ pfn: 0x80, flags: READ, leafShift: 15 });
      expect(world.query(base + 136)).toMatchObject({ pfn: 0x20a, flags: READ | WRITE });
    }
  });
});

/** Maps page 96 to frame 1, upgrades it, and answers what is there and what was sent. */
function upgrade(
  variant: SmallVariant,
  before: MmuFlagSet,
  pfn: Pfn,
  flags: MmuFlagSet,
): { page: unknown; kinds: string[] } {
  const world = SmallWorld.start({ variant });
  map(world, 96, [1], before);
  const { status, events } = world.observe(() => map(world, 96, [pfn], flags, UPGRADE));
  expect(status).toBe(Status.OK);
  world.aspace.validate();
  const page = world.query(96);
  return {
    page: "pfn" in page ? [page.pfn, page.flags] : null,
    kinds: events.map(({ kind }) => kind),
  };
}

describe("UPGRADE", () => {
  const ro = READ | USER;
  const rw = READ | WRITE | USER;
  const rwx = rw | EXECUTE;

  const flush = ["barrier", "invalidate"];

  describe.each([
    ["in place", IN_PLACE],
    ["break-before-make", BREAKING],
  ])("%s", (_, variant) => {
    test.each([
      ["RO -> RW: new flags", ro, rw, rw, flush],
      ["RW, asked RO: kept", rw, ro, rw, []],
      ["RW, asked RO uncached: kept", rw, ro | UNCACHED, rw, []],
      ["RWX, asked RW: new flags, EXECUTE goes", rwx, rw, rw, flush],
      ["RW, asked RW: nothing to do", rw, rw, rw, []],
      [
        "RW, asked READ non-secure: that is not plain, so it is installed",
        rw,
        READ | NS,
        READ | NS,
        flush,
      ],
      [
        "RW, asked RW write-combining: replaced",
        rw,
        rw | WRITE_COMBINING,
        rw | WRITE_COMBINING,
        flush,
      ],
    ])("T-22 P-M8: same frame, %s", (__, before, asked, after, sent) => {
      const { page, kinds } = upgrade(variant, before, 1, asked);
      expect(page).toEqual([1, after]);
      expect(kinds.filter((kind) => kind !== "synchronize")).toEqual(sent);
    });

    test.each([
      ["RO", ro],
      ["RW", rw],
    ])(
      "T-23 P-M8: another frame, asked %s: the page has the new frame and flags, after a flush",
      (__, asked) => {
        const { page, kinds } = upgrade(variant, rwx, 2, asked);
        expect(page).toEqual([2, asked]);
        expect(kinds).toEqual(flush);
      },
    );
  });

  test("T-23 P-M8 P-T4: a page that changes frame or cache policy is absent while the flush runs", () => {
    for (const [pfn, flags] of [
      [2, rw],
      [2, ro],
      [1, rw | UNCACHED],
    ] as const) {
      const world = SmallWorld.start();
      map(world, 95, frames(0, 3), rw);
      const during: unknown[] = [];
      world.observe(
        () => map(world, 96, [pfn], flags, UPGRADE),
        ({ pages }) => during.push([...pages.keys()]),
      );
      expect(during).toEqual([
        [95, 97],
        [95, 97],
      ]);
    }
  });

  test("T-23: one flush serves all pages that are broken, and the new pages come after it", () => {
    const world = SmallWorld.start();
    map(world, 96, frames(1, 3), rw);
    const { events } = world.observe(() => map(world, 94, frames(0x20, 6), rw, UPGRADE));
    const invalidations = events.filter(({ kind }) => kind === "invalidate");
    expect(invalidations).toEqual([
      { kind: "invalidate", vpns: [96, 97, 98], everything: false, tables: false },
    ]);
  });

  test("T-22: an accessed bit that software sets comes back with new permissions, without a flush of its own", () => {
    const world = SmallWorld.start({ variant: BREAKING });
    map(world, 96, [1], rw);
    const slot = world.read().tables.at(-1)!.pfn * 1024;
    world.machine.memory.words[slot]! &= ~0x40;
    world.takeEvents();
    expect(map(world, 96, [1], rw, UPGRADE)).toBe(Status.OK);
    expect(world.read().pages.get(96)?.accessed).toBe(true);
    expect(world.takeEvents()).toEqual([]);
  });

  test("T-24: a large leaf in the way is split, its other pages stay, in user and guest aspaces", () => {
    for (const kind of [AspaceKind.USER, AspaceKind.GUEST]) {
      const world = SmallWorld.start({ kind, variant: BREAKING });
      perform(world, {
        kind: "mapContiguous",
        vpn: 128,
        count: 64,
        pfn: 64,
        flags: rw,
        frames: PLENTY,
      });
      perform(world, {
        kind: "map",
        vpn: 137,
        count: 1,
        pfn: 3,
        flags: rw,
        action: UPGRADE,
        frames: PLENTY,
      });
      expect(world.query(137)).toMatchObject({ pfn: 3, leafShift: 12 });
      expect(world.query(136)).toMatchObject({ pfn: 72, flags: rw, leafShift: 12 });
      expect(world.query(144)).toMatchObject({ pfn: 80, flags: rw, leafShift: 15 });
    }
  });

  test("T-24: in a kernel aspace a large leaf in the way is ALREADY_EXISTS and nothing changes", () => {
    const world = SmallWorld.start({ kind: AspaceKind.KERNEL });
    const base = world.treeBase;
    world.aspace.mapContiguous(base + 128, 64, 8, READ);
    map(world, base + 127, [9], READ);
    const ram = world.machine.memory.words.slice();
    world.takeEvents();
    expect(map(world, base + 127, [1, 2], READ, UPGRADE)).toBe(Status.ALREADY_EXISTS);
    expect(world.machine.memory.words).toEqual(ram);
    expect(world.takeEvents()).toEqual([]);
  });
});

describe("instruction fetch", () => {
  test.each(ACTIONS)(
    "T-25: %s with EXECUTE synchronises each frame before any entry names it",
    (action) => {
      const world = SmallWorld.start({ variant: BREAKING });
      map(world, 97, [0x30], READ);
      world.takeEvents();
      const ram = world.machine.memory.words.slice();
      world.machine.onSynchronize = () => expect(world.machine.memory.words).toEqual(ram);
      map(world, 97, frames(0x40, 3), READ | EXECUTE, action);
      const synchronized = world
        .takeEvents()
        .flatMap((event) => (event.kind === "synchronize" ? [event.pfn] : []));
      // ERROR stops at the mapped page before it does anything.
      expect(synchronized).toEqual(action === ERROR ? [] : frames(0x40, 3));
    },
  );

  test("T-25: without EXECUTE, or where hardware keeps fetches coherent, nothing is synchronised", () => {
    const breaking = SmallWorld.start({ variant: BREAKING });
    map(breaking, 97, [0x30], READ | WRITE);
    const inPlace = SmallWorld.start();
    map(inPlace, 97, [0x30], READ | EXECUTE);
    expect(breaking.machine.count("synchronize") + inPlace.machine.count("synchronize")).toBe(0);
  });
});

test("T-32 T-31: unmapping what an upgrade split leaves the rest of the leaf", () => {
  const world = SmallWorld.start();
  perform(world, {
    kind: "mapContiguous",
    vpn: 128,
    count: 64,
    pfn: 64,
    flags: READ,
    frames: PLENTY,
  });
  perform(world, {
    kind: "map",
    vpn: 130,
    count: 1,
    pfn: 5,
    flags: READ,
    action: UPGRADE,
    frames: PLENTY,
  });
  perform(world, { kind: "unmap", vpn: 130, count: 1, enlarge: Enlarge.NO, frames: 0 });
  expect(world.read().pages.size).toBe(63);
});
