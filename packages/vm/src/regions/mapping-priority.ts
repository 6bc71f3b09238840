import { ExistingEntry } from "@aspace/arch";
import type { Blocking } from "../objects/blocking.ts";
import { MapRangeCommit, mapRange } from "./mapping-range.ts";
import type { VmMapping } from "./vm-mapping.ts";
import { MemoryPriority } from "./vm-region.ts";

/**
 * Brings a high-priority mapping's memory in and maps it, as far as that goes (M-23). May wait for a
 * pager, so nobody holds a lock. Nothing depends on its success.
 */
export function* commitHighMemoryPriority(mapping: VmMapping): Blocking<void> {
  const { aspace } = mapping;
  aspace.lock.acquire();
  const { object, objectOffset, pageCount } = mapping;
  const isWanted = mapping.isAlive && mapping.memoryPriority === MemoryPriority.HIGH;
  // While it waits, the mapping may die and let the object go.
  if (isWanted) object!.retain();
  aspace.lock.release();
  if (!isWanted) return;
  try {
    yield* object!.commitHighPriorityPages(objectOffset, pageCount);
    const offset = aspace.system.quirks.commitsAtObjectOffset ? objectOffset : 0;
    mapRange(mapping, offset, pageCount, {
      commit: MapRangeCommit.NO,
      existing: ExistingEntry.SKIP,
    });
  } finally {
    object!.release();
  }
}
