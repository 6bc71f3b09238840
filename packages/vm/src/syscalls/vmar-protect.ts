import { Status } from "@aspace/arch";
import { isPageAligned } from "../objects/byte-range.ts";
import { protectRegion } from "../regions/region-protect.ts";
import { pageAt, wrappedPagesIn } from "./byte-arguments.ts";
import { hasRights, opChildrenBy, type VmarHandle } from "./rights.ts";
import {
  PERMISSION_OPTIONS,
  lacksRead,
  mmuFlagsIn,
  rightsForPermissions,
  withReadForExecute,
  type VmOptions,
} from "./vmar-options.ts";

/**
 * zx_vmar_protect: gives `length` bytes, rounded up to pages, the permissions in `options`; none of them is no access (S-4).
 *
 * ACCESS_DENIED for a permission without the right of its name. INVALID_ARGS for writing or executing without reading, an
 * unaligned address, an option that is no permission, a length that cannot be rounded up; then as `protectRegion` says.
 */
export function vmarProtect(
  vmar: VmarHandle,
  options: VmOptions,
  address: bigint,
  length: bigint,
): Status {
  const count = wrappedPagesIn(length);
  const permissions = withReadForExecute(options);
  if (!hasRights(vmar, rightsForPermissions(permissions))) return Status.ACCESS_DENIED;
  if (lacksRead(permissions) || !isPageAligned(address)) return Status.INVALID_ARGS;
  if ((permissions & ~PERMISSION_OPTIONS) !== 0) return Status.INVALID_ARGS;
  const flags = mmuFlagsIn(permissions, vmar.object);
  return protectRegion(vmar.object, pageAt(address), count, flags, opChildrenBy(vmar));
}
