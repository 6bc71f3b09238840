import { KernelPanic, MmuFlags, Status, type MmuFlagSet, type Vpn } from "@aspace/arch";
import { endOf } from "./extent.ts";
import { RunControl } from "./mapping-protection-ranges.ts";
import { protectLocked } from "./mapping-protect.ts";
import { MappingEnumerator } from "./region-enumerator.ts";
import { OpChildren } from "./region-unmap.ts";
import type { VmAddressRegion } from "./vm-address-region.ts";
import type { VmMapping } from "./vm-mapping.ts";
import { allowsMmuFlags } from "./vmar-flags.ts";

/**
 * Gives pages of a region other permissions (V-11). The range must be mapped without a hole. Mappings in sub-regions may
 * only lose permissions.
 *
 * INVALID_ARGS when the range is empty; BAD_STATE unless ALIVE; INVALID_ARGS when it is not inside or the flags name a
 * cache policy. Then mapping by mapping: NOT_FOUND for a hole before it; ACCESS_DENIED when its flags do not allow the
 * permissions or it is the vDSO's code; in a sub-region, INVALID_ARGS unless children are allowed, then ACCESS_DENIED for
 * a permission that it does not have. NOT_FOUND for a hole at the end. Nothing has changed so far.
 *
 * NO_MEMORY: mappings before the one that had no memory are changed.
 */
export function protectRegion(
  region: VmAddressRegion,
  vpn: Vpn,
  count: number,
  flags: MmuFlagSet,
  children: OpChildren,
): Status {
  const { lock } = region.aspace;
  if (count === 0) return Status.INVALID_ARGS;
  lock.acquire();
  try {
    if (!region.isAlive) return Status.BAD_STATE;
    if (!region.isInRange(vpn, count)) return Status.INVALID_ARGS;
    if ((flags & MmuFlags.CACHE_MASK) !== 0) return Status.INVALID_ARGS;
    const status = checkProtect(region, vpn, vpn + count, flags, children);
    return status === Status.OK ? protectMappings(region, vpn, vpn + count, flags) : status;
  } finally {
    lock.release();
  }
}

function checkProtect(
  region: VmAddressRegion,
  vpn: Vpn,
  end: Vpn,
  flags: MmuFlagSet,
  children: OpChildren,
): Status {
  let expected = vpn;
  const mappings = new MappingEnumerator(region, vpn, end);
  for (let mapping = mappings.next(); mapping !== null; mapping = mappings.next()) {
    if (mapping.base > expected) return Status.NOT_FOUND;
    if (!allowsMmuFlags(mapping.flags, flags)) return Status.ACCESS_DENIED;
    if (region.aspace.vdsoCodeMapping === mapping) return Status.ACCESS_DENIED;
    if (mapping.parent !== region) {
      if (children === OpChildren.NO) return Status.INVALID_ARGS;
      if (!hasEverywhere(mapping, vpn, end, flags)) return Status.ACCESS_DENIED;
    }
    expected = endOf(mapping);
  }
  return expected < end ? Status.NOT_FOUND : Status.OK;
}

/** Whether all pages of a mapping in [vpn, end) have all these permissions now. */
function hasEverywhere(mapping: VmMapping, vpn: Vpn, end: Vpn, flags: MmuFlagSet): boolean {
  const from = Math.max(mapping.base, vpn);
  const count = Math.min(endOf(mapping), end) - from;
  const status = mapping.ranges.enumerate(mapping, from, count, (_vpn, _count, current) =>
    (flags & ~current) === 0 ? RunControl.NEXT : Status.ACCESS_DENIED,
  );
  return status === Status.OK;
}

function protectMappings(region: VmAddressRegion, vpn: Vpn, end: Vpn, flags: MmuFlagSet): Status {
  const mappings = new MappingEnumerator(region, vpn, end);
  for (let mapping = mappings.next(); mapping !== null; mapping = mappings.next()) {
    const from = Math.max(mapping.base, vpn);
    const status = protectLocked(mapping, from, Math.min(endOf(mapping), end) - from, flags);
    if (status === Status.NO_MEMORY) return status;
    if (status !== Status.OK) throw new KernelPanic("V-11", "a checked protection is refused");
  }
  return Status.OK;
}
