import { KernelPanic } from "@aspace/arch";
import { NOTHING_ATTRIBUTED, type AttributionCounts } from "../objects/attribution-counts.ts";
import type { VmMapping } from "./vm-mapping.ts";

/** Memory charged to the object for the pages that a mapping shows; nothing once it is DEAD (M-24). */
export function attributedMemory(mapping: VmMapping): AttributionCounts {
  const { lock } = mapping.aspace;
  lock.acquire();
  try {
    return attributedMemoryLocked(mapping);
  } finally {
    lock.release();
  }
}

/** The last answer is kept: it holds while neither the mapping nor the object's hierarchy has changed. */
export function attributedMemoryLocked(mapping: VmMapping): AttributionCounts {
  mapping.aspace.lock.assertHeld();
  if (!mapping.isAlive) return NOTHING_ATTRIBUTED;
  const { liveObject: object, objectOffset, pageCount, attributionCache: cache } = mapping;
  const { counters } = mapping.aspace.system;
  counters.attributionQueries++;
  if (!object.isPaged) return object.attributedMemoryInRange(objectOffset, pageCount);
  const { generation } = object.hierarchy;
  if (cache.mapping === mapping.generation && cache.object === generation) {
    counters.attributionCacheHits++;
    return cache.counts;
  }
  counters.attributionCacheMisses++;
  if (mapping.generation === 0) throw new KernelPanic("I-11", "a generation is 0");
  cache.counts = object.attributedMemoryInRange(objectOffset, pageCount);
  cache.mapping = mapping.generation;
  cache.object = generation;
  return cache.counts;
}
