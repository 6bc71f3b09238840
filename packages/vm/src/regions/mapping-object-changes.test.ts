import { AspaceKind, MmuFlags, Status } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { panicRule } from "../../test/bare-machine.ts";
import { BASE, FaultKind, KERNEL, NONE, R, RW, SmallAspace } from "../../test/small-aspace.ts";
import { run } from "../../test/small-system.ts";
import { isValue } from "../objects/blocking.ts";
import { CloneKind } from "../objects/clone.ts";
import { PageAccess } from "../objects/lookup-cursor.ts";
import { RangeChange, rangeChange } from "../objects/range-change.ts";
import { locked } from "../objects/under-lock.ts";
import type { VmObjectPaged } from "../objects/vm-object-paged.ts";
import { whereShown } from "./mapping-object-changes.ts";
import { protect } from "./mapping-protect.ts";
import { destroy } from "./mapping-unmap.ts";
import type { VmMapping } from "./vm-mapping.ts";
import { LifeCycle } from "./vm-region.ts";
import { VmarFlags } from "./vmar-flags.ts";

/** Pages 4..9 of an object of 12, shown at pages 0..5, all written. */
function scene(): { world: SmallAspace; object: VmObjectPaged; mapping: VmMapping } {
  const world = new SmallAspace();
  const object = world.object(12);
  const mapping = world.map({ object, at: 0, count: 6, offset: 4 });
  for (let page = 0; page < 6; page++) world.write(page, page);
  world.tables.takeCalls();
  return { world, object, mapping };
}

function tell(object: VmObjectPaged, page: number, count: number, change: RangeChange): void {
  locked(object.hierarchy, () => rangeChange(object.node, page, count, change));
}

describe("what a mapping does when its object changes", () => {
  test("M-11: pages of the object show where the mapping has them, if it has", () => {
    const { mapping } = scene();
    const at = (page: number, count: number): unknown => whereShown(mapping, page, count);
    expect(at(4, 6)).toEqual({ base: BASE, pageCount: 6 });
    expect(at(0, 12)).toEqual({ base: BASE, pageCount: 6 });
    expect(at(5, 1)).toEqual({ base: BASE + 1, pageCount: 1 });
    expect(at(8, 9)).toEqual({ base: BASE + 4, pageCount: 2 });
    expect(at(0, 5)).toEqual({ base: BASE, pageCount: 1 });
    expect([at(0, 4), at(10, 2), at(5, 0), at(0, 0)]).toEqual([null, null, null, null]);
  });

  test("M-12, I-20: an unmap takes out what is shown of the range, under the object's lock alone", () => {
    const { world, object } = scene();
    tell(object, 0, 6, RangeChange.UNMAP);
    expect(world.draw(0, 6)).toBe("--wwww");
    expect(world.tables.takeCalls()).toEqual([`unmap ${BASE}+2 yes`]);
    tell(object, 0, 4, RangeChange.UNMAP);
    expect(world.tables.takeCalls()).toEqual([]);
  });

  test("M-12: without the object's lock, or once DEAD, nobody calls back", () => {
    const { object, mapping } = scene();
    expect(panicRule(() => mapping.aspaceUnmapLockedObject(4, 1))).toBe("L-2");
    destroy(mapping);
    locked(object.hierarchy, () => {
      expect(panicRule(() => mapping.aspaceUnmapLockedObject(4, 1))).toBe("M-12");
    });
    expect(mapping.state).toBe(LifeCycle.DEAD);
  });

  test("M-13, I-20: removing write keeps entries readable, and the right to write recorded", () => {
    const { world, object, mapping } = scene();
    protect(mapping, BASE + 2, 1, R);
    world.tables.takeCalls();
    tell(object, 0, 12, RangeChange.REMOVE_WRITE);
    expect(world.draw(0, 6)).toBe("rrrrrr");
    expect(world.ranges(mapping)).toBe("wwrwww");
    expect(world.tables.takeCalls()).toEqual([
      `protect ${BASE}+2 ur-- yes`,
      `protect ${BASE + 3}+3 ur-- yes`,
    ]);
    expect(world.write(0, 9)).toBe(Status.OK);
    world.validate();
  });

  test("M-13: a mapping that can never be written is not even looked at", () => {
    const world = new SmallAspace();
    const object = world.object(4);
    const flags = VmarFlags.CAN_MAP_READ;
    world.map({ object, at: 0, count: 4, flags, protection: R });
    expect(world.fault(0, FaultKind.READ)).toBe(Status.OK);
    world.tables.takeCalls();
    tell(object, 0, 4, RangeChange.REMOVE_WRITE);
    expect(world.tables.takeCalls()).toEqual([]);
  });

  test("M-13: ranges without permissions are passed over", () => {
    const { world, object, mapping } = scene();
    protect(mapping, BASE, 6, NONE);
    world.tables.takeCalls();
    tell(object, 0, 12, RangeChange.REMOVE_WRITE);
    expect(world.tables.takeCalls()).toEqual([]);
  });

  test("M-13: cloning an object takes write away from its mappings", () => {
    const { world, object } = scene();
    const options = { kind: CloneKind.SNAPSHOT, offset: 0n, size: 12n << 12n };
    const clone = world.keep(object.createClone(options));
    expect(isValue(clone)).toBe(true);
    expect(world.draw(0, 6)).toBe("rrrrrr");
    expect(world.write(2, 77)).toBe(Status.OK);
    world.map({ object: clone, at: 8, count: 6, offset: 4 });
    expect([world.read(2), world.read(10)]).toEqual([77, 2]);
    world.validate();
  });

  test("M-12: decommitting, zeroing and shrinking take entries out", () => {
    const world = new SmallAspace();
    const object = world.object(6, { resizable: true });
    world.map({ object, at: 0, count: 6 });
    for (let page = 0; page < 6; page++) world.write(page, page + 1);
    expect(object.decommitRange(0n, 0x1000n)).toBe(Status.OK);
    expect(world.draw(0, 6)).toBe("-wwwww");
    expect(run(object.zeroRange(0x1000n, 0x1000n))).toBe(Status.OK);
    expect(world.draw(0, 6)).toBe("--wwww");
    expect(object.resize(0x4000n)).toBe(Status.OK);
    expect(world.draw(0, 6)).toBe("--ww--");
    expect(world.fault(4, FaultKind.READ)).toBe(Status.OUT_OF_RANGE);
    expect([world.read(0), world.read(1), world.read(2)]).toEqual([0, 0, 3]);
    world.validate();
  });

  test("M-12, M-13, M-14: a plain kernel mapping must never lose pages", () => {
    const world = new SmallAspace(KERNEL);
    const object = world.object(2);
    const mapping = world.map({ object, at: 0, count: 2, protection: MmuFlags.READ });
    locked(object.hierarchy, () => {
      expect(panicRule(() => mapping.aspaceUnmapLockedObject(0, 1))).toBe("M-12");
      expect(panicRule(() => mapping.aspaceRemoveWriteLockedObject(0, 1))).toBe("M-12");
      expect(panicRule(() => mapping.aspaceDebugUnpinLockedObject(1, 1))).toBe("M-12");
      expect(panicRule(() => mapping.aspaceDebugUnpinLockedObject(2, 1))).toBe("no panic");
    });
  });

  test("M-14: a kernel mapping that manages itself, and a user's, may lose pins", () => {
    const flags = VmarFlags.CAN_RWX | VmarFlags.DEBUG_DYNAMIC_KERNEL_MAPPING;
    for (const kind of Object.values(AspaceKind)) {
      const world = new SmallAspace({ kind });
      const object = world.object(2);
      world.map({ object, at: 0, count: 2, flags, protection: MmuFlags.READ });
      expect(run(object.pinRange(0n, 0x2000n, PageAccess.READ))).toBe(Status.OK);
      world.tables.takeCalls();
      object.unpinRange(0n, 0x2000n);
      expect(world.tables.takeCalls()).toEqual([]);
      world.validate();
    }
  });

  test("M-12: page tables that refuse to drop an entry are the end", () => {
    const { world, object } = scene();
    world.tables.refusals.set("unmap", [Status.NO_MEMORY]);
    expect(panicRule(() => tell(object, 4, 1, RangeChange.UNMAP))).toBe("M-12");
    world.tables.refusals.set("protect", [Status.NO_MEMORY]);
    world.tables.refusals.set("unmap", [Status.NO_MEMORY]);
    expect(panicRule(() => tell(object, 4, 1, RangeChange.REMOVE_WRITE))).toBe("M-13");
  });

  test("L-2: callbacks need no aspace lock, and take none", () => {
    const { world, object } = scene();
    world.tables.onEdit = () => expect(world.aspace.lock.isHeld).toBe(false);
    tell(object, 4, 2, RangeChange.UNMAP);
    tell(object, 4, 6, RangeChange.REMOVE_WRITE);
    expect(world.draw(0, 6)).toBe("--rrrr");
  });

  test("L-6: entries of a mapping change under its object's lock", () => {
    const world = new SmallAspace();
    const object = world.object(8);
    const mapping = world.map({ object, at: 0, count: 8 });
    let edits = 0;
    world.tables.onEdit = () => {
      edits++;
      expect(object.hierarchy.lock.isHeld).toBe(true);
    };
    world.write(0, 1);
    protect(mapping, BASE, 4, R);
    protect(mapping, BASE, 4, RW);
    world.write(0, 2);
    object.decommitRange(0n, 0x1000n);
    destroy(mapping);
    expect(edits).toBeGreaterThan(4);
  });
});
