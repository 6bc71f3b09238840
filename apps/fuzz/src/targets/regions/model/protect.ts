import { Status } from "@aspace/arch";
import type { Children } from "../operation.ts";
import {
  CACHE_MASK,
  allows,
  endOf,
  isInside,
  mappingsIn,
  type ModelMapping,
  type ModelVmar,
} from "./model-region.ts";

/** V-11, the part that changes nothing. */
export function checkProtect(
  region: ModelVmar,
  vpn: number,
  count: number,
  mmu: number,
  children: Children,
): Status {
  if (count === 0) return Status.INVALID_ARGS;
  if (!region.isAlive) return Status.BAD_STATE;
  if (!isInside(region, vpn, count)) return Status.INVALID_ARGS;
  if ((mmu & CACHE_MASK) !== 0) return Status.INVALID_ARGS;
  const end = vpn + count;
  let expected = vpn;
  for (const mapping of mappingsIn(region, vpn, end)) {
    if (mapping.base > expected) return Status.NOT_FOUND;
    if (!allows(mapping.flags, mmu)) return Status.ACCESS_DENIED;
    if (mapping.aspace.vdso === mapping) return Status.ACCESS_DENIED;
    if (mapping.parent !== region) {
      if (children === "no") return Status.INVALID_ARGS;
      const part = mapping.protections.slice(Math.max(0, vpn - mapping.base), end - mapping.base);
      if (part.some((flags) => (mmu & ~flags) !== 0)) return Status.ACCESS_DENIED;
    }
    expected = endOf(mapping);
  }
  return expected < end ? Status.NOT_FOUND : Status.OK;
}

/** M-5, the part that changes nothing. */
export function checkMappingProtect(
  mapping: ModelMapping,
  vpn: number,
  count: number,
  mmu: number,
): Status {
  if (!mapping.isAlive) return Status.BAD_STATE;
  if (count === 0 || !isInside(mapping, vpn, count)) return Status.INVALID_ARGS;
  if ((mmu & CACHE_MASK) !== 0) return Status.INVALID_ARGS;
  return allows(mapping.flags, mmu) ? Status.OK : Status.ACCESS_DENIED;
}

/** M-6: the pages of a mapping in [vpn, end) get other permissions. */
export function protectPart(mapping: ModelMapping, vpn: number, end: number, mmu: number): void {
  const from = Math.max(0, vpn - mapping.base);
  const to = Math.min(mapping.count, end - mapping.base);
  const flags = mmu | (mapping.protections[0]! & CACHE_MASK);
  for (let at = from; at < to; at++) mapping.protections[at] = flags;
}
