import { Status } from "@aspace/arch";
import { destroyLocked as destroyMappingLocked } from "./mapping-unmap.ts";
import { setMemoryPriorityLocked } from "./region-priority.ts";
import type { VmAddressRegion } from "./vm-address-region.ts";
import { LifeCycle, MemoryPriority } from "./vm-region.ts";

/**
 * Ends a region and everything in it (V-12). BAD_STATE unless ALIVE; ACCESS_DENIED, with nothing changed, when the vDSO's
 * code is in it.
 */
export function destroyRegion(region: VmAddressRegion): Status {
  const { lock } = region.aspace;
  lock.acquire();
  try {
    return region.isAlive ? destroyLocked(region) : Status.BAD_STATE;
  } finally {
    lock.release();
  }
}

/**
 * The same for a region that is ALIVE. What the page tables of a kernel mapping refuse ends it on the way: what lay
 * before that mapping is gone, the region stays.
 */
export function destroyLocked(region: VmAddressRegion): Status {
  const { aspace } = region;
  aspace.lock.assertHeld();
  region.assertState(LifeCycle.ALIVE, "V-12");
  const holdsVdso = aspace.intersectsVdsoCode(region.base, region.pageCount);
  if (holdsVdso && !aspace.system.quirks.refusedDestroyKeepsGoing) return Status.ACCESS_DENIED;
  setMemoryPriorityLocked(region, MemoryPriority.DEFAULT);
  let current = region;
  for (;;) {
    const child = current.regions.first();
    if (child === null) {
      const { parent } = current;
      bury(current);
      if (current === region || parent === null) return Status.OK;
      current = parent;
    } else if (child.kind === "vmar") {
      current = child;
    } else {
      const status = destroyMappingLocked(child);
      if (status !== Status.OK) return status;
    }
  }
}

/** A region without children leaves its parent and becomes DEAD. */
function bury(region: VmAddressRegion): void {
  region.parent?.regions.erase(region);
  region.parent = null;
  region.state = LifeCycle.DEAD;
}
