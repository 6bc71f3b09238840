import { Status } from "@aspace/arch";
import { isPageAligned } from "../objects/byte-range.ts";
import { unmapRegion } from "../regions/region-unmap.ts";
import { pageAt, wrappedPagesIn } from "./byte-arguments.ts";
import { opChildrenBy, type VmarHandle } from "./rights.ts";

/**
 * zx_vmar_unmap: unmaps `length` bytes, rounded up to pages (S-3). INVALID_ARGS for an unaligned address, and for a length
 * that cannot be rounded up; then as `unmapRegion` says.
 */
export function vmarUnmap(vmar: VmarHandle, address: bigint, length: bigint): Status {
  const count = wrappedPagesIn(length);
  if (!isPageAligned(address)) return Status.INVALID_ARGS;
  return unmapRegion(vmar.object, pageAt(address), count, opChildrenBy(vmar));
}
