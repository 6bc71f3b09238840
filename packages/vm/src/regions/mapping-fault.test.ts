import { MmuFlags, Status } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { panicRule } from "../../test/bare-machine.ts";
import {
  BASE,
  FAULT_MODES,
  FaultKind,
  GUEST,
  NONE,
  R,
  RW,
  RX,
  SmallAspace,
} from "../../test/small-aspace.ts";
import { CloneKind } from "../objects/clone.ts";
import { LazyPageRequest, RequestType } from "../objects/page-request.ts";
import { createPhysicalObject } from "../objects/vm-object-physical.ts";
import type { VmObjectPaged } from "../objects/vm-object-paged.ts";
import { CachePolicy } from "../objects/vm-object.ts";
import { PageFaultFlag } from "./fault-flags.ts";
import { pageFaultLocked } from "./mapping-fault.ts";
import { protect } from "./mapping-protect.ts";
import { FaultMode } from "./region-system.ts";

const ALL = 16n << 12n;

function cloneOf(world: SmallAspace, object: VmObjectPaged): VmObjectPaged {
  return world.keep(object.createClone({ kind: CloneKind.SNAPSHOT, offset: 0n, size: ALL }));
}

describe.each(FAULT_MODES)("a page fault, %s", (faultMode) => {
  test("M-18: a read of what nobody wrote maps the page of zeroes, without write", () => {
    const world = new SmallAspace({ faultMode });
    world.map({ object: world.object(16), at: 0, count: 16 });
    expect(world.fault(3, FaultKind.READ)).toBe(Status.OK);
    expect(world.draw(0, 16)).toBe("---r------------");
    expect(world.frameAt(3)).toBe(world.small.system.pmm.zeroPage);
    world.validate();
  });

  test("M-18, M-19: a write after that puts a page of its own in its place", () => {
    const world = new SmallAspace({ faultMode });
    world.map({ object: world.object(16), at: 0, count: 16 });
    world.read(3);
    expect(world.write(3, 42)).toBe(Status.OK);
    expect(world.frameAt(3)).not.toBe(world.small.system.pmm.zeroPage);
    expect(world.read(3)).toBe(42);
    world.validate();
  });

  test("M-18, I-22: what is there already is mapped around the fault, nothing else, nothing before", () => {
    const world = new SmallAspace({ faultMode });
    const object = world.object(64);
    world.commit(object, 0, 40);
    world.map({ object, at: 0, count: 64 });
    const { liveCount } = world.small.system.pmm;
    expect(world.fault(4, FaultKind.READ)).toBe(Status.OK);
    expect(world.draw(0, 24)).toBe("----wwwwwwwwwwwwwwww----");
    expect(world.fault(30, FaultKind.WRITE)).toBe(Status.OK);
    expect(world.draw(28, 16)).toBe("--wwwwwwwwww----");
    expect(world.small.system.pmm.liveCount).toBe(liveCount);
    world.validate();
  });

  test("M-18, I-22: the next leaf table, the next protection and the object's end are not crossed", () => {
    const world = new SmallAspace({ faultMode });
    const object = world.object(1024, { resizable: true });
    world.commit(object, 500, 40);
    const mapping = world.map({ object, at: 0, count: 1024 });
    expect(world.fault(508, FaultKind.READ)).toBe(Status.OK);
    expect(world.draw(506, 8)).toBe("--wwww--");
    protect(mapping, BASE + 516, 2, R);
    expect(world.fault(514, FaultKind.READ)).toBe(Status.OK);
    expect(world.draw(512, 8)).toBe("--ww----");
    expect(world.fault(516, FaultKind.READ)).toBe(Status.OK);
    expect(world.draw(512, 8)).toBe("--wwrr--");
    object.resize(522n << 12n);
    expect(world.fault(519, FaultKind.READ)).toBe(Status.OK);
    expect(world.draw(516, 8)).toBe("rr-www--");
    expect(world.fault(522, FaultKind.READ)).toBe(Status.OUT_OF_RANGE);
    world.validate();
  });

  test("M-18: the mapping's end is not crossed either", () => {
    const world = new SmallAspace({ faultMode });
    const object = world.object(16);
    world.commit(object, 0, 16);
    world.map({ object, at: 0, count: 6 });
    expect(world.fault(3, FaultKind.WRITE)).toBe(Status.OK);
    expect(world.draw(0, 8)).toBe("---www--");
    world.validate();
  });

  test("M-18, I-19: a read of a page that must be copied first maps without write, neighbours too", () => {
    const world = new SmallAspace({ faultMode });
    const object = world.object(16);
    world.map({ object, at: 0, count: 16 });
    for (let page = 0; page < 4; page++) world.write(page, page + 1);
    const clone = cloneOf(world, object);
    world.map({ object: clone, at: 16, count: 16 });
    expect(world.fault(16, FaultKind.READ)).toBe(Status.OK);
    expect(world.draw(16, 6)).toBe("rrrr--");
    expect(world.write(17, 99)).toBe(Status.OK);
    expect(world.draw(16, 6)).toBe("rwrr--");
    expect([world.read(1), world.read(17), world.read(18)]).toEqual([2, 99, 3]);
    expect(world.write(2, 55)).toBe(Status.OK);
    expect([world.read(2), world.read(18)]).toEqual([55, 3]);
    world.validate();
  });

  test("M-18: ACCESS_DENIED before the object is looked at", () => {
    const world = new SmallAspace({ faultMode });
    const object = world.object(8);
    const mapping = world.map({ object, at: 0, count: 4, protection: R });
    protect(mapping, BASE + 1, 1, NONE);
    protect(mapping, BASE + 2, 1, RX);
    protect(mapping, BASE + 3, 1, MmuFlags.READ);
    expect(world.fault(0, FaultKind.WRITE)).toBe(Status.ACCESS_DENIED);
    expect(world.fault(0, FaultKind.FETCH)).toBe(Status.ACCESS_DENIED);
    expect(world.fault(1, FaultKind.READ)).toBe(Status.ACCESS_DENIED);
    expect(world.fault(2, FaultKind.FETCH)).toBe(Status.OK);
    expect(world.fault(3, FaultKind.READ)).toBe(Status.ACCESS_DENIED);
    expect(world.fault(3, 0)).toBe(Status.OK);
    expect(object.attributedMemoryInRange(0, 8).uncompressedBytes).toBe(0);
  });

  test("M-18: an instruction fetch needs READ too, a write does not", () => {
    const world = new SmallAspace({ faultMode });
    const mapping = world.map({ object: world.object(2), at: 0, count: 2 });
    protect(mapping, BASE, 1, MmuFlags.USER | MmuFlags.EXECUTE);
    expect(world.fault(0, FaultKind.FETCH)).toBe(Status.ACCESS_DENIED);
    protect(mapping, BASE, 1, MmuFlags.USER | MmuFlags.WRITE);
    // The mapping agrees; page tables know no entry that cannot be read.
    expect(world.fault(0, FaultKind.WRITE)).toBe(Status.INVALID_ARGS);
    expect(world.draw(0, 2)).toBe("--");
    world.validate();
  });

  test("M-18: faulting again after it went well is harmless", () => {
    const world = new SmallAspace({ faultMode });
    world.map({ object: world.object(4), at: 0, count: 4 });
    for (const kind of [FaultKind.READ, FaultKind.WRITE, FaultKind.READ, FaultKind.WRITE]) {
      expect(world.fault(0, kind)).toBe(Status.OK);
      expect(world.fault(0, kind)).toBe(Status.OK);
      world.validate();
    }
    expect(world.draw(0, 1)).toBe("w");
  });

  test("M-18: a pager's page waits, and the fault begins anew after that", () => {
    const world = new SmallAspace({ faultMode });
    const object = world.pagerObject(8);
    world.map({ object, at: 0, count: 8 });
    const request = new LazyPageRequest();
    expect(world.fault(2, FaultKind.READ, request)).toBe(Status.SHOULD_WAIT);
    expect([request.type, request.page, request.count]).toEqual([RequestType.READ, 2, 1]);
    world.validate();
    world.supply(object, 2, 3);
    expect(request.isOutstanding).toBe(false);
    expect(world.fault(2, FaultKind.READ, request)).toBe(Status.OK);
    expect(world.draw(0, 8)).toBe("--rrr---");
    expect(world.read(3)).toBe(4);
    world.validate();
  });

  test("M-18, I-22: a write to a tracked page dirties it alone", () => {
    const world = new SmallAspace({ faultMode });
    const object = world.pagerObject(8);
    world.map({ object, at: 0, count: 8 });
    world.supply(object, 0, 8);
    const request = new LazyPageRequest();
    expect(world.fault(1, FaultKind.WRITE, request)).toBe(Status.SHOULD_WAIT);
    expect([request.type, request.page, request.count]).toEqual([RequestType.DIRTY, 1, 1]);
    world.allowDirty(object, 1);
    expect(object.takeModified()).toBe(false);
    expect(world.fault(1, FaultKind.WRITE, request)).toBe(Status.OK);
    expect(object.takeModified()).toBe(true);
    expect(world.draw(0, 4)).toBe("-w--");
    expect(world.fault(0, FaultKind.READ)).toBe(Status.OK);
    expect(world.draw(0, 4)).toBe("rwrr");
    world.validate();
  });

  test("M-18: a pager that does not trap writes still hears of each page alone", () => {
    const world = new SmallAspace({ faultMode });
    const object = world.pagerObject(8, false);
    world.map({ object, at: 0, count: 8 });
    world.supply(object, 0, 8);
    expect(world.fault(1, FaultKind.WRITE)).toBe(Status.OK);
    expect(world.draw(0, 4)).toBe("-w--");
    expect(world.fault(2, FaultKind.READ)).toBe(Status.OK);
    expect(world.draw(0, 4)).toBe("-wrr");
    world.validate();
  });

  test("M-18: device memory is there, writable, and mapped around too", () => {
    const world = new SmallAspace({ faultMode });
    const physical = createPhysicalObject(world.small.system, {
      base: 0x9000_0000n,
      size: 0x20_000n,
    });
    const object = world.keep(physical);
    world.map({ object, at: 0, count: 32 });
    expect(world.fault(3, FaultKind.READ)).toBe(Status.OK);
    expect(world.draw(0, 24)).toBe("---wwwwwwwwwwwwwwww-----");
    expect(world.frameAt(5)).toBe(0x9_0005);
    expect(world.tables.entries.get(BASE + 5)!.flags & MmuFlags.CACHE_MASK).toBe(
      CachePolicy.UNCACHED,
    );
    expect(world.fault(10, FaultKind.WRITE)).toBe(Status.OK);
    expect(world.draw(0, 28)).toBe("---wwwwwwwwwwwwwwwwwwwwwww--");
    expect(world.fault(32, FaultKind.READ)).toBe(Status.NOT_FOUND);
    world.validate();
  });

  test("M-18: discarded objects have nothing to show", () => {
    const world = new SmallAspace({ faultMode });
    const object = world.object(4, { discardable: true });
    world.map({ object, at: 0, count: 4 });
    world.write(0, 1);
    object.lockRange(0n, 0x4000n);
    object.unlockRange(0n, 0x4000n);
    expect(world.draw(0, 1)).toBe("w");
    world.validate();
  });

  test("M-18, I-37: without memory for a page, or for page tables, the fault fails and can be repeated", () => {
    const world = new SmallAspace({ faultMode });
    world.map({ object: world.object(4), at: 0, count: 4 });
    world.small.system.pmm.failures.failAt(1);
    expect(world.fault(0, FaultKind.WRITE)).toBe(Status.NO_MEMORY);
    world.validate();
    world.tables.refusals.set("map", [Status.NO_MEMORY]);
    expect(world.fault(0, FaultKind.WRITE)).toBe(Status.NO_MEMORY);
    world.validate();
    expect(world.fault(0, FaultKind.WRITE)).toBe(Status.OK);
    expect(world.draw(0, 4)).toBe("w---");
    world.validate();
  });

  test.each([
    ["off", [], "no panic"],
    ["on", ["Q-7"], "I-18"],
  ] as const)("M-12, I-24, Q-7 %s: a fault that fails leaves no stale entry", (_, quirks, rule) => {
    const world = new SmallAspace({ faultMode, quirks });
    const mapping = world.map({ object: world.object(4), at: 0, count: 4 });
    // A page of zeroes is shown; the write gets a page of its own, but not into the page tables.
    world.read(0);
    const refused = faultMode === FaultMode.UPGRADE ? "map" : "unmap";
    world.tables.refusals.set(refused, [Status.NO_MEMORY]);
    expect(world.fault(0, FaultKind.WRITE)).toBe(Status.NO_MEMORY);
    expect(mapping.faulting).toBe(false);
    expect(panicRule(() => world.validate())).toBe(rule);
    expect(world.fault(0, FaultKind.WRITE)).toBe(Status.OK);
    world.validate();
  });

  test("M-12: what the object changes beside the faulting page is carried out at once", () => {
    const world = new SmallAspace({ faultMode });
    const object = world.object(4);
    const mapping = world.map({ object, at: 0, count: 4 });
    world.write(0, 1);
    world.write(1, 1);
    mapping.faulting = true;
    mapping.faultingVpn = BASE;
    object.hierarchy.lock.acquire();
    mapping.aspaceUnmapLockedObject(1, 1);
    expect(world.draw(0, 2)).toBe("w-");
    mapping.aspaceUnmapLockedObject(0, 1);
    expect(world.draw(0, 2)).toBe("w-");
    expect(mapping.hasDeferredUnmap).toBe(true);
    mapping.aspaceRemoveWriteLockedObject(0, 1);
    expect(world.draw(0, 2)).toBe("r-");
    mapping.aspaceUnmapLockedObject(0, 2);
    expect(world.draw(0, 2)).toBe("--");
    object.hierarchy.lock.release();
  });

  test("M-18: a fault outside, or in a fault, or without the lock is our own mistake", () => {
    const world = new SmallAspace({ faultMode });
    const mapping = world.map({ object: world.object(4), at: 0, count: 4 });
    const request = new LazyPageRequest();
    const fault = (vpn: number): string =>
      panicRule(() => pageFaultLocked(mapping, vpn, PageFaultFlag.USER, request));
    expect(fault(BASE)).toBe("L-2");
    expect(world.locked(() => fault(BASE + 4))).toBe("M-18");
    mapping.faulting = true;
    expect(world.locked(() => fault(BASE))).toBe("M-18");
  });

  test("I-23: where protecting means unmapping, a write after a read still gets through", () => {
    const world = new SmallAspace({ ...GUEST, protectIsUnmap: true, faultMode });
    const protection = MmuFlags.READ | MmuFlags.WRITE;
    const object = world.object(4);
    world.commit(object, 0, 4);
    const clone = cloneOf(world, object);
    world.map({ object: clone, at: 0, count: 4, protection });
    expect(world.fault(0, 0)).toBe(Status.OK);
    expect(world.draw(0, 4)).toBe("rrrr");
    expect(world.write(0, 3)).toBe(Status.OK);
    expect(world.draw(0, 4)).toBe("wrrr");
    expect(world.write(1, 4)).toBe(Status.OK);
    world.validate();
    // The same frame with more permissions.
    protect(world.root.regions.first()! as never, BASE, 4, MmuFlags.READ);
    protect(world.root.regions.first()! as never, BASE, 4, protection);
    expect(world.fault(1, 0)).toBe(Status.OK);
    expect(world.write(1, 5)).toBe(Status.OK);
    world.validate();
  });
});

describe("where protecting means unmapping", () => {
  test.each(FAULT_MODES)(
    "I-23, M-19: a frame that becomes one's own is mapped anew, %s",
    (faultMode) => {
      const world = new SmallAspace({ ...GUEST, protectIsUnmap: true, faultMode });
      const object = world.object(16);
      world.commit(object, 0, 2);
      world.map({ object, at: 0, count: 2, protection: MmuFlags.READ | MmuFlags.WRITE });
      const clone = cloneOf(world, object);
      expect(world.fault(0, 0)).toBe(Status.OK);
      expect(world.draw(0, 2)).toBe("rr");
      const shared = world.frameAt(0);
      clone.release();
      expect(world.write(0, 1)).toBe(Status.OK);
      expect(world.frameAt(0)).toBe(shared);
      world.validate();
    },
  );
});

describe("the two fault modes", () => {
  test("I-23, M-19: they leave equal entries at the faulting page, whatever was there", () => {
    const before = ["absent", "zero", "shared", "own"] as const;
    for (const state of before) {
      for (const kind of [FaultKind.READ, FaultKind.WRITE]) {
        const seen = FAULT_MODES.map((faultMode) => {
          const world = new SmallAspace({ faultMode });
          const object = world.object(16);
          world.map({ object, at: 0, count: 16, protection: RW });
          if (state === "zero") world.read(5);
          if (state === "own" || state === "shared") world.write(5, 1);
          if (state === "shared") cloneOf(world, object);
          expect(world.fault(5, kind)).toBe(Status.OK);
          world.validate();
          return world.tables.entries.get(BASE + 5);
        });
        expect(seen[0]).toEqual(seen[1]);
      }
    }
  });

  test("M-19: an entry that is right already is protected all the same, and nothing is mapped around it", () => {
    const world = new SmallAspace({ faultMode: FaultMode.LEGACY });
    const object = world.object(16);
    world.map({ object, at: 0, count: 16 });
    world.write(5, 1);
    world.commit(object, 6, 4);
    world.tables.takeCalls();
    expect(world.fault(5, FaultKind.WRITE)).toBe(Status.OK);
    expect(world.tables.takeCalls()).toEqual([`protect ${BASE + 5}+1 urw- yes`]);
    expect(world.draw(4, 8)).toBe("-w------");
  });

  test("M-19: another frame is unmapped first", () => {
    const world = new SmallAspace({ faultMode: FaultMode.LEGACY });
    world.map({ object: world.object(16), at: 0, count: 16 });
    world.read(5);
    world.tables.takeCalls();
    expect(world.fault(5, FaultKind.WRITE)).toBe(Status.OK);
    expect(world.tables.takeCalls()).toEqual([
      `unmap ${BASE + 5}+1 yes`,
      `map ${BASE + 5}+1 urw- skip`,
    ]);
  });

  test("M-19: page tables may lack memory for that, and may refuse it for nothing else", () => {
    const world = new SmallAspace({ faultMode: FaultMode.LEGACY });
    world.map({ object: world.object(16), at: 0, count: 16 });
    world.write(5, 1);
    world.tables.refusals.set("protect", [Status.NO_MEMORY, Status.NOT_SUPPORTED]);
    expect(world.fault(5, FaultKind.WRITE)).toBe(Status.NO_MEMORY);
    world.validate();
    expect(panicRule(() => world.fault(5, FaultKind.WRITE))).toBe("M-19");
    world.small.system.locks.reset();
    world.read(6);
    world.tables.refusals.set("unmap", [Status.NOT_SUPPORTED]);
    expect(panicRule(() => world.fault(6, FaultKind.WRITE))).toBe("M-19");
  });
});
