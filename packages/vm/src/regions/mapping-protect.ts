import { KernelPanic, MmuFlags, Status, type MmuFlagSet, type Vpn } from "@aspace/arch";
import { assertOk, protectOrUnmap } from "./mapping-object-changes.ts";
import type { VmMapping } from "./vm-mapping.ts";
import { allowsMmuFlags } from "./vmar-flags.ts";

/**
 * Gives pages of one mapping other permissions (M-5). BAD_STATE unless ALIVE; INVALID_ARGS when the
 * range is empty or not inside, or the flags name a cache policy; ACCESS_DENIED when the mapping's
 * flags do not allow them; NO_MEMORY. Failures change nothing.
 */
export function protect(mapping: VmMapping, vpn: Vpn, count: number, flags: MmuFlagSet): Status {
  const { lock } = mapping.aspace;
  lock.acquire();
  try {
    if (!mapping.isAlive) return Status.BAD_STATE;
    if (count === 0 || !mapping.isInRange(vpn, count)) return Status.INVALID_ARGS;
    if ((flags & MmuFlags.CACHE_MASK) !== 0) return Status.INVALID_ARGS;
    if (!allowsMmuFlags(mapping.flags, flags)) return Status.ACCESS_DENIED;
    return protectLocked(mapping, vpn, count, flags);
  } finally {
    lock.release();
  }
}

/**
 * The same after the checks (M-6): OK, or NO_MEMORY with nothing changed. Entries only ever lose
 * permissions here. A right to write that is new is granted by the next fault, after it asked the object.
 */
export function protectLocked(
  mapping: VmMapping,
  vpn: Vpn,
  count: number,
  permissions: MmuFlagSet,
): Status {
  const { aspace, ranges, liveObject: object } = mapping;
  aspace.lock.assertHeld();
  if ((permissions & MmuFlags.CACHE_MASK) !== 0 || !allowsMmuFlags(mapping.flags, permissions)) {
    throw new KernelPanic("M-6", "flags were not checked");
  }
  const { lock } = object.hierarchy;
  const flags = permissions | (ranges.firstFlags & MmuFlags.CACHE_MASK);
  lock.acquire();
  try {
    return ranges.update(mapping, vpn, count, flags, aspace.system, (at, run, oldFlags) =>
      lowerEntries(mapping, at, run, oldFlags, flags),
    );
  } finally {
    lock.release();
  }
}

function lowerEntries(
  { aspace }: VmMapping,
  vpn: Vpn,
  count: number,
  oldFlags: MmuFlagSet,
  newFlags: MmuFlagSet,
): void {
  if (oldFlags === newFlags) return;
  let flags = newFlags;
  if ((newFlags & MmuFlags.WRITE) !== 0) {
    if (!aspace.isUser && !aspace.isGuest) {
      throw new KernelPanic("M-6", "a kernel mapping gains WRITE, but kernels do not fault");
    }
    flags &= ~MmuFlags.WRITE;
    aspace.system.counters.protectWithoutWrite++;
    if (flags === oldFlags) return;
  }
  assertOk("M-6", protectOrUnmap(aspace, vpn, count, flags));
}
