import type { AspaceKind, ArchVmAspace } from "./arch-vm-aspace.ts";
import type { Capabilities } from "./capabilities.ts";
import type { FaultCode, FaultFlagSet } from "./fault.ts";
import type { InvalidationBus } from "./invalidation.ts";
import type { Mmu } from "./mmu.ts";
import type { PageQueues, PhysicalMemory, TableFrames } from "./physical-memory.ts";
import type { Status } from "./status.ts";
import type { CpuId, Vpn } from "./units.ts";

/** What a backend is given to run on. */
export interface Hardware {
  readonly memory: PhysicalMemory;
  readonly tables: TableFrames;
  readonly pages: PageQueues;
  readonly bus: InvalidationBus;
  /** One per CPU, made by the architecture's own `createMmu`. */
  readonly mmus: readonly Mmu[];
}

/**
 * A known defect of real kernels, off by default, that a backend can be told to have. The
 * conformance suite and the fuzzer must find each one.
 */
export interface Quirk {
  /** Short and stable: `H5`. */
  readonly id: string;
  readonly name: string;
  /** What goes wrong, in a sentence. */
  readonly summary: string;
  /** The kinds of aspace in which it can show. */
  readonly kinds: readonly AspaceKind[];
}

export interface BootOptions {
  /** Ids of the quirks to have. */
  readonly quirks: ReadonlySet<string>;
  /** How many user tags (PCIDs, ASIDs) and guest tags there are; tests make them scarce. */
  readonly tagLimit: number;
}

/** The range and abilities of one kind of aspace. */
export interface AspaceProfile {
  readonly baseVpn: Vpn;
  readonly pageCount: number;
  readonly capabilities: Capabilities;
}

/** One machine's worth of an architecture's kernel side. */
export interface ArchSystem {
  /** Builds the kernel aspace and loads it on every CPU. Once. NO_MEMORY leaves nothing behind. */
  start(): Status;
  /** The kernel's own aspace; panics before `start` succeeded. */
  readonly kernel: ArchVmAspace;
  /** A new aspace over its profile's range; its `init` decides whether it lives. */
  createAspace(kind: "user" | "guest"): ArchVmAspace;
  /** Makes a CPU run in `to`; null means the kernel only. */
  contextSwitch(cpu: CpuId, to: ArchVmAspace | null): void;
}

/**
 * An architecture: everything above the seam knows it only through this value. A backend is one
 * package that exports one, plus one line in the registry.
 */
export interface Architecture {
  /** What users type: `x86-64`. */
  readonly name: string;
  /** One line for people. */
  readonly title: string;
  readonly aspaces: Readonly<Record<AspaceKind, AspaceProfile>>;
  readonly quirks: readonly Quirk[];
  /** Tags an unconstrained machine has, for `BootOptions.tagLimit`. */
  readonly tagLimit: number;
  /** A CPU's MMU, in reset state. */
  createMmu(memory: PhysicalMemory): Mmu;
  boot(hardware: Hardware, options: BootOptions): ArchSystem;
  /** What the fault handler is told about a fault. */
  faultFlags(code: FaultCode): FaultFlagSet;
  /** A fault code in words: `#PF error 0x7 (user write, present)`. */
  describeFault(code: FaultCode): string;
}
