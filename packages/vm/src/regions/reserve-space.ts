import { MmuFlags, Status, type MmuFlagSet, type Vpn } from "@aspace/arch";
import { isValue } from "../objects/blocking.ts";
import { createObject } from "../objects/create-object.ts";
import { createMapping } from "./region-creation.ts";
import type { VmAddressRegion } from "./vm-address-region.ts";
import { VmarFlags } from "./vmar-flags.ts";

/**
 * Marks pages that the kernel's page tables hold since boot as taken (V-16), and gives them permissions, or takes them
 * out. The mapping shows an object without pages: nothing can be faulted in. INVALID_ARGS when the range is not inside;
 * then as the creation of a mapping, and of an object, answers.
 */
export function reserveSpace(
  region: VmAddressRegion,
  name: string,
  vpn: Vpn,
  count: number,
  flags: MmuFlagSet,
): Status {
  if (!region.isInRange(vpn, count)) return Status.INVALID_ARGS;
  const { aspace } = region;
  const object = createObject(aspace.system.memory, { size: 0n });
  if (!isValue(object)) return object;
  object.setName(name);
  const created = createMapping(region, {
    offset: vpn - region.base,
    pageCount: count,
    alignShift: 0,
    flags: VmarFlags.SPECIFIC | VmarFlags.DEBUG_DYNAMIC_KERNEL_MAPPING,
    object,
    objectOffset: 0,
    mmuFlags: flags,
  });
  // From here on the mapping is its only holder.
  object.release();
  if (!isValue(created)) return created;
  return (flags & MmuFlags.RWX_MASK) === 0
    ? aspace.arch.unmap(vpn, count, aspace.enlarge)
    : aspace.arch.protect(vpn, count, flags, aspace.enlarge);
}
