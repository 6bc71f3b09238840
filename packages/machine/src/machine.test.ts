import { Access, GUEST_TAGS, Invalidate, NO_FRAME } from "@aspace/arch";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  Bit,
  FakeMmu,
  boot,
  clearEntry,
  fakeMachine,
  load,
  mmuOf,
  setLeaf,
} from "../test/fake-mmu.ts";
import { CpuMode } from "./cpu.ts";
import { FrameOwner } from "./frames.ts";
import { Machine, createMachine } from "./machine.ts";

const step = fc.record({
  kind: fc.constantFrom("map", "clear", "access", "prefetch", "invalidate", "switch", "page"),
  cpu: fc.nat(1),
  vpn: fc.oneof(fc.nat(9), fc.nat(140)),
  level: fc.constantFrom(0, 0, 1, 2),
  access: fc.constantFrom(...Object.values(Access)),
  bits: fc.constantFrom(0, Bit.WRITE, Bit.GLOBAL, Bit.WRITE | Bit.EXECUTE),
  number: fc.nat(200),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Does what the steps say, without any care for coherence, and notes all that can be seen. */
function play(machine: Machine, steps: readonly Step[]): unknown[] {
  const root = boot(machine);
  mmuOf(machine, 1).tracksDirty = true;
  const seen: unknown[] = [];
  for (const { kind, cpu: id, vpn, level, access, bits, number } of steps) {
    const cpu = machine.cpus[id]!;
    if (kind === "map") {
      const pfn = (number % 64) & ~(8 ** level - 1);
      const canBuildTables = machine.frames.countOf(FrameOwner.FREE) > 2;
      if (canBuildTables) setLeaf(machine, root, { vpn, pfn, level, bits });
    } else if (kind === "clear") {
      clearEntry(machine, root, vpn, 2);
    } else if (kind === "access") {
      seen.push(cpu.access(vpn, access), { ...cpu.translation });
      seen.push(cpu.load(CpuMode.USER, vpn, 4), cpu.value);
      seen.push(cpu.store(CpuMode.USER, vpn, 4, number));
    } else if (kind === "prefetch") {
      cpu.prefetch(vpn);
    } else if (kind === "invalidate") {
      machine.bus.invalidate(1 << id, number & 31, (number >> 5) % 3, vpn);
    } else if (kind === "switch") {
      load(machine, id, root, [0, 1, 2, GUEST_TAGS][number % 4]!);
    } else {
      seen.push(machine.pages.allocatePage());
    }
    machine.validate();
  }
  seen.push({ ...machine.log }, digest(machine.memory.words));
  seen.push(machine.cpus.map((cpu) => [cpu.tlb.count, cpu.walkCache.count]));
  return seen;
}

/** A number that says whether two RAMs hold the same words. */
const digest = (words: Int32Array): number =>
  words.reduce((hash, word) => Math.imul(hash ^ word, 0x01000193) | 0, 0);

/** Frames 0..63 are what the leaves map; the tables take others. */
const small = (): Machine => fakeMachine({ cpuCount: 2, frameCount: 96, firstFrame: 64 });

describe("Machine", () => {
  it.each([0, 33, 1.5])("refuses %s CPUs", (cpuCount) => {
    expect(() => fakeMachine({ cpuCount })).toThrow(RangeError);
  });

  it("gives each CPU its own MMU over the one RAM", () => {
    const machine = fakeMachine({ cpuCount: 32 });
    expect(new Set(machine.mmus).size).toBe(32);
    expect(machine.cpus.map((cpu) => cpu.mmu)).toEqual(machine.mmus);
  });

  it("takes from the architecture whether differing translations may be held (P-T4)", () => {
    expect([conflictsWhen(true), conflictsWhen(false)]).toEqual(["panic", "allowed"]);
  });

  it("is as new after reset: zeroed, free, empty, quiet, with MMUs in reset state (K-13)", () => {
    const machine = fakeMachine({ cpuCount: 2 });
    const root = boot(machine);
    setLeaf(machine, root, { vpn: 5, pfn: machine.pages.allocatePage() });
    machine.cpus[0]!.store(CpuMode.USER, 5, 0, 77);
    machine.cpus[0]!.load(CpuMode.USER, 5, 0);
    machine.pages.markAccessed(machine.pages.allocatePage());
    machine.tables.failures.failAlways();
    machine.bus.interlude = () => expect.fail("the interlude survived");
    machine.log.start();
    const [before] = machine.mmus;
    machine.reset();
    machine.validate();
    machine.bus.barrier();
    expect(machine.log.events).toEqual([]);
    expect(machine.memory.words.every((word) => word === 0)).toBe(true);
    expect(machine.tables.live + machine.pages.live + machine.pages.reportCount).toBe(0);
    expect(machine.cpus[0]!.value).toBe(0);
    expect(machine.cpus.map((cpu) => cpu.tlb.count + cpu.walkCache.count)).toEqual([0, 0]);
    expect(machine.tables.allocate()).not.toBe(NO_FRAME);
    expect(machine.mmus[0]).not.toBe(before);
    expect(machine.cpus[0]!.mmu).toBe(machine.mmus[0]);
    expect(mmuOf(machine).root).toBe(0);
  });

  it("law: what happens after reset does not depend on what happened before (K-13)", () => {
    const used = small();
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        used.reset();
        expect(play(used, steps)).toEqual(play(small(), steps));
      }),
      { numRuns: 60 },
    );
  });

  it("law: its counts of cached references are those of a recount, whatever happens (K-6)", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const machine = small();
        play(machine, steps);
        machine.bus.invalidate(-1, Invalidate.GLOBAL | Invalidate.WALK_ALL, 0, 0);
        machine.bus.invalidate(-1, Invalidate.GLOBAL | Invalidate.WALK_ALL, GUEST_TAGS, 0);
        expect(machine.cpus.every((cpu) => cpu.tlb.count + cpu.walkCache.count === 0)).toBe(true);
        machine.validate();
      }),
      { numRuns: 60 },
    );
  });
});

const newFake = (memory: ConstructorParameters<typeof FakeMmu>[0]): FakeMmu => new FakeMmu(memory);

/** What `createMachine` makes of an architecture that needs break-before-make for a split, or not. */
function conflictsWhen(splitNeedsBbm: boolean): string {
  const profile = { baseVpn: 0, pageCount: 512, capabilities: capabilities(splitNeedsBbm) };
  const aspaces = { user: profile, kernel: profile, guest: profile };
  const architecture = { aspaces, createMmu: newFake };
  return createMachine({ architecture, cpuCount: 1, frameCount: 8, firstFrame: 1 }).conflicts;
}

function capabilities(splitNeedsBbm: boolean) {
  return {
    leafShifts: [12],
    physBits: 40,
    indexBits: 3,
    accessedBit: true,
    hwAccessed: true,
    markAccessedSupported: false,
    nonTerminalAccessed: "none" as const,
    cachesInvalid: false,
    splitNeedsBbm,
    unmapOnlyEnlargeOnOom: !splitNeedsBbm,
    protectIsUnmap: false,
    faultTellsPresent: true,
    distinguishesUser: true,
    prebuiltTables: 0,
    normalizeFlags: (flags: number) => flags,
  };
}
