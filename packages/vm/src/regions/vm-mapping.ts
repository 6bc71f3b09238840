import { KernelPanic, MmuFlags, type MmuFlagSet, type Vpn } from "@aspace/arch";
import { NOTHING_ATTRIBUTED, type AttributionCounts } from "../objects/attribution-counts.ts";
import type { ObjectMapping } from "../objects/object-mapping.ts";
import { locked } from "../objects/under-lock.ts";
import type { VmObject } from "../objects/vm-object.ts";
import { MappingProtectionRanges } from "./mapping-protection-ranges.ts";
import { aspaceDebugUnpin, aspaceRemoveWrite, aspaceUnmap } from "./mapping-object-changes.ts";
import { LifeCycle, MemoryPriority, VmRegion, type RegionPlace } from "./vm-region.ts";

/** Whether a mapping may be joined with its neighbours. Goes from NO to YES only (I-32). */
export const Mergeable = { NO: "no", YES: "yes" } as const;
export type Mergeable = (typeof Mergeable)[keyof typeof Mergeable];

/** No fault is being handled. */
export const NO_PAGE: Vpn = -1;

export interface MappingOptions extends RegionPlace {
  readonly object: VmObject;
  /** Page of the object that the mapping's first page shows. */
  readonly objectOffset: number;
  /** One flag word for all pages, or ready-made ranges when a mapping is split. */
  readonly protection: MmuFlagSet | MappingProtectionRanges;
  readonly mergeable: Mergeable;
}

/**
 * A window of an address space onto a memory object:
 *
 *     address space   |......[base ────────── base+pageCount)......|
 *                             │
 *     object          |──[objectOffset ─────────────]────|     the mapping may reach past its end
 *
 * What the page tables hold of it is a cache: faults fill it (mapping-fault.ts), changes of the object
 * empty it (mapping-object-changes.ts).
 *
 * Locks (L-3): base, pageCount, objectOffset and ranges are written with the aspace's and the object's
 * lock and read with either; `faulting` belongs to the object's; the rest to the aspace's.
 */
export class VmMapping extends VmRegion implements ObjectMapping {
  readonly kind = "mapping";
  readonly ranges: MappingProtectionRanges;
  /** Null once DEAD. The mapping holds the object while it is set. */
  object: VmObject | null;
  objectOffset: number;
  mergeable: Mergeable;
  /** Set while this mapping maps pages of its object, and so while the object may call back. */
  faulting = false;
  /** Of a fault: its page, NO_PAGE otherwise; and whether the object asked to unmap just that page meanwhile. */
  faultingVpn: Vpn = NO_PAGE;
  hasDeferredUnmap = false;
  /** Rises by 1 whenever `setSize` ran (I-11). */
  generation = 1;
  /** Valid while both generations still are the current ones; 0 never is. */
  readonly attributionCache: { mapping: number; object: number; counts: AttributionCounts } = {
    mapping: 0,
    object: 0,
    counts: NOTHING_ATTRIBUTED,
  };

  /** NOT_READY: in no list, without effect on anything, to be dropped or activated (M-2). */
  constructor(options: MappingOptions) {
    super(options);
    const { protection } = options;
    this.ranges =
      typeof protection === "number" ? new MappingProtectionRanges(protection) : protection;
    this.object = options.object;
    this.objectOffset = options.objectOffset;
    this.mergeable = options.mergeable;
  }

  get aspaceIdentity(): object {
    return this.aspace;
  }

  get isInUserAspace(): boolean {
    return this.aspace.isUser;
  }

  /** The object of a mapping that is ALIVE or about to be. Panics with M-3 when it is DEAD. */
  get liveObject(): VmObject {
    if (this.object === null) throw new KernelPanic("M-3", `mapping ${this.id} has no object`);
    return this.object;
  }

  /** Enters the object's list and the parent's, both locks held (M-4). */
  activateLocked(): void {
    this.assertState(LifeCycle.NOT_READY, "M-4");
    const { liveObject: object, ranges, parent } = this;
    if (parent === null) throw new KernelPanic("M-4", "a mapping is activated without a parent");
    object.hierarchy.lock.assertHeld();
    this.aspace.lock.assertHeld();
    this.state = LifeCycle.ALIVE;
    object.retain();
    object.addMappingLocked(this);
    const policy = object.cachePolicy;
    if ((ranges.firstFlags & MmuFlags.CACHE_MASK) !== policy) {
      ranges.setFirstFlags((ranges.firstFlags & ~MmuFlags.CACHE_MASK) | policy);
    }
    parent.regions.insert(this);
  }

  /** Gives a listed mapping another size, and the list note of that and of a base that moved with it; the generation follows (M-9). */
  setSize(pageCount: number): void {
    if (pageCount <= 0) throw new KernelPanic("M-9", "a listed mapping shrinks to nothing");
    this.pageCount = pageCount;
    if (!this.ranges.areNodesWithin(this)) {
      throw new KernelPanic("R-8", `a range of mapping ${this.id} lies outside of it`);
    }
    this.parent!.regions.extentChanged(this);
    this.generation++;
  }

  /** The same for a mapping that has left the list with no page left. */
  setUnlistedSize(pageCount: number): void {
    this.pageCount = pageCount;
    this.generation++;
  }

  /** Both counts follow: the aspace's, and that of what the object's memory belongs to (M-22). */
  setMemoryPriorityLocked(priority: MemoryPriority): void {
    this.aspace.lock.assertHeld();
    this.assertState(LifeCycle.ALIVE, "M-22");
    if (priority === this.memoryPriority) return;
    this.memoryPriority = priority;
    const delta = priority === MemoryPriority.HIGH ? 1 : -1;
    this.aspace.changeHighPriorityLocked(delta);
    const { liveObject: object } = this;
    locked(object.hierarchy, () => object.changeHighPriorityCountLocked(delta));
  }

  aspaceUnmapLockedObject(page: number, count: number): void {
    aspaceUnmap(this, page, count);
  }

  aspaceRemoveWriteLockedObject(page: number, count: number): void {
    aspaceRemoveWrite(this, page, count);
  }

  aspaceDebugUnpinLockedObject(page: number, count: number): void {
    aspaceDebugUnpin(this, page, count);
  }
}
