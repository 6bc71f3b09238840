import type { Vpn } from "@aspace/arch";
import type { AttributionCounts } from "../objects/attribution-counts.ts";
import { attributedMemoryLocked } from "./mapping-attribution.ts";
import { mappingsIn } from "./region-enumerator.ts";
import type { VmAddressRegion } from "./vm-address-region.ts";
import type { VmMapping } from "./vm-mapping.ts";
import type { Region } from "./vm-region.ts";

/** The direct child that contains a page, or null; null when the region is not ALIVE (V-15). */
export function findRegion(region: VmAddressRegion, vpn: Vpn): Region | null {
  const { lock } = region.aspace;
  lock.acquire();
  try {
    return region.isAlive ? region.regions.findRegion(vpn) : null;
  } finally {
    lock.release();
  }
}

/** The mapping that contains a page, at any depth below a region, or null (V-15). */
export function findMappingLocked(region: VmAddressRegion, vpn: Vpn): VmMapping | null {
  region.aspace.lock.assertHeld();
  let child = region.regions.findRegion(vpn);
  while (child !== null && child.kind === "vmar") child = child.regions.findRegion(vpn);
  return child;
}

/** The sum over all mappings below a region (V-15): nothing when it is DEAD, for then there are none. */
export function attributedMemoryOfRegion(region: VmAddressRegion): AttributionCounts {
  const { lock } = region.aspace;
  lock.acquire();
  try {
    let uncompressedBytes = 0;
    let compressedBytes = 0;
    const mappings = mappingsIn(region);
    for (let mapping = mappings.next(); mapping !== null; mapping = mappings.next()) {
      const counts = attributedMemoryLocked(mapping);
      uncompressedBytes += counts.uncompressedBytes;
      compressedBytes += counts.compressedBytes;
    }
    return { uncompressedBytes, compressedBytes };
  } finally {
    lock.release();
  }
}
