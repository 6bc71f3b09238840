import { Status } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { answer } from "../../test/pager-answers.ts";
import { BASE, SmallAspace, drive } from "../../test/small-aspace.ts";
import { run } from "../../test/small-system.ts";
import { locked } from "../objects/under-lock.ts";
import { commitHighMemoryPriority } from "./mapping-priority.ts";
import { destroy, unmap } from "./mapping-unmap.ts";
import { setMemoryPriority } from "./region-priority.ts";
import type { VmMapping } from "./vm-mapping.ts";
import { MemoryPriority } from "./vm-region.ts";

const { HIGH, DEFAULT } = MemoryPriority;

function set(world: SmallAspace, mapping: VmMapping, priority: MemoryPriority): void {
  world.locked(() => mapping.setMemoryPriorityLocked(priority));
}

describe("memory priority of a mapping", () => {
  test("M-22, A-5, I-28, I-29: each change moves both counts by one, no change none", () => {
    const world = new SmallAspace();
    const object = world.object(4);
    const mappings = [0, 4].map((at) => world.map({ object, at, count: 4 }));
    const counts = (): number[] => [
      world.aspace.highPriorityCount,
      object.highPriorityCount,
      world.system.counters.highPriorityAspaces,
    ];
    for (const mapping of mappings) set(world, mapping, HIGH);
    expect(counts()).toEqual([2, 2, 1]);
    set(world, mappings[0]!, HIGH);
    expect(counts()).toEqual([2, 2, 1]);
    world.validate();
    set(world, mappings[0]!, DEFAULT);
    set(world, mappings[1]!, DEFAULT);
    expect(counts()).toEqual([0, 0, 0]);
    world.validate();
  });

  test("M-23: a pager's memory is brought in and mapped", () => {
    const world = new SmallAspace();
    const object = world.pagerObject(8);
    const mapping = world.map({ object, at: 0, count: 4, offset: 2 });
    set(world, mapping, HIGH);
    drive(commitHighMemoryPriority(mapping), locking(object.hierarchy, answer(object.node)));
    expect(world.draw(0, 5)).toBe("rrrr-");
    expect(world.read(0)).toBe(3);
    world.validate();
  });

  test("M-23: nothing happens to a mapping that is not HIGH", () => {
    const world = new SmallAspace();
    const object = world.pagerObject(8);
    const mapping = world.map({ object, at: 0, count: 4 });
    run(commitHighMemoryPriority(mapping));
    expect(world.pager.packetCount).toBe(0);
  });

  test("M-23: a mapping that dies meanwhile, and with it its object, stops it", () => {
    const world = new SmallAspace();
    const object = world.pagerObject(8);
    const mapping = world.map({ object, at: 0, count: 4 });
    set(world, mapping, HIGH);
    const operation = commitHighMemoryPriority(mapping);
    expect(operation.next().done).toBe(false);
    expect(destroy(mapping)).toBe(Status.OK);
    object.release();
    expect(object.isAlive).toBe(true);
    world.pager.close();
    expect(operation.next(Status.BAD_STATE).done).toBe(true);
    expect(object.isAlive).toBe(false);
    world.validate();
  });

  test("M-23: who stops waiting leaves nothing behind", () => {
    const world = new SmallAspace();
    const object = world.pagerObject(8);
    const mapping = world.map({ object, at: 0, count: 4 });
    set(world, mapping, HIGH);
    const operation = commitHighMemoryPriority(mapping);
    operation.next();
    expect(world.pager.packetCount).toBe(1);
    operation.return(undefined);
    expect(world.pager.packetCount).toBe(0);
    expect(object.holderCount).toBe(2);
    world.validate();
  });

  test.each([
    ["off", [], "ww--"],
    ["on", ["Q-4"], "----"],
  ] as const)("M-23, Q-4 %s: an object that is not shown from its start", (_, quirks, drawn) => {
    const world = new SmallAspace({ quirks });
    const object = world.object(8);
    world.commit(object, 4, 2);
    const mapping = world.map({ object, at: 0, count: 4, offset: 4 });
    set(world, mapping, HIGH);
    run(commitHighMemoryPriority(mapping));
    expect(world.draw(0, 4)).toBe(drawn);
    world.validate();
  });

  test("T-5: a part keeps the object HIGH as long as any part is left", () => {
    const world = new SmallAspace();
    const object = world.object(8);
    const region = world.region(0, 16);
    expect(run(setMemoryPriority(region, HIGH))).toBe(Status.OK);
    const mapping = world.map({ object, at: 0, count: 8, parent: region });
    expect(mapping.memoryPriority).toBe(HIGH);
    unmap(mapping, BASE, 1);
    unmap(mapping, BASE + 7, 1);
    unmap(mapping, BASE + 3, 2);
    const right = region.regions.last() as VmMapping;
    expect(object.highPriorityCount).toBe(2);
    destroy(mapping);
    expect(object.isHighPriority).toBe(true);
    destroy(right);
    expect(object.isHighPriority).toBe(false);
    expect(world.aspace.highPriorityCount).toBe(1);
    world.validate();
  });
});

/** A pager answers with the object's lock held, as its operations would. */
function locking<T>(
  hierarchy: Parameters<typeof locked>[0],
  others: (request: T) => void,
): (request: T) => void {
  return (request) => locked(hierarchy, () => others(request));
}
