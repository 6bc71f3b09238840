import {
  Access,
  AccessedCheck,
  AspaceKind,
  Enlarge,
  ExistingEntry,
  FRAME_WORDS,
  MmuFlags,
  NO_FAULT,
  NonTerminalAction,
  Status,
  TerminalAction,
  emptyWalk,
  formatEntry,
  type ArchSystem,
  type ArchVmAspace,
  type Architecture,
  type Hardware,
  type Mmu,
  type Pfn,
  type Vpn,
} from "@aspace/arch";
import { CpuMode, checkCoherence, createMachine, type Machine } from "@aspace/machine";
import { describe, expect, test } from "vitest";
import { EPT_MISCONFIGURATION, pageFault } from "./fault.ts";
import { createX86_64, x86_64, x86_64La57 } from "./index.ts";

const { USER, READ, WRITE, EXECUTE, UNCACHED, WRITE_COMBINING } = MmuFlags;
const RW = READ | WRITE;

interface Running {
  readonly machine: Machine;
  readonly system: ArchSystem;
}

/** The kernel takes frames 0xfe and 0xff, so that the first user root is the 0x100 of the examples. */
function boot(
  architecture: Architecture = x86_64,
  quirks: readonly string[] = [],
  tagLimit: number = architecture.tagLimit,
): Running {
  const machine = createMachine({ architecture, cpuCount: 2, frameCount: 0x300, firstFrame: 0xfe });
  const system = architecture.boot(machine, { quirks: new Set(quirks), tagLimit });
  expect(system.start()).toBe(Status.OK);
  return { machine, system };
}

function create(system: ArchSystem, kind: "user" | "guest"): ArchVmAspace {
  const aspace = system.createAspace(kind);
  expect(aspace.init()).toBe(Status.OK);
  return aspace;
}

function mapPage(aspace: ArchVmAspace, vpn: Vpn, pfn: Pfn, flags: number): void {
  expect(aspace.map(vpn, [pfn], 1, flags, ExistingEntry.ERROR)).toBe(Status.OK);
}

const entryAt = ({ memory }: Machine, address: number): string =>
  formatEntry(memory.words[address / 4]!, memory.words[address / 4 + 1]!);

/** The entry that decides about a page, as a cold walk in the given aspace finds it. */
function deciding({ machine, system }: Running, aspace: ArchVmAspace, vpn: Vpn): string {
  const found = emptyWalk();
  system.contextSwitch(1, aspace === system.kernel ? null : aspace);
  machine.mmus[1]!.inspect(vpn, Access.KERNEL_READ, found);
  return entryAt(machine, found.entry * 4);
}

const VPN = 0x1_2345_6789;
const PFN = 0x12_3456;

describe("X-3: entries as the engine writes them (P-M10)", () => {
  test("X-3: a user page, its tables at 0x100000 to 0x103000, before and after one user write", () => {
    const { machine, system } = boot();
    const aspace = create(system, AspaceKind.USER);
    mapPage(aspace, VPN, PFN, USER | RW);
    const path = (): string[] =>
      [0x10_0120, 0x10_1688, 0x10_2598, 0x10_3c48].map((address) => entryAt(machine, address));
    expect(path()).toEqual([
      "0x0000000000101007",
      "0x0000000000102007",
      "0x0000000000103007",
      "0x8000000123456007",
    ]);
    system.contextSwitch(0, aspace);
    expect(machine.cpus[0]!.store(CpuMode.USER, VPN, 0, 1)).toBe(NO_FAULT);
    expect(path()).toEqual([
      "0x0000000000101027",
      "0x0000000000102027",
      "0x0000000000103027",
      "0x8000000123456067",
    ]);
  });

  test("X-3: the same page with other flags", () => {
    const running = boot();
    const aspace = create(running.system, AspaceKind.USER);
    for (const [flags, expected] of [
      [USER | READ, "0x8000000123456005"],
      [USER | READ | EXECUTE, "0x0000000123456005"],
      [USER | RW | UNCACHED, "0x800000012345601f"],
      [USER | RW | WRITE_COMBINING, "0x800000012345609f"],
    ] as const) {
      mapPage(aspace, VPN, PFN, flags);
      expect(deciding(running, aspace, VPN)).toBe(expected);
      expect(aspace.unmap(VPN, 1, Enlarge.YES)).toBe(Status.OK);
    }
  });

  test("X-3: kernel pages", () => {
    const running = boot();
    const { kernel } = running.system;
    mapPage(kernel, kernel.baseVpn, PFN, RW);
    mapPage(kernel, kernel.baseVpn + 1, PFN, READ | EXECUTE);
    expect(deciding(running, kernel, kernel.baseVpn)).toBe("0x8000000123456103");
    expect(deciding(running, kernel, kernel.baseVpn + 1)).toBe("0x0000000123456101");
  });

  test("X-5: a kernel 2 MiB write-combining leaf, and what is left when a page of it goes (P-B4)", () => {
    const running = boot();
    const { kernel } = running.system;
    const base = kernel.baseVpn;
    kernel.mapContiguous(base, 0xc_0000, 512, RW | WRITE_COMBINING);
    expect(deciding(running, kernel, base)).toBe("0x80000000c000119b");
    expect(kernel.unmap(base + 2, 1, Enlarge.NO)).toBe(Status.OK);
    const pages = [0, 1, 2, 511].map((index) => deciding(running, kernel, base + index));
    expect(pages).toEqual([
      "0x80000000c000019b",
      "0x80000000c000119b",
      "0x0000000000000000",
      "0x80000000c01ff19b",
    ]);
  });

  test("X-3: a user 1 GiB leaf, or 2 MiB leaves on a machine without them", () => {
    const without = createX86_64({ levels: 4, physBits: 46, page1Gb: false });
    for (const [architecture, expected] of [
      [x86_64, "0x8000000140000087"],
      [without, "0x8000000140000087"],
    ] as const) {
      const running = boot(architecture);
      const aspace = create(running.system, AspaceKind.USER);
      expect(aspace.mapContiguous(2 ** 18, 0x14_0000, 2 ** 18, USER | RW)).toBe(Status.OK);
      expect(deciding(running, aspace, 2 ** 18)).toBe(expected);
      expect(aspace.tablePages()).toBe(architecture === x86_64 ? 2 : 3);
    }
  });

  test("X-3: guest entries", () => {
    const running = boot();
    const guest = create(running.system, AspaceKind.GUEST);
    mapPage(guest, 0, 0x1_2345, RW | EXECUTE);
    mapPage(guest, 1, 0x1_2345, READ | UNCACHED);
    expect(guest.mapContiguous(512, 0x4_0000, 512, RW | EXECUTE)).toBe(Status.OK);
    expect(entryAt(running.machine, 0x10_0000)).toBe("0x0000000000101007");
    expect(deciding(running, guest, 0)).toBe("0x0000000012345037");
    expect(deciding(running, guest, 1)).toBe("0x0000000012345001");
    expect(deciding(running, guest, 512)).toBe("0x00000000400000b7");
  });
});

const bytes = (pages: number): bigint => BigInt(pages) * 4096n;

describe("X-19: address ranges and the kernel half", () => {
  test("X-19: ranges of the three kinds, with four levels and with five", () => {
    const { user, kernel, guest } = x86_64.aspaces;
    expect(bytes(user.baseVpn)).toBe(0x20_0000n);
    expect(bytes(user.pageCount)).toBe(2n ** 47n - 4096n - 0x20_0000n);
    expect(bytes(kernel.baseVpn)).toBe(0xffff_ff80_0000_0000n);
    expect(bytes(kernel.pageCount)).toBe(2n ** 39n);
    expect([guest.baseVpn, bytes(guest.pageCount)]).toEqual([0, 2n ** 47n]);
    expect(bytes(x86_64La57.aspaces.user.pageCount)).toBe(2n ** 56n - 4096n - 0x20_0000n);
    expect(x86_64La57.aspaces.kernel.baseVpn).toBe(kernel.baseVpn);
  });

  test("X-19: physBits are from 36 to 52", () => {
    for (const physBits of [35, 53, 40.5]) {
      expect(() => createX86_64({ levels: 4, physBits, page1Gb: true })).toThrow(RangeError);
    }
    expect(createX86_64({ levels: 4, physBits: 52, page1Gb: true }).name).toBe("x86-64");
    expect(createX86_64({ levels: 5, physBits: 36, page1Gb: true }).name).toBe("x86-64-la57");
  });

  test("X-19: the kernel aspace owns its root and one table for life", () => {
    const { system } = boot();
    const { kernel } = system;
    expect(kernel.tablePages()).toBe(2);
    mapPage(kernel, kernel.baseVpn, PFN, RW);
    expect(kernel.tablePages()).toBe(4);
    kernel.unmap(kernel.baseVpn, 1, Enlarge.NO);
    expect(kernel.tablePages()).toBe(2);
    kernel.validate();
  });

  test("X-19: kernel pages mapped later are seen through roots made before, at both ends (P-R4)", () => {
    for (const architecture of [x86_64, x86_64La57]) {
      const { machine, system } = boot(architecture);
      const aspace = create(system, AspaceKind.USER);
      const { kernel } = system;
      const last = kernel.baseVpn + kernel.pageCount - 1;
      mapPage(kernel, kernel.baseVpn, 0x200, RW);
      mapPage(kernel, last, 0x201, RW);
      system.contextSwitch(0, aspace);
      expect(machine.cpus[0]!.access(kernel.baseVpn, Access.KERNEL_WRITE)).toBe(NO_FAULT);
      expect(machine.cpus[0]!.access(last, Access.KERNEL_READ)).toBe(NO_FAULT);
      expect(machine.cpus[0]!.translation.pfn).toBe(0x201);
      expect(machine.cpus[0]!.access(last, Access.USER_READ)).toBe(pageFault(0x5));
    }
  });

  test("X-19: the upper half of every user root is the kernel root's, apart from A (P-R4)", () => {
    const { machine, system } = boot();
    const aspace = create(system, AspaceKind.USER);
    const { kernel } = system;
    mapPage(kernel, kernel.baseVpn, 0x200, RW);
    system.contextSwitch(0, aspace);
    machine.cpus[0]!.access(kernel.baseVpn, Access.KERNEL_READ);
    const half = (root: Pfn, first: number): number[] =>
      [...machine.memory.words.subarray(root * FRAME_WORDS + 2 * first).subarray(0, 512)].map(
        (word, index) => (index % 2 === 0 ? word & ~0x20 : word),
      );
    expect(half(aspace.rootPfn, 256)).toEqual(half(kernel.rootPfn, 256));
    expect(half(aspace.rootPfn, 0).every((word) => word === 0)).toBe(true);
  });

  test("X-1: with five levels a page near the top of 56 bits is mapped, walked and removed", () => {
    const { machine, system } = boot(x86_64La57);
    const aspace = create(system, AspaceKind.USER);
    const top = aspace.baseVpn + aspace.pageCount - 1;
    const before = aspace.tablePages();
    mapPage(aspace, top, 0x200, USER | RW);
    expect(aspace.tablePages()).toBe(before + 4);
    system.contextSwitch(0, aspace);
    expect(machine.cpus[0]!.store(CpuMode.USER, top, 0, 7)).toBe(NO_FAULT);
    expect(machine.memory.words[0x200 * FRAME_WORDS]).toBe(7);
    aspace.unmap(top, 1, Enlarge.YES);
    expect(machine.cpus[0]!.load(CpuMode.USER, top, 0)).toBe(pageFault(0x4));
    expect(aspace.tablePages()).toBe(before);
    aspace.validate();
  });
});

describe("X-15: context switches", () => {
  test("X-15: a switch loads the root, and leaving lets the aspace go", () => {
    const { machine, system } = boot();
    const aspace = create(system, AspaceKind.USER);
    system.contextSwitch(0, aspace);
    expect(machine.mmus[0]!.rootPfns()).toEqual([aspace.rootPfn]);
    expect(() => aspace.destroy()).toThrow("P-L4");
    system.contextSwitch(0, null);
    expect(machine.mmus[0]!.rootPfns()).toEqual([system.kernel.rootPfn]);
    aspace.destroy();
    expect(machine.tables.live).toBe(system.kernel.tablePages());
  });

  test("X-15: a switch counts as use of the aspace, also to the one that runs (P-H6)", () => {
    const { system } = boot();
    const aspace = create(system, AspaceKind.USER);
    expect(aspace.accessedSinceLastCheck(AccessedCheck.CLEAR)).toBe(false);
    for (const to of [aspace, aspace, null]) {
      system.contextSwitch(0, to);
      expect(aspace.accessedSinceLastCheck(AccessedCheck.CLEAR)).toBe(true);
    }
    expect(aspace.accessedSinceLastCheck(AccessedCheck.CLEAR)).toBe(false);
  });

  test("X-15: a guest runs on top of the kernel's context, by guest-physical address", () => {
    const { machine, system } = boot();
    const user = create(system, AspaceKind.USER);
    const guest = create(system, AspaceKind.GUEST);
    mapPage(guest, 5, 0x200, RW);
    system.contextSwitch(0, user);
    system.contextSwitch(0, guest);
    expect(machine.mmus[0]!.rootPfns()).toEqual([system.kernel.rootPfn, guest.rootPfn]);
    expect(machine.cpus[0]!.store(CpuMode.USER, 5, 0, 9)).toBe(NO_FAULT);
    expect(machine.cpus[0]!.load(CpuMode.KERNEL, 5, 0)).toBe(NO_FAULT);
    guest.unmap(5, 1, Enlarge.YES);
    expect(machine.cpus[0]!.load(CpuMode.USER, 5, 0)).not.toBe(NO_FAULT);
    user.destroy();
    system.contextSwitch(0, null);
    guest.destroy();
    expect(machine.mmus[0]!.rootPfns()).toEqual([system.kernel.rootPfn]);
  });

  test("X-15: a switch to what is not an initialised aspace of this machine panics", () => {
    const { system } = boot();
    const stranger = create(boot().system, AspaceKind.USER);
    expect(() => system.contextSwitch(0, stranger)).toThrow("X-15");
    expect(() => system.contextSwitch(0, system.createAspace(AspaceKind.USER))).toThrow("P-T3");
    expect(() => system.contextSwitch(2, null)).toThrow("X-15");
  });

  test("X-15: there is no kernel aspace before start, nor after a start without memory (P-L3)", () => {
    const machine = createMachine({
      architecture: x86_64,
      cpuCount: 1,
      frameCount: 1,
      firstFrame: 0,
    });
    const system = x86_64.boot(machine, { quirks: new Set(), tagLimit: 1 });
    expect(() => system.kernel).toThrow("X-15");
    expect(system.start()).toBe(Status.NO_MEMORY);
    expect(() => system.kernel).toThrow("X-15");
    expect(machine.tables.live).toBe(0);
  });

  test("X-15: CPUs of another architecture are refused", () => {
    const { machine } = boot();
    const foreign: Mmu = {
      tag: 0,
      rootPfns: () => [],
      tablePages: [9],
      faultEvicts: false,
      tracksDirty: false,
      walk: () => {},
      inspect: () => {},
      deniedFault: () => 1,
    };
    const { memory, tables, pages, bus } = machine;
    const hardware: Hardware = { memory, tables, pages, bus, mmus: [foreign] };
    const options = { quirks: new Set<string>(), tagLimit: 1 };
    expect(() => x86_64.boot(hardware, options)).toThrow("X-15");
  });
});

/** A machine where CPU 1 has cached a page of an aspace that it has left, and CPU 0 runs in it. */
function cachedAway(): Running & { readonly aspace: ArchVmAspace } {
  const running = boot();
  const { machine, system } = running;
  const aspace = create(system, AspaceKind.USER);
  mapPage(aspace, VPN, 0x200, USER | RW);
  for (const cpu of [1, 0]) {
    system.contextSwitch(cpu, aspace);
    machine.cpus[cpu]!.access(VPN, Access.USER_WRITE);
  }
  system.contextSwitch(1, null);
  return { ...running, aspace };
}

/** Does something at the n-th moment in which other CPUs run; answers whether there was one. */
function atInterlude(machine: Machine, moment: number, action: () => void): () => boolean {
  let seen = 0;
  machine.bus.interlude = () => {
    if (seen++ === moment) action();
  };
  return () => {
    machine.bus.interlude = null;
    return seen > moment;
  };
}

describe("X-17: lazy flushing", () => {
  test("X-17: a CPU that was away sees an edit at its next access (P-T1)", () => {
    const { machine, system } = boot();
    const [cpu] = machine.cpus;
    const aspace = create(system, AspaceKind.USER);
    mapPage(aspace, VPN, 0x200, USER | RW);
    system.contextSwitch(0, aspace);
    expect(cpu!.access(VPN, Access.USER_WRITE)).toBe(NO_FAULT);
    system.contextSwitch(0, null);
    aspace.unmap(VPN, 1, Enlarge.YES);
    system.contextSwitch(0, aspace);
    checkCoherence(machine);
    expect(cpu!.access(VPN, Access.USER_READ)).toBe(pageFault(0x4));
  });

  test("X-17: without an edit it comes back to what it had cached", () => {
    const { machine, system } = boot();
    const aspace = create(system, AspaceKind.USER);
    mapPage(aspace, VPN, 0x200, USER | RW);
    system.contextSwitch(0, aspace);
    machine.cpus[0]!.access(VPN, Access.USER_WRITE);
    system.contextSwitch(0, null);
    machine.log.clear();
    system.contextSwitch(0, aspace);
    expect(machine.log.invalidations).toBe(0);
    expect(machine.cpus[0]!.tlb.count).toBe(1);
  });

  test("X-17: a recycled PCID never hits its last owner's translations (P-L6)", () => {
    const { machine, system } = boot(x86_64, [], 1);
    const first = create(system, AspaceKind.USER);
    mapPage(first, VPN, 0x200, USER | RW);
    system.contextSwitch(0, first);
    machine.cpus[0]!.access(VPN, Access.USER_READ);
    system.contextSwitch(0, null);
    const second = system.createAspace(AspaceKind.USER);
    expect(second.init()).toBe(Status.NO_RESOURCES);
    first.unmap(VPN, 1, Enlarge.YES);
    first.destroy();
    expect(second.init()).toBe(Status.OK);
    system.contextSwitch(0, second);
    expect(machine.cpus[0]!.access(VPN, Access.USER_READ)).toBe(pageFault(0x4));
  });

  test("X-17: a switch in at any moment of an unmap leaves nothing stale (P-T7)", () => {
    let moment = 0;
    for (let goesOn = true; goesOn; moment++) {
      const { machine, system, aspace } = cachedAway();
      const happened = atInterlude(machine, moment, () => {
        system.contextSwitch(1, aspace);
        machine.cpus[1]!.access(VPN, Access.USER_READ);
      });
      expect(aspace.unmap(VPN, 1, Enlarge.YES)).toBe(Status.OK);
      goesOn = happened();
      system.contextSwitch(1, aspace);
      checkCoherence(machine);
      expect(machine.cpus[1]!.access(VPN, Access.USER_READ)).toBe(pageFault(0x4));
    }
    expect(moment).toBeGreaterThan(4);
  });

  test("X-17: an unmap at any moment of a switch in leaves nothing stale (P-T7)", () => {
    for (const isDirty of [false, true]) {
      let moment = 0;
      for (; ; moment++) {
        const { machine, system, aspace } = cachedAway();
        // After an edit that CPU 1 missed, its switch also flushes.
        if (isDirty) aspace.protect(VPN, 1, USER | READ, Enlarge.YES);
        const happened = atInterlude(machine, moment, () => {
          aspace.unmap(VPN, 1, Enlarge.YES);
        });
        system.contextSwitch(1, aspace);
        if (!happened()) break;
        checkCoherence(machine);
        expect(machine.cpus[1]!.access(VPN, Access.USER_READ)).toBe(pageFault(0x4));
      }
      expect(moment).toBe(isDirty ? 4 : 2);
    }
  });
});

/** Two PCIDs cache the path to a kernel page; the page and its tables go; the first PCID returns. */
function removeKernelTableUnderTwoPcids(quirks: readonly string[]): void {
  const { machine, system } = boot(x86_64, quirks);
  const { kernel } = system;
  const [first, second] = [create(system, AspaceKind.USER), create(system, AspaceKind.USER)];
  mapPage(kernel, kernel.baseVpn, 0x200, RW);
  for (const aspace of [first, second]) {
    system.contextSwitch(0, aspace);
    // Global pages serve every PCID, so the second one has to look elsewhere to walk.
    const vpn = aspace === first ? kernel.baseVpn : kernel.baseVpn + 1;
    machine.cpus[0]!.access(vpn, Access.KERNEL_READ);
  }
  kernel.unmap(kernel.baseVpn, 1, Enlarge.NO);
  system.contextSwitch(0, first);
  checkCoherence(machine);
}

/** A guest that CPU 0 runs and has used a page of. */
function touchedGuest(quirks: readonly string[]): Running & { readonly guest: ArchVmAspace } {
  const running = boot(x86_64, quirks);
  const { machine, system } = running;
  const guest = create(system, AspaceKind.GUEST);
  mapPage(guest, 0, machine.pages.allocatePage(), RW);
  system.contextSwitch(0, guest);
  expect(machine.cpus[0]!.access(0, Access.KERNEL_WRITE)).toBe(NO_FAULT);
  return { ...running, guest };
}

function harvest(guest: ArchVmAspace): Status {
  const { FREE_UNACCESSED } = NonTerminalAction;
  return guest.harvestAccessed(0, 1, FREE_UNACCESSED, TerminalAction.UPDATE_AGE_AND_HARVEST);
}

describe("X-20: quirks", () => {
  test("X-20: the shared hazards that splits without break-before-make allow, and two of its own", () => {
    const ids = x86_64.quirks.map(({ id }) => id);
    expect(ids).toEqual(["H1", "H3", "H4", "H5", "H7", "H8", "H9", "H10", "H12", "H11", "H14"]);
    for (const id of ["H9", "H10", "H12"]) {
      expect(x86_64.quirks.find((quirk) => quirk.id === id)!.kinds).not.toContain("guest");
    }
  });

  test("X-18: a removed kernel table is gone from the walk cache of every PCID (P-T6)", () => {
    expect(() => removeKernelTableUnderTwoPcids([])).not.toThrow();
  });

  test("H14: with INVLPG alone another PCID still leads to the freed table (P-T6)", () => {
    expect(() => removeKernelTableUnderTwoPcids(["H14"])).toThrow("P-T3");
  });

  test("X-20: a guest's pages are neither reported nor dropped by a harvest (P-H1, P-H4)", () => {
    const { guest, machine } = touchedGuest([]);
    expect(harvest(guest)).toBe(Status.OK);
    expect(machine.pages.reportCount).toBe(0);
    expect(machine.cpus[0]!.access(0, Access.KERNEL_READ)).toBe(NO_FAULT);
  });

  test("H11: tables have no accessed bit where paging has it, so a used one is dropped", () => {
    const { guest, machine } = touchedGuest(["H11"]);
    expect(harvest(guest)).toBe(Status.OK);
    expect(machine.cpus[0]!.access(0, Access.KERNEL_READ)).not.toBe(NO_FAULT);
  });

  test("H11: a large leaf looks accessed, and the mark that its table gets on a split is reserved there", () => {
    for (const [quirks, expected] of [
      [[], NO_FAULT],
      [["H11"], EPT_MISCONFIGURATION],
    ] as const) {
      const { guest, machine } = touchedGuest(quirks);
      guest.mapContiguous(512, 0x400, 512, RW);
      guest.unmap(513, 1, Enlarge.YES);
      expect(machine.cpus[0]!.access(512, Access.KERNEL_READ)).toBe(expected);
    }
  });
});
