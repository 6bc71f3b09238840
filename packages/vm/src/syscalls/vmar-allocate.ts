import { Status } from "@aspace/arch";
import { isValue, type Result } from "../objects/blocking.ts";
import { bytesOf, isPageAligned } from "../objects/byte-range.ts";
import { createSubVmar } from "../regions/region-creation.ts";
import { destroyRegion } from "../regions/region-destroy.ts";
import { pageOffset, pagesIn } from "./byte-arguments.ts";
import { Right, hasRights, type VmarHandle } from "./rights.ts";
import {
  PERMISSION_OPTIONS,
  VmOption,
  rightsForCanMap,
  splitOptions,
  type VmOptions,
} from "./vmar-options.ts";

/** A new region, and where it is, in bytes. */
export interface AllocatedVmar {
  readonly handle: VmarHandle;
  readonly address: bigint;
}

/**
 * zx_vmar_allocate: reserves a region of `size` bytes in a region (S-1). Its handle may map what the CAN_MAP options say.
 *
 * ACCESS_DENIED for a CAN_MAP option without the right of its name. INVALID_ARGS for an option that is none, a permission,
 * MAP_RANGE, a size that is not page aligned; then as `createSubVmar` says. NO_MEMORY for the handle, with the region
 * gone again.
 */
export function vmarAllocate(
  parent: VmarHandle,
  options: VmOptions,
  offset: bigint,
  size: bigint,
): Result<AllocatedVmar> {
  if (!hasRights(parent, rightsForCanMap(options))) return Status.ACCESS_DENIED;
  const split = splitOptions(options);
  if (!isValue(split)) return split;
  const isForMappings = (options & (PERMISSION_OPTIONS | VmOption.MAP_RANGE)) !== 0;
  if (isForMappings || !isPageAligned(size)) return Status.INVALID_ARGS;
  const { flags, alignShift } = split;
  const region = createSubVmar(parent.object, {
    offset: pageOffset(offset),
    pageCount: pagesIn(size),
    alignShift,
    flags,
    name: "useralloc",
  });
  if (!isValue(region)) return region;
  if (region.aspace.system.failures.claims()) {
    destroyRegion(region);
    return Status.NO_MEMORY;
  }
  const rights = Right.OP_CHILDREN | rightsForCanMap(options);
  return { handle: { object: region, rights }, address: bytesOf(region.base) };
}
