import { Status } from "@aspace/arch";
import { destroyRegion } from "../regions/region-destroy.ts";
import { Right, hasRights, type VmarHandle } from "./rights.ts";

/**
 * zx_vmar_destroy: ends a region and everything in it (S-5). ACCESS_DENIED without the right to reach into it;
 * NOT_SUPPORTED for the root of an aspace; then as `destroyRegion` says.
 */
export function vmarDestroy(vmar: VmarHandle): Status {
  const { object: region } = vmar;
  if (!hasRights(vmar, Right.OP_CHILDREN)) return Status.ACCESS_DENIED;
  if (region === region.aspace.root) return Status.NOT_SUPPORTED;
  return destroyRegion(region);
}
