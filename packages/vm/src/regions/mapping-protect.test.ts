import { Enlarge, MmuFlags, Status } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { panicRule } from "../../test/bare-machine.ts";
import {
  BASE,
  FaultKind,
  GUEST,
  KERNEL,
  NONE,
  R,
  RW,
  RX,
  SmallAspace,
  type SmallAspaceOptions,
} from "../../test/small-aspace.ts";
import { protectOrUnmap } from "./mapping-object-changes.ts";
import { protect, protectLocked } from "./mapping-protect.ts";
import type { VmMapping } from "./vm-mapping.ts";
import { VmarFlags } from "./vmar-flags.ts";

/** Eight writable pages, all written. */
function written(options: SmallAspaceOptions = {}): { world: SmallAspace; mapping: VmMapping } {
  const world = new SmallAspace(options);
  const mapping = world.map({ object: world.object(8), at: 0, count: 8 });
  for (let page = 0; page < 8; page++) world.write(page, page);
  world.tables.takeCalls();
  return { world, mapping };
}

describe("protecting a mapping", () => {
  test("M-5: INVALID_ARGS for an empty range and for one that is not inside", () => {
    const { mapping } = written();
    expect(protect(mapping, BASE, 0, R)).toBe(Status.INVALID_ARGS);
    expect(protect(mapping, BASE, 9, R)).toBe(Status.INVALID_ARGS);
    expect(protect(mapping, BASE - 1, 2, R)).toBe(Status.INVALID_ARGS);
    expect(protect(mapping, BASE + 8, 1, R)).toBe(Status.INVALID_ARGS);
  });

  test("M-5: the checks come in order: state, range, cache policy, permission", () => {
    const world = new SmallAspace();
    const flags = VmarFlags.CAN_MAP_READ;
    const mapping = world.map({ object: world.object(4), at: 0, count: 4, flags, protection: R });
    const wrong = RW | MmuFlags.UNCACHED;
    expect(protect(mapping, BASE, 9, wrong)).toBe(Status.INVALID_ARGS);
    expect(protect(mapping, BASE, 4, wrong)).toBe(Status.INVALID_ARGS);
    expect(protect(mapping, BASE, 4, RW)).toBe(Status.ACCESS_DENIED);
    expect(protect(mapping, BASE, 4, RX)).toBe(Status.ACCESS_DENIED);
    expect(protect(mapping, BASE, 4, NONE)).toBe(Status.OK);
    expect(protect(mapping, BASE, 4, R)).toBe(Status.OK);
  });

  test("M-6, I-21: entries lose what the range no longer allows, and only there", () => {
    const { world, mapping } = written();
    expect(protect(mapping, BASE + 2, 3, R)).toBe(Status.OK);
    expect(world.ranges(mapping)).toBe("wwrrrwww");
    expect(world.draw(0, 8)).toBe("wwrrrwww");
    expect(world.fault(3, FaultKind.WRITE)).toBe(Status.ACCESS_DENIED);
    world.validate();
  });

  test("M-6: a right to write that comes back is granted by the next fault, not at once", () => {
    const { world, mapping } = written();
    protect(mapping, BASE, 8, R);
    world.tables.takeCalls();
    expect(protect(mapping, BASE, 8, RW)).toBe(Status.OK);
    expect(world.tables.takeCalls()).toEqual([]);
    expect(world.draw(0, 8)).toBe("rrrrrrrr");
    expect(world.write(5, 1)).toBe(Status.OK);
    expect(world.draw(5, 1)).toBe("w");
    expect(world.system.counters.protectWithoutWrite).toBe(1);
    world.validate();
  });

  test("M-6, M-26: each old run is shown the page tables once, with what becomes less", () => {
    const { world, mapping } = written();
    protect(mapping, BASE + 4, 2, RX);
    world.tables.takeCalls();
    expect(protect(mapping, BASE, 8, R)).toBe(Status.OK);
    expect(world.tables.takeCalls()).toEqual([
      `protect ${BASE}+4 ur-- yes`,
      `protect ${BASE + 4}+2 ur-- yes`,
      `protect ${BASE + 6}+2 ur-- yes`,
    ]);
    expect(protect(mapping, BASE, 8, R)).toBe(Status.OK);
    expect(world.tables.takeCalls()).toEqual([]);
  });

  test("M-7: a range without permissions has no entries", () => {
    const { world, mapping } = written();
    expect(protect(mapping, BASE + 1, 2, NONE)).toBe(Status.OK);
    expect(world.tables.takeCalls()).toEqual([`unmap ${BASE + 1}+2 yes`]);
    expect(world.draw(0, 4)).toBe("w--w");
    expect(world.fault(1, FaultKind.READ)).toBe(Status.ACCESS_DENIED);
    world.validate();
  });

  test("M-7: what cannot be read has no entries either, since page tables know none", () => {
    const { world, mapping } = written();
    const executeOnly = MmuFlags.USER | MmuFlags.EXECUTE;
    expect(protect(mapping, BASE, 2, executeOnly)).toBe(Status.OK);
    expect(protect(mapping, BASE + 2, 2, MmuFlags.USER | MmuFlags.WRITE)).toBe(Status.OK);
    expect(world.draw(0, 5)).toBe("----w");
    world.validate();
  });

  test("M-7: where protecting has no memory, a user's entries go instead", () => {
    const { world, mapping } = written();
    world.tables.refusals.set("protect", [Status.NO_MEMORY]);
    expect(protect(mapping, BASE, 4, R)).toBe(Status.OK);
    expect(world.draw(0, 8)).toBe("----wwww");
    world.validate();
  });

  test("M-6, M-7: where a kernel's entries cannot be protected, nothing can be saved", () => {
    const { world, mapping } = kernelMapping();
    world.tables.refusals.set("protect", [Status.NO_MEMORY]);
    expect(panicRule(() => protect(mapping, BASE, 2, MmuFlags.READ))).toBe("M-6");
    expect(world.tables.takeCalls()).toEqual([`protect ${BASE}+2 -r-- no`]);
  });

  test("M-6: a kernel mapping cannot gain WRITE, since kernels do not fault", () => {
    const { mapping } = kernelMapping();
    expect(protect(mapping, BASE, 2, MmuFlags.READ)).toBe(Status.OK);
    const writable = MmuFlags.READ | MmuFlags.WRITE;
    expect(panicRule(() => protect(mapping, BASE, 2, writable))).toBe("M-6");
  });

  test("M-6, I-36: without memory for a node nothing changes", () => {
    const { world, mapping } = written();
    for (const attempt of [1, 2]) {
      world.small.system.pmm.failures.failAt(attempt);
      expect(protect(mapping, BASE + 2, 2, R)).toBe(Status.NO_MEMORY);
      expect(world.ranges(mapping)).toBe("wwwwwwww");
      expect(world.tables.takeCalls()).toEqual([]);
    }
    world.validate();
  });

  test("M-6, I-39: to protect twice changes entries once", () => {
    const { world, mapping } = written();
    protect(mapping, BASE + 1, 3, R);
    world.tables.takeCalls();
    expect(protect(mapping, BASE + 1, 3, R)).toBe(Status.OK);
    expect(world.tables.takeCalls()).toEqual([]);
  });

  test("M-6: unchecked arguments are our own mistake", () => {
    const { world, mapping } = written();
    const attempt = (vpn: number, count: number, flags: number): string =>
      world.locked(() => panicRule(() => protectLocked(mapping, vpn, count, flags)));
    expect(panicRule(() => protectLocked(mapping, BASE, 1, R))).toBe("L-2");
    expect(attempt(BASE, 1, R | MmuFlags.UNCACHED)).toBe("M-6");
    expect(attempt(BASE, 0, R)).toBe("R-4");
    expect(attempt(BASE + 7, 2, R)).toBe("R-4");
    const narrow = world.map({
      object: world.object(1),
      at: 8,
      count: 1,
      flags: VmarFlags.CAN_MAP_READ,
      protection: R,
    });
    expect(world.locked(() => panicRule(() => protectLocked(narrow, BASE + 8, 1, RW)))).toBe("M-6");
  });

  test("M-7: nobody gains WRITE by protecting", () => {
    const { world } = written();
    expect(panicRule(() => protectOrUnmap(world.aspace, BASE, 1, RW))).toBe("M-7");
    expect(world.aspace.enlarge).toBe(Enlarge.YES);
    expect(new SmallAspace(KERNEL).aspace.enlarge).toBe(Enlarge.NO);
    expect(new SmallAspace(GUEST).aspace.enlarge).toBe(Enlarge.YES);
  });

  test.each([
    ["off", [], "rr", Status.ACCESS_DENIED],
    ["on", ["Q-1"], "rw", Status.OK],
  ] as const)("T-8, Q-1 %s: protect one page, then both", (_, quirks, entries, answer) => {
    const world = new SmallAspace({ quirks });
    const mapping = world.map({ object: world.object(2), at: 0, count: 2 });
    world.write(0, 1);
    world.write(1, 1);
    expect(protect(mapping, BASE, 1, R)).toBe(Status.OK);
    expect(protect(mapping, BASE, 2, R)).toBe(Status.OK);
    expect(world.draw(0, 2)).toBe(entries);
    // The CPU asks nobody while the entry is there.
    expect(entries === "rw" ? world.write(1, 2) : world.fault(1, FaultKind.WRITE)).toBe(answer);
    expect(panicRule(() => world.validate())).toBe(quirks.length === 0 ? "no panic" : "I-20");
  });
});

function kernelMapping(): { world: SmallAspace; mapping: VmMapping } {
  const world = new SmallAspace(KERNEL);
  const flags = VmarFlags.CAN_RWX | VmarFlags.DEBUG_DYNAMIC_KERNEL_MAPPING;
  const protection = MmuFlags.READ | MmuFlags.WRITE;
  const mapping = world.map({ object: world.object(2), at: 0, count: 2, flags, protection });
  return { world, mapping };
}
