import {
  type CpuId,
  type CpuMask,
  GUEST_TAGS,
  Invalidate,
  type InvalidationBus,
  type InvalidationScope,
  type Pfn,
  Status,
} from "@aspace/arch";
import type { AddressSpaceTag, InvalidationBatch } from "@aspace/page-table";
import {
  HCR_GUEST,
  HCR_HOST,
  type TranslationControls,
  ZERO,
  encodeTtbr,
  encodeVttbr,
} from "./registers.ts";
import type { Arm64Mmu } from "./walk.ts";

const { PAGE, TAG, GLOBAL, WALK_PAGE, WALK_ALL } = Invalidate;

/** TLB maintenance instructions, as the manual names them. */
export type TlbiName =
  | "VAE1IS"
  | "VALE1IS"
  | "VAAE1IS"
  | "VAALE1IS"
  | "ASIDE1IS"
  | "VMALLE1IS"
  | "IPAS2E1IS"
  | "IPAS2LE1IS"
  | "VMALLS12E1IS";

/**
 * What each TLB maintenance instruction drops (Arm ARM, D8.14). All are the inner-shareable forms:
 * one instruction reaches every CPU, and the DSB after it waits for all of them. The "L" forms spare
 * the walk caches: right for leaves, wrong once a table was unlinked.
 */
export const Tlbi: Readonly<Record<TlbiName, InvalidationScope>> = {
  /** One page under one ASID, and global entries of that page. */
  VAE1IS: PAGE | TAG | GLOBAL | WALK_PAGE,
  VALE1IS: PAGE | TAG | GLOBAL,
  /** One page under every ASID. */
  VAAE1IS: PAGE | GLOBAL | WALK_PAGE,
  VAALE1IS: PAGE | GLOBAL,
  /** Everything of one ASID that is not global. */
  ASIDE1IS: TAG | WALK_ALL,
  /** Everything of stage 1. */
  VMALLE1IS: GLOBAL | WALK_ALL,
  /** Stage 2: one guest-physical page of the current VMID. */
  IPAS2E1IS: PAGE | TAG | WALK_PAGE,
  IPAS2LE1IS: PAGE | TAG,
  /** Both stages of the current VMID. */
  VMALLS12E1IS: TAG | WALK_ALL,
};

/** Pages that one flush names one by one; beyond that the whole tag goes. */
const PAGES_PER_FLUSH = 16;

/** ASID 0 is unused, 1 is the kernel's. */
export const KERNEL_ASID = 1;
export const FIRST_USER_ASID = 2;
/** User ASIDs there are: 2 to 65535. */
export const USER_ASIDS: number = 0x1_0000 - FIRST_USER_ASID;

/** VTCR_EL2.VS = 0: 8-bit VMIDs, of which 0 is the host's. */
export const FIRST_VMID = 1;
export const GUEST_VMIDS = 255;

/**
 * A range of hardware identifiers, handed out next-fit: a returned one rests until the search comes
 * round again, so that a missing flush has the longest time to show.
 */
export class IdPool {
  readonly #first: number;
  readonly #taken: Uint8Array;
  #next = 0;

  constructor(first: number, count: number) {
    this.#first = first;
    this.#taken = new Uint8Array(count);
  }

  /** An identifier that nobody has, or null. */
  take(): number | null {
    const found = this.#taken.indexOf(0, this.#next);
    const place = found >= 0 ? found : this.#taken.indexOf(0);
    if (place < 0) return null;
    this.#taken[place] = 1;
    this.#next = place + 1;
    return this.#first + place;
  }

  give(id: number): void {
    this.#taken[id - this.#first] = 0;
  }
}

/** What contexts need of the machine. */
export interface TlbHardware {
  readonly bus: InvalidationBus;
  readonly mmus: readonly Arm64Mmu[];
  readonly controls: TranslationControls;
}

/** Invalidations are broadcast, whoever runs the aspace at the moment. */
function everyCpu({ mmus }: TlbHardware): CpuMask {
  return mmus.reduce((mask, _, cpu) => mask | (1 << cpu), 0);
}

/** Which CPUs run in a context now. */
class ActiveCpus {
  #cpus: CpuMask = 0;

  add(cpu: CpuId): void {
    this.#cpus |= 1 << cpu;
  }

  remove(cpu: CpuId): void {
    this.#cpus &= ~(1 << cpu);
  }

  isEmpty(): boolean {
    return this.#cpus === 0;
  }
}

/** A user aspace on the CPUs: an ASID, for life. */
export class UserContext implements AddressSpaceTag {
  readonly batchLimit: number = PAGES_PER_FLUSH;
  readonly #hardware: TlbHardware;
  readonly #asids: IdPool;
  readonly #everyone: CpuMask;
  readonly #active = new ActiveCpus();
  #asid = 0;

  constructor(hardware: TlbHardware, asids: IdPool) {
    this.#hardware = hardware;
    this.#asids = asids;
    this.#everyone = everyCpu(hardware);
  }

  acquire(): Status {
    const asid = this.#asids.take();
    if (asid === null) return Status.NO_RESOURCES;
    this.#asid = asid;
    return Status.OK;
  }

  /** The next owner of the ASID must find nothing under it. */
  release(): void {
    this.#hardware.bus.invalidate(this.#everyone, Tlbi.ASIDE1IS, this.#asid, 0);
    this.#asids.give(this.#asid);
  }

  isActive(): boolean {
    return !this.#active.isEmpty();
  }

  /** Root and ASID change in one register write; only then does the low range open. */
  enter(cpu: CpuId, rootPfn: Pfn): void {
    const mmu = this.#hardware.mmus[cpu]!;
    this.#active.add(cpu);
    mmu.write("TTBR0_EL1", encodeTtbr(this.#asid, rootPfn));
    mmu.write("TCR_EL1", this.#hardware.controls.tcrUser);
  }

  /** The CPU has loaded other tables; what it cached under this ASID stays. */
  leave(cpu: CpuId): void {
    this.#active.remove(cpu);
  }

  invalidate(batch: InvalidationBatch): void {
    const { bus } = this.#hardware;
    if (batch.everything) {
      bus.invalidate(this.#everyone, Tlbi.ASIDE1IS, this.#asid, 0);
      return;
    }
    const scope = batch.tables ? Tlbi.VAE1IS : Tlbi.VALE1IS;
    for (let i = 0; i < batch.count; i++) {
      bus.invalidate(this.#everyone, scope, this.#asid, batch.vpns[i]!);
    }
  }
}

/**
 * The kernel aspace on the CPUs: in the high range of every context. Its leaves are global, but walk
 * caches know no "global": each ASID that ran on a CPU may hold entries of its own for kernel tables,
 * so every instruction here is one for all ASIDs.
 */
export class KernelContext implements AddressSpaceTag {
  readonly batchLimit: number = PAGES_PER_FLUSH;
  readonly #hardware: TlbHardware;
  readonly #everyone: CpuMask;

  constructor(hardware: TlbHardware) {
    this.#hardware = hardware;
    this.#everyone = everyCpu(hardware);
  }

  /** ASID 1 is the kernel's for life. */
  acquire(): Status {
    return Status.OK;
  }

  release(): void {}

  isActive(): boolean {
    return true;
  }

  /** The low range closes before its root register is cleared. */
  enter(cpu: CpuId): void {
    const mmu = this.#hardware.mmus[cpu]!;
    mmu.write("TCR_EL1", this.#hardware.controls.tcrKernelOnly);
    mmu.write("TTBR0_EL1", ZERO);
  }

  /** No ASID covers global entries: more pages than the batch holds cost all of stage 1. */
  invalidate(batch: InvalidationBatch): void {
    const { bus } = this.#hardware;
    if (batch.everything) {
      bus.invalidate(this.#everyone, Tlbi.VMALLE1IS, KERNEL_ASID, 0);
      return;
    }
    const scope = batch.tables ? Tlbi.VAAE1IS : Tlbi.VAALE1IS;
    for (let i = 0; i < batch.count; i++) {
      bus.invalidate(this.#everyone, scope, KERNEL_ASID, batch.vpns[i]!);
    }
  }
}

/**
 * A guest aspace on the CPUs: a VMID. A hypervisor follows each IPAS2 instruction with DSB, VMALLE1IS,
 * DSB, because a CPU may also hold the product of both stages. With the guest's stage 1 off the model
 * holds stage 2 entries only, so that VMALLE1IS would drop nothing and is not issued: as an
 * approximation by VMID it would hide an IPAS2 that is missing.
 */
export class GuestContext implements AddressSpaceTag {
  readonly batchLimit: number = PAGES_PER_FLUSH;
  readonly #hardware: TlbHardware;
  readonly #vmids: IdPool;
  readonly #everyone: CpuMask;
  readonly #active = new ActiveCpus();
  #vmid = 0;

  constructor(hardware: TlbHardware, vmids: IdPool) {
    this.#hardware = hardware;
    this.#vmids = vmids;
    this.#everyone = everyCpu(hardware);
  }

  acquire(): Status {
    const vmid = this.#vmids.take();
    if (vmid === null) return Status.NO_RESOURCES;
    this.#vmid = vmid;
    return Status.OK;
  }

  /** The next owner of the VMID must find nothing under it. */
  release(): void {
    this.#invalidate(Tlbi.VMALLS12E1IS, 0);
    this.#vmids.give(this.#vmid);
  }

  isActive(): boolean {
    return !this.#active.isEmpty();
  }

  enter(cpu: CpuId, rootPfn: Pfn): void {
    const mmu = this.#hardware.mmus[cpu]!;
    this.#active.add(cpu);
    mmu.write("VTTBR_EL2", encodeVttbr(this.#vmid, rootPfn));
    mmu.write("HCR_EL2", HCR_GUEST);
  }

  leave(cpu: CpuId): void {
    this.#hardware.mmus[cpu]!.write("HCR_EL2", HCR_HOST);
    this.#active.remove(cpu);
  }

  invalidate(batch: InvalidationBatch): void {
    if (batch.everything) {
      this.#invalidate(Tlbi.VMALLS12E1IS, 0);
      return;
    }
    const scope = batch.tables ? Tlbi.IPAS2E1IS : Tlbi.IPAS2LE1IS;
    for (let i = 0; i < batch.count; i++) this.#invalidate(scope, batch.vpns[i]!);
  }

  #invalidate(scope: InvalidationScope, vpn: number): void {
    this.#hardware.bus.invalidate(this.#everyone, scope, GUEST_TAGS + this.#vmid, vpn);
  }
}
