import {
  AspaceKind,
  KernelPanic,
  NO_FRAME,
  Status,
  type ArchSystem,
  type ArchVmAspace,
  type AspaceProfile,
  type BootOptions,
  type CpuId,
  type Hardware,
  type Mmu,
} from "@aspace/arch";
import { PageTable, engineQuirks, type EngineQuirks, type EntryFormat } from "@aspace/page-table";
import type { X86Formats } from "./format.ts";
import {
  GuestContext,
  KernelContext,
  KernelTableFlush,
  PcidPool,
  UserContext,
  type TlbHardware,
} from "./tlb.ts";
import { X86Mmu } from "./walk.ts";

/** Entries of a root that user aspaces copy from the kernel's: the upper half of the address space. */
const UPPER_HALF = { first: 256, count: 256 } as const;

type Context = UserContext | GuestContext;

/** What a machine must be for this kernel: one whose CPUs came from this architecture. */
function x86Mmu(mmu: Mmu): X86Mmu {
  if (mmu instanceof X86Mmu) return mmu;
  throw new KernelPanic("X-15", "booted on CPUs of another architecture");
}

/** The kernel side of one x86-64 machine: the kernel aspace, the PCIDs, and what each CPU runs. */
export class X86System implements ArchSystem {
  readonly #formats: Readonly<Record<AspaceKind, EntryFormat>>;
  readonly #profiles: Readonly<Record<AspaceKind, AspaceProfile>>;
  readonly #hardware: Hardware;
  readonly #tlb: TlbHardware;
  readonly #pcids: PcidPool;
  readonly #engineQuirks: EngineQuirks;
  readonly #kernelContext: KernelContext;
  readonly #kernel: PageTable;
  readonly #contexts = new WeakMap<ArchVmAspace, Context>();
  /** By CPU: what it runs besides the kernel. */
  readonly #running: (Context | null)[];

  constructor(
    formats: X86Formats,
    profiles: Readonly<Record<AspaceKind, AspaceProfile>>,
    hardware: Hardware,
    { quirks, tagLimit }: BootOptions,
  ) {
    const { user, kernel, guest, misreadGuest } = formats;
    this.#formats = { user, kernel, guest: quirks.has("H11") ? misreadGuest : guest };
    this.#profiles = profiles;
    this.#hardware = hardware;
    this.#tlb = { bus: hardware.bus, mmus: hardware.mmus.map(x86Mmu) };
    this.#pcids = new PcidPool(tagLimit);
    this.#engineQuirks = engineQuirks(quirks);
    this.#kernelContext = new KernelContext(
      this.#tlb,
      quirks.has("H14") ? KernelTableFlush.CURRENT_PCID : KernelTableFlush.EVERY_PCID,
    );
    this.#kernel = this.#createPageTable(AspaceKind.KERNEL, this.#kernelContext);
    this.#running = hardware.mmus.map(() => null);
  }

  start(): Status {
    const status = this.#kernel.init();
    if (status !== Status.OK) return status;
    for (let cpu = 0; cpu < this.#running.length; cpu++) {
      this.#kernelContext.enter(cpu, this.#kernel.rootPfn);
    }
    return Status.OK;
  }

  get kernel(): ArchVmAspace {
    if (this.#kernel.rootPfn === NO_FRAME) throw new KernelPanic("X-15", "not started");
    return this.#kernel;
  }

  createAspace(kind: "user" | "guest"): ArchVmAspace {
    const context =
      kind === AspaceKind.USER
        ? new UserContext(this.#tlb, this.#pcids)
        : new GuestContext(this.#tlb);
    const aspace = this.#createPageTable(kind, context);
    this.#contexts.set(aspace, context);
    return aspace;
  }

  contextSwitch(cpu: CpuId, to: ArchVmAspace | null): void {
    const from = this.#running[cpu];
    if (from === undefined) throw new KernelPanic("X-15", `there is no CPU ${cpu}`);
    const next = to === null ? null : this.#contextOf(to);
    if (next !== from) this.#switchContext(cpu, from, next, to);
    if (to instanceof PageTable) to.noteActive();
  }

  /**
   * VM exit, CR3, then the old context is let go, then VM entry. A CPU counts as running the old
   * tables until it has loaded others; a guest's host context is the kernel's.
   */
  #switchContext(
    cpu: CpuId,
    from: Context | null,
    next: Context | null,
    to: ArchVmAspace | null,
  ): void {
    if (from instanceof GuestContext) from.leave(cpu);
    if (next instanceof UserContext && to !== null) next.enter(cpu, to.rootPfn);
    else if (from instanceof UserContext) this.#kernelContext.enter(cpu, this.#kernel.rootPfn);
    if (from instanceof UserContext) from.leave(cpu);
    if (next instanceof GuestContext && to !== null) next.enter(cpu, to.rootPfn);
    this.#running[cpu] = next;
  }

  #contextOf(aspace: ArchVmAspace): Context {
    const context = this.#contexts.get(aspace);
    if (context === undefined) throw new KernelPanic("X-15", "an aspace of another machine");
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
      rootCopy:
        kind === AspaceKind.USER ? { rootPfn: () => this.#kernel.rootPfn, ...UPPER_HALF } : null,
    });
  }
}
