import { NO_FRAME } from "@aspace/arch";
import { AnonymousReclaim, type MemorySystem } from "./memory-system.ts";
import { Queue } from "./page-queues.ts";
import { HintAction, ReclaimResult, reclaimPage } from "./reclaim.ts";
import { dedupZeroPage } from "./zero-dedup.ts";

export interface ScanLimits {
  /** At most so many fresh zero pages are looked at. */
  readonly zeroForkPages: number;
  /** At most so many pages are reclaimed. */
  readonly reclaimPages: number;
  /** Only pages that were not used for so many generations are reclaimed: 1..7. */
  readonly minAge: number;
}

/** What a step freed, in pages. */
export interface ScanResult {
  readonly deduplicated: number;
  readonly reclaimed: number;
}

/**
 * What the kernel's scanner does now and then: looks which fresh zero pages are still zero, reclaims what was not used for
 * longest, and lets everything age by one generation. Takes the locks of the hierarchies, one at a time.
 *
 * Where anonymous pages are reclaimed, the compressor stays armed afterwards.
 */
export function scanStep(system: MemorySystem, limits: ScanLimits): ScanResult {
  const deduplicated = scanZeroForks(system, limits.zeroForkPages);
  const reclaimed = reclaimOldest(system, limits);
  system.queues.rotate();
  return { deduplicated, reclaimed };
}

/** Each page is looked at once: it goes, or it is filed like any other. */
function scanZeroForks(system: MemorySystem, limit: number): number {
  const { pmm, queues } = system;
  let deduplicated = 0;
  for (let looked = 0; looked < limit; looked++) {
    const frame = queues.first(Queue.ANONYMOUS_ZERO_FORK);
    if (frame === NO_FRAME) break;
    if (dedupZeroPage(system, frame)) deduplicated++;
    else pmm.pages.node[frame]!.requeue(frame);
  }
  return deduplicated;
}

/** A page that cannot be reclaimed becomes the newest, so trying each once is enough. */
function reclaimOldest(system: MemorySystem, { reclaimPages, minAge }: ScanLimits): number {
  const { queues } = system;
  if (system.anonymousReclaim === AnonymousReclaim.ON) system.compressor.arm();
  let reclaimed = 0;
  let left = queues.countOf(Queue.RECLAIM) + queues.countOf(Queue.DONT_NEED);
  for (; left > 0 && reclaimed < reclaimPages; left--) {
    const frame = queues.peekReclaim(minAge);
    if (frame === NO_FRAME) break;
    if (reclaimPage(system, frame, HintAction.FOLLOW) !== ReclaimResult.KEPT) reclaimed++;
  }
  return reclaimed;
}
