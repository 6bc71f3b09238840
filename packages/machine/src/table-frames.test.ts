import { FRAME_WORDS, GUEST_TAGS, Invalidate, NO_FRAME } from "@aspace/arch";
import { describe, expect, it } from "vitest";
import {
  Bit,
  boot,
  clearEntry,
  entryOf,
  fakeMachine,
  load,
  mmuOf,
  panicRule,
  setLeaf,
} from "../test/fake-mmu.ts";
import { CpuMode } from "./cpu.ts";
import { FrameOwner } from "./frames.ts";

const EVERYTHING_OF_TAG = Invalidate.TAG | Invalidate.WALK_ALL;

describe("TableAllocator", () => {
  it("hands out zeroed frames that belong to the MMU, also used ones (K-9)", () => {
    const machine = fakeMachine();
    const pfn = machine.tables.allocate();
    expect(machine.frames.ownerOf(pfn)).toBe(FrameOwner.TABLE);
    machine.memory.words.fill(-1, pfn * FRAME_WORDS, (pfn + 1) * FRAME_WORDS);
    machine.tables.free(pfn);
    expect(machine.tables.allocate()).toBe(pfn);
    const words = machine.memory.words.subarray(pfn * FRAME_WORDS, (pfn + 1) * FRAME_WORDS);
    expect(words.every((word) => word === 0)).toBe(true);
  });

  it("zeroes a frame that was a data page before (K-9)", () => {
    const machine = fakeMachine();
    const root = boot(machine);
    const page = machine.pages.allocatePage();
    setLeaf(machine, root, { vpn: 1, pfn: page });
    machine.cpus[0]!.store(CpuMode.USER, 1, 0, 1234);
    clearEntry(machine, root, 1, 0);
    machine.bus.invalidate(1, EVERYTHING_OF_TAG, 1, 0);
    machine.pages.freePage(page);
    expect(machine.tables.allocate()).toBe(page);
    expect(machine.memory.words[page * FRAME_WORDS]).toBe(0);
  });

  it("fails the n-th allocation and takes no frame for it (K-12)", () => {
    const machine = fakeMachine();
    machine.tables.failures.failAt(2);
    const results = [0, 1, 2].map(() => machine.tables.allocate());
    expect(results).toEqual([64, NO_FRAME, 65]);
    expect(machine.tables.live).toBe(2);
    expect(machine.log.tablesAllocated).toBe(2);
  });

  it("answers NO_FRAME when RAM is used up", () => {
    const machine = fakeMachine({ frameCount: 65 });
    machine.tables.allocate();
    expect(machine.tables.allocate()).toBe(NO_FRAME);
  });

  it("panics when a frame is freed twice or is no table (P-R2)", () => {
    const machine = fakeMachine();
    const pfn = machine.tables.allocate();
    machine.tables.free(pfn);
    expect(panicRule(() => machine.tables.free(pfn))).toBe("P-R2");
    expect(panicRule(() => machine.tables.free(3))).toBe("P-R2");
    expect(panicRule(() => machine.tables.free(machine.pages.allocatePage()))).toBe("P-R2");
    expect(panicRule(() => machine.tables.free(NO_FRAME))).toBe("P-R2");
  });

  it("panics when a root register still points at the table (P-T3)", () => {
    const machine = fakeMachine({ cpuCount: 2 });
    const root = boot(machine);
    load(machine, 0, 0, 0);
    expect(panicRule(() => machine.tables.free(root))).toBe("P-T3");
    load(machine, 1, 0, 0);
    expect(panicRule(() => machine.tables.free(root))).toBe("no panic");
  });

  it("panics when a usable walk-cache entry still leads to the table (P-T3)", () => {
    const machine = fakeMachine();
    const root = boot(machine);
    setLeaf(machine, root, { vpn: 1, pfn: 5 });
    machine.cpus[0]!.load(CpuMode.USER, 1, 0);
    const table = Math.floor(entryOf(machine, root, 1, 0) / FRAME_WORDS);
    clearEntry(machine, root, 1, 0);
    clearEntry(machine, root, 1, 1);
    machine.bus.invalidate(1, Invalidate.TAG | Invalidate.PAGE, 1, 1);
    expect(panicRule(() => machine.tables.free(table))).toBe("P-T3");
    machine.bus.invalidate(1, Invalidate.TAG | Invalidate.PAGE | Invalidate.WALK_PAGE, 1, 1);
    expect(panicRule(() => machine.tables.free(table))).toBe("no panic");
  });

  it("accepts an entry under a tag that the CPU does not run now, until it runs it (P-T3)", () => {
    const machine = fakeMachine();
    const root = boot(machine);
    setLeaf(machine, root, { vpn: 1, pfn: 5 });
    const cpu = machine.cpus[0]!;
    cpu.load(CpuMode.USER, 1, 0);
    const table = Math.floor(entryOf(machine, root, 1, 0) / FRAME_WORDS);
    load(machine, 0, 0, 2);
    expect(panicRule(() => machine.tables.free(table))).toBe("no panic");
    load(machine, 0, root, 1);
    expect(panicRule(() => cpu.load(CpuMode.USER, 2, 0))).toBe("P-T3");
  });

  it("panics when a usable translation leads into the table (P-T2)", () => {
    const machine = fakeMachine();
    const root = boot(machine);
    const table = machine.tables.allocate();
    setLeaf(machine, root, { vpn: 1, pfn: table });
    machine.cpus[0]!.load(CpuMode.USER, 1, 0);
    expect(panicRule(() => machine.tables.free(table))).toBe("P-T2");
  });
});

describe("freeing a data page", () => {
  it("panics while any CPU can use a translation to it (P-T2)", () => {
    const { machine, root, page } = mapped();
    clearEntry(machine, root, 8, 0);
    expect(panicRule(() => machine.pages.freePage(page))).toBe("P-T2");
    machine.bus.invalidate(1, EVERYTHING_OF_TAG, 1, 0);
    expect(panicRule(() => machine.pages.freePage(page))).toBe("P-T2");
    machine.bus.invalidate(2, EVERYTHING_OF_TAG, 1, 0);
    expect(panicRule(() => machine.pages.freePage(page))).toBe("no panic");
  });

  it("panics about the page inside a large leaf, and about no page outside it (P-T2)", () => {
    const { machine, page } = mapped(Bit.WRITE, 1);
    const others = Array.from({ length: 9 }, () => machine.pages.allocatePage());
    const inside = others.filter((other) => other >> 3 === page >> 3);
    expect(inside).toEqual([67, 68, 69, 70, 71]);
    for (const other of others) {
      const expected = inside.includes(other) ? "P-T2" : "no panic";
      expect(panicRule(() => machine.pages.freePage(other))).toBe(expected);
    }
  });

  it("accepts a translation under another tag; a global one counts under all (P-T2)", () => {
    const own = mapped();
    load(own.machine, 1, own.root, 2);
    expect(panicRule(() => own.machine.pages.freePage(own.page))).toBe("no panic");
    const global = mapped(Bit.GLOBAL);
    load(global.machine, 1, global.root, 2);
    expect(panicRule(() => global.machine.pages.freePage(global.page))).toBe("P-T2");
    mmuOf(global.machine, 1).tag = GUEST_TAGS;
    expect(panicRule(() => global.machine.pages.freePage(global.page))).toBe("P-T2");
  });
});

/** Two CPUs, of which CPU 1 has a data page cached through a leaf of this level around page 8. */
function mapped(bits: number = Bit.WRITE, level = 0) {
  const machine = fakeMachine({ cpuCount: 2 });
  const root = boot(machine);
  const page = machine.pages.allocatePage();
  setLeaf(machine, root, { vpn: 8, pfn: page & ~(8 ** level - 1), level, bits });
  const vpn = 8 + (page & (8 ** level - 1));
  machine.cpus[1]!.load(CpuMode.USER, vpn, 0);
  return { machine, root, page, vpn };
}
