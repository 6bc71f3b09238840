import type { Tag } from "./mmu.ts";
import type { CpuMask, Pfn, Vpn } from "./units.ts";

/**
 * What an invalidation instruction drops, as a combination of bits. Every TLB instruction of every
 * architecture is one such word; each backend has the table for its own in `tlb.ts`.
 *
 * Without `TAG` all tags of the same kind (first or second stage) as the given tag are meant.
 */
export const Invalidate = {
  /** Only translations that cover the given page; without it, of any address. */
  PAGE: 0x1,
  /** Only translations under the given tag. */
  TAG: 0x2,
  /** Global translations too. */
  GLOBAL: 0x4,
  /** Walk-cache entries used for the given page. */
  WALK_PAGE: 0x8,
  /** Walk-cache entries of any address. */
  WALK_ALL: 0x10,
} as const;

/** A combination of `Invalidate` bits. */
export type InvalidationScope = number;

/** How page-table code talks to the CPUs' caches. Everything has taken effect when a call returns. */
export interface InvalidationBus {
  /**
   * Orders earlier stores to tables before whatever follows (DSB, MFENCE). Between an edit and its
   * invalidation this is where other CPUs get to run: the machine may let them walk here.
   */
  barrier(): void;
  /** Drops cached translations on the given CPUs and waits for it. */
  invalidate(cpus: CpuMask, scope: InvalidationScope, tag: Tag, vpn: Vpn): void;
  /** Makes instructions written to a frame visible to fetches, before it becomes executable. */
  synchronizeInstructions(pfn: Pfn): void;
}
