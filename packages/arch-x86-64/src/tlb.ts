import {
  GUEST_TAGS,
  Invalidate,
  NO_FRAME,
  Status,
  type CpuId,
  type CpuMask,
  type InvalidationBus,
  type InvalidationScope,
  type Pfn,
  type Vpn,
} from "@aspace/arch";
import type { AddressSpaceTag, InvalidationBatch } from "@aspace/page-table";
import { Cr3Flush, HIGHEST_PCID, KERNEL_PCID, encodeCr3, encodeEptp } from "./registers.ts";
import type { X86Mmu } from "./walk.ts";

/** An instruction that invalidates. */
export type FlushName =
  | "INVLPG"
  | "INVPCID_ADDRESS"
  | "INVPCID_CONTEXT"
  | "INVPCID_ALL"
  | "INVPCID_ALL_BUT_GLOBAL"
  | "MOV_CR3"
  | "MOV_CR4"
  | "INVEPT_CONTEXT"
  | "INVEPT_ALL";

const { PAGE, TAG, GLOBAL, WALK_PAGE, WALK_ALL } = Invalidate;

/**
 * What each instruction drops (Intel SDM vol. 3A, 4.10.4.1; INVEPT in vol. 3C, 31.3). INVLPG and
 * INVPCID 0 differ in more than the PCID: the former also drops global translations of the page and
 * *every* walk-cache entry of the current PCID, but none of any other.
 */
export const X86Flush: Readonly<Record<FlushName, InvalidationScope>> = {
  INVLPG: PAGE | TAG | GLOBAL | WALK_ALL,
  /** Individual address: one page under one PCID. */
  INVPCID_ADDRESS: PAGE | TAG | WALK_PAGE,
  /** Single context: one PCID. */
  INVPCID_CONTEXT: TAG | WALK_ALL,
  /** All contexts, with global translations. */
  INVPCID_ALL: GLOBAL | WALK_ALL,
  /** All contexts, without global translations. */
  INVPCID_ALL_BUT_GLOBAL: WALK_ALL,
  /** MOV to CR3 with bit 63 clear: the PCID being loaded. */
  MOV_CR3: TAG | WALK_ALL,
  /** MOV to CR4 that changes PGE, or clears PCIDE. */
  MOV_CR4: GLOBAL | WALK_ALL,
  /** Single context: everything derived from one EPT root. */
  INVEPT_CONTEXT: TAG | WALK_ALL,
  /** All contexts. */
  INVEPT_ALL: WALK_ALL,
};

/** Pages that one flush goes through one by one; more cost more than starting cold. */
const PAGES_PER_FLUSH = 32;

/** The PCIDs that user aspaces get: 1 to 4095, or fewer if the machine is told to have fewer. */
export class PcidPool {
  readonly #highest: number;
  /** Every PCID from here on has never been used. */
  #fresh = KERNEL_PCID + 1;
  readonly #returned: number[] = [];

  constructor(limit: number) {
    this.#highest = Math.min(limit, HIGHEST_PCID);
  }

  /** A PCID that no aspace has, or null. */
  take(): number | null {
    const returned = this.#returned.pop();
    if (returned !== undefined) return returned;
    return this.#fresh > this.#highest ? null : this.#fresh++;
  }

  give(pcid: number): void {
    this.#returned.push(pcid);
  }
}

/**
 * Which CPUs use a PCID, and which hold translations under it that nobody invalidated because they
 * were elsewhere. Each method is one atomic step; the order of steps is the protocol:
 *
 * ```
 *   a CPU switches in             an aspace invalidates
 *   1 publish: active |= cpu      1 targets  = active
 *   2 takeDirty: read and clear   2 dirty   |= ~targets
 *   3 load CR3, flush if dirty    3 targets |= active       interrupt the targets
 * ```
 *
 * Invariant: when both are done the CPU was a target or has flushed. A CPU that publishes after step
 * 3 takes its dirty bit after step 2 and sees it. One that publishes before step 3 is a target.
 */
export class PcidActivity {
  readonly #everyone: CpuMask;
  #active: CpuMask = 0;
  #dirty: CpuMask = 0;

  constructor(everyone: CpuMask) {
    this.#everyone = everyone;
  }

  get active(): CpuMask {
    return this.#active;
  }

  publish(cpu: CpuId): void {
    this.#active |= 1 << cpu;
  }

  retire(cpu: CpuId): void {
    this.#active &= ~(1 << cpu);
  }

  takeDirty(cpu: CpuId): boolean {
    const wasDirty = (this.#dirty & (1 << cpu)) !== 0;
    this.#dirty &= ~(1 << cpu);
    return wasDirty;
  }

  markDirty(cpus: CpuMask): void {
    this.#dirty |= cpus & this.#everyone;
  }
}

/** What contexts need of the machine. */
export interface TlbHardware {
  readonly bus: InvalidationBus;
  readonly mmus: readonly X86Mmu[];
}

function everyCpu({ mmus }: TlbHardware): CpuMask {
  return mmus.reduce((mask, _, cpu) => mask | (1 << cpu), 0);
}

/** The CPUs whose CR3 holds a PCID; also while they run a guest, since invalidating makes them exit. */
function cpusUnder(mmus: readonly X86Mmu[], pcid: number): CpuMask {
  return mmus.reduce((mask, mmu, cpu) => (mmu.pcid === pcid ? mask | (1 << cpu) : mask), 0);
}

/** A user aspace on the CPUs: a PCID, and the protocol of `PcidActivity`. */
export class UserContext implements AddressSpaceTag {
  readonly batchLimit: number = PAGES_PER_FLUSH;
  readonly #hardware: TlbHardware;
  readonly #pool: PcidPool;
  readonly #everyone: CpuMask;
  readonly #activity: PcidActivity;
  #pcid = KERNEL_PCID;

  constructor(hardware: TlbHardware, pool: PcidPool) {
    this.#hardware = hardware;
    this.#pool = pool;
    this.#everyone = everyCpu(hardware);
    this.#activity = new PcidActivity(this.#everyone);
  }

  acquire(): Status {
    const pcid = this.#pool.take();
    if (pcid === null) return Status.NO_RESOURCES;
    this.#pcid = pcid;
    // The PCID may have had an owner: every CPU flushes before its first use.
    this.#activity.markDirty(this.#everyone);
    return Status.OK;
  }

  release(): void {
    this.#pool.give(this.#pcid);
  }

  isActive(): boolean {
    return this.#activity.active !== 0;
  }

  /** Makes a CPU run with these tables, flushing what it missed while it was away. */
  enter(cpu: CpuId, rootPfn: Pfn): void {
    const { bus, mmus } = this.#hardware;
    this.#activity.publish(cpu);
    bus.barrier();
    const wasDirty = this.#activity.takeDirty(cpu);
    bus.barrier();
    if (wasDirty) bus.invalidate(1 << cpu, X86Flush.MOV_CR3, this.#pcid, 0);
    const flush = wasDirty ? Cr3Flush.FLUSH : Cr3Flush.KEEP;
    const { lo, hi } = encodeCr3(rootPfn, this.#pcid, flush);
    mmus[cpu]!.loadCr3(lo, hi);
  }

  /** The CPU has loaded other tables; what it cached under this PCID stays. */
  leave(cpu: CpuId): void {
    this.#activity.retire(cpu);
  }

  invalidate(batch: InvalidationBatch): void {
    const targets = this.#shootdownTargets();
    if (targets === 0) return;
    const { bus } = this.#hardware;
    if (batch.everything) {
      bus.invalidate(targets, X86Flush.INVPCID_CONTEXT, this.#pcid, 0);
      return;
    }
    // A target may have switched away since: then its current PCID is another one.
    const here = targets & cpusUnder(this.#hardware.mmus, this.#pcid);
    const elsewhere = targets & ~here;
    for (let i = 0; i < batch.count; i++) {
      const vpn = batch.vpns[i]!;
      if (here !== 0) bus.invalidate(here, X86Flush.INVLPG, this.#pcid, vpn);
      if (elsewhere !== 0) bus.invalidate(elsewhere, X86Flush.INVPCID_ADDRESS, this.#pcid, vpn);
    }
  }

  #shootdownTargets(): CpuMask {
    const { bus } = this.#hardware;
    const targets = this.#activity.active;
    bus.barrier();
    this.#activity.markDirty(~targets);
    bus.barrier();
    return targets | this.#activity.active;
  }
}

/** How the kernel aspace gets rid of walk-cache entries for a table that it unlinks. */
export const KernelTableFlush = {
  /** INVPCID 2: entries under every PCID. */
  EVERY_PCID: "every-pcid",
  /** H14: INVLPG, which reaches those under the current PCID only. */
  CURRENT_PCID: "current-pcid",
} as const;
export type KernelTableFlush = (typeof KernelTableFlush)[keyof typeof KernelTableFlush];

/**
 * The kernel aspace on the CPUs: in every context on every CPU. Its leaves are global, but the walk
 * cache has no notion of global: each PCID that ran on a CPU may have entries of its own there.
 */
export class KernelContext implements AddressSpaceTag {
  readonly batchLimit: number = PAGES_PER_FLUSH;
  readonly #hardware: TlbHardware;
  readonly #everyone: CpuMask;
  readonly #tableFlush: KernelTableFlush;

  constructor(hardware: TlbHardware, tableFlush: KernelTableFlush) {
    this.#hardware = hardware;
    this.#everyone = everyCpu(hardware);
    this.#tableFlush = tableFlush;
  }

  /** PCID 0 is the kernel's for life. */
  acquire(): Status {
    return Status.OK;
  }

  release(): void {}

  isActive(): boolean {
    return true;
  }

  /** Makes a CPU run with the kernel's tables alone. */
  enter(cpu: CpuId, rootPfn: Pfn): void {
    const { bus, mmus } = this.#hardware;
    bus.invalidate(1 << cpu, X86Flush.MOV_CR3, KERNEL_PCID, 0);
    const { lo, hi } = encodeCr3(rootPfn, KERNEL_PCID, Cr3Flush.FLUSH);
    mmus[cpu]!.loadCr3(lo, hi);
  }

  invalidate(batch: InvalidationBatch): void {
    const tablesNeedAll = batch.tables && this.#tableFlush === KernelTableFlush.EVERY_PCID;
    if (batch.everything || tablesNeedAll) {
      this.#hardware.bus.invalidate(this.#everyone, X86Flush.INVPCID_ALL, KERNEL_PCID, 0);
      return;
    }
    for (let i = 0; i < batch.count; i++) this.#invalidatePage(batch.vpns[i]!);
  }

  /** INVLPG on every CPU, each under the PCID that it happens to run; CPUs with the same one together. */
  #invalidatePage(vpn: Vpn): void {
    const { bus, mmus } = this.#hardware;
    let waiting = this.#everyone;
    while (waiting !== 0) {
      const { pcid } = mmus[31 - Math.clz32(waiting)]!;
      const together = waiting & cpusUnder(mmus, pcid);
      bus.invalidate(together, X86Flush.INVLPG, pcid, vpn);
      waiting &= ~together;
    }
  }
}

/**
 * A guest aspace on the CPUs. What they derive from it is tagged by the EPT root itself, so there is
 * no number to run out of, and any change costs the whole context (INVEPT has no smaller unit).
 */
export class GuestContext implements AddressSpaceTag {
  readonly batchLimit: number = 0;
  readonly #hardware: TlbHardware;
  readonly #everyone: CpuMask;
  #active: CpuMask = 0;
  /** Root of the last VM entry; no CPU has cached anything before there was one. */
  #root: Pfn = NO_FRAME;

  constructor(hardware: TlbHardware) {
    this.#hardware = hardware;
    this.#everyone = everyCpu(hardware);
  }

  acquire(): Status {
    this.#root = NO_FRAME;
    return Status.OK;
  }

  /** The root's frame may become another guest's root, under the same tag. */
  release(): void {
    this.#flush();
  }

  isActive(): boolean {
    return this.#active !== 0;
  }

  enter(cpu: CpuId, rootPfn: Pfn): void {
    this.#root = rootPfn;
    this.#active |= 1 << cpu;
    const { lo, hi } = encodeEptp(rootPfn);
    this.#hardware.mmus[cpu]!.enterGuest(lo, hi);
  }

  leave(cpu: CpuId): void {
    this.#hardware.mmus[cpu]!.leaveGuest();
    this.#active &= ~(1 << cpu);
  }

  invalidate(_batch: InvalidationBatch): void {
    this.#flush();
  }

  #flush(): void {
    if (this.#root === NO_FRAME) return;
    const tag = GUEST_TAGS + this.#root;
    this.#hardware.bus.invalidate(this.#everyone, X86Flush.INVEPT_CONTEXT, tag, 0);
  }
}
