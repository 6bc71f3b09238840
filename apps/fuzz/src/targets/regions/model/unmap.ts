import { Status } from "@aspace/arch";
import {
  endMapping,
  endOf,
  insert,
  isInside,
  mappingsIn,
  meetsVdso,
  overlaps,
  remove,
  setHigh,
  type ModelMapping,
  type ModelRegion,
  type ModelVmar,
} from "./model-region.ts";
import type { Children } from "../operation.ts";

/** Whether the one allocation of a split may have failed: asked only where there is one. */
export type SplitFails = () => boolean;

/** V-10. */
export function unmapRegion(
  region: ModelVmar,
  vpn: number,
  count: number,
  children: Children,
  splitFails: SplitFails,
): Status {
  if (count === 0) return Status.INVALID_ARGS;
  if (!region.isAlive) return Status.BAD_STATE;
  if (!isInside(region, vpn, count)) return Status.INVALID_ARGS;
  const end = vpn + count;
  if (meetsVdso(region.aspace, vpn, end)) return Status.ACCESS_DENIED;
  const met = region.children.filter((child) => overlaps(child, vpn, end));
  for (const child of met) {
    if (child.kind === "mapping") continue;
    const isCovered = child.base >= vpn && endOf(child) <= end;
    if (children === "no" || !isCovered) return Status.INVALID_ARGS;
  }
  for (const child of met) {
    const status = child.kind === "mapping" ? cut(child, vpn, end, splitFails) : endRegion(child);
    if (status !== Status.OK) return status;
  }
  return Status.OK;
}

/** V-10, with regions that stay. */
export function unmapPartly(
  region: ModelVmar,
  vpn: number,
  count: number,
  splitFails: SplitFails,
): Status {
  if (count === 0) return Status.INVALID_ARGS;
  if (!region.isAlive) return Status.BAD_STATE;
  if (!isInside(region, vpn, count)) return Status.INVALID_ARGS;
  if (meetsVdso(region.aspace, vpn, vpn + count)) return Status.ACCESS_DENIED;
  for (const mapping of mappingsIn(region, vpn, vpn + count)) {
    const status = cut(mapping, vpn, vpn + count, splitFails);
    if (status !== Status.OK) return status;
  }
  return Status.OK;
}

/** M-8. */
export function unmapMapping(
  mapping: ModelMapping,
  vpn: number,
  count: number,
  splitFails: SplitFails,
): Status {
  if (!mapping.isAlive) return Status.BAD_STATE;
  if (count === 0 || !isInside(mapping, vpn, count)) return Status.INVALID_ARGS;
  if (mapping.aspace.vdso === mapping) return Status.ACCESS_DENIED;
  return cut(mapping, vpn, vpn + count, splitFails);
}

/** M-17. */
export function destroyMapping(mapping: ModelMapping): Status {
  if (!mapping.isAlive) return Status.BAD_STATE;
  if (mapping.aspace.vdso === mapping) return Status.ACCESS_DENIED;
  endMapping(mapping);
  return Status.OK;
}

/** M-9, M-10: takes [vpn, end) off a mapping. */
function cut(mapping: ModelMapping, from: number, to: number, splitFails: SplitFails): Status {
  const vpn = Math.max(from, mapping.base);
  const end = Math.min(to, endOf(mapping));
  if (vpn === mapping.base && end === endOf(mapping)) {
    endMapping(mapping);
    return Status.OK;
  }
  const skipped = end - mapping.base;
  const right = {
    base: end,
    count: endOf(mapping) - end,
    objectPage: mapping.objectPage + skipped,
    protections: mapping.protections.slice(skipped),
  };
  if (vpn === mapping.base) {
    Object.assign(mapping, right);
    return Status.OK;
  }
  const hasRight = end < endOf(mapping);
  if (hasRight && splitFails()) return Status.NO_MEMORY;
  const parent = mapping.parent!;
  mapping.count = vpn - mapping.base;
  mapping.protections.length = mapping.count;
  if (!hasRight) return Status.OK;
  const { isHigh, object } = mapping;
  const half: ModelMapping = { ...mapping, ...right, isMergeable: true, isHigh: false };
  object.holders++;
  insert(parent, half);
  setHigh(half, isHigh);
  return Status.OK;
}

/** V-12. */
export function destroyRegion(region: ModelVmar): Status {
  if (!region.isAlive) return Status.BAD_STATE;
  if (meetsVdso(region.aspace, region.base, endOf(region))) return Status.ACCESS_DENIED;
  return endRegion(region);
}

/** Ends a region and all that is in it, whatever that is. */
export function endRegion(region: ModelVmar): Status {
  const { children } = region;
  for (let child = children[0]; child !== undefined; child = children[0]) endChild(child);
  if (region.parent !== null) remove(region);
  region.parent = null;
  region.isAlive = false;
  region.isHigh = false;
  return Status.OK;
}

function endChild(child: ModelRegion): void {
  if (child.kind === "mapping") endMapping(child);
  else endRegion(child);
}
