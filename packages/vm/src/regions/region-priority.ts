import { Status } from "@aspace/arch";
import type { Blocking } from "../objects/blocking.ts";
import { commitHighMemoryPriority } from "./mapping-priority.ts";
import { everythingIn, mappingsIn } from "./region-enumerator.ts";
import type { VmAddressRegion } from "./vm-address-region.ts";
import { MemoryPriority } from "./vm-region.ts";

/**
 * Sets the memory priority of a region and everything in it; children to come inherit it (V-14). With HIGH, all their
 * memory is then brought in and mapped, as far as that goes. BAD_STATE unless ALIVE.
 */
export function* setMemoryPriority(
  region: VmAddressRegion,
  priority: MemoryPriority,
): Blocking<Status> {
  const { lock } = region.aspace;
  lock.acquire();
  try {
    if (!region.isAlive) return Status.BAD_STATE;
    setMemoryPriorityLocked(region, priority);
  } finally {
    lock.release();
  }
  if (priority === MemoryPriority.HIGH) yield* commitMappings(region);
  return Status.OK;
}

/** The same without bringing memory in. */
export function setMemoryPriorityLocked(region: VmAddressRegion, priority: MemoryPriority): void {
  region.setOwnPriorityLocked(priority);
  const descendants = everythingIn(region);
  for (let child = descendants.next(); child !== null; child = descendants.next()) {
    if (child.kind === "mapping") child.setMemoryPriorityLocked(priority);
    else child.setOwnPriorityLocked(priority);
  }
}

/** One mapping at a time, with no lock held meanwhile, for as long as the region lives and its priority is HIGH. */
function* commitMappings(region: VmAddressRegion): Blocking<void> {
  const { lock } = region.aspace;
  lock.acquire();
  const mappings = mappingsIn(region);
  for (let mapping = mappings.next(); mapping !== null; mapping = mappings.next()) {
    mappings.pause();
    lock.release();
    yield* commitHighMemoryPriority(mapping);
    lock.acquire();
    // Its end took the priority from it, too.
    if (region.memoryPriority !== MemoryPriority.HIGH) break;
    mappings.resume();
  }
  lock.release();
}
