import { Status } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { panicRule } from "../../test/bare-machine.ts";
import { BASE, SmallAspace } from "../../test/small-aspace.ts";
import { createPhysicalObject } from "../objects/vm-object-physical.ts";
import { attributedMemory, attributedMemoryLocked } from "./mapping-attribution.ts";
import { markMergeable } from "./mapping-merge.ts";
import { destroy, unmap } from "./mapping-unmap.ts";
import { Mergeable, type VmMapping } from "./vm-mapping.ts";

const pages = (mapping: VmMapping): number => attributedMemory(mapping).uncompressedBytes / 4096;

describe("memory that is charged through a mapping", () => {
  test("M-24, M-26: an unchanged mapping of an unchanged object answers from its cache", () => {
    const world = new SmallAspace();
    const object = world.object(8);
    const mapping = world.map({ object, at: 0, count: 4, offset: 2 });
    const { counters } = world.system;
    const counts = (): number[] => [
      counters.attributionQueries,
      counters.attributionCacheHits,
      counters.attributionCacheMisses,
    ];
    expect(pages(mapping)).toBe(0);
    expect(counts()).toEqual([1, 0, 1]);
    expect(pages(mapping)).toBe(0);
    expect(counts()).toEqual([2, 1, 1]);
    world.commit(object, 0, 4);
    expect(pages(mapping)).toBe(2);
    expect(counts()).toEqual([3, 1, 2]);
    unmap(mapping, BASE, 1);
    expect(pages(mapping)).toBe(1);
    expect(counts()).toEqual([4, 1, 3]);
    destroy(mapping);
    expect(pages(mapping)).toBe(0);
    expect(counts()).toEqual([4, 1, 3]);
  });

  test("M-24, M-26: device memory costs nothing, and is asked for every time", () => {
    const world = new SmallAspace();
    const device = { base: 0x9000_0000n, size: 0x2000n };
    const object = world.keep(createPhysicalObject(world.small.system, device));
    const mapping = world.map({ object, at: 0, count: 2 });
    expect([pages(mapping), pages(mapping)]).toEqual([0, 0]);
    expect(world.system.counters.attributionQueries).toBe(2);
    expect(world.system.counters.attributionCacheMisses).toBe(0);
  });

  test("M-24, I-11: a cached answer that is wrong is found", () => {
    const world = new SmallAspace();
    const object = world.object(8);
    const mapping = world.map({ object, at: 0, count: 4 });
    attributedMemory(mapping);
    world.validate();
    mapping.attributionCache.counts = { uncompressedBytes: 4096, compressedBytes: 0 };
    expect(panicRule(() => world.validate())).toBe("I-11");
    expect(panicRule(() => attributedMemoryLocked(mapping))).toBe("L-2");
  });

  test("T-4: generations of eight pages that are cut from both ends and in the middle", () => {
    const world = new SmallAspace();
    const object = world.object(8);
    const mapping = world.map({ object, at: 0, count: 8 });
    let { generation } = object.hierarchy;
    const moved = (): boolean => {
      const before = generation;
      ({ generation } = object.hierarchy);
      return generation > before;
    };
    for (let page = 0; page < 8; page++) {
      world.write(page, page);
      expect([moved(), mapping.generation, pages(mapping)]).toEqual([true, 1, page + 1]);
    }
    object.decommitRange(0x7000n, 0x1000n);
    expect([moved(), mapping.generation, pages(mapping)]).toEqual([true, 1, 7]);
    world.write(7, 7);
    expect(unmap(mapping, BASE + 7, 1)).toBe(Status.OK);
    expect([mapping.generation, pages(mapping)]).toEqual([2, 7]);
    expect(unmap(mapping, BASE + 4, 1)).toBe(Status.OK);
    expect([mapping.generation, pages(mapping)]).toEqual([3, 4]);
    expect(unmap(mapping, BASE, 1)).toBe(Status.OK);
    expect([mapping.generation, pages(mapping)]).toEqual([4, 3]);
    expect(destroy(mapping)).toBe(Status.OK);
    expect([mapping.generation, pages(mapping)]).toEqual([5, 0]);
    world.validate();
  });

  test("T-4: a merge moves the survivor's generation by one", () => {
    const world = new SmallAspace();
    const object = world.object(3);
    const mergeable = Mergeable.YES;
    const three = [0, 1, 2].map((n) =>
      world.map({
        object,
        at: n,
        count: 1,
        offset: n,
        mergeable: n === 1 ? Mergeable.NO : mergeable,
      }),
    );
    for (let page = 0; page < 3; page++) world.write(page, page);
    expect(three.map(pages)).toEqual([1, 1, 1]);
    // 0 ◀ (1 ◀ 2)
    markMergeable(three[1]!);
    expect(three.map((mapping) => mapping.isAlive)).toEqual([true, false, false]);
    expect(three[0]!.generation).toBe(2);
    expect(three.map(pages)).toEqual([3, 0, 0]);
    world.validate();
  });
});
