import { Status } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { panicRule } from "../../test/bare-machine.ts";
import { BASE, FaultKind, GUEST, KERNEL, R, SmallAspace } from "../../test/small-aspace.ts";
import { locked } from "../objects/under-lock.ts";
import { attributedMemory } from "./mapping-attribution.ts";
import { markMergeable } from "./mapping-merge.ts";
import { protect } from "./mapping-protect.ts";
import { MapRangeCommit, decommitRange, mapRange } from "./mapping-range.ts";
import { destroy, unmap } from "./mapping-unmap.ts";
import type { VmMapping } from "./vm-mapping.ts";

const IN_ADVANCE = { commit: MapRangeCommit.NO, existing: "skip" } as const;

function scene(): { world: SmallAspace; mapping: VmMapping } {
  const world = new SmallAspace();
  const mapping = world.map({ object: world.object(8), at: 0, count: 8 });
  return { world, mapping };
}

/** The public operations of a mapping, which take the locks themselves. */
const OPERATIONS: readonly (readonly [string, (mapping: VmMapping) => unknown])[] = [
  ["protect", (mapping) => protect(mapping, BASE, 1, R)],
  ["unmap", (mapping) => unmap(mapping, BASE, 1)],
  ["mapRange", (mapping) => mapRange(mapping, 0, 1, IN_ADVANCE)],
  ["decommitRange", (mapping) => decommitRange(mapping, 0n, 0x1000n)],
  ["attributedMemory", attributedMemory],
  ["markMergeable", markMergeable],
  ["destroy", destroy],
];

describe("locks", () => {
  test.each(OPERATIONS)(
    "L-2: %s takes the aspace's lock, so nobody holds it before or after",
    (_, act) => {
      const { world, mapping } = scene();
      expect(world.locked(() => panicRule(() => act(mapping)))).toBe("L-1");
      act(mapping);
      world.small.system.locks.assertNoneHeld("the test");
    },
  );

  test.each(OPERATIONS)("L-1: %s is never called with an object's lock held", (_, act) => {
    const { mapping } = scene();
    const { hierarchy } = mapping.liveObject;
    expect(locked(hierarchy, () => panicRule(() => act(mapping)))).toBe("L-1");
  });

  test("L-1: the order is aspace list, aspace, object; two objects' locks are never held at once", () => {
    const { world, mapping } = scene();
    const { listLock } = world.system;
    const { lock } = mapping.liveObject.hierarchy;
    const other = world.object(1).hierarchy.lock;
    const take = (outer: typeof lock, inner: typeof lock): string => {
      outer.acquire();
      const rule = panicRule(() => {
        inner.acquire();
        inner.release();
      });
      outer.release();
      return rule;
    };
    expect(take(listLock, world.aspace.lock)).toBe("no panic");
    expect(take(world.aspace.lock, lock)).toBe("no panic");
    expect(take(world.aspace.lock, listLock)).toBe("L-1");
    expect(take(lock, world.aspace.lock)).toBe("L-1");
    expect(take(lock, other)).toBe("L-1");
  });

  test("L-3: extent, offset and ranges change with both locks held", () => {
    const { world, mapping } = scene();
    for (let page = 0; page < 8; page++) world.write(page, page);
    const { lock } = mapping.liveObject.hierarchy;
    const state = (): string =>
      [mapping.base, mapping.pageCount, mapping.objectOffset, world.ranges(mapping)].join();
    let before = state();
    let edits = 0;
    // Whoever edits entries is about to change, or has changed, the state: under both locks.
    world.tables.onEdit = () => {
      edits++;
      expect([world.aspace.lock.isHeld, lock.isHeld]).toEqual([true, true]);
    };
    for (const change of [
      () => protect(mapping, BASE + 2, 2, R),
      () => unmap(mapping, BASE, 1),
      () => unmap(mapping, BASE + 7, 1),
      () => unmap(mapping, BASE + 4, 1),
    ]) {
      expect(change()).toBe(Status.OK);
      expect(state()).not.toBe(before);
      before = state();
    }
    expect(edits).toBe(4);
  });

  test("L-5: a lock says whether it is held, and who releases it out of order is told", () => {
    const { world, mapping } = scene();
    const { lock } = mapping.liveObject.hierarchy;
    expect(world.aspace.lock.isHeld).toBe(false);
    world.aspace.lock.acquire();
    lock.acquire();
    expect([world.aspace.lock.isHeld, lock.isHeld]).toEqual([true, true]);
    expect(panicRule(() => world.aspace.lock.release())).toBe("L-1");
  });

  test("A-2: entries beside a range may go in users' and guests' aspaces, not in the kernel's", () => {
    for (const [options, enlarge] of [
      [{}, "yes"],
      [GUEST, "yes"],
      [KERNEL, "no"],
    ] as const) {
      const world = new SmallAspace(options);
      const mapping = world.map({ object: world.object(1), at: 0, count: 1, protection: 8 });
      destroy(mapping);
      expect(world.tables.takeCalls()).toEqual([`unmap ${BASE}+1 ${enlarge}`]);
    }
  });

  test("I-7: flags, object and region of a mapping never change; its base only by a cut at the left", () => {
    const { world, mapping } = scene();
    const { flags, object, parent } = mapping;
    const region = world.region(16, 8);
    world.write(3, 1);
    protect(mapping, BASE, 4, R);
    unmap(mapping, BASE + 6, 2);
    unmap(mapping, BASE + 3, 1);
    markMergeable(mapping);
    world.fault(0, FaultKind.READ);
    expect(mapping.base).toBe(BASE);
    unmap(mapping, BASE, 1);
    expect(mapping.base).toBe(BASE + 1);
    expect([mapping.flags, mapping.object, mapping.parent]).toEqual([flags, object, parent]);
    expect([region.base, region.pageCount]).toEqual([BASE + 16, 8]);
    world.validate();
  });
});
