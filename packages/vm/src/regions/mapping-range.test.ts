import { ExistingEntry, MmuFlags, Status } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { panicRule } from "../../test/bare-machine.ts";
import {
  BASE,
  FAULT_MODES,
  FaultKind,
  KERNEL,
  NONE,
  R,
  RW,
  SmallAspace,
} from "../../test/small-aspace.ts";
import { run } from "../../test/small-system.ts";
import { CloneKind } from "../objects/clone.ts";
import { PageAccess } from "../objects/lookup-cursor.ts";
import { createPhysicalObject } from "../objects/vm-object-physical.ts";
import { protect } from "./mapping-protect.ts";
import { MapRangeCommit, decommitRange, mapRange, type MapRangeOptions } from "./mapping-range.ts";
import { VmarFlags } from "./vmar-flags.ts";

const STRICT: MapRangeOptions = { commit: MapRangeCommit.NO, existing: ExistingEntry.ERROR };
const SKIPPING: MapRangeOptions = { commit: MapRangeCommit.NO, existing: ExistingEntry.SKIP };
const COMMITTING: MapRangeOptions = { commit: MapRangeCommit.YES, existing: ExistingEntry.ERROR };

describe("mapping a range in advance", () => {
  test("M-15: the checks come in order: emptiness, state, range", () => {
    const world = new SmallAspace();
    const mapping = world.map({ object: world.object(4), at: 0, count: 4 });
    expect(mapRange(mapping, 0, 0, STRICT)).toBe(Status.INVALID_ARGS);
    expect(mapRange(mapping, 0, 5, STRICT)).toBe(Status.INVALID_ARGS);
    expect(mapRange(mapping, 4, 1, STRICT)).toBe(Status.INVALID_ARGS);
    expect(mapRange(mapping, 3, 1, STRICT)).toBe(Status.OK);
  });

  test("M-15: pages that are there are mapped, in runs of up to sixteen; others stay out", () => {
    const world = new SmallAspace();
    const object = world.object(64);
    world.commit(object, 2, 20);
    world.commit(object, 40, 3);
    const mapping = world.map({ object, at: 0, count: 60, offset: 1 });
    expect(mapRange(mapping, 0, 60, STRICT)).toBe(Status.OK);
    expect(world.tables.takeCalls()).toEqual([
      `map ${BASE + 1}+16 urw- error`,
      `map ${BASE + 17}+4 urw- error`,
      `map ${BASE + 39}+3 urw- error`,
    ]);
    world.validate();
  });

  test("M-15: nothing counts as used that is only mapped", () => {
    const world = new SmallAspace();
    const object = world.pagerObject(4, false);
    world.supply(object, 0, 4);
    const mapping = world.map({ object, at: 0, count: 4 });
    const { queues } = world.small.system;
    const frame = object.lookupContiguous(0n, 0x1000n);
    queues.rotate();
    expect(mapRange(mapping, 0, 4, STRICT)).toBe(Status.OK);
    expect(queues.newestGeneration - queues.generationOf(frame)).toBe(1);
    expect(world.draw(0, 4)).toBe("rrrr");
    world.validate();
  });

  test("M-15: a page that is mapped already is an error, or stays", () => {
    const world = new SmallAspace();
    const object = world.object(8);
    world.commit(object, 0, 8);
    const mapping = world.map({ object, at: 0, count: 8 });
    expect(mapRange(mapping, 2, 2, STRICT)).toBe(Status.OK);
    expect(mapRange(mapping, 0, 8, STRICT)).toBe(Status.ALREADY_EXISTS);
    expect(world.draw(0, 8)).toBe("--ww----");
    expect(mapRange(mapping, 0, 8, SKIPPING)).toBe(Status.OK);
    expect(mapRange(mapping, 0, 8, SKIPPING)).toBe(Status.OK);
    expect(world.draw(0, 8)).toBe("wwwwwwww");
    world.validate();
  });

  test("M-15, I-37: what was mapped before a failure stays", () => {
    const world = new SmallAspace();
    const object = world.object(40);
    world.commit(object, 0, 40);
    const mapping = world.map({ object, at: 0, count: 40 });
    world.tables.refusals.set("map", [Status.OK, Status.NO_MEMORY]);
    expect(mapRange(mapping, 0, 40, STRICT)).toBe(Status.NO_MEMORY);
    expect(world.draw(14, 4)).toBe("ww--");
    expect(mapping.faulting).toBe(false);
    world.validate();
    expect(mapRange(mapping, 0, 40, SKIPPING)).toBe(Status.OK);
    world.validate();
  });

  test("M-15: where the object is shorter, less is mapped, and that is no error", () => {
    const world = new SmallAspace();
    const object = world.object(4);
    world.commit(object, 0, 4);
    const mapping = world.map({ object, at: 0, count: 10, offset: 1 });
    expect(mapRange(mapping, 0, 10, STRICT)).toBe(Status.OK);
    expect(world.draw(0, 5)).toBe("www--");
    expect(mapRange(mapping, 3, 7, STRICT)).toBe(Status.OK);
    world.validate();
  });

  test("M-15: committing makes pages of its own that can be written, and maps them", () => {
    const world = new SmallAspace();
    const object = world.object(6);
    world.commit(object, 1, 1);
    const mapping = world.map({ object, at: 0, count: 6 });
    expect(mapRange(mapping, 0, 6, COMMITTING)).toBe(Status.OK);
    expect(world.draw(0, 6)).toBe("wwwwww");
    expect(world.small.system.pmm.liveCount).toBe(6);
    world.validate();
  });

  test("M-15: a commit that lacks memory maps nothing of its last run", () => {
    const world = new SmallAspace();
    const object = world.object(6);
    const mapping = world.map({ object, at: 0, count: 6 });
    world.small.system.pmm.failures.failAt(3);
    expect(mapRange(mapping, 0, 6, COMMITTING)).toBe(Status.NO_MEMORY);
    expect(world.draw(0, 6)).toBe("------");
    world.validate();
  });

  test("M-15: a commit never waits; one that would is our own mistake", () => {
    const world = new SmallAspace();
    const object = world.pagerObject(4);
    const mapping = world.map({ object, at: 0, count: 4 });
    expect(panicRule(() => mapRange(mapping, 0, 4, COMMITTING))).toBe("M-15");
    expect(mapping.faulting).toBe(false);
  });

  test("M-15, I-19: a tracked page is mapped without write, a shared one not at all for writing", () => {
    const world = new SmallAspace();
    const tracked = world.pagerObject(4);
    world.supply(tracked, 0, 2);
    world.allowDirty(tracked, 1);
    expect(mapRange(world.map({ object: tracked, at: 0, count: 4 }), 0, 4, STRICT)).toBe(Status.OK);
    expect(world.draw(0, 4)).toBe("rr--");
    const object = world.object(4);
    world.commit(object, 0, 4);
    const options = { kind: CloneKind.SNAPSHOT, offset: 0n, size: 0x4000n };
    const clone = world.keep(object.createClone(options));
    const writable = world.map({ object: clone, at: 8, count: 4 });
    expect(mapRange(writable, 0, 4, STRICT)).toBe(Status.OK);
    expect(world.draw(8, 4)).toBe("----");
    const readable = world.map({ object: clone, at: 16, count: 4, protection: R });
    expect(mapRange(readable, 0, 4, STRICT)).toBe(Status.OK);
    expect(world.draw(16, 4)).toBe("rrrr");
    world.validate();
  });

  test("M-15: device memory is mapped as a whole", () => {
    const world = new SmallAspace();
    const device = { base: 0x9000_0000n, size: 0x14000n };
    const object = world.keep(createPhysicalObject(world.small.system, device));
    const mapping = world.map({ object, at: 0, count: 18, offset: 2 });
    expect(mapRange(mapping, 1, 17, STRICT)).toBe(Status.OK);
    expect(world.draw(0, 19)).toBe("-wwwwwwwwwwwwwwwww-");
    expect(world.frameAt(1)).toBe(0x9_0003);
    world.validate();
  });

  test.each([
    ["off", [], "wwrrww--"],
    ["on", ["Q-3"], "ww------"],
  ] as const)("T-8, M-15, I-25, Q-3 %s: several runs of protections", (_, quirks, drawn) => {
    const world = new SmallAspace({ quirks });
    const object = world.object(8);
    world.commit(object, 0, 8);
    const mapping = world.map({ object, at: 0, count: 8 });
    protect(mapping, BASE + 2, 2, R);
    protect(mapping, BASE + 6, 2, NONE);
    expect(mapRange(mapping, 0, 8, STRICT)).toBe(Status.OK);
    expect(world.draw(0, 8)).toBe(drawn);
    world.validate();
  });

  test.each(FAULT_MODES)(
    "T-9, %s: 16 GiB of nothing are mapped at once, and its few pages found",
    (faultMode) => {
      const pages = 2 ** 22;
      const world = new SmallAspace({ faultMode, pageCount: pages });
      const object = world.object(pages);
      const mapping = world.map({ object, at: 0, count: pages });
      expect(mapRange(mapping, 0, pages, STRICT)).toBe(Status.OK);
      expect(world.tables.entries.size).toBe(0);
      for (const page of [0, pages / 2, pages - 1]) world.commit(object, page, 1);
      expect(mapRange(mapping, 0, pages, STRICT)).toBe(Status.OK);
      expect([...world.tables.entries.keys()]).toEqual([BASE, BASE + pages / 2, BASE + pages - 1]);
      expect(world.fault(5, FaultKind.READ)).toBe(Status.OK);
    },
  );

  test("M-15: a plain kernel mapping maps pinned pages only", () => {
    const world = new SmallAspace(KERNEL);
    const object = world.object(4);
    const protection = MmuFlags.READ | MmuFlags.WRITE;
    expect(run(object.pinRange(0n, 0x2000n, PageAccess.WRITE))).toBe(Status.OK);
    const mapping = world.map({ object, at: 0, count: 4, protection });
    expect(mapRange(mapping, 0, 2, STRICT)).toBe(Status.OK);
    expect(panicRule(() => mapRange(mapping, 1, 2, STRICT))).toBe("M-15");
    const flags = VmarFlags.CAN_RWX | VmarFlags.DEBUG_DYNAMIC_KERNEL_MAPPING;
    const dynamic = world.map({ object, at: 8, count: 4, flags, protection });
    expect(mapRange(dynamic, 0, 4, STRICT)).toBe(Status.OK);
    expect(world.draw(8, 4)).toBe("ww--");
    world.validate();
  });

  test("M-15: within a fault of the same mapping nothing is mapped in advance", () => {
    const world = new SmallAspace();
    const mapping = world.map({ object: world.object(4), at: 0, count: 4, protection: RW });
    mapping.faulting = true;
    expect(panicRule(() => mapRange(mapping, 0, 4, STRICT))).toBe("M-15");
  });
});

describe("decommitting through a mapping", () => {
  test("M-16: the range counts from the mapping, and entries go with the pages", () => {
    const world = new SmallAspace();
    const mapping = world.map({ object: world.object(8), at: 0, count: 4, offset: 2 });
    for (let page = 0; page < 4; page++) world.write(page, page + 1);
    expect(decommitRange(mapping, 0x1000n, 0x2000n)).toBe(Status.OK);
    expect(world.draw(0, 4)).toBe("w--w");
    expect([0, 1, 2, 3].map((page) => world.read(page))).toEqual([1, 0, 0, 4]);
    world.validate();
  });

  test("M-16: OUT_OF_RANGE beyond the mapping, also where the object goes on; then as the object says", () => {
    const world = new SmallAspace();
    const mapping = world.map({ object: world.object(8), at: 0, count: 4, offset: 2 });
    expect(decommitRange(mapping, 0x3000n, 0x1001n)).toBe(Status.OUT_OF_RANGE);
    expect(decommitRange(mapping, 0x5000n, 0n)).toBe(Status.OUT_OF_RANGE);
    expect(decommitRange(mapping, (1n << 64n) - 1n, 2n)).toBe(Status.OUT_OF_RANGE);
    expect(decommitRange(mapping, 0x4000n, 0n)).toBe(Status.OK);
    expect(decommitRange(mapping, 1n, 0x1000n)).toBe(Status.INVALID_ARGS);
    const beyond = world.map({ object: world.object(2), at: 8, count: 4 });
    expect(decommitRange(beyond, 0n, 0x4000n)).toBe(Status.OUT_OF_RANGE);
    const device = { base: 0x9000_0000n, size: 0x1000n };
    const object = world.keep(createPhysicalObject(world.small.system, device));
    const physical = world.map({ object, at: 16, count: 1 });
    expect(decommitRange(physical, 0n, 0x1000n)).toBe(Status.NOT_SUPPORTED);
  });
});
