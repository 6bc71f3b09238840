import { Access, GUEST_TAGS, Invalidate, Status, emptyWalk, type Vpn } from "@aspace/arch";
import { createMachine, type Machine } from "@aspace/machine";
import { InvalidationBatch } from "@aspace/page-table";
import { describe, expect, test } from "vitest";
import { arm64 } from "./index.ts";
import { translationControls } from "./registers.ts";
import { GuestContext, IdPool, KernelContext, Tlbi, type TlbHardware, UserContext } from "./tlb.ts";
import { Arm64Mmu } from "./walk.ts";

function setUp(): { machine: Machine; hardware: TlbHardware } {
  const machine = createMachine({
    architecture: arm64,
    cpuCount: 3,
    frameCount: 64,
    firstFrame: 4,
  });
  const mmus = machine.mmus.filter((mmu) => mmu instanceof Arm64Mmu);
  const hardware = { bus: machine.bus, mmus, controls: translationControls({ physBits: 48 }) };
  machine.log.start();
  return { machine, hardware };
}

const STAGE_2_NAMES: readonly string[] = ["IPAS2E1IS", "IPAS2LE1IS", "VMALLS12E1IS"];

/** Scopes alone do not name an instruction: the stages have some in common. */
const nameOf = (scope: number, tag: number): string =>
  Object.entries(Tlbi).find(
    ([name, value]) => value === scope && STAGE_2_NAMES.includes(name) === tag >= GUEST_TAGS,
  )?.[0] ?? `scope ${scope}`;

/** The invalidations in a machine's log, as instruction names with their operands. */
function instructions(machine: Machine): string[] {
  return machine.log.events.flatMap((event) =>
    event.kind === "invalidate"
      ? [`${nameOf(event.scope, event.tag)} cpus ${event.cpus} tag ${event.tag} page ${event.vpn}`]
      : [],
  );
}

function batchOf(fill: (batch: InvalidationBatch) => void): InvalidationBatch {
  const batch = new InvalidationBatch(16);
  fill(batch);
  return batch;
}

const leaves = (...vpns: Vpn[]): InvalidationBatch =>
  batchOf((batch) => {
    for (const vpn of vpns) batch.addPage(vpn);
  });

const table = (vpn: Vpn): InvalidationBatch => batchOf((batch) => batch.addTable(vpn));

const EVERYTHING = batchOf((batch) => batch.addEverything());

const EVERYONE = 0b111;

/** Three tags and two pages, each cached by CPU 0 with its walk-cache step, plus a global page. */
function cached(): Machine {
  const { machine } = setUp();
  const [cpu] = machine.cpus;
  const tableFrame = machine.tables.allocate();
  const walk = emptyWalk();
  Object.assign(walk, { present: true, allowed: 0x1ff, pfn: 40 });
  for (const tag of [2, 3, GUEST_TAGS + 1, GUEST_TAGS + 2]) {
    for (const vpn of [0x1000, 0x5000]) {
      cpu!.tlb.fill(tag, vpn, walk, 0x1ff);
      cpu!.walkCache.fill(tag, vpn, 0, tableFrame, 0);
    }
  }
  walk.global = true;
  cpu!.tlb.fill(2, 0x1001, walk, 0x1ff);
  return machine;
}

/** Which of them are left after one instruction for tag 2 (or guest 1) and page 0x1000. */
function left(name: keyof typeof Tlbi, tag: number, page: Vpn): { tlb: string[]; walks: string[] } {
  const machine = cached();
  machine.bus.invalidate(1, Tlbi[name], tag, page);
  const [cpu] = machine.cpus;
  const tlb: string[] = [];
  const walks: string[] = [];
  for (const held of [2, 3, GUEST_TAGS + 1, GUEST_TAGS + 2]) {
    for (const vpn of [0x1000, 0x5000]) {
      const label = `${held >= GUEST_TAGS ? `g${held - GUEST_TAGS}` : held}:${vpn.toString(16)}`;
      if (isHeld(machine, held, vpn)) tlb.push(label);
      if (cpu!.walkCache.find(held, vpn)) walks.push(label);
    }
  }
  if (cpu!.tlb.globals.count > 0) tlb.push("global:1001");
  return { tlb, walks };
}

const isHeld = (machine: Machine, tag: number, vpn: Vpn): boolean => {
  const out = { ...machine.cpus[0]!.translation };
  return machine.cpus[0]!.tlb.lookup(tag, vpn, out);
};

describe("what each instruction drops (G-25)", () => {
  const GUESTS = ["g1:1000", "g1:5000", "g2:1000", "g2:5000"];

  test.each([
    [
      "VALE1IS",
      0x1000,
      ["2:5000", "3:1000", "3:5000"],
      ["2:1000", "2:5000", "3:1000", "3:5000"],
      true,
    ],
    ["VAE1IS", 0x1000, ["2:5000", "3:1000", "3:5000"], ["2:5000", "3:1000", "3:5000"], true],
    [
      "VALE1IS",
      0x1001,
      ["2:1000", "2:5000", "3:1000", "3:5000"],
      ["2:1000", "2:5000", "3:1000", "3:5000"],
      false,
    ],
    ["VAALE1IS", 0x1000, ["2:5000", "3:5000"], ["2:1000", "2:5000", "3:1000", "3:5000"], true],
    ["VAAE1IS", 0x1000, ["2:5000", "3:5000"], ["2:5000", "3:5000"], true],
    ["ASIDE1IS", 0, ["3:1000", "3:5000"], ["3:1000", "3:5000"], true],
    ["VMALLE1IS", 0, [], [], false],
  ] as const)(
    "%s at page %i leaves %j and walk-cache entries %j",
    (name, page, tlb, walks, global) => {
      const rest = left(name, 2, page);
      expect(rest.tlb).toEqual([...tlb, ...GUESTS, ...(global ? ["global:1001"] : [])]);
      expect(rest.walks).toEqual([...walks, ...GUESTS]);
    },
  );

  test.each([
    ["IPAS2LE1IS", ["g1:5000", "g2:1000", "g2:5000"], ["g1:1000", "g1:5000", "g2:1000", "g2:5000"]],
    ["IPAS2E1IS", ["g1:5000", "g2:1000", "g2:5000"], ["g1:5000", "g2:1000", "g2:5000"]],
    ["VMALLS12E1IS", ["g2:1000", "g2:5000"], ["g2:1000", "g2:5000"]],
  ] as const)("%s leaves %j and walk-cache entries %j", (name, tlb, walks) => {
    const host = ["2:1000", "2:5000", "3:1000", "3:5000"];
    const rest = left(name, GUEST_TAGS + 1, 0x1000);
    expect(rest.tlb).toEqual([...host, ...tlb, "global:1001"]);
    expect(rest.walks).toEqual([...host, ...walks]);
  });

  test("no last-level form touches walk caches", () => {
    for (const name of ["VALE1IS", "VAALE1IS", "IPAS2LE1IS"] as const) {
      expect(Tlbi[name] & (Invalidate.WALK_PAGE | Invalidate.WALK_ALL)).toBe(0);
    }
  });
});

describe("identifier pools (G-26)", () => {
  test("hand out every identifier once, then none", () => {
    const pool = new IdPool(2, 3);
    expect([pool.take(), pool.take(), pool.take(), pool.take()]).toEqual([2, 3, 4, null]);
  });

  test("are next-fit: a returned identifier rests until the others had their turn", () => {
    const pool = new IdPool(2, 3);
    expect(pool.take()).toBe(2);
    pool.give(2);
    expect([pool.take(), pool.take(), pool.take(), pool.take()]).toEqual([3, 4, 2, null]);
  });
});

/** The only user of a pool with one ASID. */
function user(): { machine: Machine; context: UserContext; pool: IdPool } {
  const { machine, hardware } = setUp();
  const pool = new IdPool(2, 1);
  const context = new UserContext(hardware, pool);
  expect(context.acquire()).toBe(Status.OK);
  return { machine, context, pool };
}

describe("user aspaces (G-27)", () => {
  test("leaves go by VALE1IS on every CPU, whoever runs the aspace", () => {
    const { machine, context } = user();
    context.invalidate(leaves(0x1000, 0x2000));
    expect(instructions(machine)).toEqual([
      `VALE1IS cpus ${EVERYONE} tag 2 page ${0x1000}`,
      `VALE1IS cpus ${EVERYONE} tag 2 page ${0x2000}`,
    ]);
  });

  test("an unlinked table needs the all-levels form, VAE1IS", () => {
    const { machine, context } = user();
    context.invalidate(table(0x1000));
    expect(instructions(machine)).toEqual([`VAE1IS cpus ${EVERYONE} tag 2 page ${0x1000}`]);
  });

  test("17 pages are more than a batch holds: ASIDE1IS, once", () => {
    const { machine, context } = user();
    context.invalidate(leaves(...Array.from({ length: 16 }, (_, page) => page)));
    expect(instructions(machine)).toHaveLength(16);
    machine.log.clear();
    context.invalidate(leaves(...Array.from({ length: 17 }, (_, page) => page)));
    expect(instructions(machine)).toEqual([`ASIDE1IS cpus ${EVERYONE} tag 2 page 0`]);
    machine.log.clear();
    context.invalidate(EVERYTHING);
    expect(instructions(machine)).toEqual([`ASIDE1IS cpus ${EVERYONE} tag 2 page 0`]);
  });

  test("the ASID is flushed before it goes back to the pool (P-L6)", () => {
    const { machine, context, pool } = user();
    expect(pool.take()).toBeNull();
    context.release();
    expect(instructions(machine)).toEqual([`ASIDE1IS cpus ${EVERYONE} tag 2 page 0`]);
    expect(pool.take()).toBe(2);
  });

  test("without an ASID left there are no resources (P-L6)", () => {
    const { hardware } = setUp();
    expect(new UserContext(hardware, new IdPool(2, 0)).acquire()).toBe(Status.NO_RESOURCES);
  });

  test("active means that some CPU runs it", () => {
    const { context } = user();
    context.enter(1, 8);
    context.enter(2, 8);
    context.leave(1);
    expect(context.isActive()).toBe(true);
    context.leave(2);
    expect(context.isActive()).toBe(false);
  });
});

describe("the kernel aspace (G-28)", () => {
  test("its pages go under every ASID; more than a batch costs all of stage 1", () => {
    const { machine, hardware } = setUp();
    const context = new KernelContext(hardware);
    context.invalidate(leaves(0x1000));
    context.invalidate(table(0x2000));
    context.invalidate(EVERYTHING);
    expect(instructions(machine)).toEqual([
      `VAALE1IS cpus ${EVERYONE} tag 1 page ${0x1000}`,
      `VAAE1IS cpus ${EVERYONE} tag 1 page ${0x2000}`,
      `VMALLE1IS cpus ${EVERYONE} tag 1 page 0`,
    ]);
    expect(context.isActive()).toBe(true);
  });
});

describe("guest aspaces (G-29)", () => {
  test("pages go by guest-physical address under the VMID, the rest by VMID", () => {
    const { machine, hardware } = setUp();
    const context = new GuestContext(hardware, new IdPool(1, 1));
    expect(context.acquire()).toBe(Status.OK);
    context.invalidate(leaves(0x1000));
    context.invalidate(table(0x2000));
    context.invalidate(EVERYTHING);
    context.release();
    const tag = GUEST_TAGS + 1;
    expect(instructions(machine)).toEqual([
      `IPAS2LE1IS cpus ${EVERYONE} tag ${tag} page ${0x1000}`,
      `IPAS2E1IS cpus ${EVERYONE} tag ${tag} page ${0x2000}`,
      `VMALLS12E1IS cpus ${EVERYONE} tag ${tag} page 0`,
      `VMALLS12E1IS cpus ${EVERYONE} tag ${tag} page 0`,
    ]);
  });

  test("without a VMID left there are no resources", () => {
    const { hardware } = setUp();
    expect(new GuestContext(hardware, new IdPool(1, 0)).acquire()).toBe(Status.NO_RESOURCES);
  });

  test("entering one and leaving it again brings the host's translation back", () => {
    const { machine, hardware } = setUp();
    const context = new GuestContext(hardware, new IdPool(1, 1));
    context.acquire();
    const { mmu } = machine.cpus[0]!;
    hardware.mmus[0]!.write("VTCR_EL2", hardware.controls.vtcr);
    context.enter(0, 8);
    expect(mmu.tag).toBe(GUEST_TAGS + 1);
    expect(mmu.rootPfns()).toEqual([8]);
    expect(context.isActive()).toBe(true);
    const out = emptyWalk();
    mmu.inspect(0, Access.USER_READ, out);
    expect(out.fault).toBe(2 ** 32 + 0x9200_0005);
    context.leave(0);
    expect(mmu.tag).toBeLessThan(GUEST_TAGS);
    expect(context.isActive()).toBe(false);
  });
});
