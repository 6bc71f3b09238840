import {
  FaultFlags,
  KernelPanic,
  NO_FAULT,
  Status,
  formatAddress,
  statusName,
  type ArchSystem,
  type Architecture,
  type CpuId,
  type FaultCode,
  type Vpn,
} from "@aspace/arch";
import { CpuMode, createMachine, type Cpu, type Machine } from "@aspace/machine";
import {
  AnonymousReclaim,
  FaultMode,
  MemorySystem,
  PageFaultFlag,
  Prng,
  RegionSystem,
  VmAspace,
  createAspace,
  destroyAspace,
  freeAspace,
  isValue,
  pageFault,
  pageFaultFlags,
  validateRegions,
  validateSystem,
  type Aslr,
  type Blocking,
  type CowNode,
  type Extent,
  type FaultTimeoutListener,
  type Result,
} from "@aspace/vm";

/** Random bits in the place of a mapping, and in that of one in a compact region. */
const ENTROPY_BITS = 30;
const MOST_ENTROPY_BITS = 36;
const COMPACT_ENTROPY_BITS = 8;

/** Whether mappings go to the first place that fits, or to a place left to (seeded) chance. */
export const Placement = { FIRST_FIT: "first-fit", ASLR: "aslr" } as const;
export type Placement = (typeof Placement)[keyof typeof Placement];

export interface KernelOptions {
  readonly architecture: Architecture;
  /** 1..32; one unless given. */
  readonly cpuCount?: number;
  /** Frames of RAM; 4096 (16 MiB) unless given. */
  readonly frameCount?: number;
  /** Lowest frame that is handed out. */
  readonly firstFrame?: number;
  /** Ids of quirks to have, of the architecture's and of the regions'. */
  readonly quirks?: ReadonlySet<string>;
  readonly faultMode?: FaultMode;
  readonly anonymousReclaim?: AnonymousReclaim;
  readonly placement?: Placement;
  /** Bits of chance in the place of a mapping; 30 unless given, 36 at most. */
  readonly entropyBits?: number;
  /** Of all chance in the kernel. */
  readonly seed?: number;
  /** Is shown a dump of an aspace in which a fault waited in vain. */
  readonly onFaultTimeout?: FaultTimeoutListener;
}

/** What a load gives: OK and a word, or why not. */
export interface Loaded {
  readonly status: Status;
  /** 32 bits, unsigned; 0 unless OK. */
  readonly value: number;
}

/**
 * A booted kernel in one value: a machine, page tables of one architecture, memory objects and
 * address spaces. A CPU's access runs into a fault, the fault into the aspace's handler, and when that
 * is done the access is tried again:
 *
 *     store ──▶ TLB, walk ──▶ fault ──▶ pageFault ──▶ object, pager ──▶ page tables ──┐
 *       ▲                                                                              │
 *       └──────────────────────────────────────────────────────────────────────────────┘
 */
export class Kernel {
  readonly architecture: Architecture;
  readonly machine: Machine;
  readonly memory: MemorySystem;
  readonly regions: RegionSystem;
  readonly system: ArchSystem;
  /** The kernel's own address space, which is always there. */
  readonly kernelAspace: VmAspace;
  private readonly prng: Prng;
  private readonly placement: Placement;
  private readonly entropyBits: number;
  /** By CPU: where it is, null for the kernel alone. */
  private readonly places: (VmAspace | null)[];

  /** Boots. Throws a RangeError for numbers that no machine has. */
  constructor(options: KernelOptions) {
    const { architecture, cpuCount = 1, frameCount = 4096, firstFrame = 1 } = options;
    const { quirks = new Set<string>(), faultMode, anonymousReclaim, seed = 1 } = options;
    this.architecture = architecture;
    this.placement = options.placement ?? Placement.FIRST_FIT;
    this.entropyBits = Math.min(options.entropyBits ?? ENTROPY_BITS, MOST_ENTROPY_BITS);
    this.prng = new Prng(seed);
    this.machine = createMachine({ architecture, cpuCount, frameCount, firstFrame });
    const { memory, pages: frames, tables, bus, mmus } = this.machine;
    this.memory = new MemorySystem({
      memory,
      frames,
      anonymousReclaim: anonymousReclaim ?? AnonymousReclaim.OFF,
    });
    this.regions = new RegionSystem({
      memory: this.memory,
      faultMode: faultMode ?? FaultMode.UPGRADE,
      quirks,
      onFaultTimeout: options.onFaultTimeout ?? ignore,
    });
    const { queues: pages } = this.memory;
    this.system = architecture.boot(
      { memory, tables, pages, bus, mmus },
      { quirks, tagLimit: architecture.tagLimit },
    );
    const started = this.system.start();
    if (started !== Status.OK)
      throw new RangeError(`the kernel does not boot: ${statusName(started)}`);
    this.places = this.machine.cpus.map(() => null);
    const { kernel: arch } = this.system;
    this.kernelAspace = new VmAspace({ system: this.regions, arch, name: "kernel" });
  }

  /**
   * A new user or guest address space, over all that such a space can have or over a part. NO_MEMORY or NO_RESOURCES as
   * `ArchVmAspace.init` has it; INVALID_ARGS when the part is none.
   */
  createAspace(kind: "user" | "guest", name: string, range?: Extent): Result<VmAspace> {
    const arch = this.system.createAspace(kind);
    const status = arch.init();
    if (status !== Status.OK) return status;
    const window = range === undefined ? {} : { range };
    const aspace = createAspace({
      system: this.regions,
      arch,
      name,
      aslr: this.aslr(),
      ...window,
    });
    if (!isValue(aspace)) arch.destroy();
    return aspace;
  }

  /** Sends every CPU out of an aspace, ends what is in it, and frees it. */
  destroyAspace(aspace: VmAspace): Status {
    for (const cpu of this.machine.cpus) {
      if (this.places[cpu.id] === aspace) this.contextSwitch(cpu.id, null);
    }
    const status = destroyAspace(aspace);
    if (status === Status.OK) freeAspace(aspace);
    return status;
  }

  /** Makes a CPU run in an aspace; null means the kernel alone. */
  contextSwitch(cpu: CpuId, aspace: VmAspace | null): void {
    this.system.contextSwitch(cpu, aspace?.arch ?? null);
    this.places[cpu] = aspace;
  }

  /** The aspace that a CPU runs in. */
  placeOf(cpu: CpuId): VmAspace | null {
    return this.places[cpu] ?? null;
  }

  /** Stores a word; `offset` is in bytes, a multiple of 4 below 4096. OK, or why the fault could not be resolved. */
  *store(cpu: CpuId, mode: CpuMode, vpn: Vpn, offset: number, value: number): Blocking<Status> {
    return yield* this.access(cpu, mode, vpn, (unit) => unit.store(mode, vpn, offset, value));
  }

  /** Loads a word. */
  *load(cpu: CpuId, mode: CpuMode, vpn: Vpn, offset: number): Blocking<Loaded> {
    const status = yield* this.access(cpu, mode, vpn, (unit) => unit.load(mode, vpn, offset));
    return this.loaded(cpu, status);
  }

  /** Loads an instruction word. */
  *fetch(cpu: CpuId, mode: CpuMode, vpn: Vpn, offset: number): Blocking<Loaded> {
    const status = yield* this.access(cpu, mode, vpn, (unit) => unit.fetch(mode, vpn, offset));
    return this.loaded(cpu, status);
  }

  /**
   * Answers a CPU's fault as the exception handler does. NOT_FOUND where no aspace is responsible: a fatal fault, or an address
   * that is not in the aspace where the CPU is. ACCESS_DENIED when the kernel touches user memory without having opened the
   * window for that, or runs it. Else what the aspace's page fault answers. OK: the access is to be tried again.
   */
  *handleFault(cpu: CpuId, mode: CpuMode, vpn: Vpn, code: FaultCode): Blocking<Status> {
    const aspace = this.placeOf(cpu);
    const flags = this.architecture.faultFlags(code);
    if (aspace === null || (flags & FaultFlags.FATAL) !== 0) return Status.NOT_FOUND;
    if (vpn < aspace.base || vpn >= aspace.base + aspace.pageCount) return Status.NOT_FOUND;
    if (aspace.isUser && isSlip(mode, flags)) return Status.ACCESS_DENIED;
    return yield* pageFault(aspace, vpn, pageFaultFlags(flags) | PageFaultFlag.HW_FAULT);
  }

  /**
   * Checks every structure there is; panics with the rule that does not hold. `nodes` names every tree of memory objects
   * by any of its nodes, `heldFrames` counts frames that splice lists hold.
   */
  validate(nodes: Iterable<CowNode>, heldFrames: number = 0): void {
    this.machine.validate();
    for (const aspace of this.regions.aspaces) {
      if (!aspace.isDestroyed) aspace.arch.validate();
    }
    validateRegions(this.regions);
    validateSystem(this.memory, nodes, heldFrames);
  }

  private *access(
    cpu: CpuId,
    mode: CpuMode,
    vpn: Vpn,
    attempt: (unit: Cpu) => FaultCode,
  ): Blocking<Status> {
    const unit = this.machine.cpus[cpu];
    if (unit === undefined) throw new RangeError(`there is no CPU ${cpu}`);
    const resolved = { accessFlag: false, other: false };
    for (;;) {
      const code = attempt(unit);
      if (code === NO_FAULT) return Status.OK;
      const isAccessFlag = (this.architecture.faultFlags(code) & FaultFlags.ACCESS) !== 0;
      const kind = isAccessFlag ? "accessFlag" : "other";
      if (resolved[kind]) {
        const what = this.architecture.describeFault(code);
        throw new KernelPanic("I-23", `${what} at ${formatAddress(vpn)} after a resolved fault`);
      }
      const status = yield* this.handleFault(cpu, mode, vpn, code);
      if (status !== Status.OK) return status;
      resolved[kind] = true;
    }
  }

  private loaded(cpu: CpuId, status: Status): Loaded {
    return { status, value: status === Status.OK ? this.machine.cpus[cpu]!.value >>> 0 : 0 };
  }

  /** Every aspace draws from numbers of its own. */
  private aslr(): Aslr | null {
    if (this.placement === Placement.FIRST_FIT) return null;
    const prng = new Prng(this.prng.next());
    return { entropyBits: this.entropyBits, compactEntropyBits: COMPACT_ENTROPY_BITS, prng };
  }
}

/** A kernel's access to user memory that is a mistake, and that no mapping makes right. */
function isSlip(mode: CpuMode, flags: number): boolean {
  const isFetch = (flags & FaultFlags.INSTRUCTION) !== 0;
  return mode === CpuMode.KERNEL || (mode === CpuMode.COPY && isFetch);
}

function ignore(): void {}
