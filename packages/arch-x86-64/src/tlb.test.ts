import { GUEST_TAGS, Status, emptyWalk, type CpuId, type Vpn } from "@aspace/arch";
import { createMachine, type Machine } from "@aspace/machine";
import { InvalidationBatch } from "@aspace/page-table";
import { describe, expect, test } from "vitest";
import { x86_64 } from "./index.ts";
import {
  GuestContext,
  KernelContext,
  KernelTableFlush,
  PcidActivity,
  PcidPool,
  UserContext,
  X86Flush,
  type FlushName,
  type TlbHardware,
} from "./tlb.ts";
import { X86Mmu } from "./walk.ts";

const EVERYONE = 0b111;

function setUp(): { machine: Machine; hardware: TlbHardware } {
  const machine = createMachine({
    architecture: x86_64,
    cpuCount: 3,
    frameCount: 64,
    firstFrame: 4,
  });
  const mmus = machine.mmus.filter((mmu) => mmu instanceof X86Mmu);
  machine.log.start();
  return { machine, hardware: { bus: machine.bus, mmus } };
}

/** The instructions that drop just that, guests' or the host's by the tag. */
function nameOf(scope: number, tag: number): string {
  const names = (Object.keys(X86Flush) as FlushName[]).filter(
    (name) => X86Flush[name] === scope && name.startsWith("INVEPT") === tag >= GUEST_TAGS,
  );
  return names.join(" or ");
}

/** The invalidations in a machine's log, as instruction names with their operands. */
function instructions(machine: Machine): string[] {
  const names = machine.log.events.flatMap((event) =>
    event.kind === "invalidate"
      ? [`${nameOf(event.scope, event.tag)} cpus ${event.cpus} tag ${event.tag} page ${event.vpn}`]
      : [],
  );
  machine.log.clear();
  return names;
}

function batchOf(fill: (batch: InvalidationBatch) => void): InvalidationBatch {
  const batch = new InvalidationBatch(32);
  fill(batch);
  return batch;
}

const leaves = (...vpns: Vpn[]): InvalidationBatch =>
  batchOf((batch) => {
    for (const vpn of vpns) batch.addPage(vpn);
  });

const table = (vpn: Vpn): InvalidationBatch => batchOf((batch) => batch.addTable(vpn));

const EVERYTHING = batchOf((batch) => batch.addEverything());

/** Two PCIDs and two guests, each with two pages and the steps to them, and a global page of PCID 2. */
const PAGES = [0x1000, 0x5000];
const GLOBAL_PAGE = 0x1001;
const TAGS: Readonly<Record<string, number>> = {
  pcid2: 2,
  pcid3: 3,
  guest1: GUEST_TAGS + 1,
  guest2: GUEST_TAGS + 2,
};

/** The tags and pages for which something is held. */
const held = (kind: (cachedTag: number, vpn: Vpn) => boolean): string[] =>
  Object.entries(TAGS).flatMap(([label, cachedTag]) =>
    PAGES.filter((vpn) => kind(cachedTag, vpn)).map((vpn) => `${label}:${vpn.toString(16)}`),
  );

/** What is left of all that after one instruction for a tag and a page. */
function left(name: FlushName, tag: number, page: Vpn): { tlb: string[]; steps: string[] } {
  const { machine } = setUp();
  const cpu = machine.cpus[0]!;
  const tableFrame = machine.tables.allocate();
  const walk = { ...emptyWalk(), present: true, allowed: 0x1ff, pfn: 40 };
  for (const cachedTag of Object.values(TAGS)) {
    for (const vpn of PAGES) {
      cpu.tlb.fill(cachedTag, vpn, walk, 0x1ff);
      cpu.walkCache.fill(cachedTag, vpn, 0, tableFrame, 0);
    }
  }
  cpu.tlb.fill(2, GLOBAL_PAGE, { ...walk, global: true }, 0x1ff);
  machine.bus.invalidate(1, X86Flush[name], tag, page);
  const translation = { ...cpu.translation };
  const tlb = held((cachedTag, vpn) => cpu.tlb.lookup(cachedTag, vpn, translation));
  if (cpu.tlb.lookup(3, GLOBAL_PAGE, translation)) tlb.push("global:1001");
  return { tlb, steps: held((cachedTag, vpn) => cpu.walkCache.find(cachedTag, vpn)) };
}

describe("X-16: what each instruction drops", () => {
  const all = ["pcid2", "pcid3", "guest1", "guest2"].flatMap((tag) => [
    `${tag}:1000`,
    `${tag}:5000`,
  ]);
  const without = (...gone: string[]): string[] =>
    [...all, "global:1001"].filter((entry) => !gone.some((prefix) => entry.startsWith(prefix)));
  const steps = (...gone: string[]): string[] =>
    all.filter((entry) => !gone.some((prefix) => entry.startsWith(prefix)));

  test("X-16: INVLPG drops one page of the current PCID and all its steps, at any address", () => {
    expect(left("INVLPG", 2, 0x1000)).toEqual({
      tlb: without("pcid2:1000"),
      steps: steps("pcid2"),
    });
  });

  test("X-16: INVLPG drops a global page under every PCID, but steps under its own only (P-T6)", () => {
    expect(left("INVLPG", 3, GLOBAL_PAGE)).toEqual({
      tlb: without("global"),
      steps: steps("pcid3"),
    });
  });

  test("X-16: INVPCID 0 drops one page of any PCID, with the steps to it, and nothing global", () => {
    expect(left("INVPCID_ADDRESS", 3, 0x1000)).toEqual({
      tlb: without("pcid3:1000"),
      steps: steps("pcid3:1000"),
    });
    expect(left("INVPCID_ADDRESS", 2, GLOBAL_PAGE).tlb).toEqual(without());
  });

  test("X-16: INVPCID 1 and MOV to CR3 drop one PCID, except what is global", () => {
    for (const name of ["INVPCID_CONTEXT", "MOV_CR3"] as const) {
      expect(left(name, 2, 0)).toEqual({ tlb: without("pcid2"), steps: steps("pcid2") });
    }
  });

  test("X-16: INVPCID 2 and MOV to CR4 drop every PCID, and what is global", () => {
    for (const name of ["INVPCID_ALL", "MOV_CR4"] as const) {
      expect(left(name, 2, 0)).toEqual({ tlb: without("pcid", "global"), steps: steps("pcid") });
    }
  });

  test("X-16: INVPCID 3 drops every PCID, except what is global", () => {
    expect(left("INVPCID_ALL_BUT_GLOBAL", 2, 0)).toEqual({
      tlb: without("pcid"),
      steps: steps("pcid"),
    });
  });

  test("X-16: INVEPT drops one guest or all guests, never the host", () => {
    expect(left("INVEPT_CONTEXT", GUEST_TAGS + 1, 0)).toEqual({
      tlb: without("guest1"),
      steps: steps("guest1"),
    });
    expect(left("INVEPT_ALL", GUEST_TAGS + 1, 0)).toEqual({
      tlb: without("guest"),
      steps: steps("guest"),
    });
  });
});

describe("X-17: PCIDs", () => {
  test("X-17: the pool holds 1 to its limit, at most 4095, and what was given back (P-L6)", () => {
    const pool = new PcidPool(2);
    expect([pool.take(), pool.take(), pool.take()]).toEqual([1, 2, null]);
    pool.give(1);
    expect([pool.take(), pool.take()]).toEqual([1, null]);
    const large = new PcidPool(5000);
    const taken = Array.from({ length: 5000 }, () => large.take());
    expect(taken.indexOf(null)).toBe(4095);
    expect(new Set(taken.slice(0, 4095)).size).toBe(4095);
  });

  test("X-17: an aspace without a PCID is NO_RESOURCES", () => {
    const { hardware } = setUp();
    const pool = new PcidPool(1);
    const first = new UserContext(hardware, pool);
    const second = new UserContext(hardware, pool);
    expect(first.acquire()).toBe(Status.OK);
    expect(second.acquire()).toBe(Status.NO_RESOURCES);
    first.release();
    expect(second.acquire()).toBe(Status.OK);
  });
});

/**
 * A toy machine for the protocol: one page whose entry is edited once. A CPU's TLB holds the entry of
 * before or after, or nothing. Wrong is a CPU that runs in the aspace with the old entry cached after
 * the shootdown has returned.
 */
class Protocol {
  readonly activity = new PcidActivity(0b11);
  readonly cached: ("old" | "new" | null)[] = ["old", "old"];
  readonly runs: boolean[] = [false, false];
  entry: "old" | "new" = "old";
  isDone = false;

  isWrong(): boolean {
    return this.isDone && this.runs.some((runs, cpu) => runs && this.cached[cpu] === "old");
  }
}

type Step = (world: Protocol) => void;
type Actor = readonly Step[];

const start =
  (cpu: CpuId): Step =>
  (world) => {
    world.activity.publish(cpu);
    world.runs[cpu] = true;
  };

function switchIn(cpu: CpuId): Actor {
  let isDirty = false;
  return [
    ({ activity }) => activity.publish(cpu),
    ({ activity }) => {
      isDirty = activity.takeDirty(cpu);
    },
    (world) => {
      if (isDirty) world.cached[cpu] = null;
      world.runs[cpu] = true;
    },
    (world) => {
      world.cached[cpu] ??= world.entry;
    },
  ];
}

function switchOut(cpu: CpuId): Actor {
  return [
    (world) => {
      world.runs[cpu] = false;
    },
    ({ activity }) => activity.retire(cpu),
  ];
}

function shootdown(): Actor {
  let targets = 0;
  return [
    (world) => {
      world.entry = "new";
    },
    ({ activity }) => {
      targets = activity.active;
    },
    ({ activity }) => activity.markDirty(~targets),
    ({ activity }) => {
      targets |= activity.active;
    },
    (world) => {
      for (const cpu of [0, 1]) if (((targets >> cpu) & 1) !== 0) world.cached[cpu] = null;
      world.isDone = true;
    },
  ];
}

/** All orders in which the actors' steps can happen, each as the list of whose turn it is. */
function* orders(lengths: readonly number[], turns: number[] = []): Generator<number[]> {
  if (lengths.every((length) => length === 0)) yield turns;
  for (const [actor, length] of lengths.entries()) {
    if (length > 0) yield* orders(lengths.with(actor, length - 1), [...turns, actor]);
  }
}

interface Outcome {
  readonly count: number;
  readonly wrong: number;
}

/** Runs the actors in every order; `before` are CPUs that run in the aspace from the start. */
function everyOrder(before: readonly CpuId[], make: () => readonly Actor[]): Outcome {
  let count = 0;
  let wrong = 0;
  for (const turns of orders(make().map(({ length }) => length))) {
    const world = new Protocol();
    for (const cpu of before) start(cpu)(world);
    const actors = make().map((steps) => steps.values());
    const isWrong = turns.some((turn) => {
      const step = actors[turn]!.next();
      if (step.done !== true) step.value(world);
      return world.isWrong();
    });
    count++;
    if (isWrong) wrong++;
  }
  return { count, wrong };
}

const without = (steps: Actor, index: number): Actor => steps.toSpliced(index, 1);

const leaveAndReturn = (): Actor => [...switchOut(0), ...switchIn(0)];

const comeAndGo = (): Actor => [...switchIn(0), ...switchOut(0), ...switchIn(0)];

const withoutSecondRead = (): Actor => without(shootdown(), 3);

const withoutDirty = (): Actor => without(shootdown(), 2);

const dirtyFirst = (): Actor => {
  const [publish, takeDirty, ...rest] = switchIn(0);
  return [takeDirty!, publish!, ...rest];
};

describe("X-17: a switch in against a shootdown, in every order of their atomic steps (P-T7)", () => {
  test("X-17: a CPU that switches in is a target or flushes", () => {
    expect(everyOrder([], () => [switchIn(0), shootdown()])).toEqual({ count: 126, wrong: 0 });
  });

  test("X-17: so do two CPUs", () => {
    expect(everyOrder([], () => [switchIn(0), switchIn(1), shootdown()])).toEqual({
      count: 90_090,
      wrong: 0,
    });
  });

  test("X-17: and a CPU that leaves and comes back", () => {
    expect(everyOrder([0], () => [leaveAndReturn(), shootdown()])).toEqual({
      count: 462,
      wrong: 0,
    });
  });

  test("X-17: and one that comes, leaves and comes back while another stays", () => {
    expect(everyOrder([1], () => [comeAndGo(), shootdown()])).toEqual({ count: 3003, wrong: 0 });
  });

  test("X-17: each half of the order matters: without it some order goes wrong", () => {
    expect(everyOrder([], () => [switchIn(0), withoutSecondRead()]).wrong).toBeGreaterThan(0);
    expect(everyOrder([], () => [switchIn(0), withoutDirty()]).wrong).toBeGreaterThan(0);
    expect(everyOrder([], () => [dirtyFirst(), shootdown()]).wrong).toBeGreaterThan(0);
  });
});

function userContext(): { machine: Machine; hardware: TlbHardware; context: UserContext } {
  const { machine, hardware } = setUp();
  const context = new UserContext(hardware, new PcidPool(9));
  context.acquire();
  return { machine, hardware, context };
}

describe("X-18: what user aspaces send", () => {
  test("X-18: the first switch of a new owner flushes, the next does not", () => {
    const { machine, context } = userContext();
    context.enter(0, 8);
    expect(instructions(machine)).toEqual(["INVPCID_CONTEXT or MOV_CR3 cpus 1 tag 1 page 0"]);
    context.leave(0);
    context.enter(0, 8);
    expect(instructions(machine)).toEqual([]);
    expect(machine.mmus[0]!.rootPfns()).toEqual([8]);
    expect(machine.mmus[0]!.tag).toBe(1);
  });

  test("X-18: CPUs that run it get INVLPG for each page; the others nothing until they come", () => {
    const { machine, context } = userContext();
    for (const cpu of [0, 1, 2]) context.enter(cpu, 8);
    context.leave(1);
    instructions(machine);
    context.invalidate(leaves(0x1000, 0x1001));
    expect(instructions(machine)).toEqual([
      "INVLPG cpus 5 tag 1 page 4096",
      "INVLPG cpus 5 tag 1 page 4097",
    ]);
    context.enter(1, 8);
    expect(instructions(machine)).toEqual(["INVPCID_CONTEXT or MOV_CR3 cpus 2 tag 1 page 0"]);
  });

  test("X-18: nobody runs it: nothing is sent, everybody flushes later", () => {
    const { machine, context } = userContext();
    context.enter(0, 8);
    context.leave(0);
    instructions(machine);
    context.invalidate(EVERYTHING);
    expect(instructions(machine)).toEqual([]);
    context.enter(0, 8);
    expect(instructions(machine)).toEqual(["INVPCID_CONTEXT or MOV_CR3 cpus 1 tag 1 page 0"]);
  });

  test("X-18: more than 32 pages, or everything, is the whole PCID", () => {
    const { machine, context } = userContext();
    context.enter(2, 8);
    instructions(machine);
    context.invalidate(EVERYTHING);
    expect(instructions(machine)).toEqual(["INVPCID_CONTEXT or MOV_CR3 cpus 4 tag 1 page 0"]);
    expect(context.batchLimit).toBe(32);
    context.invalidate(leaves(...Array.from({ length: 33 }, (_, index) => index)));
    expect(instructions(machine)).toEqual(["INVPCID_CONTEXT or MOV_CR3 cpus 4 tag 1 page 0"]);
  });

  test("X-18: a target that has switched away meanwhile gets INVPCID 0 under the old PCID", () => {
    const { machine, hardware, context } = userContext();
    const kernel = new KernelContext(hardware, KernelTableFlush.EVERY_PCID);
    context.enter(0, 8);
    context.enter(1, 8);
    instructions(machine);
    machine.bus.interlude = () => {
      if (machine.mmus[1]!.tag === 0) return;
      kernel.enter(1, 9);
      context.leave(1);
    };
    context.invalidate(leaves(0x1000));
    expect(instructions(machine).slice(1)).toEqual([
      "INVLPG cpus 1 tag 1 page 4096",
      "INVPCID_ADDRESS cpus 2 tag 1 page 4096",
    ]);
  });
});

function kernelContext(flush: KernelTableFlush): { machine: Machine; context: KernelContext } {
  const { machine, hardware } = setUp();
  const user = new UserContext(hardware, new PcidPool(9));
  user.acquire();
  user.enter(1, 8);
  machine.log.clear();
  return { machine, context: new KernelContext(hardware, flush) };
}

describe("X-18: what the kernel aspace sends (P-T6)", () => {
  test("X-18: leaves are global: INVLPG on every CPU, under whatever PCID it runs", () => {
    const { machine, context } = kernelContext(KernelTableFlush.EVERY_PCID);
    context.invalidate(leaves(0x1000));
    expect(instructions(machine).toSorted()).toEqual([
      "INVLPG cpus 2 tag 1 page 4096",
      "INVLPG cpus 5 tag 0 page 4096",
    ]);
  });

  test("X-18: an unlinked table may be cached under every PCID: INVPCID 2", () => {
    const { machine, context } = kernelContext(KernelTableFlush.EVERY_PCID);
    for (const batch of [table(0x1000), EVERYTHING]) {
      context.invalidate(batch);
      expect(instructions(machine)).toEqual([
        `INVPCID_ALL or MOV_CR4 cpus ${EVERYONE} tag 0 page 0`,
      ]);
    }
  });

  test("H14: with the defect a table gets INVLPG only", () => {
    const { machine, context } = kernelContext(KernelTableFlush.CURRENT_PCID);
    context.invalidate(table(0x1000));
    expect(instructions(machine).every((name) => name.startsWith("INVLPG"))).toBe(true);
  });

  test("X-18: a switch to the kernel loads PCID 0 and flushes it", () => {
    const { machine, context } = kernelContext(KernelTableFlush.EVERY_PCID);
    context.enter(1, 9);
    expect(instructions(machine)).toEqual(["INVPCID_CONTEXT or MOV_CR3 cpus 2 tag 0 page 0"]);
    expect(machine.mmus[1]!.tag).toBe(0);
    expect(context.acquire()).toBe(Status.OK);
    expect(context.isActive()).toBe(true);
  });
});

describe("X-18: what guest aspaces send", () => {
  test("X-18: INVEPT for the whole context on every CPU, whatever changed", () => {
    const { machine, hardware } = setUp();
    const context = new GuestContext(hardware);
    context.acquire();
    context.enter(1, 8);
    for (const batch of [leaves(0x1000), table(0x1000), EVERYTHING]) {
      context.invalidate(batch);
      expect(instructions(machine)).toEqual([
        `INVEPT_CONTEXT cpus ${EVERYONE} tag ${GUEST_TAGS + 8} page 0`,
      ]);
    }
    expect(context.isActive()).toBe(true);
    context.leave(1);
    expect(context.isActive()).toBe(false);
  });

  test("X-18: the last flush is before the root's frame, which is the tag, is given back", () => {
    const { machine, hardware } = setUp();
    const context = new GuestContext(hardware);
    context.acquire();
    context.enter(1, 8);
    context.leave(1);
    context.release();
    expect(instructions(machine)).toEqual([
      `INVEPT_CONTEXT cpus ${EVERYONE} tag ${GUEST_TAGS + 8} page 0`,
    ]);
  });

  test("X-18: before the first VM entry nothing can be cached, so nothing is sent", () => {
    const { machine, hardware } = setUp();
    const context = new GuestContext(hardware);
    context.acquire();
    context.invalidate(EVERYTHING);
    context.release();
    expect(instructions(machine)).toEqual([]);
  });
});
