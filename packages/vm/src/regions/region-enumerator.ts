import { KernelPanic, type Vpn } from "@aspace/arch";
import { endOf } from "./extent.ts";
import type { VmAddressRegion } from "./vm-address-region.ts";
import type { VmMapping } from "./vm-mapping.ts";
import type { Region } from "./vm-region.ts";

/**
 * Walks the tree below a region in address order, parents before their children (V-9). Shows what begins below `max`,
 * but nothing that ends at or below `min`.
 *
 *     vmar ┬ mapping                 shown: mapping, vmar, mapping, mapping
 *          ├ vmar ┬ mapping          depth:    1      1       2        1
 *          └ mapping
 *
 * What comes next is settled before something is shown: the caller may end or shrink what it was shown. Anything else
 * may change only between `pause` and `resume`. The aspace's lock is held but for that time.
 */
abstract class RegionWalk {
  /** Of what was shown last: 1 for a direct child. */
  depth = 0;
  private readonly top: VmAddressRegion;
  private min: Vpn;
  private readonly max: Vpn;
  private upcoming: Region | null;
  private upcomingDepth = 1;
  private isPaused = false;

  constructor(top: VmAddressRegion, min: Vpn, max: Vpn) {
    this.top = top;
    this.min = min;
    this.max = max;
    this.upcoming = top.regions.includeOrHigher(min);
  }

  /** The next region of any kind, or null. */
  protected advance(): Region | null {
    this.assertRunning();
    const region = this.upcoming;
    if (region === null || region.base >= this.max) {
      this.upcoming = null;
      return null;
    }
    if (!region.isAlive) throw new KernelPanic("V-9", "a region was ended while a walk went on");
    this.depth = this.upcomingDepth;
    this.upcoming = this.firstInside(region) ?? this.firstBehind(region);
    return region;
  }

  /** From now on the lock may be released and the tree may change, until `resume`. */
  pause(): void {
    this.assertRunning();
    this.isPaused = true;
    if (this.upcoming !== null) this.min = Math.max(this.min, this.upcoming.base);
  }

  /**
   * Goes on with what would have come next, if it is still there; otherwise with the first thing from where it was. A
   * walk that had come to its end stays there.
   */
  resume(): void {
    this.top.aspace.lock.assertHeld();
    if (!this.isPaused) throw new KernelPanic("V-9", "a walk is resumed that goes on");
    this.isPaused = false;
    if (this.upcoming === null || this.upcoming.isAlive) return;
    this.upcoming = this.top.regions.includeOrHigher(this.min);
    this.upcomingDepth = 1;
  }

  private assertRunning(): void {
    this.top.aspace.lock.assertHeld();
    if (this.isPaused) throw new KernelPanic("V-9", "a paused walk is used");
  }

  private firstInside(region: Region): Region | null {
    if (region.kind === "mapping") return null;
    const child = region.regions.includeOrHigher(this.min);
    if (child !== null) this.upcomingDepth++;
    return child;
  }

  /** The next region that is not inside this one. */
  private firstBehind(region: Region): Region | null {
    let behind: Region = region;
    while (behind !== this.top) {
      const parent: VmAddressRegion = behind.parent!;
      const sibling = parent.regions.next(behind);
      if (sibling !== null) return sibling;
      behind = parent;
      this.upcomingDepth--;
    }
    return null;
  }
}

/** Shows regions and mappings. */
export class RegionEnumerator extends RegionWalk {
  next(): Region | null {
    return this.advance();
  }
}

/** Shows the mappings only, at whatever depth. */
export class MappingEnumerator extends RegionWalk {
  next(): VmMapping | null {
    for (let region = this.advance(); region !== null; region = this.advance()) {
      if (region.kind === "mapping") return region;
    }
    return null;
  }
}

/** All regions and mappings below a region. */
export function everythingIn(region: VmAddressRegion): RegionEnumerator {
  return new RegionEnumerator(region, region.base, endOf(region));
}

/** All mappings below a region. */
export function mappingsIn(region: VmAddressRegion): MappingEnumerator {
  return new MappingEnumerator(region, region.base, endOf(region));
}
