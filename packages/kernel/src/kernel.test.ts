import { KernelPanic, MmuFlags, Status, type FaultCode } from "@aspace/arch";
import { BACKENDS, findBackend } from "@aspace/backends";
import { CpuMode } from "@aspace/machine";
import { VmarFlags, createMapping, createSubVmar, isValue, type VmAspace } from "@aspace/vm";
import { describe, expect, test } from "vitest";
import { Booted, KERNELS, R, RX, now, valueOf } from "../test/booted.ts";
import { Kernel, Placement } from "./kernel.ts";

describe.each(KERNELS)("one store, end to end, %s", (_, architecture, faultMode) => {
  test("B-1, B-3: it faults, is resolved, and lands; a load finds it", () => {
    const booted = new Booted(architecture, { faultMode });
    booted.map(booted.object(4), { at: 0, count: 4 });
    expect(booted.entryAt(2)).toBe("none");
    expect(booted.store(2, 0x1234)).toBe(Status.OK);
    expect(booted.entryAt(2)).toBe("urw-");
    expect(booted.load(2)).toBe(0x1234);
    expect(booted.load(1)).toBe(0);
    booted.validate();
  });

  test("B-3, A-7: what nobody mapped, and what is not allowed, is refused", () => {
    const booted = new Booted(architecture, { faultMode });
    booted.map(booted.object(4), { at: 0, count: 4, protection: R });
    expect(booted.store(4, 1)).toBe(Status.NOT_FOUND);
    expect(booted.store(0, 1)).toBe(Status.ACCESS_DENIED);
    expect(booted.load(0)).toBe(0);
    expect(booted.store(0, 1)).toBe(Status.ACCESS_DENIED);
    booted.validate();
  });

  test("B-3: addresses outside the aspace, and CPUs without one, are NOT_FOUND", () => {
    const booted = new Booted(architecture, { faultMode, cpuCount: 2 });
    const { kernel, base } = booted;
    const load = (cpu: number, vpn: number): Status =>
      now(kernel.load(cpu, CpuMode.USER, vpn, 0)).status;
    expect(load(0, base - 1)).toBe(Status.NOT_FOUND);
    expect(load(0, base + booted.aspace.pageCount)).toBe(Status.NOT_FOUND);
    expect(load(0, kernel.kernelAspace.base)).toBe(Status.NOT_FOUND);
    booted.map(booted.object(1), { at: 0, count: 1 });
    expect(load(1, base)).toBe(Status.NOT_FOUND);
    kernel.contextSwitch(1, booted.aspace);
    expect(load(1, base)).toBe(Status.OK);
    expect(() => kernel.store(2, CpuMode.USER, base, 0, 1).next()).toThrow(RangeError);
  });

  test("B-4: the kernel reaches user memory through the window only, and never runs it", () => {
    const booted = new Booted(architecture, { faultMode });
    booted.map(booted.object(2), { at: 0, count: 2, protection: RX });
    const { kernel, base } = booted;
    const status = (mode: CpuMode, how: "load" | "fetch"): Status =>
      now(kernel[how](0, mode, base, 0)).status;
    for (const isMapped of [false, true]) {
      expect(status(CpuMode.KERNEL, "load")).toBe(Status.ACCESS_DENIED);
      expect(status(CpuMode.KERNEL, "fetch")).toBe(Status.ACCESS_DENIED);
      expect(status(CpuMode.COPY, "fetch")).toBe(Status.ACCESS_DENIED);
      if (!isMapped) expect(status(CpuMode.USER, "fetch")).toBe(Status.OK);
    }
    expect(status(CpuMode.COPY, "load")).toBe(Status.OK);
    expect(now(kernel.store(0, CpuMode.COPY, base, 0, 1))).toBe(Status.ACCESS_DENIED);
    booted.validate();
  });

  test("B-4: the window gives the kernel what the mapping gives the user, faulting like it", () => {
    const booted = new Booted(architecture, { faultMode });
    booted.map(booted.object(2), { at: 0, count: 2 });
    expect(now(booted.kernel.store(0, CpuMode.COPY, booted.base + 1, 8, 5))).toBe(Status.OK);
    const { value } = now(booted.kernel.load(0, CpuMode.USER, booted.base + 1, 8));
    expect(value).toBe(5);
    booted.validate();
  });

  test("B-2, B-5: threads on two CPUs see one memory, and a revoked page at once", () => {
    const booted = new Booted(architecture, { faultMode, cpuCount: 2 });
    booted.kernel.contextSwitch(1, booted.aspace);
    expect(booted.kernel.placeOf(1)).toBe(booted.aspace);
    booted.map(booted.object(2), { at: 0, count: 2 });
    expect(booted.store(0, 7, 0)).toBe(Status.OK);
    expect(booted.load(0, 1)).toBe(7);
    expect(booted.store(0, 8, 1)).toBe(Status.OK);
    booted.protect(0, 2, R);
    expect([booted.store(0, 9, 0), booted.store(0, 9, 1)]).toEqual([
      Status.ACCESS_DENIED,
      Status.ACCESS_DENIED,
    ]);
    booted.unmap(0, 2);
    expect([booted.load(0, 0), booted.load(0, 1)]).toEqual(["NOT_FOUND", "NOT_FOUND"]);
    booted.validate();
  });

  test("B-6, A-10, I-40: an aspace ends with a CPU in it, and leaves no frame behind", () => {
    const booted = new Booted(architecture, { faultMode, cpuCount: 2 });
    const { kernel } = booted;
    const before = kernel.machine.tables.live;
    const aspace = valueOf(kernel.createAspace("user", "second"));
    kernel.contextSwitch(0, aspace);
    kernel.contextSwitch(1, aspace);
    const object = booted.object(4);
    booted.map(object, { at: 0, count: 4 }, aspace);
    for (let page = 0; page < 4; page++) booted.store(page, page);
    object.release();
    expect(kernel.destroyAspace(aspace)).toBe(Status.OK);
    expect([kernel.placeOf(0), kernel.placeOf(1)]).toEqual([null, null]);
    expect([aspace.isDestroyed, aspace.root]).toEqual([true, null]);
    expect(object.isAlive).toBe(false);
    expect(kernel.memory.pmm.liveCount).toBe(0);
    expect(kernel.machine.tables.live).toBe(before);
    expect(kernel.regions.aspaces.has(aspace)).toBe(false);
    booted.validate();
  });

  test("B-3, A-7: a guest's accesses fault through its own aspace, without users", () => {
    const booted = new Booted(architecture, { faultMode, kind: "guest" });
    booted.map(booted.object(8), { at: 16, count: 8 });
    expect(booted.load(17)).toBe(0);
    expect(booted.entryAt(17)).toBe("-r--");
    expect(booted.store(17, 3)).toBe(Status.OK);
    expect(booted.load(17)).toBe(3);
    booted.protect(16, 8, R);
    expect(booted.store(17, 4)).toBe(Status.ACCESS_DENIED);
    expect(booted.load(17)).toBe(3);
    booted.protect(16, 8, R | MmuFlags.WRITE);
    expect(booted.store(17, 5)).toBe(Status.OK);
    expect(booted.load(17)).toBe(5);
    expect(booted.load(40)).toBe("NOT_FOUND");
    booted.validate();
  });

  test("B-5, I-23: an access that faults again after its fault was resolved is our own mistake", () => {
    const booted = new Booted(architecture, { faultMode });
    booted.map(booted.object(1), { at: 0, count: 1 });
    const { arch } = booted.aspace;
    // Page tables that say they map and do not.
    Object.defineProperty(arch, "map", { value: () => Status.OK });
    expect(() => booted.load(0)).toThrow(/I-23/u);
  });
});

describe("booting", () => {
  test("B-1: a machine too small for the kernel's own tables does not boot", () => {
    const architecture = findBackend("x86-64")!;
    const boot = (): Kernel => new Kernel({ architecture, frameCount: 3, firstFrame: 1 });
    expect(boot).toThrow(RangeError);
    expect(() => new Kernel({ architecture, cpuCount: 0 })).toThrow(RangeError);
  });

  test.each(BACKENDS.map((backend) => [backend.name, backend] as const))(
    "B-1, A-1: %s has user, guest and kernel aspaces over what the architecture says",
    (_, architecture) => {
      const kernel = new Kernel({ architecture });
      const { user, guest, kernel: own } = architecture.aspaces;
      const created = (["user", "guest"] as const).map((kind) =>
        valueOf(kernel.createAspace(kind, kind)),
      );
      expect(extent(created[0]!)).toEqual([user.baseVpn, user.pageCount]);
      expect(extent(created[1]!)).toEqual([guest.baseVpn, guest.pageCount]);
      expect(extent(kernel.kernelAspace)).toEqual([own.baseVpn, own.pageCount]);
      const part = { base: user.baseVpn + 512, pageCount: 512 };
      expect(extent(valueOf(kernel.createAspace("user", "part", part)))).toEqual([
        part.base,
        part.pageCount,
      ]);
      const { live } = kernel.machine.tables;
      for (const range of [
        { base: user.baseVpn - 1, pageCount: 2 },
        { base: user.baseVpn + user.pageCount - 1, pageCount: 2 },
        { base: user.baseVpn, pageCount: 0 },
      ]) {
        expect(kernel.createAspace("user", "wrong", range)).toBe(Status.INVALID_ARGS);
      }
      expect(kernel.machine.tables.live).toBe(live);
    },
  );

  test("B-1: without memory for tables there is no new aspace, and nothing is lost", () => {
    const kernel = new Kernel({ architecture: findBackend("arm64")! });
    const { live } = kernel.machine.tables;
    kernel.machine.tables.failures.failAt(1);
    expect(kernel.createAspace("user", "none")).toBe(Status.NO_MEMORY);
    expect(kernel.machine.tables.live).toBe(live);
  });

  test("B-7, A-3: equal seeds place alike, others elsewhere, and without ASLR it is first fit", () => {
    expect(places(Placement.FIRST_FIT, 1)).toEqual([0, 1, 2, 3]);
    expect(places(Placement.ASLR, 1)).toEqual(places(Placement.ASLR, 1));
    expect(places(Placement.ASLR, 1)).not.toEqual(places(Placement.ASLR, 2));
    expect(places(Placement.ASLR, 1, 0)).toEqual([0, 1, 2, 3]);
    expect(Math.max(...places(Placement.ASLR, 1, 3))).toBeLessThan(16);
    expect(places(Placement.ASLR, 5, 36)).toEqual(places(Placement.ASLR, 5, 50));
  });

  test("A-3: guests have no ASLR, and each aspace has numbers of its own", () => {
    const architecture = findBackend("x86-64")!;
    const kernel = new Kernel({ architecture, placement: Placement.ASLR });
    const [first, second] = [1, 2].map(() => valueOf(kernel.createAspace("user", "user")));
    const guest = valueOf(kernel.createAspace("guest", "guest"));
    expect([guest.aslr, kernel.kernelAspace.aslr]).toEqual([null, null]);
    expect(first!.aslr!.prng).not.toBe(second!.aslr!.prng);
    const spots = [first, second].map((aspace) => {
      const region = createSubVmar(aspace!.root!, {
        offset: 0,
        pageCount: 4,
        alignShift: 0,
        flags: VmarFlags.CAN_RWX,
        name: "sub",
      });
      return isValue(region) ? region.base : 0;
    });
    expect(spots[0]).not.toBe(spots[1]);
  });

  test("B-8: a broken structure is found by the rule it breaks", () => {
    const booted = new Booted(findBackend("x86-64")!);
    booted.map(booted.object(2), { at: 0, count: 2 });
    booted.store(0, 1);
    booted.validate();
    const { arch } = booted.aspace;
    arch.map(booted.base + 9, [77], 1, R | MmuFlags.USER, "error");
    const rule = (): string => {
      try {
        booted.validate();
        return "none";
      } catch (error) {
        return (error as KernelPanic).rule;
      }
    };
    expect(rule()).toBe("I-16");
    arch.unmap(booted.base + 9, 1, "yes");
    expect(rule()).toBe("none");
    arch.protect(booted.base, 1, RX | MmuFlags.USER, "yes");
    expect(rule()).toBe("I-17");
  });

  test("B-3: a fault that no mapping can cure is nobody's", () => {
    const architecture = findBackend("x86-64")!;
    const booted = new Booted(architecture);
    const nonCanonical: FaultCode = booted.kernel.machine.cpus[0]!.load(CpuMode.USER, 2 ** 40, 0);
    expect(now(booted.kernel.handleFault(0, CpuMode.USER, booted.base, nonCanonical))).toBe(
      Status.NOT_FOUND,
    );
  });
});

function extent({ base, pageCount }: VmAspace): number[] {
  return [base, pageCount];
}

/** Where four mappings go, from the aspace's base. */
function places(placement: Placement, seed: number, entropyBits?: number): number[] {
  const bits = entropyBits === undefined ? {} : { entropyBits };
  const booted = new Booted(findBackend("x86-64")!, { placement, seed, ...bits });
  const object = booted.object(1);
  return Array.from({ length: 4 }, () => {
    const created = createMapping(booted.aspace.root!, {
      offset: 0,
      pageCount: 1,
      alignShift: 0,
      flags: 0,
      object,
      objectOffset: 0,
      mmuFlags: MmuFlags.READ | MmuFlags.USER,
    });
    return valueOf(created).base - booted.base;
  });
}
