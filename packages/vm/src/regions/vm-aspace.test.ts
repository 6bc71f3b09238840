import { AspaceKind, NonTerminalAction, Status, TerminalAction } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { panicRule } from "../../test/bare-machine.ts";
import { BASE, FaultKind, GUEST, KERNEL, R, SmallAspace, drive } from "../../test/small-aspace.ts";
import { isValue } from "../objects/blocking.ts";
import { LazyPageRequest } from "../objects/page-request.ts";
import { dropAllUserPageTables, enumerateChildren, findDeepestRegion } from "./aspace-children.ts";
import { createAspace } from "./aspace-create.ts";
import { destroyAspace, freeAspace } from "./aspace-destroy.ts";
import { pageFault, pageFaultOnce, softFault } from "./aspace-fault.ts";
import { harvestAllUserAccessedBits } from "./aspace-harvest.ts";
import { PageFaultFlag } from "./fault-flags.ts";
import { memoryUsage } from "./memory-usage.ts";
import { Prng } from "./prng.ts";
import { destroyLocked } from "./region-destroy.ts";
import { FlatTables } from "../../test/flat-tables.ts";
import { VmAspace } from "./vm-aspace.ts";
import { LifeCycle, MemoryPriority } from "./vm-region.ts";
import { VmarFlags } from "./vmar-flags.ts";

const { FREE_UNACCESSED, RETAIN } = NonTerminalAction;
const { UPDATE_AGE_AND_HARVEST, UPDATE_AGE } = TerminalAction;

/** Another aspace of the same system. */
function second(world: SmallAspace, kind: AspaceKind = AspaceKind.USER): VmAspace {
  return new VmAspace({ system: world.system, arch: new FlatTables({ kind }), name: "second" });
}

describe("an address space", () => {
  test("A-1, V-1, I-1: its root spans it, is ALIVE at once, and allows everything", () => {
    const { aspace, root, tables } = new SmallAspace();
    expect([aspace.base, aspace.pageCount]).toEqual([tables.baseVpn, tables.pageCount]);
    expect([root.base, root.pageCount, root.parent]).toEqual([aspace.base, aspace.pageCount, null]);
    expect(root.state).toBe(LifeCycle.ALIVE);
    expect(root.flags).toBe(VmarFlags.CAN_RWX | VmarFlags.CAN_MAP_SPECIFIC);
    expect(root.name).toBe("root");
    expect(aspace.system.aspaces.has(aspace)).toBe(true);
  });

  test("A-1: a range must have pages and lie in what the page tables translate", () => {
    const { system } = new SmallAspace();
    const create = (base: number, pageCount: number): boolean =>
      isValue(
        createAspace({ system, arch: new FlatTables(), name: "part", range: { base, pageCount } }),
      );
    expect(create(0x200, 0x1_0000)).toBe(true);
    expect(create(0x1_01ff, 1)).toBe(true);
    expect(create(0x1ff, 2)).toBe(false);
    expect(create(0x200, 0x1_0001)).toBe(false);
    expect(create(0x200, 0)).toBe(false);
    expect(create(0x200, 2 ** 52)).toBe(false);
  });

  test("A-1: kinds differ: only a user's is user", () => {
    const kinds = Object.values(AspaceKind).map((kind) => new SmallAspace({ kind }).aspace);
    expect(kinds.map(({ isUser, isGuest }) => [isUser, isGuest])).toEqual([
      [true, false],
      [false, false],
      [false, true],
    ]);
  });

  test("A-3: only a user's aspace is randomized", () => {
    const { system } = new SmallAspace();
    const aslr = { entropyBits: 4, compactEntropyBits: 2, prng: new Prng(1) };
    const of = (kind: AspaceKind): VmAspace =>
      new VmAspace({ system, arch: new FlatTables({ kind }), name: "", aslr });
    expect(of(AspaceKind.USER).aslr).toBe(aslr);
    expect([of(AspaceKind.KERNEL).aslr, of(AspaceKind.GUEST).aslr]).toEqual([null, null]);
  });

  test("A-4: the vDSO's code is where it is mapped, and overlaps what it overlaps", () => {
    const world = new SmallAspace();
    expect(world.aspace.vdsoCodeBase).toBe(0);
    expect(world.aspace.intersectsVdsoCode(BASE, 100)).toBe(false);
    world.aspace.vdsoCodeMapping = world.map({ object: world.object(4), at: 4, count: 4 });
    expect(world.aspace.vdsoCodeBase).toBe(BASE + 4);
    const meets = (at: number, count: number): boolean =>
      world.aspace.intersectsVdsoCode(BASE + at, count);
    expect([meets(0, 4), meets(0, 5), meets(7, 1), meets(8, 9)]).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  test("A-5: the count of high priorities is never negative, and ends with the aspace", () => {
    const world = new SmallAspace();
    const { aspace } = world;
    const change = (delta: 1 | -1): string =>
      world.locked(() => panicRule(() => aspace.changeHighPriorityLocked(delta)));
    expect(change(-1)).toBe("A-5");
    expect(change(1)).toBe("no panic");
    expect(world.system.counters.highPriorityAspaces).toBe(1);
    expect(change(-1)).toBe("no panic");
    expect(world.system.counters.highPriorityAspaces).toBe(0);
    expect(panicRule(() => aspace.changeHighPriorityLocked(1))).toBe("L-2");
    destroyAspace(aspace);
    expect(change(1)).toBe("A-5");
  });
});

describe("harvesting accessed bits", () => {
  test("A-6: an active aspace is harvested, an idle one twice while tables are to go, then left alone", () => {
    const world = new SmallAspace();
    const { counters } = world.system;
    const harvest = (): string[] => {
      harvestAllUserAccessedBits(world.system, FREE_UNACCESSED, UPDATE_AGE_AND_HARVEST);
      return world.tables.takeCalls();
    };
    world.tables.touch();
    const done = [`harvest ${BASE}+65536 free-unaccessed update-age-and-harvest`];
    expect([harvest(), harvest(), harvest(), harvest()]).toEqual([done, done, [], []]);
    expect([counters.harvestsPerformed, counters.harvestsSkipped]).toEqual([2, 2]);
    world.tables.touch();
    expect([harvest(), harvest(), harvest()]).toEqual([done, done, []]);
  });

  test("A-6: where tables stay, an idle aspace is left alone at once", () => {
    const world = new SmallAspace();
    const harvest = (): number => {
      harvestAllUserAccessedBits(world.system, RETAIN, UPDATE_AGE_AND_HARVEST);
      return world.tables.takeCalls().length;
    };
    world.tables.touch();
    expect([harvest(), harvest(), harvest()]).toEqual([1, 0, 0]);
  });

  test("A-6: a harvest that clears nothing leaves an aspace as active as it was", () => {
    const world = new SmallAspace();
    world.tables.touch();
    for (let pass = 0; pass < 3; pass++)
      harvestAllUserAccessedBits(world.system, RETAIN, UPDATE_AGE);
    expect(world.tables.takeCalls()).toHaveLength(3);
  });

  test("A-6, I-30: with high priority nothing is freed and nothing cleared", () => {
    const world = new SmallAspace();
    world.locked(() => world.root.setOwnPriorityLocked(MemoryPriority.HIGH));
    world.tables.touch();
    harvestAllUserAccessedBits(world.system, FREE_UNACCESSED, UPDATE_AGE_AND_HARVEST);
    expect(world.tables.takeCalls()).toEqual([`harvest ${BASE}+65536 retain update-age`]);
  });

  test("A-6: only users' aspaces that live are harvested", () => {
    for (const options of [KERNEL, GUEST]) {
      const world = new SmallAspace(options);
      world.tables.touch();
      harvestAllUserAccessedBits(world.system, RETAIN, UPDATE_AGE);
      expect(world.tables.takeCalls()).toEqual([]);
    }
    const world = new SmallAspace();
    destroyAspace(world.aspace);
    harvestAllUserAccessedBits(world.system, RETAIN, UPDATE_AGE);
    expect(world.tables.takeCalls()).toEqual([]);
  });
});

describe("faults of an aspace", () => {
  test("A-7, I-26: the mapping of the last fault is asked first", () => {
    const world = new SmallAspace();
    const { counters } = world.system;
    const mapping = world.map({ object: world.object(4), at: 0, count: 4 });
    const other = world.map({ object: world.object(4), at: 8, count: 4 });
    const fault = (at: number): unknown[] => {
      const status = world.fault(at, FaultKind.READ);
      return [status, counters.lastFaultHits, counters.lastFaultMisses, world.aspace.lastFault];
    };
    expect(fault(0)).toEqual([Status.OK, 0, 1, mapping]);
    expect(fault(3)).toEqual([Status.OK, 1, 1, mapping]);
    expect(fault(9)).toEqual([Status.OK, 1, 2, other]);
    expect(fault(5)).toEqual([Status.NOT_FOUND, 1, 3, null]);
    expect(fault(9)).toEqual([Status.OK, 1, 4, other]);
    world.validate();
  });

  test("A-7: what lies in a sub-region is found", () => {
    const world = new SmallAspace();
    const inner = world.region(4, 8, world.region(0, 16));
    world.map({ object: world.object(1), at: 6, count: 1, parent: inner });
    expect(world.write(6, 1)).toBe(Status.OK);
    expect(world.fault(7, FaultKind.READ)).toBe(Status.NOT_FOUND);
    world.validate();
  });

  test("A-7: a guest's fault knows no users", () => {
    const world = new SmallAspace(GUEST);
    world.map({ object: world.object(1), at: 0, count: 1, protection: 8 });
    expect(world.fault(0, FaultKind.READ)).toBe(Status.OK);
  });

  test("A-7: a destroyed aspace never faults", () => {
    const world = new SmallAspace();
    destroyAspace(world.aspace);
    expect(panicRule(() => world.fault(0, FaultKind.READ))).toBe("A-7");
    expect(world.aspace.lock.isHeld).toBe(false);
  });

  test("A-7, L-4: while a fault waits nobody holds a lock, and then all is looked up again", () => {
    const world = new SmallAspace();
    const object = world.pagerObject(4, false);
    world.map({ object, at: 0, count: 4 });
    const status = drive(pageFault(world.aspace, BASE + 1, FaultKind.WRITE), () => {
      world.small.system.locks.assertNoneHeld("the test");
      world.supply(object, 1, 1);
    });
    expect(status).toBe(Status.OK);
    expect(world.draw(0, 4)).toBe("-w--");
    world.validate();
  });

  test("A-7: who gives up waiting leaves no request behind", () => {
    const world = new SmallAspace();
    const object = world.pagerObject(4);
    world.map({ object, at: 0, count: 4 });
    const fault = pageFault(world.aspace, BASE, FaultKind.READ);
    fault.next();
    expect(world.pager.packetCount).toBe(1);
    fault.return(Status.CANCELED);
    expect(world.pager.packetCount).toBe(0);
  });

  test("A-8: a soft fault is a fault", () => {
    const world = new SmallAspace();
    world.map({ object: world.object(4), at: 0, count: 4 });
    expect(drive(softFault(world.aspace, BASE, FaultKind.WRITE), () => {})).toBe(Status.OK);
    expect(world.draw(0, 1)).toBe("w");
  });

  test("A-9: an access fault marks up to sixteen pages, within leaf table and aspace", () => {
    const world = new SmallAspace({ pageCount: 1000 });
    const mark = (vpn: number): unknown[] => {
      const status = pageFaultOnce(world.aspace, vpn, PageFaultFlag.ACCESS, new LazyPageRequest());
      return [status, ...world.tables.takeCalls()];
    };
    expect(mark(BASE + 3)).toEqual([Status.OK, `mark ${BASE + 3}+16`]);
    expect(mark(BASE + 505)).toEqual([Status.OK, `mark ${BASE + 505}+7`]);
    expect(mark(BASE + 995)).toEqual([Status.OK, `mark ${BASE + 995}+5`]);
    expect(mark(BASE - 1)).toEqual([Status.OUT_OF_RANGE]);
    expect(world.system.counters.lastFaultMisses).toBe(0);
  });

  test("A-7: an access fault on a page that is not there is our own mistake", () => {
    const world = new SmallAspace();
    const fault = PageFaultFlag.ACCESS | PageFaultFlag.NOT_PRESENT;
    expect(panicRule(() => world.fault(0, fault))).toBe("A-7");
  });

  test.each([
    ["off", [], []],
    ["on", ["Q-10"], [`mark ${BASE + 8}+16`]],
  ] as const)("A-9, Q-10 %s: an access fault past the aspace's end", (_, quirks, calls) => {
    const world = new SmallAspace({ quirks });
    const range = { base: BASE, pageCount: 8 };
    const arch = new FlatTables();
    const aspace = createAspace({ system: world.system, arch, name: "part", range });
    if (!isValue(aspace)) throw new Error("no aspace");
    const status = pageFaultOnce(aspace, BASE + 8, PageFaultFlag.ACCESS, new LazyPageRequest());
    expect(status).toBe(calls.length === 0 ? Status.OUT_OF_RANGE : Status.OK);
    expect(arch.takeCalls()).toEqual(calls);
  });
});

describe("the end of an aspace", () => {
  test("A-10, I-4, I-40: everything in it ends, the vDSO's code too, and the page tables are closed", () => {
    const world = new SmallAspace();
    const region = world.region(16, 8);
    const object = world.object(4);
    const mapping = world.map({ object, at: 0, count: 4 });
    world.map({ object, at: 16, count: 4, parent: region });
    world.write(0, 1);
    world.locked(() => mapping.setMemoryPriorityLocked(MemoryPriority.HIGH));
    world.aspace.vdsoCodeMapping = mapping;
    expect(destroyAspace(world.aspace)).toBe(Status.OK);
    expect([mapping.state, region.state]).toEqual([LifeCycle.DEAD, LifeCycle.DEAD]);
    expect([world.aspace.root, world.aspace.lastFault]).toEqual([null, null]);
    expect([world.aspace.highPriorityCount, object.mappings.size]).toEqual([0, 0]);
    expect(world.tables.updatesDisabled).toBe(true);
    expect(world.tables.entries.size).toBe(0);
    expect(destroyAspace(world.aspace)).toBe(Status.OK);
    world.validate();
    freeAspace(world.aspace);
    expect(world.tables.isDestroyed).toBe(true);
    expect(world.system.aspaces.size).toBe(0);
    world.validate();
  });

  test("A-10: a root that is DEAD already is no obstacle", () => {
    const world = new SmallAspace();
    expect(world.locked(() => destroyLocked(world.root))).toBe(Status.OK);
    expect(destroyAspace(world.aspace)).toBe(Status.OK);
  });

  test("A-10: nobody frees an aspace that was not destroyed, or that counts priorities", () => {
    const world = new SmallAspace();
    expect(panicRule(() => freeAspace(world.aspace))).toBe("A-10");
    destroyAspace(world.aspace);
    world.aspace.highPriorityCount = 1;
    expect(panicRule(() => freeAspace(world.aspace))).toBe("I-28");
  });

  test("A-10: what a kernel's page tables refuse keeps the aspace", () => {
    const world = new SmallAspace(KERNEL);
    world.map({ object: world.object(1), at: 0, count: 1, protection: 8 });
    world.tables.refusals.set("unmap", [Status.NO_MEMORY]);
    expect(destroyAspace(world.aspace)).toBe(Status.NO_MEMORY);
    expect([world.aspace.isDestroyed, world.root.isAlive]).toEqual([false, true]);
    expect(destroyAspace(world.aspace)).toBe(Status.OK);
  });
});

describe("looking into an aspace", () => {
  test("A-11: the root comes first, then everything in address order, with its depth", () => {
    const world = new SmallAspace();
    const region = world.region(4, 8);
    const inside = world.map({ object: world.object(1), at: 6, count: 1, parent: region });
    const before = world.map({ object: world.object(1), at: 0, count: 1 });
    const after = world.map({ object: world.object(1), at: 20, count: 1 });
    const seen: unknown[] = [];
    const status = enumerateChildren(world.aspace, (child, depth) => {
      seen.push([child, depth]);
      return true;
    });
    expect(status).toBe(Status.OK);
    expect(seen).toEqual([
      [world.root, 0],
      [before, 1],
      [region, 1],
      [inside, 2],
      [after, 1],
    ]);
  });

  test("A-11: CANCELED when the visitor stops, BAD_STATE once the aspace is gone", () => {
    const world = new SmallAspace();
    world.map({ object: world.object(1), at: 0, count: 1 });
    expect(enumerateChildren(world.aspace, () => false)).toBe(Status.CANCELED);
    expect(enumerateChildren(world.aspace, (_, depth) => depth === 0)).toBe(Status.CANCELED);
    destroyAspace(world.aspace);
    expect(enumerateChildren(world.aspace, () => true)).toBe(Status.BAD_STATE);
  });

  test("A-13: the deepest region that contains a page", () => {
    const world = new SmallAspace();
    const region = world.region(4, 8);
    const inside = world.map({ object: world.object(1), at: 6, count: 1, parent: region });
    const at = (page: number): unknown => findDeepestRegion(world.aspace, BASE + page);
    expect([at(6), at(5), at(0), at(-1), at(65536)]).toEqual([
      inside,
      region,
      world.root,
      null,
      null,
    ]);
    destroyAspace(world.aspace);
    expect(at(6)).toBeNull();
  });

  test("A-13: users' page tables can be emptied, others' cannot", () => {
    const world = new SmallAspace();
    world.map({ object: world.object(4), at: 0, count: 4 });
    world.write(1, 5);
    const guest = second(world, AspaceKind.GUEST);
    const gone = second(world);
    destroyAspace(gone);
    dropAllUserPageTables(world.system);
    expect(world.draw(0, 4)).toBe("----");
    expect(world.read(1)).toBe(5);
    expect((guest.arch as FlatTables).takeCalls()).toEqual([]);
    world.validate();
  });

  test("A-15: memory is private, or shared and scaled by who maps it", () => {
    const world = new SmallAspace();
    const other = second(world);
    const alone = world.object(4);
    const shared = world.object(8);
    world.commit(alone, 0, 2);
    world.commit(shared, 0, 6);
    world.map({ object: alone, at: 0, count: 4 });
    world.map({ object: shared, at: 8, count: 4, protection: R });
    const page = 4096;
    expect(memoryUsage(world.aspace)).toEqual({
      mappedBytes: 8 * page,
      privateBytes: 6 * page,
      sharedBytes: 0,
      scaledSharedBytes: 0,
    });
    const { aspace } = world;
    Object.defineProperty(world, "aspace", { value: other });
    world.map({ object: shared, at: 0, count: 6 });
    expect(memoryUsage(aspace)).toEqual({
      mappedBytes: 8 * page,
      privateBytes: 2 * page,
      sharedBytes: 4 * page,
      scaledSharedBytes: 2 * page,
    });
    expect(memoryUsage(other)).toMatchObject({
      sharedBytes: 6 * page,
      scaledSharedBytes: 3 * page,
    });
    destroyAspace(other);
    expect(memoryUsage(other)).toBe(Status.BAD_STATE);
  });
});
