import {
  Access,
  AccessedCheck,
  type ArchSystem,
  type ArchVmAspace,
  Enlarge,
  ExistingEntry,
  FRAME_WORDS,
  FaultFlags,
  GUEST_TAGS,
  KernelPanic,
  MmuFlags,
  type MmuFlagSet,
  NO_FAULT,
  NonTerminalAction,
  type Pfn,
  Status,
  TerminalAction,
  type Vpn,
  emptyWalk,
  formatEntry,
} from "@aspace/arch";
import { type Cpu, CpuMode, type Machine, checkCoherence, createMachine } from "@aspace/machine";
import { describe, expect, test } from "vitest";
import { whole } from "../test/tables.ts";
import { faultFlags } from "./fault.ts";
import { arm64, createArm64 } from "./index.ts";
import { Arm64Mmu } from "./walk.ts";

const { READ: R, WRITE: W, EXECUTE: X, USER: U } = MmuFlags;
const { UNCACHED, UNCACHED_DEVICE: DEVICE, WRITE_COMBINING: WC } = MmuFlags;

interface World {
  readonly machine: Machine;
  readonly system: ArchSystem;
}

function boot(tagLimit: number = arm64.tagLimit): World {
  const machine = createMachine({
    architecture: arm64,
    cpuCount: 2,
    frameCount: 256,
    firstFrame: 1,
  });
  const system = arm64.boot(machine, { quirks: new Set(), tagLimit });
  expect(system.start()).toBe(Status.OK);
  return { machine, system };
}

function create(system: ArchSystem, kind: "user" | "guest"): ArchVmAspace {
  const aspace = system.createAspace(kind);
  expect(aspace.init()).toBe(Status.OK);
  return aspace;
}

function mapPage(aspace: ArchVmAspace, vpn: Vpn, pfn: Pfn, flags: MmuFlagSet): void {
  expect(aspace.map(vpn, [pfn], 1, flags, ExistingEntry.UPGRADE)).toBe(Status.OK);
}

/** The entries on the path to `vpn`, from the root down, as RAM holds them. */
function pathEntries(machine: Machine, aspace: ArchVmAspace, vpn: Vpn, levels: number): string[] {
  const { words } = machine.memory;
  const entries: string[] = [];
  let table = aspace.rootPfn;
  for (let level = levels - 1; level >= 0; level--) {
    const slot = table * FRAME_WORDS + 2 * (Math.floor(vpn / 512 ** level) % 512);
    const lo = words[slot]!;
    const hi = words[slot + 1]!;
    entries.push(formatEntry(lo, hi));
    const isTable = (lo & 3) === 3 && level > 0;
    if (!isTable) break;
    table = (hi & 0xffff) * 2 ** 20 + (lo >>> 12);
  }
  return entries;
}

/** A table entry that the engine wrote: frame, type and the software mark. */
const isMarkedTable = (entry: string): boolean => /^0x0080[0-9a-f]{9}003$/.test(entry);

const mmuOf = (cpu: Cpu): Arm64Mmu => {
  if (cpu.mmu instanceof Arm64Mmu) return cpu.mmu;
  throw new Error("not an arm64 CPU");
};

const registerOf = (cpu: Cpu, name: Parameters<Arm64Mmu["read"]>[0]): string =>
  `0x${whole(mmuOf(cpu).read(name)).toString(16)}`;

/** VA 0x123456789000, PA 0x123456000: the worked example of G-9. */
const VPN = 0x123456789;
const PFN = 0x123456;

describe("entries in RAM are bit-exact (P-M10)", () => {
  test.each([
    [U | R, "0x0060000123456fcb"],
    [U | R | W, "0x0060000123456f4b"],
    [U | R | X, "0x0020000123456fcb"],
    [U | R | W | X, "0x0020000123456f4b"],
    [U | R | W | WC, "0x0060000123456f4f"],
    [U | R | W | UNCACHED, "0x0060000123456c43"],
    [U | R | W | DEVICE, "0x0060000123456c47"],
  ])("user flags 0x%s", (flags, leaf) => {
    const { machine, system } = boot();
    const aspace = create(system, "user");
    mapPage(aspace, VPN, PFN, flags);
    const entries = pathEntries(machine, aspace, VPN, 4);
    expect(entries.slice(0, 3).every(isMarkedTable)).toBe(true);
    expect(entries[3]).toBe(leaf);
  });

  test.each([
    [R, "0x006000012345678b"],
    [R | W, "0x006000012345670b"],
    [R | X, "0x004000012345678b"],
    [R | W | X, "0x004000012345670b"],
  ])("kernel flags 0x%s", (flags, leaf) => {
    const { machine, system } = boot();
    const vpn = system.kernel.baseVpn + VPN;
    mapPage(system.kernel, vpn, PFN, flags);
    expect(pathEntries(machine, system.kernel, vpn, 4)[3]).toBe(leaf);
  });

  test.each([
    [R | W, "0x00400001234567ff"],
    [R | X | DEVICE, "0x0000000123456447"],
  ])("guest flags 0x%s", (flags, leaf) => {
    const { machine, system } = boot();
    const aspace = create(system, "guest");
    mapPage(aspace, 0x89abcd, PFN, flags);
    const entries = pathEntries(machine, aspace, 0x89abcd, 3);
    expect(entries.slice(0, 2).every(isMarkedTable)).toBe(true);
    expect(entries[2]).toBe(leaf);
  });

  test("a 2 MiB guest block", () => {
    const { machine, system } = boot();
    const aspace = create(system, "guest");
    expect(aspace.mapContiguous(0x200, 0x40000, 512, R | W | X)).toBe(Status.OK);
    expect(pathEntries(machine, aspace, 0x200, 3)[1]).toBe("0x00000000400007fd");
  });

  test("a kernel DEVICE block, and its pages where break-before-make is not forbidden", () => {
    const { machine, system } = boot();
    const { kernel } = system;
    const vpn = kernel.baseVpn + 0x200;
    expect(kernel.mapContiguous(vpn, 0xfe000, 512, R | W | DEVICE)).toBe(Status.OK);
    expect(pathEntries(machine, kernel, vpn, 4)[2]).toBe("0x00600000fe000405");
    expect(kernel.unmap(vpn + 9, 1, Enlarge.NO)).toBe(Status.NOT_SUPPORTED);
    expect(pathEntries(machine, kernel, vpn, 4)[2]).toBe("0x00600000fe000405");
    expect(kernel.unmap(vpn + 9, 1, Enlarge.YES)).toBe(Status.OK);
    expect(pathEntries(machine, kernel, vpn, 4)[3]).toBe("0x00600000fe000407");
    expect(pathEntries(machine, kernel, vpn + 1, 4)[3]).toBe("0x00600000fe001407");
    expect(pathEntries(machine, kernel, vpn + 9, 4)[3]).toBe("0x0000000000000000");
  });
});

describe("an access flag fault (P-H8)", () => {
  test("is raised after a harvest, answered by markAccessed, and gone at the retry", () => {
    const { machine, system } = boot();
    const aspace = create(system, "user");
    const pfn = machine.pages.allocatePage();
    const cpu = machine.cpus[0]!;
    system.contextSwitch(0, aspace);
    mapPage(aspace, VPN, pfn, U | R | W);
    expect(cpu.store(CpuMode.USER, VPN, 8, 42)).toBe(NO_FAULT);

    const harvest = (): Status =>
      aspace.harvestAccessed(
        VPN,
        1,
        NonTerminalAction.RETAIN,
        TerminalAction.UPDATE_AGE_AND_HARVEST,
      );
    expect(harvest()).toBe(Status.OK);
    expect(machine.pages.reportsOf(pfn)).toBe(1);
    const [leaf] = pathEntries(machine, aspace, VPN, 4).slice(3);
    expect(BigInt(leaf!) & 0xfffn).toBe(0xb4bn);

    const fault = cpu.load(CpuMode.USER, VPN, 8);
    expect(arm64.describeFault(fault)).toBe(
      "ESR_EL1 0x9200000b (access flag fault, level 3; EL0 read)",
    );
    expect(faultFlags(fault)).toBe(FaultFlags.USER | FaultFlags.ACCESS);
    expect(aspace.markAccessed(VPN, 1)).toBe(Status.OK);
    expect(cpu.load(CpuMode.USER, VPN, 8)).toBe(NO_FAULT);
    expect(cpu.value).toBe(42);
    expect(harvest()).toBe(Status.OK);
    expect(machine.pages.reportsOf(pfn)).toBe(2);
    checkCoherence(machine);
  });
});

describe("permission faults stay until an invalidation (G-19)", () => {
  test("protect that grants write is seen by a CPU that cached the denial (P-P4)", () => {
    const { machine, system } = boot();
    const aspace = create(system, "user");
    const pfn = machine.pages.allocatePage();
    const cpu = machine.cpus[0]!;
    system.contextSwitch(0, aspace);
    mapPage(aspace, VPN, pfn, U | R);
    expect(cpu.store(CpuMode.USER, VPN, 0, 1) & 0x3f).toBe(0b001111);
    expect(aspace.protect(VPN, 1, U | R | W, Enlarge.YES)).toBe(Status.OK);
    expect(cpu.store(CpuMode.USER, VPN, 0, 1)).toBe(NO_FAULT);
  });

  test("user-copy reads user memory, the kernel itself does not", () => {
    const { machine, system } = boot();
    const aspace = create(system, "user");
    system.contextSwitch(1, aspace);
    mapPage(aspace, VPN, machine.pages.allocatePage(), U | R);
    const cpu = machine.cpus[1]!;
    expect(cpu.load(CpuMode.COPY, VPN, 0)).toBe(NO_FAULT);
    expect(cpu.load(CpuMode.KERNEL, VPN, 0)).toBe(0x9600_000f);
  });
});

describe("TLB conflicts (G-24)", () => {
  test("a leaf that changes its frame in one step, without break-before-make, is a P-T4", () => {
    const { machine, system } = boot();
    const aspace = create(system, "user");
    const cpu = machine.cpus[0]!;
    system.contextSwitch(0, aspace);
    mapPage(aspace, VPN, machine.pages.allocatePage(), U | R);
    const walk = emptyWalk();
    cpu.mmu.inspect(VPN, Access.USER_READ, walk);
    expect(cpu.access(VPN, Access.USER_READ)).toBe(NO_FAULT);
    machine.memory.words[walk.entry]! += 0x1000;
    expect(() => cpu.prefetch(VPN)).toThrow(/P-T4/);
  });
});

describe("context switch (G-30)", () => {
  const KERNEL_ONLY = "0x15b5503590";
  const USER_THREAD = "0x15b5103510";

  test("start loads the kernel alone on every CPU", () => {
    const { machine, system } = boot();
    for (const cpu of machine.cpus) {
      expect(registerOf(cpu, "TCR_EL1")).toBe(KERNEL_ONLY);
      expect(registerOf(cpu, "TTBR0_EL1")).toBe("0x0");
      expect(registerOf(cpu, "TTBR1_EL1")).toBe(
        `0x1${(system.kernel.rootPfn * 4096).toString(16).padStart(12, "0")}`,
      );
      expect(registerOf(cpu, "MAIR_EL1")).toBe("0x44ff0400");
      expect(cpu.mmu.tag).toBe(1);
      expect(cpu.mmu.rootPfns()).toEqual([system.kernel.rootPfn]);
    }
  });

  test("a user aspace loads ASID and root; null takes both away again", () => {
    const { machine, system } = boot();
    const aspace = create(system, "user");
    const cpu = machine.cpus[0]!;
    system.contextSwitch(0, aspace);
    expect(registerOf(cpu, "TCR_EL1")).toBe(USER_THREAD);
    expect(registerOf(cpu, "TTBR0_EL1")).toBe(
      `0x2${(aspace.rootPfn * 4096).toString(16).padStart(12, "0")}`,
    );
    expect(cpu.mmu.tag).toBe(2);
    expect(cpu.mmu.rootPfns()).toEqual([aspace.rootPfn, system.kernel.rootPfn]);
    expect(() => aspace.destroy()).toThrow(/P-L4/);
    system.contextSwitch(0, null);
    expect(registerOf(cpu, "TCR_EL1")).toBe(KERNEL_ONLY);
    expect(registerOf(cpu, "TTBR0_EL1")).toBe("0x0");
    aspace.destroy();
  });

  test("kernel addresses translate in every context, user addresses in their own", () => {
    const { machine, system } = boot();
    const cpu = machine.cpus[0]!;
    const kernelVpn = system.kernel.baseVpn + 5;
    mapPage(system.kernel, kernelVpn, machine.pages.allocatePage(), R | W);
    const first = create(system, "user");
    const second = create(system, "user");
    mapPage(first, VPN, machine.pages.allocatePage(), U | R | W);
    expect(cpu.load(CpuMode.USER, VPN, 0) & 0x3f).toBe(0b000100);
    system.contextSwitch(0, first);
    expect(cpu.load(CpuMode.USER, VPN, 0)).toBe(NO_FAULT);
    expect(cpu.load(CpuMode.KERNEL, kernelVpn, 0)).toBe(NO_FAULT);
    system.contextSwitch(0, second);
    expect(cpu.load(CpuMode.USER, VPN, 0) & 0x3f).toBe(0b000100);
    expect(cpu.load(CpuMode.KERNEL, kernelVpn, 0)).toBe(NO_FAULT);
    checkCoherence(machine);
  });

  test("a guest runs on its own tables alone, and the host comes back with the kernel only", () => {
    const { machine, system } = boot();
    const cpu = machine.cpus[0]!;
    const user = create(system, "user");
    const guest = create(system, "guest");
    const pfn = machine.pages.allocatePage();
    mapPage(guest, 7, pfn, R | W);
    system.contextSwitch(0, user);
    system.contextSwitch(0, guest);
    expect(registerOf(cpu, "HCR_EL2")).toBe("0x80000001");
    expect(registerOf(cpu, "VTCR_EL2")).toBe("0x8005355c");
    expect(registerOf(cpu, "TTBR0_EL1")).toBe("0x0");
    expect(cpu.mmu.tag).toBe(GUEST_TAGS + 1);
    expect(cpu.mmu.rootPfns()).toEqual([guest.rootPfn]);
    expect(cpu.access(7, Access.USER_WRITE)).toBe(NO_FAULT);
    expect(cpu.translation.pfn).toBe(pfn);
    user.destroy();
    system.contextSwitch(0, null);
    expect(registerOf(cpu, "HCR_EL2")).toBe("0x80000000");
    expect(cpu.mmu.tag).toBe(1);
    checkCoherence(machine);
  });

  test("running in an aspace counts as an access to it (P-H6)", () => {
    const { system } = boot();
    const aspace = create(system, "user");
    aspace.accessedSinceLastCheck(AccessedCheck.CLEAR);
    expect(aspace.accessedSinceLastCheck(AccessedCheck.PEEK)).toBe(false);
    system.contextSwitch(0, aspace);
    expect(aspace.accessedSinceLastCheck(AccessedCheck.CLEAR)).toBe(true);
    expect(aspace.accessedSinceLastCheck(AccessedCheck.PEEK)).toBe(true);
    system.contextSwitch(0, null);
    aspace.accessedSinceLastCheck(AccessedCheck.CLEAR);
    expect(aspace.accessedSinceLastCheck(AccessedCheck.PEEK)).toBe(false);
  });

  test("switching to an aspace without tables, or of another machine, is a panic (P-T3)", () => {
    const { system } = boot();
    expect(() => system.contextSwitch(0, system.createAspace("user"))).toThrow(/P-T3/);
    expect(() => system.contextSwitch(0, create(boot().system, "user"))).toThrow(/G-30/);
    expect(() => system.contextSwitch(2, null)).toThrow(/G-30/);
  });
});

describe("start", () => {
  test("fails with NO_MEMORY and leaves nothing behind", () => {
    const machine = createMachine({
      architecture: arm64,
      cpuCount: 1,
      frameCount: 8,
      firstFrame: 1,
    });
    machine.tables.failures.failAt(1);
    const system = arm64.boot(machine, { quirks: new Set(), tagLimit: 4 });
    expect(system.start()).toBe(Status.NO_MEMORY);
    expect(machine.tables.live).toBe(0);
    expect(() => system.kernel).toThrow(KernelPanic);
  });

  test("refuses CPUs of another architecture (G-30)", () => {
    const { machine } = boot();
    const foreign = { ...machine.mmus[0]! };
    const hardware = { ...pick(machine), mmus: [foreign] };
    expect(() => arm64.boot(hardware, { quirks: new Set(), tagLimit: 1 })).toThrow(/G-30/);
  });
});

const pick = ({
  memory,
  tables,
  pages,
  bus,
}: Machine): Pick<Machine, "memory" | "tables" | "pages" | "bus"> => ({
  memory,
  tables,
  pages,
  bus,
});

describe("tags (P-L6)", () => {
  test.each(["user", "guest"] as const)(
    "%s aspaces run out of them and find none stale",
    (kind) => {
      const { machine, system } = boot(2);
      const first = create(system, kind);
      const second = create(system, kind);
      const third = system.createAspace(kind);
      expect(third.init()).toBe(Status.NO_RESOURCES);
      const cpu = machine.cpus[0]!;
      const vpn = 0x300;
      mapPage(first, vpn, machine.pages.allocatePage(), kind === "user" ? U | R : R);
      system.contextSwitch(0, first);
      expect(cpu.access(vpn, Access.USER_READ)).toBe(NO_FAULT);
      system.contextSwitch(0, null);
      expect(first.unmap(vpn, 1, Enlarge.YES)).toBe(Status.OK);
      first.destroy();
      expect(third.init()).toBe(Status.OK);
      system.contextSwitch(0, third);
      expect(cpu.access(vpn, Access.USER_READ)).not.toBe(NO_FAULT);
      checkCoherence(machine);
      system.contextSwitch(0, null);
      second.destroy();
      third.destroy();
    },
  );
});

describe("the architecture value", () => {
  test("has the address ranges of the contract (G-1)", () => {
    const { user, kernel, guest } = arm64.aspaces;
    expect([user.baseVpn, user.baseVpn + user.pageCount]).toEqual([0x200, 0xffff_ff00_0000 / 4096]);
    expect([kernel.baseVpn, kernel.pageCount]).toEqual([2 ** 52 - 2 ** 36, 2 ** 36]);
    expect([guest.baseVpn, guest.pageCount]).toEqual([0, 2 ** 24]);
  });

  test("exports the hazards that can exist here (G-31)", () => {
    expect(arm64.quirks.map(({ id }) => id)).toEqual([
      "H1",
      "H3",
      "H4",
      "H5",
      "H6",
      "H7",
      "H8",
      "H10",
      "H12",
    ]);
    const h8 = arm64.quirks.find(({ id }) => id === "H8");
    expect(h8?.kinds).toEqual(["user", "kernel"]);
  });

  test("takes the address widths that TCR_EL1.IPS can say, and no other", () => {
    for (const physBits of [32, 36, 40, 42, 44, 48] as const) {
      expect(createArm64({ physBits }).aspaces.user.capabilities.physBits).toBe(physBits);
    }
    expect(() => createArm64({ physBits: 46 as 48 })).toThrow(RangeError);
  });

  test.each([36, 40, 48] as const)(
    "with %i address bits the highest legal frame never raises an address size fault (G-16)",
    (physBits) => {
      const narrow = createArm64({ physBits });
      const machine = createMachine({
        architecture: narrow,
        cpuCount: 1,
        frameCount: 64,
        firstFrame: 1,
      });
      const system = narrow.boot(machine, { quirks: new Set(), tagLimit: 4 });
      expect(system.start()).toBe(Status.OK);
      const last = 2 ** (physBits - 12) - 1;
      const cpu = machine.cpus[0]!;
      for (const kind of ["user", "guest"] as const) {
        const aspace = create(system, kind);
        const flags = kind === "user" ? U | R : R;
        expect(aspace.map(0x300, [last + 1], 1, flags, ExistingEntry.ERROR)).toBe(
          Status.INVALID_ARGS,
        );
        mapPage(aspace, 0x300, last, flags);
        system.contextSwitch(0, aspace);
        expect(cpu.access(0x300, Access.USER_READ)).toBe(NO_FAULT);
        expect(cpu.translation.pfn).toBe(last);
      }
    },
  );
});
