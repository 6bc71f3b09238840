import { Invalidate, NO_FAULT } from "@aspace/arch";
import { describe, expect, it } from "vitest";
import { boot, clearEntry, fakeMachine, setLeaf } from "../test/fake-mmu.ts";
import { CpuMode } from "./cpu.ts";
import type { Machine } from "./machine.ts";

const PAGE = Invalidate.PAGE | Invalidate.TAG;

/** Three CPUs that have page 5 cached; its entry is gone already. */
function staleWorld(): Machine {
  const machine = fakeMachine({ cpuCount: 3 });
  const root = boot(machine);
  setLeaf(machine, root, { vpn: 5, pfn: 20 });
  for (const cpu of machine.cpus) cpu.load(CpuMode.USER, 5, 0);
  clearEntry(machine, root, 5, 0);
  return machine;
}

/** Which CPUs still hold page 5. */
const holders = (machine: Machine): number[] =>
  machine.cpus.filter((cpu) => cpu.tlb.count > 0).map((cpu) => cpu.id);

describe("Bus", () => {
  it("reaches exactly the CPUs of the mask; bits above name nobody (K-22)", () => {
    const machine = staleWorld();
    machine.bus.invalidate(0, PAGE, 1, 5);
    expect(holders(machine)).toEqual([0, 1, 2]);
    machine.bus.invalidate(0b1010, PAGE, 1, 5);
    expect(holders(machine)).toEqual([0, 2]);
    machine.bus.invalidate(-1, PAGE, 1, 5);
    expect(holders(machine)).toEqual([]);
  });

  it("gives other CPUs their turn at barriers, before each CPU's invalidation and after the last (K-22)", () => {
    const machine = staleWorld();
    const seen: number[][] = [];
    machine.bus.interlude = () => seen.push(holders(machine));
    machine.bus.barrier();
    machine.bus.invalidate(0b101, PAGE, 1, 5);
    expect(seen).toEqual([[0, 1, 2], [0, 1, 2], [1, 2], [1]]);
  });

  it("has no interlude inside an interlude, and has them again afterwards (K-22)", () => {
    const machine = staleWorld();
    let turns = 0;
    machine.bus.interlude = () => {
      turns++;
      machine.bus.barrier();
      machine.bus.invalidate(1, PAGE, 1, 5);
    };
    machine.bus.barrier();
    machine.bus.barrier();
    expect(turns).toBe(2);
    expect(machine.log.barriers).toBe(4);
  });

  it("survives an interlude that throws (K-22)", () => {
    const machine = staleWorld();
    machine.bus.interlude = () => {
      throw new Error("finding");
    };
    expect(() => machine.bus.barrier()).toThrow("finding");
    expect(() => machine.bus.barrier()).toThrow("finding");
  });

  it("lets a CPU walk in the gap between an edit and its invalidation (K-22)", () => {
    const machine = staleWorld();
    const results: number[] = [];
    machine.bus.interlude = () => results.push(machine.cpus[1]!.load(CpuMode.USER, 5, 0));
    machine.bus.invalidate(0b010, PAGE, 1, 5);
    expect(results[0]).toBe(NO_FAULT);
    expect(results[1]).not.toBe(NO_FAULT);
  });
});

describe("EventLog", () => {
  it("counts always and keeps events only between start and stop (K-23)", () => {
    const machine = fakeMachine();
    const { bus, log, tables } = machine;
    bus.barrier();
    log.start();
    const pfn = tables.allocate();
    bus.barrier();
    bus.invalidate(1, PAGE, 7, 5);
    tables.free(pfn);
    bus.synchronizeInstructions(9);
    log.stop();
    bus.barrier();
    expect(log.events).toEqual([
      { kind: "table-allocated", pfn },
      { kind: "barrier" },
      { kind: "invalidate", cpus: 1, scope: PAGE, tag: 7, vpn: 5 },
      { kind: "table-freed", pfn },
      { kind: "instructions-synchronized", pfn: 9 },
    ]);
    expect(log).toMatchObject({
      barriers: 3,
      invalidations: 1,
      tablesAllocated: 1,
      tablesFreed: 1,
      instructionSyncs: 1,
    });
    log.clear();
    expect(log.events).toEqual([]);
    expect(log).toMatchObject({ barriers: 0, invalidations: 0, tablesAllocated: 0 });
  });
});
