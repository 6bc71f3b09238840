import type { CpuMask, InvalidationScope, Pfn, Tag, Vpn } from "@aspace/arch";

/** Something that page-table code did to the machine. */
export type MachineEvent =
  | { readonly kind: "barrier" }
  | {
      readonly kind: "invalidate";
      readonly cpus: CpuMask;
      readonly scope: InvalidationScope;
      readonly tag: Tag;
      readonly vpn: Vpn;
    }
  | { readonly kind: "table-allocated"; readonly pfn: Pfn }
  | { readonly kind: "table-freed"; readonly pfn: Pfn }
  | { readonly kind: "instructions-synchronized"; readonly pfn: Pfn };

/**
 * What page-table code did to the machine, in order: counters always, the events themselves only
 * between `start` and `stop`, because keeping them allocates.
 */
export class EventLog {
  barriers = 0;
  invalidations = 0;
  tablesAllocated = 0;
  tablesFreed = 0;
  instructionSyncs = 0;
  private kept: MachineEvent[] = [];
  private keeping = false;

  /** The events since `start` or `clear`, oldest first. */
  get events(): readonly MachineEvent[] {
    return this.kept;
  }

  /** From now on events are kept. */
  start(): void {
    this.keeping = true;
  }

  /** Stops keeping events; those kept stay readable. */
  stop(): void {
    this.keeping = false;
  }

  /** Forgets events and counts. */
  clear(): void {
    this.barriers = 0;
    this.invalidations = 0;
    this.tablesAllocated = 0;
    this.tablesFreed = 0;
    this.instructionSyncs = 0;
    if (this.kept.length > 0) this.kept = [];
  }

  /** Power-on: empty, and not keeping events. */
  reset(): void {
    this.stop();
    this.clear();
  }

  barrier(): void {
    this.barriers++;
    if (this.keeping) this.kept.push({ kind: "barrier" });
  }

  invalidate(cpus: CpuMask, scope: InvalidationScope, tag: Tag, vpn: Vpn): void {
    this.invalidations++;
    if (this.keeping) this.kept.push({ kind: "invalidate", cpus, scope, tag, vpn });
  }

  tableAllocated(pfn: Pfn): void {
    this.tablesAllocated++;
    if (this.keeping) this.kept.push({ kind: "table-allocated", pfn });
  }

  tableFreed(pfn: Pfn): void {
    this.tablesFreed++;
    if (this.keeping) this.kept.push({ kind: "table-freed", pfn });
  }

  instructionsSynchronized(pfn: Pfn): void {
    this.instructionSyncs++;
    if (this.keeping) this.kept.push({ kind: "instructions-synchronized", pfn });
  }
}
