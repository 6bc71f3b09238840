/** What the kernel counts about mappings and faults, under the names that its own counters have. */
export class RegionCounters {
  /** vm.attributed_memory.mapping.* ; queries of paged objects are either hits or misses. */
  attributionQueries = 0;
  attributionCacheHits = 0;
  attributionCacheMisses = 0;
  /** vm.aspace.mapping.merged_neighbors */
  mergedNeighbors = 0;
  /** vm.aspace.mapping.protect_without_write */
  protectWithoutWrite = 0;
  /** vm.aspace.last_fault.{hit,miss} */
  lastFaultHits = 0;
  lastFaultMisses = 0;
  /** vm.aspace.accessed_harvest.{performed,skipped} */
  harvestsPerformed = 0;
  harvestsSkipped = 0;
  /** vm.aspace.high_priority: aspaces with a count above 0. */
  highPriorityAspaces = 0;
}
