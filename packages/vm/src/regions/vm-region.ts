import { KernelPanic, type Vpn } from "@aspace/arch";
import { NO_NODE, type GapNode } from "./gap-tree.ts";
import type { Listed } from "./region-list.ts";
import type { VmAddressRegion } from "./vm-address-region.ts";
import type { VmAspace } from "./vm-aspace.ts";
import type { VmMapping } from "./vm-mapping.ts";

/** The life of a region (M-3). Only what is ALIVE is in its parent's list. */
export const LifeCycle = { NOT_READY: 0, ALIVE: 1, DEAD: 2 } as const;
export type LifeCycle = (typeof LifeCycle)[keyof typeof LifeCycle];

export const MemoryPriority = { DEFAULT: "default", HIGH: "high" } as const;
export type MemoryPriority = (typeof MemoryPriority)[keyof typeof MemoryPriority];

/** What can lie in a region of an address space. */
export type Region = VmAddressRegion | VmMapping;

/** Fields common to sub-regions and mappings; written with the aspace lock held, the extent of a mapping with its object's too (L-3). */
export abstract class VmRegion implements Listed {
  abstract readonly kind: "vmar" | "mapping";
  readonly id: number;
  readonly aspace: VmAspace;
  /** VmarFlags; never change. */
  readonly flags: number;
  /** Of a mapping both may change; of a sub-region neither does (I-7). */
  base: Vpn;
  pageCount: number;
  /** Null for a root, and for what is DEAD. */
  parent: VmAddressRegion | null;
  state: LifeCycle = LifeCycle.NOT_READY;
  /** Place in the parent's list. */
  listNode: GapNode = NO_NODE;
  memoryPriority: MemoryPriority = MemoryPriority.DEFAULT;

  protected constructor(options: RegionPlace) {
    this.aspace = options.aspace;
    this.parent = options.parent;
    this.base = options.base;
    this.pageCount = options.pageCount;
    this.flags = options.flags;
    this.id = options.aspace.system.takeId();
  }

  get isAlive(): boolean {
    return this.state === LifeCycle.ALIVE;
  }

  /** Whether `[vpn, vpn + count)` begins in this region and ends in it. */
  isInRange(vpn: Vpn, count: number): boolean {
    const offset = vpn - this.base;
    return offset >= 0 && offset < this.pageCount && this.pageCount - offset >= count;
  }

  /** Panics with `rule` unless the region is in this state. */
  assertState(state: LifeCycle, rule: string): void {
    if (this.state === state) return;
    throw new KernelPanic(rule, `${this.kind} ${this.id} is in state ${this.state}, not ${state}`);
  }
}

export interface RegionPlace {
  readonly aspace: VmAspace;
  readonly parent: VmAddressRegion | null;
  readonly base: Vpn;
  readonly pageCount: number;
  readonly flags: number;
}
