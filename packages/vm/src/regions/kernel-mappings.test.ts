import { MmuFlags, Status } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { panicRule } from "../../test/bare-machine.ts";
import { BASE, KERNEL, SmallAspace } from "../../test/small-aspace.ts";
import { isValue, type Result } from "../objects/blocking.ts";
import { destroyAspace } from "./aspace-destroy.ts";
import {
  allocateContiguousKernelMemory,
  allocateKernelMemory,
  freeKernelRegion,
  mapObjectInternal,
  type KernelMappingOptions,
  type KernelMemoryOptions,
} from "./kernel-mappings.ts";
import { MapRangeCommit } from "./mapping-range.ts";
import type { VmMapping } from "./vm-mapping.ts";
import { VmarFlags } from "./vmar-flags.ts";

const memory: KernelMemoryOptions = {
  pageCount: 4,
  at: null,
  alignShift: 0,
  commit: MapRangeCommit.YES,
  mmuFlags: MmuFlags.READ | MmuFlags.WRITE,
};

function mapping(result: Result<VmMapping>): VmMapping {
  if (!isValue(result)) throw new Error(`no mapping: status ${result}`);
  return result;
}

function optionsFor(world: SmallAspace): KernelMappingOptions {
  return { ...memory, object: world.object(8), objectOffset: 2 };
}

describe("mappings that the kernel makes for itself", () => {
  test("A-12: memory is committed, pinned and mapped, and all of that undone", () => {
    const world = new SmallAspace(KERNEL);
    const options = optionsFor(world);
    const { object } = options;
    const made = mapping(mapObjectInternal(world.aspace, options));
    expect(world.draw(0, 5)).toBe("wwww-");
    expect(object.isRangePinned(2, 4)).toBe(true);
    expect(made.flags & VmarFlags.CAN_RWX).toBe(VmarFlags.CAN_RWX);
    expect(freeKernelRegion(world.aspace, BASE + 3)).toBe(Status.OK);
    expect(world.draw(0, 4)).toBe("----");
    expect([object.isRangePinned(2, 4), object.mappings.size]).toEqual([false, 0]);
    expect(object.holderCount).toBe(1);
    world.validate();
  });

  test("A-12: without COMMIT nothing is in the page tables yet, but pinned", () => {
    const world = new SmallAspace(KERNEL);
    const options = { ...optionsFor(world), commit: MapRangeCommit.NO };
    mapping(mapObjectInternal(world.aspace, options));
    expect(world.draw(0, 4)).toBe("----");
    expect(options.object.isRangePinned(2, 4)).toBe(true);
    world.validate();
  });

  test("A-12: a place may be asked for", () => {
    const world = new SmallAspace(KERNEL);
    const options = optionsFor(world);
    const at = BASE + 16;
    expect(mapping(mapObjectInternal(world.aspace, { ...options, at })).base).toBe(at);
    expect(mapObjectInternal(world.aspace, { ...options, at })).toBe(Status.ALREADY_EXISTS);
    expect(mapObjectInternal(world.aspace, { ...options, at: BASE - 1 })).toBe(Status.INVALID_ARGS);
    const aligned = { ...options, alignShift: 5 };
    expect(mapping(mapObjectInternal(world.aspace, aligned)).base % 32).toBe(0);
    world.validate();
  });

  test("A-12, I-36: a failure leaves nothing mapped and nothing pinned", () => {
    for (let attempt = 1; ; attempt++) {
      const world = new SmallAspace(KERNEL);
      const options = optionsFor(world);
      const { failures } = world.small.system.pmm;
      failures.failAt(attempt);
      const result = mapObjectInternal(world.aspace, options);
      const isStarved = !failures.isPending();
      failures.failNever();
      world.validate();
      if (!isStarved) break;
      expect(result).toBe(Status.NO_MEMORY);
      expect(options.object.isRangePinned(2, 1)).toBe(false);
      expect(world.root.regions.count).toBe(0);
    }
    const world = new SmallAspace(KERNEL);
    const options = optionsFor(world);
    world.tables.refusals.set("map", [Status.NO_MEMORY]);
    expect(mapObjectInternal(world.aspace, options)).toBe(Status.NO_MEMORY);
    expect([world.root.regions.count, options.object.isRangePinned(2, 4)]).toEqual([0, false]);
    world.validate();
  });

  test("A-12: INVALID_ARGS for no pages; never in a user's aspace; BAD_STATE when it is gone", () => {
    const world = new SmallAspace(KERNEL);
    const options = optionsFor(world);
    expect(mapObjectInternal(world.aspace, { ...options, pageCount: 0 })).toBe(Status.INVALID_ARGS);
    destroyAspace(world.aspace);
    expect(mapObjectInternal(world.aspace, options)).toBe(Status.BAD_STATE);
    expect(freeKernelRegion(world.aspace, BASE)).toBe(Status.NOT_FOUND);
    const user = new SmallAspace();
    expect(panicRule(() => mapObjectInternal(user.aspace, optionsFor(user)))).toBe("A-12");
  });

  test("A-12: new memory belongs to its mapping, side by side if need be", () => {
    const world = new SmallAspace(KERNEL);
    const plain = mapping(allocateKernelMemory(world.aspace, memory));
    const contiguous = mapping(allocateContiguousKernelMemory(world.aspace, memory));
    const frames = [4, 5, 6, 7].map((page) => world.frameAt(page)! - world.frameAt(4)!);
    expect(frames).toEqual([0, 1, 2, 3]);
    expect(
      allocateContiguousKernelMemory(world.aspace, { ...memory, commit: MapRangeCommit.NO }),
    ).toBe(Status.INVALID_ARGS);
    expect([plain, contiguous].map(({ liveObject }) => liveObject.holderCount)).toEqual([1, 1]);
    expect(freeKernelRegion(world.aspace, plain.base)).toBe(Status.OK);
    expect(freeKernelRegion(world.aspace, contiguous.base)).toBe(Status.OK);
    expect(world.small.system.pmm.liveCount).toBe(0);
    world.validate();
  });

  test("A-12: what is no mapping cannot be freed", () => {
    const world = new SmallAspace(KERNEL);
    world.region(0, 4);
    expect(freeKernelRegion(world.aspace, BASE + 1)).toBe(Status.BAD_STATE);
    expect(freeKernelRegion(world.aspace, BASE + 9)).toBe(Status.NOT_FOUND);
  });
});
