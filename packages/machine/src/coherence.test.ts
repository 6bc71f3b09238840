import { FRAME_WORDS, GUEST_TAGS, Invalidate } from "@aspace/arch";
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
import { checkCoherence } from "./coherence.ts";
import { CpuMode } from "./cpu.ts";
import type { MachineOptions } from "./machine.ts";

function world(options: Partial<MachineOptions> = {}) {
  const machine = fakeMachine({ cpuCount: 2, ...options });
  const root = boot(machine);
  const touch = (vpn: number): void => void machine.cpus[1]!.load(CpuMode.USER, vpn, 0);
  return { machine, root, touch, verdict: () => panicRule(() => checkCoherence(machine)) };
}

describe("checkCoherence on translations (P-T1)", () => {
  it("accepts a machine whose caches agree with its tables", () => {
    const { machine, root, touch, verdict } = world();
    setLeaf(machine, root, { vpn: 1, pfn: 20 });
    setLeaf(machine, root, { vpn: 8, pfn: 32, level: 1 });
    setLeaf(machine, root, { vpn: 64, pfn: 0, level: 2, bits: Bit.GLOBAL });
    for (const vpn of [1, 9, 80, 300]) touch(vpn);
    expect(verdict()).toBe("no panic");
  });

  it("accepts a cached translation that allows less than the tables do now", () => {
    const { machine, root, touch, verdict } = world();
    setLeaf(machine, root, { vpn: 1, pfn: 20, bits: 0 });
    touch(1);
    setLeaf(machine, root, { vpn: 1, pfn: 20, bits: Bit.WRITE });
    expect(verdict()).toBe("no panic");
  });

  it.each([
    ["more rights", { vpn: 1, pfn: 20, bits: 0 }],
    ["another frame", { vpn: 1, pfn: 21 }],
    ["another memory type", { vpn: 1, pfn: 20, bits: Bit.WRITE | Bit.DEVICE }],
  ])("panics about %s in the TLB than in the tables", (_, changed) => {
    const { machine, root, touch, verdict } = world();
    setLeaf(machine, root, { vpn: 1, pfn: 20 });
    touch(1);
    setLeaf(machine, root, changed);
    expect(verdict()).toBe("P-T1");
    machine.bus.invalidate(-1, Invalidate.TAG | Invalidate.PAGE, 1, 1);
    expect(verdict()).toBe("no panic");
  });

  it("panics about a translation that the tables no longer have", () => {
    const { machine, root, touch, verdict } = world();
    setLeaf(machine, root, { vpn: 1, pfn: 20 });
    touch(1);
    clearEntry(machine, root, 1, 0);
    expect(verdict()).toBe("P-T1");
  });

  it("panics about a global translation of a page that is global no more", () => {
    const { machine, root, touch, verdict } = world();
    setLeaf(machine, root, { vpn: 1, pfn: 20, bits: Bit.GLOBAL });
    touch(1);
    setLeaf(machine, root, { vpn: 1, pfn: 20, bits: 0 });
    expect(verdict()).toBe("P-T1");
  });

  it("looks at every page of a large translation whose leaf was split", () => {
    const { machine, root, touch, verdict } = world();
    setLeaf(machine, root, { vpn: 8, pfn: 32, level: 1 });
    touch(8);
    clearEntry(machine, root, 8, 1);
    for (let page = 0; page < 8; page++) setLeaf(machine, root, { vpn: 8 + page, pfn: 32 + page });
    expect(verdict()).toBe("no panic");
    clearEntry(machine, root, 15, 0);
    expect(verdict()).toBe("P-T1");
  });

  it("names CPU, tag, page and both views, so that the finding reads by itself", () => {
    const { machine, root, touch } = world();
    setLeaf(machine, root, { vpn: 9, pfn: 20, bits: Bit.WRITE });
    touch(9);
    setLeaf(machine, root, { vpn: 9, pfn: 20, bits: 0 });
    expect(() => checkCoherence(machine)).toThrowErrorMatchingInlineSnapshot(
      `[KernelPanic: P-T1: CPU 1, tag 1, page 0x9000: the TLB holds frame 0x14000, user rw- kernel rw- copy rw-, write-back; a fresh walk finds frame 0x14000, user r-- kernel r-- copy r--, write-back]`,
    );
  });

  it("looks only at what the CPU could use now: other tags wait for their switch", () => {
    const { machine, root, touch, verdict } = world();
    setLeaf(machine, root, { vpn: 1, pfn: 20 });
    touch(1);
    clearEntry(machine, root, 1, 0);
    load(machine, 1, root, 2);
    expect(verdict()).toBe("no panic");
    load(machine, 1, root, 1);
    expect(verdict()).toBe("P-T1");
  });

  it("leaves global translations alone while the CPU runs a guest", () => {
    const { machine, root, touch, verdict } = world();
    setLeaf(machine, root, { vpn: 1, pfn: 20, bits: Bit.GLOBAL });
    touch(1);
    clearEntry(machine, root, 1, 0);
    load(machine, 1, root, GUEST_TAGS);
    expect(verdict()).toBe("no panic");
    load(machine, 1, root, 3);
    expect(verdict()).toBe("P-T1");
  });

  it("changes nothing: neither caches nor accessed bits", () => {
    const { machine, root, touch } = world();
    setLeaf(machine, root, { vpn: 1, pfn: 20 });
    touch(1);
    machine.memory.words[entryOf(machine, root, 1, 0)]! &= ~Bit.ACCESSED;
    const before = machine.memory.words.slice();
    const { count } = machine.cpus[1]!.tlb;
    checkCoherence(machine);
    expect(machine.memory.words).toEqual(before);
    expect(machine.cpus[1]!.tlb.count).toBe(count);
  });
});

describe("checkCoherence on leaf sizes (P-T4)", () => {
  it("panics about a translation of another size where that could conflict", () => {
    expect(verdictOnSplit({ conflicts: "panic" })).toBe("P-T4");
    expect(verdictOnSplit({ conflicts: "allowed" })).toBe("no panic");
  });
});

describe("checkCoherence on tables (P-T3)", () => {
  it("panics when a root register points at a frame that is no table", () => {
    const { machine, verdict } = world();
    mmuOf(machine, 1).root = 3;
    expect(verdict()).toBe("P-T3");
  });

  it("panics when the walk cache leads to a freed table", () => {
    const { machine, root, touch, verdict } = world();
    setLeaf(machine, root, { vpn: 1, pfn: 20 });
    touch(1);
    const table = Math.floor(entryOf(machine, root, 1, 0) / FRAME_WORDS);
    clearEntry(machine, root, 1, 0);
    clearEntry(machine, root, 1, 1);
    machine.bus.invalidate(-1, Invalidate.TAG, 1, 0);
    load(machine, 1, root, 2);
    machine.tables.free(table);
    load(machine, 1, root, 1);
    expect(verdict()).toBe("P-T3");
  });

  it.each([0, 1])("panics when it leads to a level %s table that is elsewhere now", (level) => {
    const { machine, root, touch, verdict } = world();
    setLeaf(machine, root, { vpn: 1, pfn: 20 });
    touch(1);
    const old = Math.floor(entryOf(machine, root, 1, level) / FRAME_WORDS);
    clearEntry(machine, root, 1, level + 1);
    setLeaf(machine, root, { vpn: 1, pfn: 20 });
    expect(machine.frames.ownerOf(old)).toBe(1);
    machine.bus.invalidate(-1, Invalidate.TAG, 1, 0);
    expect(verdict()).toBe("P-T3");
    machine.bus.invalidate(-1, Invalidate.TAG | Invalidate.WALK_ALL, 1, 0);
    expect(verdict()).toBe("no panic");
  });

  it("panics when it leads to a table that is linked nowhere, or where a leaf is now", () => {
    for (const replaceByLeaf of [true, false]) {
      const { machine, root, touch, verdict } = world();
      setLeaf(machine, root, { vpn: 1, pfn: 20 });
      touch(1);
      clearEntry(machine, root, 1, 1);
      if (replaceByLeaf) setLeaf(machine, root, { vpn: 0, pfn: 16, level: 1 });
      machine.bus.invalidate(-1, Invalidate.TAG, 1, 0);
      expect(verdict()).toBe("P-T3");
    }
  });

  it("tells two tables apart that lead to the same table below", () => {
    const { machine, root, touch, verdict } = world();
    setLeaf(machine, root, { vpn: 1, pfn: 20 });
    touch(1);
    const { words } = machine.memory;
    const link = entryOf(machine, root, 1, 2);
    const twin = machine.tables.allocate();
    const old = words[link + 1]!;
    words.copyWithin(twin * FRAME_WORDS, old * FRAME_WORDS, (old + 1) * FRAME_WORDS);
    words[link + 1] = twin;
    expect(verdict()).toBe("P-T3");
    words[link + 1] = old;
    expect(verdict()).toBe("no panic");
  });

  it("takes a table on trust that has tables behind all its entries", () => {
    const { machine, root, touch, verdict } = world();
    for (let table = 0; table < 8; table++) setLeaf(machine, root, { vpn: 8 * table, pfn: 20 });
    touch(0);
    expect(verdict()).toBe("no panic");
  });
});

/** A large leaf that CPU 1 has cached, split without an invalidation: what the check says. */
function verdictOnSplit(options: Partial<MachineOptions>): string {
  const { machine, root, touch, verdict } = world(options);
  setLeaf(machine, root, { vpn: 8, pfn: 32, level: 1 });
  touch(8);
  clearEntry(machine, root, 8, 1);
  for (let page = 0; page < 8; page++) setLeaf(machine, root, { vpn: 8 + page, pfn: 32 + page });
  return verdict();
}
