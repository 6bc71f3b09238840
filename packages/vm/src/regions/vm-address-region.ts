import { KernelPanic } from "@aspace/arch";
import { RegionList } from "./region-list.ts";
import { LifeCycle, MemoryPriority, VmRegion, type Region, type RegionPlace } from "./vm-region.ts";

export interface AddressRegionOptions extends RegionPlace {
  readonly name: string;
}

/**
 * A reserved range of an address space (VMAR) with mappings and further regions in it, disjoint and
 * in order. What is not covered by a child is a gap.
 *
 *     root    |───────────────────────────────────────────|
 *     children   [mapping][ vmar ───────── ]    [mapping]
 *                           [mapping]
 */
export class VmAddressRegion extends VmRegion {
  readonly kind = "vmar";
  readonly name: string;
  readonly regions: RegionList<Region> = new RegionList<Region>();

  /** NOT_READY; `activateLocked` makes it part of the tree. */
  constructor(options: AddressRegionOptions) {
    super(options);
    this.name = options.name;
  }

  /** Enters the parent's list, or becomes the root (V-6). */
  activateLocked(): void {
    this.aspace.lock.assertHeld();
    this.assertState(LifeCycle.NOT_READY, "V-6");
    this.state = LifeCycle.ALIVE;
    if (this.parent === null) return;
    if (!this.parent.isInRange(this.base, this.pageCount)) {
      throw new KernelPanic("V-6", `vmar ${this.id} does not lie in its parent`);
    }
    this.parent.regions.insert(this);
  }

  /** This region alone; its descendants are the caller's. */
  setOwnPriorityLocked(priority: MemoryPriority): void {
    this.aspace.lock.assertHeld();
    if (priority === this.memoryPriority) return;
    this.memoryPriority = priority;
    this.aspace.changeHighPriorityLocked(priority === MemoryPriority.HIGH ? 1 : -1);
  }
}
