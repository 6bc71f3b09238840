import type { PhysicalMemory } from "@aspace/arch";

const COUNTS = new WeakMap<PhysicalMemory, Uint16Array>();

/**
 * Live entries of each table, by frame: frame metadata, so one array for all aspaces on a machine.
 * Invariant (P-R1): a table's count equals the number of its non-zero entries, not counting entries
 * copied from another root;
 * frames that are no tables have stale counts, which taking one as a table resets.
 */
export function entryCounts(memory: PhysicalMemory): Uint16Array {
  let counts = COUNTS.get(memory);
  if (counts === undefined) {
    counts = new Uint16Array(memory.frameCount);
    COUNTS.set(memory, counts);
  }
  return counts;
}
