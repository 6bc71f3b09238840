import {
  type ArchSystem,
  type ArchVmAspace,
  AspaceKind,
  type AspaceProfile,
  type BootOptions,
  type CpuId,
  type Hardware,
  KernelPanic,
  type Mmu,
  NO_FRAME,
  Status,
} from "@aspace/arch";
import { type EngineQuirks, PageTable, engineQuirks } from "@aspace/page-table";
import type { Arm64Formats } from "./format.ts";
import {
  type Arm64Features,
  HCR_HOST,
  MAIR_VALUE,
  encodeTtbr,
  translationControls,
} from "./registers.ts";
import {
  FIRST_USER_ASID,
  FIRST_VMID,
  GUEST_VMIDS,
  GuestContext,
  IdPool,
  KERNEL_ASID,
  KernelContext,
  type TlbHardware,
  USER_ASIDS,
  UserContext,
} from "./tlb.ts";
import { Arm64Mmu } from "./walk.ts";

type Context = UserContext | GuestContext;

/** What a machine must be for this kernel: one whose CPUs came from this architecture. */
function arm64Mmu(mmu: Mmu): Arm64Mmu {
  if (mmu instanceof Arm64Mmu) return mmu;
  throw new KernelPanic("G-30", "booted on CPUs of another architecture");
}

/** The kernel side of one arm64 machine: the kernel aspace, ASIDs and VMIDs, and what each CPU runs. */
export class Arm64System implements ArchSystem {
  readonly #formats: Arm64Formats;
  readonly #profiles: Readonly<Record<AspaceKind, AspaceProfile>>;
  readonly #hardware: Hardware;
  readonly #tlb: TlbHardware;
  readonly #asids: IdPool;
  readonly #vmids: IdPool;
  readonly #engineQuirks: EngineQuirks;
  readonly #kernelContext: KernelContext;
  readonly #kernel: PageTable;
  readonly #contexts = new WeakMap<ArchVmAspace, Context>();
  /** By CPU: what it runs besides the kernel. */
  readonly #running: (Context | null)[];

  constructor(
    features: Arm64Features,
    formats: Arm64Formats,
    profiles: Readonly<Record<AspaceKind, AspaceProfile>>,
    hardware: Hardware,
    { quirks, tagLimit }: BootOptions,
  ) {
    this.#formats = formats;
    this.#profiles = profiles;
    this.#hardware = hardware;
    this.#tlb = {
      bus: hardware.bus,
      mmus: hardware.mmus.map(arm64Mmu),
      controls: translationControls(features),
    };
    this.#asids = new IdPool(FIRST_USER_ASID, Math.min(tagLimit, USER_ASIDS));
    this.#vmids = new IdPool(FIRST_VMID, Math.min(tagLimit, GUEST_VMIDS));
    this.#engineQuirks = engineQuirks(quirks);
    this.#kernelContext = new KernelContext(this.#tlb);
    this.#kernel = this.#createPageTable(AspaceKind.KERNEL, this.#kernelContext);
    this.#running = hardware.mmus.map(() => null);
  }

  start(): Status {
    const status = this.#kernel.init();
    if (status !== Status.OK) return status;
    const { mmus, controls } = this.#tlb;
    for (const [cpu, mmu] of mmus.entries()) {
      mmu.write("MAIR_EL1", MAIR_VALUE);
      mmu.write("VTCR_EL2", controls.vtcr);
      mmu.write("HCR_EL2", HCR_HOST);
      mmu.write("TTBR1_EL1", encodeTtbr(KERNEL_ASID, this.#kernel.rootPfn));
      this.#kernelContext.enter(cpu);
    }
    return Status.OK;
  }

  get kernel(): ArchVmAspace {
    if (this.#kernel.rootPfn === NO_FRAME) throw new KernelPanic("G-30", "not started");
    return this.#kernel;
  }

  createAspace(kind: "user" | "guest"): ArchVmAspace {
    const context =
      kind === AspaceKind.USER
        ? new UserContext(this.#tlb, this.#asids)
        : new GuestContext(this.#tlb, this.#vmids);
    const aspace = this.#createPageTable(kind, context);
    this.#contexts.set(aspace, context);
    return aspace;
  }

  contextSwitch(cpu: CpuId, to: ArchVmAspace | null): void {
    const from = this.#running[cpu];
    if (from === undefined) throw new KernelPanic("G-30", `there is no CPU ${String(cpu)}`);
    const next = to === null ? null : this.#contextOf(to);
    if (next !== from) this.#switchContext(cpu, from, next, to);
    if (to instanceof PageTable) to.noteActive();
  }

  /**
   * VM exit, TTBR0 and TCR, then the old context is let go, then VM entry. A CPU counts as running
   * the old tables until it has loaded others; a guest's host context is the kernel's.
   */
  #switchContext(
    cpu: CpuId,
    from: Context | null,
    next: Context | null,
    to: ArchVmAspace | null,
  ): void {
    if (from instanceof GuestContext) from.leave(cpu);
    if (next instanceof UserContext && to !== null) next.enter(cpu, to.rootPfn);
    else if (from instanceof UserContext) this.#kernelContext.enter(cpu);
    if (from instanceof UserContext) from.leave(cpu);
    if (next instanceof GuestContext && to !== null) next.enter(cpu, to.rootPfn);
    this.#running[cpu] = next;
  }

  #contextOf(aspace: ArchVmAspace): Context {
    const context = this.#contexts.get(aspace);
    if (context === undefined) throw new KernelPanic("G-30", "an aspace of another machine");
    if (aspace.rootPfn === NO_FRAME) throw new KernelPanic("P-T3", "a switch to no tables");
    return context;
  }

  #createPageTable(kind: AspaceKind, tag: Context | KernelContext): PageTable {
    return new PageTable({
      kind,
      format: this.#formats[kind],
      ...this.#profiles[kind],
      hardware: this.#hardware,
      tag,
      quirks: this.#engineQuirks,
      rootCopy: null,
    });
  }
}
