import { PAGE_BYTES, Status } from "@aspace/arch";
import type { Result } from "../objects/blocking.ts";
import { attributedMemoryLocked } from "./mapping-attribution.ts";
import { mappingsIn } from "./region-enumerator.ts";
import type { VmAspace } from "./vm-aspace.ts";

/** What an aspace costs, in bytes; memory counts whether it is compressed or not. */
export interface MemoryUsage {
  /** Address space that mappings take. */
  readonly mappedBytes: number;
  /** Memory of objects that no other aspace maps. */
  readonly privateBytes: number;
  /** Memory of the others: in full, and each divided by the number of aspaces that map it. */
  readonly sharedBytes: number;
  readonly scaledSharedBytes: number;
}

/** Adds up what the mappings of an aspace show. BAD_STATE once destroyed. */
export function memoryUsage(aspace: VmAspace): Result<MemoryUsage> {
  aspace.lock.acquire();
  try {
    if (aspace.root === null) return Status.BAD_STATE;
    let [mappedBytes, privateBytes, sharedBytes, scaledSharedBytes] = [0, 0, 0, 0];
    const mappings = mappingsIn(aspace.root);
    for (let mapping = mappings.next(); mapping !== null; mapping = mappings.next()) {
      const { uncompressedBytes, compressedBytes } = attributedMemoryLocked(mapping);
      const memory = uncompressedBytes + compressedBytes;
      const sharers = mapping.liveObject.shareCount;
      mappedBytes += mapping.pageCount * PAGE_BYTES;
      if (sharers === 1) {
        privateBytes += memory;
      } else {
        sharedBytes += memory;
        scaledSharedBytes += Math.floor(memory / sharers);
      }
    }
    return { mappedBytes, privateBytes, sharedBytes, scaledSharedBytes };
  } finally {
    aspace.lock.release();
  }
}
