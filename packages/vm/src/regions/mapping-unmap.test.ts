import { Status } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { panicRule } from "../../test/bare-machine.ts";
import {
  BASE,
  FaultKind,
  KERNEL,
  NONE,
  R,
  RW,
  SmallAspace,
  type SmallAspaceOptions,
} from "../../test/small-aspace.ts";
import { protect } from "./mapping-protect.ts";
import { unmap, unmapLocked } from "./mapping-unmap.ts";
import { Mergeable, type VmMapping } from "./vm-mapping.ts";
import { MemoryPriority } from "./vm-region.ts";
import { VmarFlags } from "./vmar-flags.ts";

/** Eight pages that show pages 2..9 of an object, page `p` with `p` in it; protections as drawn. */
function scene(
  protections: string = "wwwwwwww",
  options: SmallAspaceOptions = {},
): { world: SmallAspace; mapping: VmMapping } {
  const world = new SmallAspace(options);
  const flags = VmarFlags.CAN_RWX | VmarFlags.DEBUG_DYNAMIC_KERNEL_MAPPING;
  const mapping = world.map({ object: world.object(16), at: 0, count: 8, offset: 2, flags });
  for (let page = 0; page < 8; page++) world.write(page, page + 2);
  for (const [page, letter] of [...protections].entries()) {
    if (letter !== "w") protect(mapping, BASE + page, 1, letter === "r" ? R : NONE);
  }
  world.tables.takeCalls();
  return { world, mapping };
}

function contents(world: SmallAspace): number[] {
  return Array.from({ length: 8 }, (_, page) =>
    world.frameAt(page) === undefined ? 0 : world.read(page),
  );
}

describe("unmapping a part of a mapping", () => {
  test("M-8: INVALID_ARGS for an empty range and for one that is not inside", () => {
    const { world, mapping } = scene();
    expect(unmap(mapping, BASE, 0)).toBe(Status.INVALID_ARGS);
    expect(unmap(mapping, BASE, 9)).toBe(Status.INVALID_ARGS);
    expect(unmap(mapping, BASE + 8, 1)).toBe(Status.INVALID_ARGS);
    expect(unmap(mapping, BASE - 1, 1)).toBe(Status.INVALID_ARGS);
    expect(world.tables.takeCalls()).toEqual([]);
  });

  test("M-8: unmapping all of it destroys it", () => {
    const { world, mapping } = scene();
    expect(unmap(mapping, BASE, 8)).toBe(Status.OK);
    expect(mapping.isAlive).toBe(false);
    expect(world.root.regions.count).toBe(0);
    world.validate();
  });

  test("M-9, I-10: the left end goes, and the rest shows what it showed", () => {
    const { world, mapping } = scene("rrrwwrrr");
    expect(unmap(mapping, BASE, 3)).toBe(Status.OK);
    expect([mapping.base, mapping.pageCount, mapping.objectOffset]).toEqual([BASE + 3, 5, 5]);
    expect(world.ranges(mapping)).toBe("wwrrr");
    expect(contents(world)).toEqual([0, 0, 0, 5, 6, 7, 8, 9]);
    expect(world.root.regions.findRegion(BASE + 2)).toBeNull();
    expect(world.root.regions.findRegion(BASE + 3)).toBe(mapping);
    expect(mapping.generation).toBe(2);
    world.validate();
  });

  test("M-9: the right end goes in place", () => {
    const { world, mapping } = scene("rrrwwrrr");
    expect(unmap(mapping, BASE + 4, 4)).toBe(Status.OK);
    expect([mapping.base, mapping.pageCount, mapping.objectOffset]).toEqual([BASE, 4, 2]);
    expect(world.ranges(mapping)).toBe("rrrw");
    expect(contents(world)).toEqual([2, 3, 4, 5, 0, 0, 0, 0]);
    expect(world.root.regions.findRegion(BASE + 4)).toBeNull();
    expect(mapping.generation).toBe(2);
    world.validate();
  });

  test("M-10, I-10, I-32: a hole leaves two mappings, and the right one may merge", () => {
    const { world, mapping } = scene("wwrrwwrr");
    world.locked(() => mapping.setMemoryPriorityLocked(MemoryPriority.HIGH));
    expect(unmap(mapping, BASE + 3, 2)).toBe(Status.OK);
    const right = world.root.regions.next(mapping) as VmMapping;
    expect([mapping.base, mapping.pageCount, mapping.objectOffset]).toEqual([BASE, 3, 2]);
    expect([right.base, right.pageCount, right.objectOffset]).toEqual([BASE + 5, 3, 7]);
    expect([world.ranges(mapping), world.ranges(right)]).toEqual(["wwr", "wrr"]);
    expect(contents(world)).toEqual([2, 3, 4, 0, 0, 7, 8, 9]);
    expect([mapping.mergeable, right.mergeable]).toEqual([Mergeable.NO, Mergeable.YES]);
    expect(right.memoryPriority).toBe(MemoryPriority.HIGH);
    expect(world.aspace.highPriorityCount).toBe(2);
    expect(mapping.liveObject.mappings.size).toBe(2);
    expect([mapping.generation, right.generation]).toEqual([2, 1]);
    expect(world.tables.takeCalls()).toEqual([`unmap ${BASE + 3}+2 yes`]);
    world.locked(() => right.setMemoryPriorityLocked(MemoryPriority.HIGH));
    world.validate();
  });

  test.each([
    ["off", [], "rrwwwwrr"],
    ["on", ["Q-2"], "rrwwwwww"],
  ] as const)("T-8, M-10, I-36, Q-2 %s: a hole without memory", (_, quirks, after) => {
    const { world, mapping } = scene("rrwwwwrr", { quirks });
    world.small.system.pmm.failures.failAt(1);
    expect(unmap(mapping, BASE + 3, 2)).toBe(Status.NO_MEMORY);
    expect(world.ranges(mapping)).toBe(after);
    expect([mapping.pageCount, mapping.generation]).toEqual([8, 1]);
    expect(world.draw(0, 8)).toBe("rrwwwwrr");
    expect(world.root.regions.count).toBe(1);
    expect(world.tables.takeCalls()).toEqual([]);
    // The right part's protections are lost with the quirk: what must not be written, can be.
    const expected = quirks.length === 0 ? Status.ACCESS_DENIED : Status.OK;
    expect(world.fault(6, FaultKind.WRITE)).toBe(expected);
    world.validate();
  });

  test("M-9, M-10, I-36: where a kernel's page tables refuse, nothing changes", () => {
    const { world, mapping } = scene("wwwwwwww", KERNEL);
    protect(mapping, BASE + 2, 2, R);
    world.tables.takeCalls();
    const parts = [
      [BASE, 2],
      [BASE + 6, 2],
      [BASE + 3, 2],
    ] as const;
    for (const [vpn, count] of parts) {
      world.tables.refusals.set("unmap", [Status.NOT_SUPPORTED]);
      expect(unmap(mapping, vpn, count)).toBe(Status.NOT_SUPPORTED);
      expect(world.ranges(mapping)).toBe("wwrrwwww");
      expect([mapping.base, mapping.pageCount, mapping.generation]).toEqual([BASE, 8, 1]);
      expect(world.root.regions.count).toBe(1);
    }
    expect(world.tables.takeCalls()).toEqual(parts.map(([v, n]) => `unmap ${v}+${n} no`));
    world.validate();
  });

  test("M-9: what is no proper part, and a lock that is not held, are our own mistakes", () => {
    const { world, mapping } = scene();
    const attempt = (vpn: number, count: number): string =>
      world.locked(() => panicRule(() => unmapLocked(mapping, vpn, count)));
    expect(panicRule(() => unmapLocked(mapping, BASE, 1))).toBe("L-2");
    expect(attempt(BASE, 8)).toBe("M-9");
    expect(attempt(BASE, 0)).toBe("M-9");
    expect(attempt(BASE + 7, 2)).toBe("M-9");
  });

  test("M-10: a hole needs a region that lives", () => {
    const { world, mapping } = scene();
    world.root.state = 2;
    expect(panicRule(() => unmap(mapping, BASE + 3, 1))).toBe("M-10");
  });

  test("M-9, R-8: a mapping that shrinks leaves no range outside", () => {
    const { world, mapping } = scene("wwwwwwrr");
    expect(world.locked(() => panicRule(() => mapping.setSize(4)))).toBe("R-8");
    expect(world.locked(() => panicRule(() => mapping.setSize(0)))).toBe("M-9");
  });

  test.each([
    ["off", [], Status.ACCESS_DENIED],
    ["on", ["Q-11"], Status.OK],
  ] as const)("M-8, Q-11 %s: a part of the vDSO's code", (_, quirks, answer) => {
    const { world, mapping } = scene("wwwwwwww", { quirks });
    world.aspace.vdsoCodeMapping = mapping;
    expect(unmap(mapping, BASE, 2)).toBe(answer);
    expect(unmap(mapping, BASE + 7, 1)).toBe(answer);
    expect(mapping.pageCount).toBe(answer === Status.OK ? 5 : 8);
    expect(unmap(mapping, mapping.base, mapping.pageCount)).toBe(Status.ACCESS_DENIED);
  });

  test("M-9, I-39: a part that was unmapped faults no more, and its neighbours still do", () => {
    const { world, mapping } = scene();
    unmap(mapping, BASE + 3, 2);
    expect(world.fault(3, FaultKind.READ)).toBe(Status.NOT_FOUND);
    expect(world.fault(4, FaultKind.WRITE)).toBe(Status.NOT_FOUND);
    expect(world.fault(2, FaultKind.WRITE)).toBe(Status.OK);
    expect(world.fault(5, FaultKind.WRITE)).toBe(Status.OK);
    world.map({ object: world.object(2), at: 3, count: 2, protection: RW });
    expect(world.write(3, 1)).toBe(Status.OK);
    world.validate();
  });
});
