import { Status } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { panicRule } from "../../test/bare-machine.ts";
import { BASE, R, RW, SmallAspace } from "../../test/small-aspace.ts";
import type { VmObject } from "../objects/vm-object.ts";
import { markMergeable, tryMergeRight } from "./mapping-merge.ts";
import { protect } from "./mapping-protect.ts";
import { destroy, unmap } from "./mapping-unmap.ts";
import { validateDeadMapping } from "./mapping-validate.ts";
import { Mergeable, type VmMapping } from "./vm-mapping.ts";
import { MemoryPriority } from "./vm-region.ts";
import { VmarFlags } from "./vmar-flags.ts";

/** What lies in the root, as `base+count`, from BASE. */
function layout(world: SmallAspace): string {
  const found: string[] = [];
  const { regions } = world.root;
  for (let child = regions.first(); child !== null; child = regions.next(child)) {
    found.push(`${child.base - BASE}+${child.pageCount}`);
  }
  return found.join(" ");
}

/** Two mappings side by side, of `left` and `right` pages of one object, both open to merging but not merged. */
function pair(world: SmallAspace, object: VmObject, changed: Partial<Pair> = {}): Pair {
  const options = { left: {}, right: {}, ...changed };
  const left = world.map({ object, at: 0, count: 2, mergeable: Mergeable.YES, ...options.left });
  const right = world.map({
    object,
    at: 2,
    count: 3,
    offset: 2,
    mergeable: Mergeable.YES,
    ...options.right,
  });
  return { left, right };
}

interface Pair {
  readonly left: VmMapping;
  readonly right: VmMapping;
}

describe("merging", () => {
  test("M-20, I-21: the left one survives, grows, and keeps its entries and the right one's", () => {
    const world = new SmallAspace();
    const object = world.object(8);
    const { left, right } = pair(world, object);
    for (let page = 0; page < 5; page++) world.write(page, page);
    protect(left, BASE + 1, 1, R);
    protect(right, BASE + 3, 1, R);
    world.aspace.lastFault = right;
    world.tables.takeCalls();
    markMergeable(right);
    expect(layout(world)).toBe("0+5");
    expect(left.isAlive).toBe(true);
    validateDeadMapping(right);
    expect(world.ranges(left)).toBe("wrwrw");
    expect(world.draw(0, 5)).toBe("wrwrw");
    expect(world.tables.takeCalls()).toEqual([]);
    expect(world.aspace.lastFault).toBeNull();
    expect([left.base, left.objectOffset, left.generation]).toEqual([BASE, 0, 2]);
    expect([...object.mappings]).toEqual([left]);
    expect(object.holderCount).toBe(2);
    expect(world.system.counters.mergedNeighbors).toBe(1);
    expect(destroy(right)).toBe(Status.BAD_STATE);
    expect(unmap(right, BASE + 2, 1)).toBe(Status.BAD_STATE);
    world.validate();
  });

  test("M-20: high priority stays with the survivor, counted once", () => {
    const world = new SmallAspace();
    const object = world.object(8);
    const { left, right } = pair(world, object);
    for (const mapping of [left, right]) {
      world.locked(() => mapping.setMemoryPriorityLocked(MemoryPriority.HIGH));
    }
    markMergeable(left);
    expect(layout(world)).toBe("0+5");
    expect([left.memoryPriority, right.memoryPriority]).toEqual(["high", "default"]);
    expect(world.aspace.highPriorityCount).toBe(1);
    expect(object.highPriorityCount).toBe(1);
    world.validate();
  });

  const different: readonly (readonly [string, (world: SmallAspace, object: VmObject) => void])[] =
    [
      [
        "another object",
        (world, object) => pair(world, object, { right: { object: world.object(8) } as never }),
      ],
      ["a gap between them", (world, object) => pair(world, object, { right: { at: 3 } as never })],
      [
        "a gap in the object",
        (world, object) => pair(world, object, { right: { offset: 3 } as never }),
      ],
      [
        "another flag",
        (world, object) => pair(world, object, { right: { flags: VmarFlags.CAN_RWX } as never }),
      ],
      [
        "one that may not merge",
        (world, object) => pair(world, object, { left: { mergeable: Mergeable.NO } as never }),
      ],
    ];
  test.each(different)("M-20: %s keeps two mappings apart", (_, arrange) => {
    const world = new SmallAspace();
    arrange(world, world.object(8));
    const { regions } = world.root;
    const right = regions.last() as VmMapping;
    markMergeable(right);
    expect(regions.count).toBe(2);
    expect(right.mergeable).toBe(Mergeable.YES);
    world.validate();
  });

  test("M-20, M-21: right after left in the object, but left of it in the aspace, they stay two", () => {
    const world = new SmallAspace();
    const object = world.object(8);
    world.map({ object, at: 0, count: 2, offset: 2, mergeable: Mergeable.YES });
    markMergeable(world.map({ object, at: 2, count: 2, offset: 0 }));
    expect(layout(world)).toBe("0+2 2+2");
  });

  test("M-20, I-36: without memory for a range they stay two, and nothing changes", () => {
    const world = new SmallAspace();
    const { left, right } = pair(world, world.object(8), { right: { protection: R } as never });
    world.small.system.pmm.failures.failAt(1);
    markMergeable(left);
    expect(layout(world)).toBe("0+2 2+3");
    expect([world.ranges(left), world.ranges(right)]).toEqual(["ww", "rrr"]);
    expect([left.generation, right.generation]).toEqual([1, 1]);
    expect(world.system.counters.mergedNeighbors).toBe(0);
    world.validate();
    markMergeable(left);
    expect(world.ranges(left)).toBe("wwrrr");
  });

  test("M-21: the vDSO's code never merges", () => {
    const world = new SmallAspace();
    const { left, right } = pair(world, world.object(8), {
      left: { mergeable: Mergeable.NO } as never,
    });
    world.aspace.vdsoCodeMapping = left;
    markMergeable(left);
    expect(left.mergeable).toBe(Mergeable.NO);
    markMergeable(right);
    expect(world.root.regions.count).toBe(2);
  });

  test("M-21: a sub-region between them keeps mappings apart", () => {
    const world = new SmallAspace();
    const object = world.object(8);
    world.map({ object, at: 0, count: 2, mergeable: Mergeable.YES });
    const region = world.region(2, 2);
    world.map({ object, at: 2, count: 2, offset: 2, parent: region, mergeable: Mergeable.YES });
    markMergeable(world.map({ object, at: 4, count: 2, offset: 4 }));
    expect(layout(world)).toBe("0+2 2+2 4+2");
    world.validate();
  });

  test("M-20: neighbours of different regions or priorities are our own mistake", () => {
    const world = new SmallAspace();
    const { left, right } = pair(world, world.object(8));
    expect(panicRule(() => tryMergeRight(left, right))).toBe("L-2");
    world.locked(() => left.setMemoryPriorityLocked(MemoryPriority.HIGH));
    expect(world.locked(() => panicRule(() => tryMergeRight(left, right)))).toBe("M-20");
    const region = world.region(8, 4);
    const inner = world.map({ object: world.object(1), at: 8, count: 1, parent: region });
    expect(world.locked(() => panicRule(() => tryMergeRight(right, inner)))).toBe("M-20");
  });

  const orders = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ] as const;
  test.each(orders)("T-3, M-21, I-31: three mappings, marked in the order %i %i %i", (...order) => {
    // Bit n: mapping n lies in a sub-region of its own.
    for (let placement = 0; placement < 8; placement++) {
      for (const readOnly of [-1, 0, 1, 2]) {
        const world = new SmallAspace();
        const object = world.object(3);
        const isApart = (n: number): boolean => ((placement >> n) & 1) === 1;
        const mappings = [0, 1, 2].map((n) => {
          const parent = isApart(n) ? world.region(n, 1) : world.root;
          // A mapping has the CAN_MAP bits of what it was created with.
          const isReadOnly = n === readOnly;
          const flags = isReadOnly ? VmarFlags.CAN_MAP_READ : VmarFlags.CAN_RWX;
          const protection = isReadOnly ? R : RW;
          return world.map({ object, at: n, count: 1, offset: n, parent, flags, protection });
        });
        for (const n of order) markMergeable(mappings[n]!);
        const joins = [0, 1].map(
          (n) => !isApart(n) && !isApart(n + 1) && readOnly !== n && readOnly !== n + 1,
        );
        const alive = mappings.map((mapping) => mapping.isAlive);
        expect(alive).toEqual([true, !joins[0], !joins[1]]);
        world.validate();
      }
    }
  });

  test("T-10: a hole that is filled again makes one mapping only if all pieces may merge", () => {
    for (const isWholeMarked of [false, true]) {
      for (const flags of [VmarFlags.SPECIFIC | VmarFlags.CAN_RWX, VmarFlags.CAN_RWX]) {
        const world = new SmallAspace();
        const object = world.object(9);
        const whole = world.map({ object, at: 0, count: 9 });
        if (isWholeMarked) markMergeable(whole);
        unmap(whole, BASE + 3, 3);
        const filled = world.map({ object, at: 3, count: 3, offset: 3, flags });
        markMergeable(filled);
        const isAlike = filled.flags === whole.flags;
        const left = isWholeMarked && isAlike ? "0+9" : isAlike ? "0+3 3+6" : "0+3 3+3 6+3";
        expect(layout(world)).toBe(left);
        world.validate();
      }
    }
  });
});
