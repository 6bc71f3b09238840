import { Access, FRAME_WORDS, GUEST_TAGS, Invalidate, MemoryType, NO_FAULT } from "@aspace/arch";
import { describe, expect, it } from "vitest";
import {
  Bit,
  Fault,
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
import type { Machine, MachineOptions } from "./machine.ts";

const DROP_TAG = Invalidate.TAG | Invalidate.WALK_ALL;

/** A machine whose CPUs run an empty root under tag 1. */
function world(options: Partial<MachineOptions> = {}) {
  const machine = fakeMachine(options);
  const root = boot(machine);
  return { machine, root, cpu: machine.cpus[0]!, mmu: mmuOf(machine) };
}

const entryBits = (machine: Machine, root: number, vpn: number): number =>
  machine.memory.words[entryOf(machine, root, vpn, 0)]!;

describe("Cpu accesses", () => {
  it("stores a word where a later load finds it, in every mode (K-17)", () => {
    for (const mode of Object.values(CpuMode)) {
      const { machine, root, cpu } = world();
      const pfn = machine.pages.allocatePage();
      setLeaf(machine, root, { vpn: 9, pfn, bits: Bit.WRITE | Bit.EXECUTE });
      expect(cpu.store(mode, 9, 4092, -7)).toBe(NO_FAULT);
      expect(machine.memory.words[pfn * FRAME_WORDS + 1023]).toBe(-7);
      expect(cpu.load(mode, 9, 4092)).toBe(NO_FAULT);
      expect(cpu.value).toBe(-7);
      cpu.value = 0;
      expect(cpu.fetch(mode, 9, 4092)).toBe(NO_FAULT);
      expect(cpu.value).toBe(-7);
    }
  });

  it("asks the MMU for the access kind that mode and operation make (K-17)", () => {
    const { cpu } = world();
    const kinds = Object.values(CpuMode).flatMap((mode) => [
      cpu.load(mode, 0, 0),
      cpu.store(mode, 0, 0, 0),
      cpu.fetch(mode, 0, 0),
    ]);
    const absentAtRoot = Fault.ABSENT + 2 * 9;
    expect(kinds.map((code) => code - absentAtRoot)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it("reaches the exact page inside a large leaf (K-17)", () => {
    const { machine, root, cpu } = world();
    setLeaf(machine, root, { vpn: 8, pfn: 32, level: 1 });
    for (let page = 0; page < 8; page++) cpu.store(CpuMode.USER, 8 + page, 0, 100 + page);
    const words = Array.from({ length: 8 }, (_, i) => machine.memory.words[(32 + i) * FRAME_WORDS]);
    expect(words).toEqual([100, 101, 102, 103, 104, 105, 106, 107]);
  });

  it("reads zero and writes nothing outside RAM, on a miss and on a hit (K-21)", () => {
    const { machine, root, cpu } = world();
    for (const pfn of [machine.memory.frameCount, 0xffff_ffff]) {
      setLeaf(machine, root, { vpn: 3, pfn });
      for (let i = 0; i < 2; i++) {
        expect(cpu.store(CpuMode.USER, 3, 0, 1)).toBe(NO_FAULT);
        cpu.value = 1;
        expect(cpu.load(CpuMode.USER, 3, 0)).toBe(NO_FAULT);
        expect(cpu.value).toBe(0);
      }
      expect(cpu.access(3, Access.USER_READ)).toBe(NO_FAULT);
      expect(cpu.translation.pfn).toBe(pfn);
      machine.bus.invalidate(1, DROP_TAG, 1, 0);
    }
  });

  it("panics when a store lands in a page table, and lets loads see it (K-11)", () => {
    const { machine, root, cpu } = world();
    setLeaf(machine, root, { vpn: 3, pfn: root });
    expect(cpu.load(CpuMode.USER, 3, 0)).toBe(NO_FAULT);
    expect(cpu.value).toBe(machine.memory.words[root * FRAME_WORDS]);
    expect(panicRule(() => cpu.store(CpuMode.USER, 3, 8, 1))).toBe("K-11");
  });

  it.each([1, 4096, -4, 4094])("panics about the offset %s (K-10)", (offset) => {
    const { cpu } = world();
    expect(panicRule(() => cpu.load(CpuMode.USER, 0, offset))).toBe("K-10");
    expect(panicRule(() => cpu.store(CpuMode.USER, 0, offset, 0))).toBe("K-10");
  });

  it("tells how an access was translated, on a miss and on a hit", () => {
    const { machine, root, cpu } = world();
    setLeaf(machine, root, { vpn: 8, pfn: 32, level: 1, bits: Bit.GLOBAL | Bit.DEVICE });
    for (let i = 0; i < 2; i++) {
      expect(cpu.access(13, Access.KERNEL_READ)).toBe(NO_FAULT);
      expect(cpu.translation).toEqual({
        leafVpn: 8,
        leafPages: 3,
        pfn: 37,
        allowed: (1 << 0) | (1 << 3) | (1 << 6),
        dirty: false,
        global: true,
        memoryType: MemoryType.DEVICE,
        level: 1,
      });
    }
  });
});

describe("Cpu caches", () => {
  it("walks once and then hits, whatever the tables say meanwhile (K-14)", () => {
    const { machine, root, cpu, mmu } = world();
    setLeaf(machine, root, { vpn: 5, pfn: 20 });
    cpu.store(CpuMode.USER, 5, 0, 11);
    clearEntry(machine, root, 5, 0);
    const { walks } = mmu;
    for (let i = 0; i < 3; i++) expect(cpu.load(CpuMode.USER, 5, 0)).toBe(NO_FAULT);
    expect(mmu.walks).toBe(walks);
    expect(cpu.value).toBe(11);
  });

  it("forgets a page at the invalidation, also one it has just used (K-15, K-24)", () => {
    const { machine, root, cpu } = world();
    setLeaf(machine, root, { vpn: 5, pfn: 20 });
    cpu.load(CpuMode.USER, 5, 0);
    cpu.load(CpuMode.USER, 5, 0);
    clearEntry(machine, root, 5, 0);
    machine.bus.invalidate(1, Invalidate.PAGE | Invalidate.TAG, 1, 5);
    expect(cpu.load(CpuMode.USER, 5, 0)).toBe(Fault.ABSENT);
  });

  it("never confuses pages whose numbers differ only in high bits (K-24)", () => {
    const { machine, root, cpu } = world();
    setLeaf(machine, root, { vpn: 5, pfn: 20 });
    const pages = [5, 5 + 1024, 5 + 2 ** 32, 5 + 2 ** 51];
    for (const vpn of [...pages, ...pages]) {
      expect(cpu.load(CpuMode.USER, vpn, 0)).toBe(NO_FAULT);
      expect(cpu.access(vpn, Access.USER_READ)).toBe(NO_FAULT);
      expect(cpu.translation.leafVpn).toBe(vpn);
    }
    expect(cpu.tlb.count).toBe(pages.length);
  });

  it("keeps tags apart and shares global pages among first-stage tags only (K-14, K-24)", () => {
    const { machine, root, cpu } = world();
    setLeaf(machine, root, { vpn: 5, pfn: 20 });
    setLeaf(machine, root, { vpn: 6, pfn: 21, bits: Bit.GLOBAL });
    cpu.load(CpuMode.USER, 5, 0);
    cpu.load(CpuMode.USER, 6, 0);
    const empty = machine.tables.allocate();
    load(machine, 0, empty, 2);
    expect(cpu.load(CpuMode.USER, 5, 0)).not.toBe(NO_FAULT);
    expect(cpu.load(CpuMode.USER, 6, 0)).toBe(NO_FAULT);
    load(machine, 0, empty, GUEST_TAGS);
    expect(cpu.load(CpuMode.USER, 6, 0)).not.toBe(NO_FAULT);
    load(machine, 0, root, 1);
    expect(cpu.load(CpuMode.USER, 5, 0)).toBe(NO_FAULT);
  });

  it("remembers lookups over thousands of changes without ever going back in time (K-24)", () => {
    const { machine, root, cpu } = world();
    setLeaf(machine, root, { vpn: 5, pfn: 20 });
    cpu.load(CpuMode.USER, 5, 0);
    cpu.load(CpuMode.USER, 5, 0);
    clearEntry(machine, root, 5, 0);
    machine.bus.invalidate(1, Invalidate.PAGE | Invalidate.TAG, 1, 5);
    // As many invalidations as bring the short-term memory's epoch round to where it was.
    for (let i = 0; i < 10_000; i++) {
      machine.bus.invalidate(1, Invalidate.PAGE | Invalidate.TAG, 1, 6);
      if (cpu.load(CpuMode.USER, 5, 0) === NO_FAULT) expect.fail(`back after ${i} changes`);
    }
  });

  it("starts a walk from the walk cache, and from the root once that is invalidated (K-16)", () => {
    const { machine, root, cpu } = world();
    setLeaf(machine, root, { vpn: 5, pfn: 20 });
    setLeaf(machine, root, { vpn: 6, pfn: 21 });
    cpu.load(CpuMode.USER, 5, 0);
    clearEntry(machine, root, 0, 2);
    expect(cpu.load(CpuMode.USER, 6, 0)).toBe(NO_FAULT);
    machine.bus.invalidate(1, Invalidate.TAG | Invalidate.PAGE | Invalidate.WALK_PAGE, 1, 5);
    expect(cpu.load(CpuMode.USER, 5, 0)).toBe(Fault.ABSENT + 2 * 9);
  });
});

describe("Cpu faults", () => {
  it("caches a translation that denies, where faults do not evict (K-18)", () => {
    const { machine, root, cpu, mmu } = world();
    setLeaf(machine, root, { vpn: 5, pfn: 20, bits: 0 });
    const denied = Fault.DENIED + Access.USER_WRITE;
    expect(cpu.store(CpuMode.USER, 5, 0, 1)).toBe(denied);
    setLeaf(machine, root, { vpn: 5, pfn: 20, bits: Bit.WRITE });
    const { walks } = mmu;
    expect(cpu.store(CpuMode.USER, 5, 0, 1)).toBe(denied);
    expect(mmu.walks).toBe(walks);
    machine.bus.invalidate(1, Invalidate.PAGE | Invalidate.TAG, 1, 5);
    expect(cpu.store(CpuMode.USER, 5, 0, 1)).toBe(NO_FAULT);
  });

  it("evicts what it knew about the address, where faults do that (K-18)", () => {
    for (const bits of [0, Bit.GLOBAL]) {
      const { machine, root, cpu, mmu } = world();
      mmu.faultEvicts = true;
      setLeaf(machine, root, { vpn: 5, pfn: 20, bits });
      setLeaf(machine, root, { vpn: 6, pfn: 21, bits });
      expect(cpu.load(CpuMode.USER, 5, 0)).toBe(NO_FAULT);
      expect(cpu.load(CpuMode.USER, 6, 0)).toBe(NO_FAULT);
      setLeaf(machine, root, { vpn: 5, pfn: 20, bits: bits | Bit.WRITE });
      expect(cpu.store(CpuMode.USER, 5, 0, 1)).toBe(Fault.DENIED + Access.USER_WRITE);
      expect([cpu.tlb.count, cpu.walkCache.count]).toEqual([1, 0]);
      expect(cpu.store(CpuMode.USER, 5, 0, 1)).toBe(NO_FAULT);
    }
  });

  it("caches nothing from a faulting walk where faults evict (K-18)", () => {
    const { machine, root, cpu, mmu } = world();
    mmu.faultEvicts = true;
    setLeaf(machine, root, { vpn: 5, pfn: 20, bits: 0 });
    expect(cpu.store(CpuMode.USER, 5, 0, 1)).not.toBe(NO_FAULT);
    expect(cpu.tlb.count + cpu.walkCache.count).toBe(0);
  });

  it("evicts only under the current tag (K-18)", () => {
    const { machine, root, cpu, mmu } = world();
    mmu.faultEvicts = true;
    setLeaf(machine, root, { vpn: 5, pfn: 20, bits: 0 });
    load(machine, 0, root, 2);
    cpu.load(CpuMode.USER, 5, 0);
    load(machine, 0, root, 1);
    cpu.store(CpuMode.USER, 5, 0, 1);
    expect(cpu.tlb.tags.of(2).count).toBe(1);
  });
});

describe("Cpu dirty tracking", () => {
  it("goes back to memory for the first write through a clean translation (K-19)", () => {
    const { machine, root, cpu, mmu } = world();
    mmu.tracksDirty = true;
    setLeaf(machine, root, { vpn: 5, pfn: 20 });
    cpu.load(CpuMode.USER, 5, 0);
    expect(entryBits(machine, root, 5) & Bit.DIRTY).toBe(0);
    cpu.store(CpuMode.USER, 5, 0, 1);
    expect(entryBits(machine, root, 5) & Bit.DIRTY).toBe(Bit.DIRTY);
    const { walks } = mmu;
    cpu.store(CpuMode.USER, 5, 0, 2);
    expect(mmu.walks).toBe(walks);
  });

  it("may find the translation gone when it goes back (K-19)", () => {
    const { machine, root, cpu, mmu } = world();
    mmu.tracksDirty = true;
    setLeaf(machine, root, { vpn: 5, pfn: 20 });
    cpu.load(CpuMode.USER, 5, 0);
    clearEntry(machine, root, 5, 0);
    expect(cpu.store(CpuMode.USER, 5, 0, 1)).toBe(Fault.ABSENT + Access.USER_WRITE);
    expect(machine.memory.words[20 * FRAME_WORDS]).toBe(0);
  });

  it("uses what it found when it went back, from then on (K-19, K-24)", () => {
    const { machine, root, cpu, mmu } = world();
    mmu.tracksDirty = true;
    setLeaf(machine, root, { vpn: 5, pfn: 20 });
    cpu.load(CpuMode.USER, 5, 0);
    cpu.load(CpuMode.USER, 5, 0);
    setLeaf(machine, root, { vpn: 5, pfn: 21 });
    cpu.store(CpuMode.USER, 5, 0, 99);
    cpu.load(CpuMode.USER, 5, 0);
    expect(cpu.value).toBe(99);
    expect(machine.memory.words[21 * FRAME_WORDS]).toBe(99);
  });

  it("does not look back where the hardware keeps no dirty bits (K-19)", () => {
    const { machine, root, cpu, mmu } = world();
    setLeaf(machine, root, { vpn: 5, pfn: 20 });
    cpu.load(CpuMode.USER, 5, 0);
    const { walks } = mmu;
    cpu.store(CpuMode.USER, 5, 0, 1);
    expect(mmu.walks).toBe(walks);
  });
});

describe("Cpu prefetch", () => {
  it("caches a valid translation and marks it accessed, not dirty (K-20)", () => {
    const { machine, root, cpu } = world();
    setLeaf(machine, root, { vpn: 5, pfn: 20 });
    cpu.prefetch(5);
    expect(entryBits(machine, root, 5) & (Bit.ACCESSED | Bit.DIRTY)).toBe(Bit.ACCESSED);
    clearEntry(machine, root, 5, 0);
    expect(cpu.load(CpuMode.USER, 5, 0)).toBe(NO_FAULT);
  });

  it("finds nothing where nothing is, and evicts nothing (K-20)", () => {
    const { machine, root, cpu, mmu } = world();
    mmu.faultEvicts = true;
    setLeaf(machine, root, { vpn: 5, pfn: 20 });
    cpu.load(CpuMode.USER, 5, 0);
    clearEntry(machine, root, 5, 0);
    cpu.prefetch(5);
    expect(cpu.load(CpuMode.USER, 5, 0)).toBe(NO_FAULT);
  });

  it("does not make a stale translation disappear (K-20)", () => {
    const { machine, root, cpu } = world();
    setLeaf(machine, root, { vpn: 5, pfn: 20 });
    cpu.store(CpuMode.USER, 5, 0, 1);
    setLeaf(machine, root, { vpn: 5, pfn: 21 });
    cpu.prefetch(5);
    cpu.load(CpuMode.USER, 5, 0);
    expect(cpu.value).toBe(1);
  });

  it("exposes a retargeted entry that was not broken first (P-T4)", () => {
    const { machine, root, cpu } = world({ conflicts: "panic" });
    setLeaf(machine, root, { vpn: 5, pfn: 20 });
    cpu.load(CpuMode.USER, 5, 0);
    setLeaf(machine, root, { vpn: 5, pfn: 21 });
    expect(panicRule(() => cpu.prefetch(5))).toBe("P-T4");
  });
});
