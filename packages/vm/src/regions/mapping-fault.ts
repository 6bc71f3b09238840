import {
  Enlarge,
  ExistingEntry,
  KernelPanic,
  MmuFlags,
  Status,
  type MmuFlagSet,
  type Pfn,
  type QueryResult,
  type Vpn,
} from "@aspace/arch";
import { isValue } from "../objects/blocking.ts";
import { PageAccess } from "../objects/lookup-cursor.ts";
import type { LazyPageRequest } from "../objects/page-request.ts";
import { VmObjectPaged } from "../objects/vm-object-paged.ts";
import type { VmObjectPhysical } from "../objects/vm-object-physical.ts";
import { PageFaultFlag, type PageFaultFlags } from "./fault-flags.ts";
import { COALESCER_PAGES } from "./mapping-coalescer.ts";
import { assertOk } from "./mapping-object-changes.ts";
import type { FlagsRange } from "./mapping-protection-ranges.ts";
import { FaultMode } from "./region-system.ts";
import { NO_PAGE, type VmMapping } from "./vm-mapping.ts";

/** Reused by every fault: one runs at a time, under locks. */
const allowed: FlagsRange = { flags: 0, end: 0 };
const entry: QueryResult = { pfn: 0, flags: 0, leafShift: 0 };

/**
 * Makes the page at `vpn` usable for what the fault wanted, and maps up to 15 pages behind it that are
 * there anyway (M-18):
 *
 *     mapping     |──────────[vpn ▒▒▒▒▒▒▒▒▒]────────|
 *                             └ at most 16 pages, one leaf table, one run of equal protections, inside the object
 *
 * ACCESS_DENIED when the protections refuse, before the object is asked; OUT_OF_RANGE past the object's
 * end; then what the object answers (SHOULD_WAIT: wait for `request`, drop everything, fault again), or
 * NO_MEMORY from the page tables. After OK the same access succeeds. Faulting twice is harmless.
 */
export function pageFaultLocked(
  mapping: VmMapping,
  vpn: Vpn,
  fault: PageFaultFlags,
  request: LazyPageRequest,
): Status {
  mapping.aspace.lock.assertHeld();
  if (!mapping.isInRange(vpn, 1)) {
    throw new KernelPanic("M-18", `page ${vpn} faults outside mapping ${mapping.id}`);
  }
  mapping.ranges.flagsRangeAt(mapping, vpn, allowed);
  const needed = neededFlags(fault);
  if ((allowed.flags & needed) !== needed) return Status.ACCESS_DENIED;
  const { lock } = mapping.liveObject.hierarchy;
  lock.acquire();
  try {
    return faultWithObject(mapping, vpn, fault, request);
  } finally {
    lock.release();
  }
}

/** A fetch needs READ too, a write does not. */
function neededFlags(fault: PageFaultFlags): MmuFlagSet {
  const user = (fault & PageFaultFlag.USER) !== 0 ? MmuFlags.USER : 0;
  const data = (fault & PageFaultFlag.WRITE) !== 0 ? MmuFlags.WRITE : MmuFlags.READ;
  const fetch = (fault & PageFaultFlag.INSTRUCTION) !== 0 ? MmuFlags.EXECUTE : 0;
  return user | data | fetch;
}

function faultWithObject(
  mapping: VmMapping,
  vpn: Vpn,
  fault: PageFaultFlags,
  request: LazyPageRequest,
): Status {
  if (mapping.faulting) throw new KernelPanic("M-18", `mapping ${mapping.id} faults in a fault`);
  mapping.faulting = true;
  mapping.faultingVpn = vpn;
  mapping.hasDeferredUnmap = false;
  let status: Status = Status.BAD_STATE;
  try {
    status = mapPage(mapping, vpn, fault, request);
    return status;
  } finally {
    mapping.faulting = false;
    mapping.faultingVpn = NO_PAGE;
    if (status !== Status.OK) finishFailedFault(mapping, vpn);
  }
}

/** The object unmapped the page and nothing took its place: the old entry must not survive (I-24). */
function finishFailedFault(mapping: VmMapping, vpn: Vpn): void {
  mapping.aspace.system.coalescer.abort();
  if (!mapping.hasDeferredUnmap) return;
  const { arch, enlarge } = mapping.aspace;
  assertOk("I-24", arch.unmap(vpn, 1, enlarge));
}

function mapPage(
  mapping: VmMapping,
  vpn: Vpn,
  fault: PageFaultFlags,
  request: LazyPageRequest,
): Status {
  const { aspace, liveObject: object } = mapping;
  const { flags } = allowed;
  const objectPage = mapping.objectOffset + (vpn - mapping.base);
  if (objectPage >= object.sizePages) return Status.OUT_OF_RANGE;
  const tableEnd = aspace.arch.nextUserPageTableVpn(vpn);
  const limit = Math.min(tableEnd, allowed.end) - vpn;
  const maxPages = Math.min(limit, COALESCER_PAGES, object.sizePages - objectPage);
  if (maxPages <= 0) throw new KernelPanic("M-18", "a fault would map nothing");

  const { coalescer, faultMode } = aspace.system;
  const action = faultMode === FaultMode.UPGRADE ? ExistingEntry.UPGRADE : ExistingEntry.SKIP;
  coalescer.begin(mapping, vpn, flags, action);
  const status =
    object instanceof VmObjectPaged
      ? collectPaged(mapping, object, vpn, objectPage, maxPages, fault, request)
      : collectPhysical(mapping, object as VmObjectPhysical, vpn, objectPage, maxPages);
  return status === Status.OK ? coalescer.flush() : status;
}

function collectPaged(
  mapping: VmMapping,
  object: VmObjectPaged,
  vpn: Vpn,
  objectPage: number,
  limit: number,
  fault: PageFaultFlags,
  request: LazyPageRequest,
): Status {
  const { coalescer } = mapping.aspace.system;
  const isWrite = (fault & PageFaultFlag.WRITE) !== 0;
  // A write that must be announced to a pager announces its own page and no neighbour's.
  const maxPages = isWrite && object.isDirtyTracked ? 1 : limit;
  const cursor = object.lookupCursorLocked(objectPage, maxPages);
  if (!isValue(cursor)) return cursor;
  cursor.disableMarkAccessed();
  const access = isWrite ? PageAccess.WRITE : PageAccess.READ;
  const status = cursor.requirePage(access, 1, request);
  if (status !== Status.OK) return status;
  const { frame, isWritable } = cursor;
  if (isWrite && !isWritable) throw new KernelPanic("M-18", "a page to be written is not writable");
  if (isWrite) object.markModifiedLocked();
  const flags = isWritable ? allowed.flags : allowed.flags & ~MmuFlags.WRITE;

  const placed = appendOrAdjust(mapping, vpn, frame, flags);
  if (placed !== Status.OK) return placed;
  const extra = Math.min(coalescer.extraCapacityFrom(vpn + 1), maxPages - 1);
  if (extra <= 0) return Status.OK;
  const neighbours = isWritable ? PageAccess.WRITE : PageAccess.READ;
  coalescer.grow(cursor.ifExistPages(neighbours, extra, coalescer.frames, coalescer.count));
  return Status.OK;
}

/** Device memory is always there and always writable. */
function collectPhysical(
  mapping: VmMapping,
  object: VmObjectPhysical,
  vpn: Vpn,
  objectPage: number,
  maxPages: number,
): Status {
  const { coalescer } = mapping.aspace.system;
  const frame = object.frameAt(objectPage, maxPages);
  const placed = appendOrAdjust(mapping, vpn, frame, allowed.flags);
  if (placed !== Status.OK) return placed;
  for (let i = 1; i < maxPages; i++) {
    const appended = coalescer.append(vpn + i, frame + i);
    if (appended !== Status.OK) return appended;
  }
  return Status.OK;
}

/** Adds the faulting page to the run, after what is mapped there was dealt with (C-3). */
function appendOrAdjust(mapping: VmMapping, vpn: Vpn, frame: Pfn, flags: MmuFlagSet): Status {
  const { coalescer, faultMode } = mapping.aspace.system;
  if (flags !== coalescer.currentFlags) {
    const status = coalescer.changeFlags(vpn, flags);
    if (status !== Status.OK) return status;
  }
  if (faultMode === FaultMode.LEGACY) {
    const adjusted = adjustMapping(mapping, vpn, frame, flags);
    if (adjusted !== Adjusted.ABSENT) return adjusted === Adjusted.DONE ? Status.OK : adjusted;
  }
  return coalescer.append(vpn, frame);
}

/** What became of an entry that may have been there; besides these, NO_MEMORY. */
const Adjusted = { ABSENT: 1, DONE: 2 } as const;
type Adjusted = (typeof Adjusted)[keyof typeof Adjusted] | Status;

/**
 * Without upgrading maps (M-19): the same frame only needs other permissions, another one must go first.
 * NO_MEMORY when the page tables could not.
 */
function adjustMapping(mapping: VmMapping, vpn: Vpn, frame: Pfn, flags: MmuFlagSet): Adjusted {
  const { arch, system } = mapping.aspace;
  if (arch.query(vpn, entry) !== Status.OK) return Adjusted.ABSENT;
  const isZeroPage = frame === system.memory.pmm.zeroPage;
  if (isZeroPage && (flags & MmuFlags.WRITE) !== 0) {
    throw new KernelPanic("M-19", "the zero page would be writable");
  }
  if (entry.pfn === frame) {
    const status = arch.protect(vpn, 1, flags, Enlarge.YES);
    if (status === Status.OK) {
      return arch.capabilities.protectIsUnmap ? Adjusted.ABSENT : Adjusted.DONE;
    }
    if (status !== Status.NO_MEMORY) assertOk("M-19", status);
    return status;
  }
  const status = arch.unmap(vpn, 1, mapping.aspace.enlarge);
  if (status === Status.OK) return Adjusted.ABSENT;
  if (status !== Status.NO_MEMORY) assertOk("M-19", status);
  return status;
}
