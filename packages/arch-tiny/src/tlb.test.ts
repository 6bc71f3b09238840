import { NO_FRAME, Status, type ArchSystem } from "@aspace/arch";
import { type Machine, createMachine } from "@aspace/machine";
import { describe, expect, test } from "vitest";
import { tiny, tinyStrict } from "./index.ts";
import { TagPool } from "./tlb.ts";

function boot(tagLimit = 4): { machine: Machine; system: ArchSystem } {
  const machine = createMachine({ architecture: tiny, cpuCount: 2, frameCount: 64, firstFrame: 1 });
  const system = tiny.boot(machine, { quirks: new Set(), tagLimit });
  expect(system.start()).toBe(Status.OK);
  return { machine, system };
}

describe("the tag pool", () => {
  test("hands out each tag once, and null when there is none (TY-7)", () => {
    const pool = new TagPool(5, 2);
    expect([pool.take(), pool.take(), pool.take()]).toEqual([5, 6, null]);
  });

  test("gives a returned tag the longest rest (TY-7)", () => {
    const pool = new TagPool(5, 3);
    pool.take();
    pool.giveBack(5);
    expect([pool.take(), pool.take(), pool.take()]).toEqual([6, 7, 5]);
  });
});

describe("a tiny system", () => {
  test("loads root and tag on a switch, and the kernel's root beside them (TY-7)", () => {
    const { machine, system } = boot();
    const aspace = system.createAspace("user");
    expect(aspace.init()).toBe(Status.OK);
    system.contextSwitch(1, aspace);
    expect(machine.cpus[1]!.mmu.rootPfns()).toEqual([aspace.rootPfn, system.kernel.rootPfn]);
    expect(machine.cpus[1]!.mmu.tag).toBe(1);
    system.contextSwitch(1, null);
    expect(machine.cpus[1]!.mmu.rootPfns()).toEqual([system.kernel.rootPfn]);
    expect(machine.cpus[1]!.mmu.tag).toBe(0);
  });

  test("shows a guest nothing of the kernel (TY-7)", () => {
    const { machine, system } = boot();
    const guest = system.createAspace("guest");
    expect(guest.init()).toBe(Status.OK);
    system.contextSwitch(0, guest);
    expect(machine.cpus[0]!.mmu.rootPfns()).toEqual([guest.rootPfn]);
  });

  test("runs no aspace of another system, and not the kernel as if it were one (TY-7)", () => {
    const { system } = boot();
    expect(() => system.contextSwitch(0, system.kernel)).toThrow("user and guest aspaces only");
    expect(() => system.contextSwitch(9, null)).toThrow("there is no CPU 9");
  });

  test("has no kernel before start, and gives the frame back when start fails (P-L3)", () => {
    const machine = createMachine({
      architecture: tiny,
      cpuCount: 1,
      frameCount: 64,
      firstFrame: 1,
    });
    const system = tiny.boot(machine, { quirks: new Set(), tagLimit: 1 });
    machine.tables.failures.failAt(1);
    expect(system.start()).toBe(Status.NO_MEMORY);
    expect(() => system.kernel).toThrow("the kernel has no tables");
    expect(machine.tables.live).toBe(0);
    expect(machine.cpus[0]!.mmu.rootPfns()).not.toContain(NO_FRAME);
  });
});

test("the two variants disagree where capabilities say so, and nowhere else (TY-8)", () => {
  const strict = tinyStrict.aspaces.user.capabilities;
  const relaxed = tiny.aspaces.user.capabilities;
  const different = Object.entries(relaxed).flatMap(([name, value]) =>
    name !== "normalizeFlags" && JSON.stringify(value) !== JSON.stringify(Reflect.get(strict, name))
      ? [name]
      : [],
  );
  expect(different.toSorted()).toEqual([
    "hwAccessed",
    "markAccessedSupported",
    "nonTerminalAccessed",
    "splitNeedsBbm",
    "unmapOnlyEnlargeOnOom",
  ]);
});
