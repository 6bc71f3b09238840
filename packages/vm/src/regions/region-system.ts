import { Lock, LockRank } from "../lock.ts";
import type { AllocationFailures } from "../objects/allocation-failures.ts";
import type { MemorySystem } from "../objects/memory-system.ts";
import type { VmObject } from "../objects/vm-object.ts";
import { MappingCoalescer } from "./mapping-coalescer.ts";
import { RegionCounters } from "./region-counters.ts";
import { regionQuirks, type RegionQuirks } from "./quirks.ts";
import type { VmAspace } from "./vm-aspace.ts";

/** How a fault deals with an entry that is there already (M-18, M-19). Both must leave equal entries. */
export const FaultMode = {
  /** The page tables upgrade it as they map. */
  UPGRADE: "upgrade",
  /** The mapping looks at it, protects or removes it, and then maps what is missing. */
  LEGACY: "legacy",
} as const;
export type FaultMode = (typeof FaultMode)[keyof typeof FaultMode];

/** The kernel's code that processes may call, in an object of its own: data first, then code up to the end. */
export interface VdsoImage {
  readonly codeStartPage: number;
  readonly pageCount: number;
}

export interface RegionSystemOptions {
  readonly memory: MemorySystem;
  readonly faultMode?: FaultMode;
  /** Ids of quirks to have; none unless asked for. */
  readonly quirks?: ReadonlySet<string>;
  /** Is shown a dump of an aspace in which a fault waited in vain. */
  readonly onFaultTimeout?: FaultTimeoutListener;
}

export type FaultTimeoutListener = (dump: readonly string[]) => void;

/** What all address spaces of one kernel share. */
export class RegionSystem {
  readonly memory: MemorySystem;
  readonly faultMode: FaultMode;
  readonly quirks: RegionQuirks;
  readonly counters: RegionCounters = new RegionCounters();
  /** Serves every fault: one runs at a time. */
  readonly coalescer: MappingCoalescer = new MappingCoalescer();
  /** Guards the list of aspaces. */
  readonly listLock: Lock;
  readonly aspaces: Set<VmAspace> = new Set();
  /** The objects that are a vDSO. */
  readonly vdsoImages: Map<VmObject, VdsoImage> = new Map();
  readonly onFaultTimeout: FaultTimeoutListener | null;
  private nextRegionId = 1;

  constructor(options: RegionSystemOptions) {
    const { memory } = options;
    this.memory = memory;
    this.faultMode = options.faultMode ?? FaultMode.UPGRADE;
    this.quirks = regionQuirks(options.quirks ?? new Set());
    this.onFaultTimeout = options.onFaultTimeout ?? null;
    this.listLock = new Lock(memory.locks, LockRank.ASPACE_LIST, "aspace list lock");
  }

  /** Which allocations fail: those of regions and range nodes share the plan of pages and slots. */
  get failures(): AllocationFailures {
    return this.memory.pmm.failures;
  }

  /** A number for a new aspace, region or mapping, for dumps: given in the order of creation. */
  takeId(): number {
    return this.nextRegionId++;
  }
}
