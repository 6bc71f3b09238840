import type { Status } from "@aspace/arch";
import type { InvalidationBatch } from "./invalidation-batch.ts";

/**
 * The part of an aspace that CPUs see: its tag (PCID, ASID, VMID), which CPUs run it, and how its
 * translations are invalidated there. Each architecture has its own, in `tlb.ts`.
 */
export interface AddressSpaceTag {
  /** Takes a tag out of the pool: OK or NO_RESOURCES. */
  acquire(): Status;
  /** Flushes what is cached under the tag wherever that could matter and gives it back. */
  release(): void;
  /** Pages that one batch may hold before it degrades to "everything of this tag". */
  readonly batchLimit: number;
  /** Executes a batch: on return no CPU can use what it names. */
  invalidate(batch: InvalidationBatch): void;
  /** Some CPU runs the aspace now. */
  isActive(): boolean;
}
