import { AspaceKind, KernelPanic, Status, type Vpn } from "@aspace/arch";
import type { Blocking } from "../objects/blocking.ts";
import { LazyPageRequest } from "../objects/page-request.ts";
import { Detail, dumpAspace } from "./aspace-dump.ts";
import { PageFaultFlag, type PageFaultFlags } from "./fault-flags.ts";
import { COALESCER_PAGES } from "./mapping-coalescer.ts";
import { pageFaultLocked } from "./mapping-fault.ts";
import { findMappingLocked } from "./region-lookup.ts";
import type { VmAspace } from "./vm-aspace.ts";

/**
 * Handles a fault, waiting as often as it takes. NOT_FOUND where nothing is mapped; what the mapping's
 * fault answers; or the status of a wait that failed. After OK the access is to be tried again.
 */
export function* pageFault(aspace: VmAspace, vpn: Vpn, fault: PageFaultFlags): Blocking<Status> {
  const request = new LazyPageRequest();
  try {
    for (;;) {
      const status = pageFaultOnce(aspace, vpn, fault, request);
      if (status !== Status.SHOULD_WAIT) return status;
      aspace.system.memory.locks.assertNoneHeld("a page fault's wait");
      const waited = yield request;
      if (waited === Status.TIMED_OUT) {
        aspace.system.onFaultTimeout?.(dumpAspace(aspace, Detail.VERBOSE));
      }
      if (waited !== Status.OK) return waited;
    }
  } finally {
    request.cancel();
  }
}

/** One try: SHOULD_WAIT when `request` must be waited for and everything looked up again. */
export function pageFaultOnce(
  aspace: VmAspace,
  vpn: Vpn,
  fault: PageFaultFlags,
  request: LazyPageRequest,
): Status {
  if ((fault & PageFaultFlag.ACCESS) !== 0) return accessedFault(aspace, vpn, fault);
  // A guest's page tables know no users: its own first stage keeps them apart.
  const isGuest = aspace.arch.kind === AspaceKind.GUEST;
  const cause = isGuest ? (fault & ~PageFaultFlag.USER) | PageFaultFlag.GUEST : fault;
  aspace.lock.acquire();
  try {
    if (aspace.isDestroyed)
      throw new KernelPanic("A-7", `aspace ${aspace.id} faults after its end`);
    const mapping = mappingForFault(aspace, vpn);
    if (mapping === null) return Status.NOT_FOUND;
    return pageFaultLocked(mapping, vpn, cause, request);
  } finally {
    aspace.lock.release();
  }
}

/** Faults come in runs: the mapping of the last one is asked first. */
function mappingForFault(aspace: VmAspace, vpn: Vpn): VmAspace["lastFault"] {
  const { counters } = aspace.system;
  const last = aspace.lastFault;
  if (last !== null && last.isInRange(vpn, 1)) {
    counters.lastFaultHits++;
    return last;
  }
  counters.lastFaultMisses++;
  aspace.lastFault = findMappingLocked(aspace.root!, vpn);
  return aspace.lastFault;
}

/** A fault on behalf of the kernel itself, before it touches user memory. */
export function softFault(aspace: VmAspace, vpn: Vpn, fault: PageFaultFlags): Blocking<Status> {
  return pageFault(aspace, vpn, fault | PageFaultFlag.SW_FAULT);
}

/**
 * The page is mapped, but the hardware wants its accessed flag set by us: done for up to 16 pages from
 * there, within one leaf table. Permissions and regions are not looked at. OUT_OF_RANGE outside the aspace.
 */
function accessedFault(aspace: VmAspace, vpn: Vpn, fault: PageFaultFlags): Status {
  if ((fault & PageFaultFlag.NOT_PRESENT) !== 0) {
    throw new KernelPanic("A-7", "an access fault on a page that is not present");
  }
  const end = aspace.base + aspace.pageCount;
  if (vpn >= end && aspace.system.quirks.accessedFaultPastEnd) {
    return aspace.arch.markAccessed(vpn, COALESCER_PAGES);
  }
  if (vpn < aspace.base || vpn >= end) return Status.OUT_OF_RANGE;
  const limit = Math.min(aspace.arch.nextUserPageTableVpn(vpn), end) - vpn;
  return aspace.arch.markAccessed(vpn, Math.min(limit, COALESCER_PAGES));
}
