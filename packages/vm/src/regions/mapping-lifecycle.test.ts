import { KernelPanic, MmuFlags, Status } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { panicRule } from "../../test/bare-machine.ts";
import { BASE, KERNEL, R, RW, SmallAspace } from "../../test/small-aspace.ts";
import { NOTHING_ATTRIBUTED } from "../objects/attribution-counts.ts";
import { createPhysicalObject } from "../objects/vm-object-physical.ts";
import { locked } from "../objects/under-lock.ts";
import { CachePolicy } from "../objects/vm-object.ts";
import { attributedMemory } from "./mapping-attribution.ts";
import { markMergeable } from "./mapping-merge.ts";
import { commitHighMemoryPriority } from "./mapping-priority.ts";
import { protect } from "./mapping-protect.ts";
import { MapRangeCommit, decommitRange, mapRange } from "./mapping-range.ts";
import { destroy, unmap } from "./mapping-unmap.ts";
import { validateDeadMapping } from "./mapping-validate.ts";
import { Mergeable, VmMapping } from "./vm-mapping.ts";
import { LifeCycle, MemoryPriority } from "./vm-region.ts";
import { VmarFlags } from "./vmar-flags.ts";

const SKIPPING = { commit: MapRangeCommit.NO, existing: "skip" } as const;

function notReady(world: SmallAspace): VmMapping {
  return new VmMapping({
    aspace: world.aspace,
    parent: world.root,
    base: BASE,
    pageCount: 4,
    flags: VmarFlags.CAN_RWX,
    object: world.object(4),
    objectOffset: 0,
    protection: RW,
    mergeable: Mergeable.NO,
  });
}

describe("the life of a mapping", () => {
  test("M-1, M-2: a new mapping is NOT_READY, in no list, and without effect", () => {
    const world = new SmallAspace();
    const mapping = notReady(world);
    expect(mapping.state).toBe(LifeCycle.NOT_READY);
    expect(mapping.memoryPriority).toBe(MemoryPriority.DEFAULT);
    expect(mapping.mergeable).toBe(Mergeable.NO);
    expect(mapping.generation).toBe(1);
    expect(mapping.attributionCache).toMatchObject({ mapping: 0, object: 0 });
    expect(world.root.regions.count).toBe(0);
    expect(mapping.liveObject.mappings.size).toBe(0);
    expect(mapping.liveObject.holderCount).toBe(1);
    expect(world.tables.calls).toEqual([]);
    world.validate();
  });

  test("M-2, M-4, M-22: nothing but activation can be done to a NOT_READY mapping", () => {
    const world = new SmallAspace();
    const mapping = notReady(world);
    expect(protect(mapping, BASE, 4, R)).toBe(Status.BAD_STATE);
    expect(unmap(mapping, BASE, 4)).toBe(Status.BAD_STATE);
    const raise = (): void => mapping.setMemoryPriorityLocked(MemoryPriority.HIGH);
    expect(panicRule(() => world.locked(raise))).toBe("M-22");
  });

  test("M-4: activation lists a mapping with its object and its region, both locks held, once", () => {
    const world = new SmallAspace();
    const mapping = notReady(world);
    const { liveObject: object } = mapping;
    const activate = (): void => locked(object.hierarchy, () => mapping.activateLocked());
    expect(panicRule(() => mapping.activateLocked())).toBe("L-2");
    expect(panicRule(activate)).toBe("L-2");
    expect(object.mappings.size).toBe(0);
    world.locked(activate);
    expect(mapping.isAlive).toBe(true);
    expect([...object.mappings]).toEqual([mapping]);
    expect(object.holderCount).toBe(2);
    expect(world.root.regions.first()).toBe(mapping);
    expect(panicRule(() => world.locked(activate))).toBe("M-4");
    world.validate();
  });

  test("M-4: without a region, or over a sibling, there is no activation", () => {
    const world = new SmallAspace();
    const mapping = notReady(world);
    mapping.parent = null;
    const activate = (): void => mapping.activateLocked();
    const { hierarchy } = mapping.liveObject;
    expect(panicRule(() => world.locked(() => locked(hierarchy, activate)))).toBe("M-4");
    world.map({ object: world.object(1), at: 3, count: 1 });
    expect(panicRule(() => world.map({ object: world.object(4), at: 0, count: 4 }))).toBe("I-3");
  });

  test("M-4, I-13: activation gives the ranges the object's cache policy, whatever they said", () => {
    const world = new SmallAspace();
    const device = { base: 0x9000_0000n, size: 0x2000n };
    const object = world.keep(createPhysicalObject(world.small.system, device));
    const mapping = world.map({
      object,
      at: 0,
      count: 2,
      protection: RW | MmuFlags.WRITE_COMBINING,
    });
    expect(mapping.ranges.firstFlags & MmuFlags.CACHE_MASK).toBe(CachePolicy.UNCACHED);
    world.validate();
  });

  test("M-4, R-7: a mapping with several ranges already has its object's policy", () => {
    const world = new SmallAspace();
    const device = { base: 0x9000_0000n, size: 0x4000n };
    const object = world.keep(createPhysicalObject(world.small.system, device));
    const mapping = notReady(world);
    mapping.object = object;
    mapping.ranges.update(mapping, BASE, 1, R, world.system, () => {});
    const activate = (): void => mapping.activateLocked();
    expect(panicRule(() => world.locked(() => locked(object.hierarchy, activate)))).toBe("R-7");
  });

  test("M-1: a mapping may reach past the end of its object", () => {
    const world = new SmallAspace();
    const mapping = world.map({ object: world.object(2), at: 0, count: 8 });
    expect(world.write(1, 7)).toBe(Status.OK);
    expect(mapping.pageCount).toBe(8);
    world.validate();
  });

  test("M-17, I-4: destroying takes out entries, both lists, the priority and the object", () => {
    const world = new SmallAspace();
    const object = world.object(4);
    const mapping = world.map({ object, at: 0, count: 4 });
    const neighbour = world.map({ object, at: 4, count: 4 });
    world.write(1, 7);
    world.write(5, 8);
    protect(mapping, BASE + 2, 1, R);
    world.locked(() => mapping.setMemoryPriorityLocked(MemoryPriority.HIGH));
    world.aspace.lastFault = mapping;
    attributedMemory(mapping);
    expect(destroy(mapping)).toBe(Status.OK);
    validateDeadMapping(mapping);
    expect(world.draw(0, 8)).toBe("-----w--");
    expect(world.aspace.lastFault).toBeNull();
    expect(world.aspace.highPriorityCount).toBe(0);
    expect([...object.mappings]).toEqual([neighbour]);
    expect(object.holderCount).toBe(2);
    expect(mapping.base).toBe(BASE);
    expect(mapping.generation).toBe(2);
    expect(mapping.attributionCache).toEqual({ mapping: 0, object: 0, counts: NOTHING_ATTRIBUTED });
    world.validate();
  });

  test("M-3: whatever is asked of a DEAD mapping, it answers BAD_STATE or nothing", () => {
    const world = new SmallAspace();
    const mapping = world.map({ object: world.object(4), at: 0, count: 4 });
    expect(destroy(mapping)).toBe(Status.OK);
    expect(destroy(mapping)).toBe(Status.BAD_STATE);
    expect(protect(mapping, BASE, 4, R)).toBe(Status.BAD_STATE);
    expect(unmap(mapping, BASE, 4)).toBe(Status.BAD_STATE);
    expect(mapRange(mapping, 0, 4, SKIPPING)).toBe(Status.BAD_STATE);
    expect(mapRange(mapping, 0, 0, SKIPPING)).toBe(Status.INVALID_ARGS);
    expect(decommitRange(mapping, 0n, 1n << 70n)).toBe(Status.BAD_STATE);
    expect(attributedMemory(mapping)).toEqual(NOTHING_ATTRIBUTED);
    markMergeable(mapping);
    expect(mapping.mergeable).toBe(Mergeable.NO);
    expect(commitHighMemoryPriority(mapping).next()).toMatchObject({ done: true });
    expect(() => mapping.liveObject).toThrow(KernelPanic);
    expect(world.locked(() => panicRule(() => mapping.activateLocked()))).toBe("M-4");
    world.validate();
  });

  test("M-17: the last mapping of an object that nobody else holds ends the object", () => {
    const world = new SmallAspace();
    const object = world.object(4);
    const mapping = world.map({ object, at: 0, count: 4 });
    world.write(0, 1);
    object.release();
    expect(object.isAlive).toBe(true);
    destroy(mapping);
    expect(object.isAlive).toBe(false);
    expect(world.small.system.pmm.liveCount).toBe(0);
    world.validate();
  });

  test("M-17: the vDSO's code is refused, and stays as it is", () => {
    const world = new SmallAspace();
    const object = world.object(2);
    const mapping = world.map({ object, at: 0, count: 2 });
    world.write(0, 1);
    world.aspace.vdsoCodeMapping = mapping;
    expect(destroy(mapping)).toBe(Status.ACCESS_DENIED);
    expect(unmap(mapping, BASE, 2)).toBe(Status.ACCESS_DENIED);
    expect(mapping.isAlive).toBe(true);
    expect(world.draw(0, 2)).toBe("w-");
  });

  test.each([
    ["off", [], MemoryPriority.HIGH],
    ["on", ["Q-8"], MemoryPriority.DEFAULT],
  ] as const)("M-17, Q-8 %s: a refused destroy of a kernel mapping", (_, quirks, left) => {
    const world = new SmallAspace({ ...KERNEL, quirks });
    const mapping = world.map({ object: world.object(2), at: 0, count: 2 });
    world.locked(() => mapping.setMemoryPriorityLocked(MemoryPriority.HIGH));
    world.aspace.lastFault = mapping;
    world.tables.refusals.set("unmap", [Status.NO_MEMORY]);
    expect(destroy(mapping)).toBe(Status.NO_MEMORY);
    expect(mapping.isAlive).toBe(true);
    expect(mapping.memoryPriority).toBe(left);
    expect(world.aspace.lastFault === mapping).toBe(quirks.length === 0);
    expect(destroy(mapping)).toBe(Status.OK);
    world.validate();
  });
});
