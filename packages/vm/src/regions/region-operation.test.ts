import { ExistingEntry, Status } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { byteAt, put } from "../../test/public-object.ts";
import { R, RW, RegionWorld, entriesFrom } from "../../test/region-world.ts";
import { run } from "../../test/small-system.ts";
import { createPagerObject } from "../objects/create-object.ts";
import { isValue } from "../objects/blocking.ts";
import { UserPager } from "../objects/user-pager.ts";
import { MapRangeCommit, mapRange } from "./mapping-range.ts";
import { destroy } from "./mapping-unmap.ts";
import { dumpRegion } from "./region-dump.ts";
import { destroyRegion } from "./region-destroy.ts";
import { attributedMemoryOfRegion, findMappingLocked, findRegion } from "./region-lookup.ts";
import { RegionOperation, operateOnRange } from "./region-operation.ts";
import { setMemoryPriority, setMemoryPriorityLocked } from "./region-priority.ts";
import { OpChildren, unmapRegion } from "./region-unmap.ts";
import { reserveSpace } from "./reserve-space.ts";
import type { VmAddressRegion } from "./vm-address-region.ts";
import { MemoryPriority } from "./vm-region.ts";

const { COMMIT, DECOMMIT, MAP_RANGE, PREFETCH, DONT_NEED, ALWAYS_NEED } = RegionOperation;
const { NO, YES } = OpChildren;

/** `10-14 14-18 20-30(20-24)`; pages 0 and 2 of each object are in memory. */
class Scene extends RegionWorld {
  readonly sub;
  readonly objects = [4, 4, 4].map((pages) => this.object(pages));

  constructor() {
    super();
    for (const object of this.objects) for (const page of [0, 2]) put(object, page, 1);
    this.map(10, 4, { object: this.objects[0]! });
    this.map(14, 4, { object: this.objects[1]! });
    this.sub = this.vmar(20, 10);
    this.map(0, 4, { parent: this.sub, object: this.objects[2]! });
  }

  operate(operation: RegionOperation, vpn: number, count: number, children: OpChildren): Status {
    return run(operateOnRange(this.root, operation, vpn, count, children));
  }
}

describe("operations on a range", () => {
  test("V-13: MAP_RANGE maps what the objects have, in every mapping, and again without harm", () => {
    const world = new Scene();
    for (let times = 0; times < 2; times++) {
      expect(world.operate(MAP_RANGE, 11, 6, NO)).toBe(Status.OK);
      expect(entriesFrom(world, 10, 8)).toEqual([12, 14, 16]);
    }
    expect(world.operate(MAP_RANGE, 20, 4, YES)).toBe(Status.OK);
    expect(entriesFrom(world, 20, 10)).toEqual([20, 22]);
  });

  test("V-13: COMMIT gets pages and maps them; DECOMMIT gives them back, and their entries go", () => {
    const world = new Scene();
    expect(world.operate(COMMIT, 10, 8, NO)).toBe(Status.OK);
    expect(entriesFrom(world, 10, 8)).toHaveLength(8);
    expect(world.operate(DECOMMIT, 12, 4, NO)).toBe(Status.OK);
    expect(entriesFrom(world, 10, 8)).toEqual([10, 11, 16, 17]);
    expect([0, 2].map((page) => byteAt(world.objects[0]!, page))).toEqual([1, 0]);
  });

  test("V-13: hints are taken, ALWAYS_NEED maps what is there, PREFETCH is not known yet", () => {
    const world = new Scene();
    expect(world.operate(DONT_NEED, 10, 8, NO)).toBe(Status.OK);
    expect(entriesFrom(world, 10, 8)).toEqual([]);
    expect(world.operate(ALWAYS_NEED, 10, 8, NO)).toBe(Status.OK);
    expect(entriesFrom(world, 10, 8)).toEqual([10, 12, 14, 16]);
    expect(world.operate(PREFETCH, 10, 8, NO)).toBe(Status.NOT_SUPPORTED);
  });

  test.each([
    ["nothing is asked for", MAP_RANGE, 10, 0, YES, Status.INVALID_ARGS],
    ["it ends outside", MAP_RANGE, 990, 11, YES, Status.OUT_OF_RANGE],
    ["a hole comes first", MAP_RANGE, 8, 4, YES, Status.BAD_STATE],
    ["a hole comes last", MAP_RANGE, 14, 5, YES, Status.BAD_STATE],
    ["there is nothing", MAP_RANGE, 500, 1, YES, Status.BAD_STATE],
    ["a sub-region is met without the right to", MAP_RANGE, 20, 4, NO, Status.INVALID_ARGS],
    ["it would commit in a sub-region", COMMIT, 20, 4, YES, Status.INVALID_ARGS],
    ["it would decommit in a sub-region", DECOMMIT, 20, 4, YES, Status.INVALID_ARGS],
    ["it would prefetch in a sub-region", PREFETCH, 20, 4, YES, Status.INVALID_ARGS],
  ])("V-13: refused when %s", (_, operation, vpn, count, children, status) => {
    expect(new Scene().operate(operation, vpn, count, children)).toBe(status);
  });

  test("V-13: without the right to write, nothing is committed or given back", () => {
    const world = new Scene();
    world.map(30, 4, { mmuFlags: R });
    for (const operation of [COMMIT, DECOMMIT]) {
      expect(world.operate(operation, 30, 4, NO)).toBe(Status.ACCESS_DENIED);
    }
    expect(world.operate(MAP_RANGE, 30, 4, NO)).toBe(Status.OK);
  });

  test("V-13 A-4: what meets the vDSO's code is refused; so is anything in an ended region", () => {
    const world = new Scene();
    world.aspace.vdsoCodeMapping = world.locked(() => findMappingLocked(world.root, 14));
    expect(world.operate(MAP_RANGE, 10, 8, NO)).toBe(Status.ACCESS_DENIED);
    expect(world.operate(MAP_RANGE, 10, 4, NO)).toBe(Status.OK);
    destroyRegion(world.sub);
    expect(run(operateOnRange(world.sub, MAP_RANGE, 20, 4, NO))).toBe(Status.BAD_STATE);
    expect(run(operateOnRange(world.sub, MAP_RANGE, 10, 4, NO))).toBe(Status.OUT_OF_RANGE);
  });

  test("V-13 I-37: mappings before the one that fails keep what was done", () => {
    const world = new Scene();
    expect(world.operate(MAP_RANGE, 14, 16, YES)).toBe(Status.BAD_STATE);
    expect(entriesFrom(world, 10, 20)).toEqual([14, 16]);
  });
});

/** A commit of two mappings, the first of which shows an object that waits for its pager. */
function waitingCommit(): { world: RegionWorld; commit: ReturnType<typeof operateOnRange> } {
  const world = new RegionWorld();
  const source = new UserPager().createSource({ key: 0, trapsDirty: false });
  const object = createPagerObject(world.memory, { size: 4n * 4096n, source });
  if (!isValue(object)) throw new Error(`status ${object}`);
  world.map(10, 4, { object });
  world.map(14, 4);
  const commit = operateOnRange(world.root, COMMIT, 10, 8, NO);
  expect(commit.next().done).toBe(false);
  return { world, commit };
}

describe("while an operation waits", () => {
  test("V-13 L-4 I-35: no lock is held", () => {
    const { world } = waitingCommit();
    world.memory.locks.assertNoneHeld("the wait");
  });

  test("V-13: a failed wait is the operation's answer", () => {
    const { commit } = waitingCommit();
    expect(commit.next(Status.TIMED_OUT)).toMatchObject({ done: true, value: Status.TIMED_OUT });
  });

  test("V-13: the end of the region goes before the operation's answer", () => {
    const { world, commit } = waitingCommit();
    destroyRegion(world.root);
    expect(commit.next(Status.TIMED_OUT)).toMatchObject({ value: Status.BAD_STATE });
    world.memory.locks.assertNoneHeld("the end");
  });

  test("V-13: a mapping that ended under way is answered with its own BAD_STATE", () => {
    const { world, commit } = waitingCommit();
    const mapping = world.locked(() => findMappingLocked(world.root, 10))!;
    destroy(mapping);
    let step = commit.next(Status.CANCELED);
    while (step.done !== true) step = commit.next(Status.CANCELED);
    expect(step.value).toBe(Status.CANCELED);
    expect(world.layout()).toBe("14-18");
  });

  test("L-4: giving up lets go of the object and leaves every lock free", () => {
    const { world, commit } = waitingCommit();
    const { object } = world.locked(() => findMappingLocked(world.root, 10))!;
    commit.return(Status.CANCELED);
    // The mapping, and the test itself.
    expect(object!.holderCount).toBe(2);
    world.memory.locks.assertNoneHeld("the end");
  });
});

describe("memory priority", () => {
  test.each([
    ["ends", (world: RegionWorld) => void destroyRegion(world.root)],
    [
      "is no longer HIGH, though something in it is",
      (world: RegionWorld, sub: VmAddressRegion) =>
        world.locked(() => {
          setMemoryPriorityLocked(world.root, MemoryPriority.DEFAULT);
          setMemoryPriorityLocked(sub, MemoryPriority.HIGH);
        }),
    ],
  ])(
    "V-14 L-4: when the region %s while one mapping waits, no other is brought in",
    (_, change) => {
      const { world } = waitingCommit();
      const sub = world.vmar(30, 4);
      const behind = world.object(4);
      put(behind, 0, 1);
      world.map(0, 4, { parent: sub, object: behind });
      const raise = setMemoryPriority(world.root, MemoryPriority.HIGH);
      expect(raise.next().done).toBe(false);
      world.memory.locks.assertNoneHeld("the wait");
      change(world, sub);
      let step = raise.next(Status.CANCELED);
      while (step.done !== true) step = raise.next(Status.CANCELED);
      expect(step.value).toBe(Status.OK);
      expect(world.arch.entries.size).toBe(0);
    },
  );

  test("V-14 I-28 I-29: reaches everything below, counts each once, and what comes later inherits it", () => {
    const world = new Scene();
    expect(run(setMemoryPriority(world.root, MemoryPriority.HIGH))).toBe(Status.OK);
    expect(world.aspace.highPriorityCount).toBe(5);
    expect(world.system.counters.highPriorityAspaces).toBe(1);
    world.map(50, 1);
    world.vmar(60, 5);
    expect(world.aspace.highPriorityCount).toBe(7);
    expect(run(setMemoryPriority(world.root, MemoryPriority.HIGH))).toBe(Status.OK);
    expect(world.aspace.highPriorityCount).toBe(7);
    world.layout();
    expect(run(setMemoryPriority(world.root, MemoryPriority.DEFAULT))).toBe(Status.OK);
    expect(world.aspace.highPriorityCount).toBe(0);
    expect(world.system.counters.highPriorityAspaces).toBe(0);
    world.layout();
  });

  test("V-14: HIGH maps what memory there is; DEFAULT maps nothing", () => {
    const world = new Scene();
    run(setMemoryPriority(world.root, MemoryPriority.DEFAULT));
    expect(world.arch.entries.size).toBe(0);
    run(setMemoryPriority(world.root, MemoryPriority.HIGH));
    expect(entriesFrom(world, 0, 40)).toEqual([10, 12, 14, 16, 20, 22]);
  });

  test("T-5 V-14: a sub-region may be set apart, and its siblings stay HIGH", () => {
    const world = new Scene();
    run(setMemoryPriority(world.root, MemoryPriority.HIGH));
    run(setMemoryPriority(world.sub, MemoryPriority.DEFAULT));
    expect(world.aspace.highPriorityCount).toBe(3);
    world.layout();
    destroyRegion(world.sub);
    expect(run(setMemoryPriority(world.sub, MemoryPriority.HIGH))).toBe(Status.BAD_STATE);
    expect(world.aspace.highPriorityCount).toBe(3);
  });

  test("T-5 M-10: after both ends, the middle and one half were unmapped, the object is still HIGH", () => {
    const world = new RegionWorld();
    const object = world.object(8);
    world.map(10, 8, { object });
    run(setMemoryPriority(world.root, MemoryPriority.HIGH));
    for (const [vpn, count, high] of [
      [10, 1, 2],
      [17, 1, 2],
      [13, 2, 3],
      [11, 2, 2],
      [15, 2, 1],
    ] as const) {
      expect(unmapRegion(world.root, vpn, count, NO)).toBe(Status.OK);
      expect(world.aspace.highPriorityCount, `without ${vpn}`).toBe(high);
      expect(object.node.highPriorityCount).toBe(high - 1);
      world.layout();
    }
  });
});

describe("looking", () => {
  test("V-15: a region finds its direct child, the aspace the mapping at any depth", () => {
    const world = new Scene();
    expect(findRegion(world.root, 22)).toBe(world.sub);
    expect(findRegion(world.root, 19)).toBe(null);
    world.locked(() => {
      expect(findMappingLocked(world.root, 22)?.base).toBe(20);
      expect(findMappingLocked(world.root, 26)).toBe(null);
      expect(findMappingLocked(world.root, 13)?.base).toBe(10);
    });
    destroyRegion(world.root);
    expect(findRegion(world.root, 12)).toBe(null);
  });

  test("V-15: memory of a region is that of its mappings, at any depth, and none when it ended", () => {
    const world = new Scene();
    expect(attributedMemoryOfRegion(world.root)).toEqual({
      uncompressedBytes: 6 * 4096,
      compressedBytes: 0,
    });
    expect(attributedMemoryOfRegion(world.sub).uncompressedBytes).toBe(2 * 4096);
    destroyRegion(world.sub);
    expect(attributedMemoryOfRegion(world.sub).uncompressedBytes).toBe(0);
  });

  test("V-16: reserved space keeps its entries, with other permissions or without any", () => {
    const world = new RegionWorld();
    world.arch.map(10, [500, 501, 502, 503], 4, RW, ExistingEntry.ERROR);
    expect(reserveSpace(world.root, "boot", 10, 2, R)).toBe(Status.OK);
    expect(reserveSpace(world.root, "gap", 12, 2, 0)).toBe(Status.OK);
    expect(world.arch.entries.get(11)).toMatchObject({ pfn: 501, flags: R });
    expect(entriesFrom(world, 10, 4)).toEqual([10, 11]);
    const mapping = world.locked(() => findMappingLocked(world.root, 10))!;
    expect([mapping.object!.name, mapping.object!.holderCount]).toEqual(["boot", 1]);
    const options = { commit: MapRangeCommit.NO, existing: ExistingEntry.SKIP } as const;
    expect(mapRange(mapping, 0, 2, options)).toBe(Status.OK);
    expect(reserveSpace(world.root, "again", 11, 2, R)).toBe(Status.ALREADY_EXISTS);
    expect(reserveSpace(world.root, "outside", 999, 2, R)).toBe(Status.INVALID_ARGS);
  });

  test("V-17: a region prints itself and what is in it, one level deeper each", () => {
    const world = new Scene();
    // A mapping's own lines are M-25's; here only where each begins.
    const dump = (): string[] =>
      world.locked(() => dumpRegion(world.root, 1)).filter((line) => /^ *(vmar|map) /.test(line));
    expect(dump().map((line) => line.replace(/ state \d mergeable.*/, ""))).toEqual([
      "  vmar 2 [0x0000 0x3e7fff] sz 0x3e8000 state 1 'root' subregions 3 max_gap 0x2000 [0xa000 0x1dfff]",
      "    map 3 [0xa000 0xdfff] sz 0x4000",
      "    map 4 [0xe000 0x11fff] sz 0x4000",
      "    vmar 5 [0x14000 0x1dfff] sz 0xa000 state 1 '' subregions 1 max_gap 0x0 [0x14000 0x17fff]",
      "      map 6 [0x14000 0x17fff] sz 0x4000",
    ]);
    unmapRegion(world.root, 0, 1000, YES);
    expect(dump()).toEqual([
      "  vmar 2 [0x0000 0x3e7fff] sz 0x3e8000 state 1 'root' subregions 0 max_gap 0x0 [0x0 0x0]",
    ]);
  });
});
