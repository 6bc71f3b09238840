import { Status } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { put } from "../../test/public-object.ts";
import { RegionWorld, RW, RX, entriesFrom } from "../../test/region-world.ts";
import { run } from "../../test/small-system.ts";
import { destroyAspace, freeAspace } from "./aspace-destroy.ts";
import { destroy, unmap } from "./mapping-unmap.ts";
import { destroyRegion } from "./region-destroy.ts";
import { OpChildren, unmapAllowPartial, unmapRegion } from "./region-unmap.ts";
import { setMemoryPriority } from "./region-priority.ts";
import { operateOnRange, RegionOperation } from "./region-operation.ts";
import { MemoryPriority } from "./vm-region.ts";

const { NO, YES } = OpChildren;

/** `10-14 20-30(22-24) 40-44`, with a page of each mapping in memory and mapped. */
class Scene extends RegionWorld {
  readonly sub;

  constructor(quirks: readonly string[] = []) {
    super({ quirks });
    this.map(10, 4, { object: this.filled(4) });
    this.sub = this.vmar(20, 10);
    this.map(2, 2, { parent: this.sub, object: this.filled(2) });
    this.map(40, 4, { object: this.filled(4) });
    for (const [vpn, count] of [
      [10, 4],
      [22, 2],
      [40, 4],
    ] as const) {
      const status = run(operateOnRange(this.root, RegionOperation.MAP_RANGE, vpn, count, YES));
      if (status !== Status.OK) throw new Error(`status ${status}`);
    }
  }

  filled(pages: number): ReturnType<RegionWorld["object"]> {
    const object = this.object(pages);
    for (let page = 0; page < pages; page++) put(object, page, 1);
    return object;
  }

  /** Makes the last mapping the vDSO's code. */
  makeVdso(): void {
    const code = this.root.regions.last()!;
    if (code.kind === "vmar") throw new Error("the last child is a mapping");
    this.aspace.vdsoCodeMapping = code;
    this.system.vdsoImages.set(code.liveObject, { codeStartPage: 0, pageCount: code.pageCount });
  }
}

describe("unmapping a region", () => {
  test.each([
    ["nothing at all", 0, 5, NO, "10-14 20-30(22-24) 40-44"],
    ["a hole", 14, 6, NO, "10-14 20-30(22-24) 40-44"],
    ["a whole mapping", 10, 4, NO, "20-30(22-24) 40-44"],
    ["more than a mapping", 8, 10, NO, "20-30(22-24) 40-44"],
    ["the left end of a mapping", 8, 3, NO, "11-14 20-30(22-24) 40-44"],
    ["the right end of a mapping", 13, 5, NO, "10-13 20-30(22-24) 40-44"],
    ["the middle of a mapping", 11, 2, NO, "10-11 13-14 20-30(22-24) 40-44"],
    ["a sub-region and parts around it", 12, 30, YES, "10-12 42-44"],
    ["everything", 0, 1000, YES, ""],
  ])("V-10: %s", (_, vpn, count, children, layout) => {
    const world = new Scene();
    const before = [...world.arch.entries.keys()];
    expect(unmapRegion(world.root, vpn, count, children)).toBe(Status.OK);
    expect(world.layout()).toBe(layout);
    const kept = before.filter((page) => page < vpn || page >= vpn + count);
    expect([...world.arch.entries.keys()]).toEqual(kept);
    expect(unmapRegion(world.root, vpn, count, children)).toBe(Status.OK);
    expect(world.layout()).toBe(layout);
  });

  test.each([
    ["nothing is asked for", 10, 0, YES, Status.INVALID_ARGS],
    ["it ends outside", 990, 11, YES, Status.INVALID_ARGS],
    ["it begins outside", 1000, 1, YES, Status.INVALID_ARGS],
    ["a sub-region is met without the right to", 12, 30, NO, Status.INVALID_ARGS],
    ["a sub-region is met in part, from the left", 12, 10, YES, Status.INVALID_ARGS],
    ["a sub-region is met in part, from the right", 29, 13, YES, Status.INVALID_ARGS],
  ])("V-10 I-36: refused when %s, and nothing changes", (_, vpn, count, children, status) => {
    const world = new Scene();
    expect(unmapRegion(world.root, vpn, count, children)).toBe(status);
    expect(world.layout()).toBe("10-14 20-30(22-24) 40-44");
    expect(world.arch.entries.size).toBe(10);
  });

  test("V-10 I-36: no memory for the middle of a mapping changes nothing", () => {
    const world = new Scene();
    world.memory.pmm.failures.failAt(1);
    expect(unmapRegion(world.root, 11, 2, NO)).toBe(Status.NO_MEMORY);
    expect(world.layout()).toBe("10-14 20-30(22-24) 40-44");
    expect(entriesFrom(world, 10, 4)).toHaveLength(4);
  });

  test("V-10: an ended region is BAD_STATE, but a range of nothing is refused first", () => {
    const world = new Scene();
    destroyRegion(world.sub);
    expect(unmapRegion(world.sub, 22, 2, YES)).toBe(Status.BAD_STATE);
    expect(unmapRegion(world.sub, 22, 0, YES)).toBe(Status.INVALID_ARGS);
    expect(unmapAllowPartial(world.sub, 22, 2)).toBe(Status.BAD_STATE);
  });

  test("V-10 A-4: what meets the vDSO's code is refused, whatever else is in range", () => {
    const world = new Scene();
    world.makeVdso();
    for (const [vpn, count] of [
      [40, 1],
      [43, 1],
      [0, 1000],
    ] as const) {
      expect(unmapRegion(world.root, vpn, count, YES)).toBe(Status.ACCESS_DENIED);
      expect(unmapAllowPartial(world.root, vpn, count)).toBe(Status.ACCESS_DENIED);
    }
    expect(world.layout()).toBe("10-14 20-30(22-24) 40-44");
    expect(unmapRegion(world.root, 0, 40, YES)).toBe(Status.OK);
    expect(world.layout()).toBe("40-44");
  });

  test("V-10: with parts allowed, sub-regions are entered and stay", () => {
    const world = new Scene();
    expect(unmapAllowPartial(world.root, 12, 11)).toBe(Status.OK);
    expect(world.layout()).toBe("10-12 20-30(23-24) 40-44");
    expect(unmapAllowPartial(world.root, 0, 1000)).toBe(Status.OK);
    expect(world.layout()).toBe("20-30()");
    expect(unmapAllowPartial(world.root, 0, 0)).toBe(Status.INVALID_ARGS);
    expect(unmapAllowPartial(world.root, 0, 1001)).toBe(Status.INVALID_ARGS);
  });
});

describe("destroying a region", () => {
  test("V-12 I-4: everything in it ends, and it leaves its parent", () => {
    const world = new Scene();
    const inner = world.vmar(5, 3, { parent: world.sub });
    const mapping = world.map(1, 1, { parent: inner });
    expect(destroyRegion(world.sub)).toBe(Status.OK);
    expect(world.layout()).toBe("10-14 40-44");
    expect(entriesFrom(world, 20, 10)).toEqual([]);
    for (const region of [world.sub, inner]) {
      expect([region.state, region.parent, region.regions.count]).toEqual([2, null, 0]);
    }
    expect([mapping.state, mapping.object, mapping.pageCount]).toEqual([2, null, 0]);
    expect(destroyRegion(world.sub)).toBe(Status.BAD_STATE);
  });

  test("V-12 I-28: high priority goes with it", () => {
    const world = new Scene();
    run(setMemoryPriority(world.sub, MemoryPriority.HIGH));
    expect(world.aspace.highPriorityCount).toBe(2);
    expect(destroyRegion(world.sub)).toBe(Status.OK);
    expect(world.aspace.highPriorityCount).toBe(0);
    expect(world.system.counters.highPriorityAspaces).toBe(0);
  });

  test("V-12: a thousand regions in one another end without a stack to match", () => {
    const world = new Scene();
    const outermost = world.vmar(100, 10);
    let parent = outermost;
    for (let depth = 0; depth < 20_000; depth++) parent = world.vmar(0, 10, { parent });
    expect(destroyRegion(outermost)).toBe(Status.OK);
    expect(world.layout()).toBe("10-14 20-30(22-24) 40-44");
  });

  test("V-12 Q-9: the vDSO's code refuses it before anything ends; the quirk ends what lies before", () => {
    for (const [quirks, layout] of [
      [[], "10-14 20-30(22-24) 40-44"],
      [["Q-9"], "40-44"],
    ] as const) {
      const world = new Scene(quirks);
      world.makeVdso();
      run(setMemoryPriority(world.root, MemoryPriority.HIGH));
      expect(destroyRegion(world.root)).toBe(Status.ACCESS_DENIED);
      expect(world.layout()).toBe(layout);
      expect(world.root.isAlive).toBe(true);
      expect(world.root.memoryPriority === MemoryPriority.HIGH).toBe(quirks.length === 0);
    }
  });

  test("V-12 A-10: only the end of the aspace takes the vDSO's code along", () => {
    const world = new Scene();
    world.makeVdso();
    expect(destroyAspace(world.aspace)).toBe(Status.OK);
    expect(world.arch.entries.size).toBe(0);
    expect(world.arch.updatesDisabled).toBe(true);
    expect(destroyAspace(world.aspace)).toBe(Status.OK);
    freeAspace(world.aspace);
    expect(world.arch.isDestroyed).toBe(true);
  });

  test("I-40: when everything has ended, objects without other holders have ended too", () => {
    const world = new RegionWorld();
    const object = world.object(4);
    const mapping = world.map(3, 4, { object, mmuFlags: RX });
    world.map(100, 4, { object, mmuFlags: RW });
    unmap(mapping, 4, 1);
    object.release();
    expect(object.isAlive).toBe(true);
    destroy(mapping);
    expect(object.isAlive).toBe(true);
    destroyAspace(world.aspace);
    expect(object.isAlive).toBe(false);
  });
});
