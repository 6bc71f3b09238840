import { ExistingEntry, Status, type Vpn } from "@aspace/arch";
import { finished, type Blocking } from "../objects/blocking.ts";
import { bytesOf } from "../objects/byte-range.ts";
import { Hint, type VmObject } from "../objects/vm-object.ts";
import { endOf } from "./extent.ts";
import { MapRangeCommit, mapRange } from "./mapping-range.ts";
import { MappingEnumerator } from "./region-enumerator.ts";
import { OpChildren } from "./region-unmap.ts";
import type { VmAddressRegion } from "./vm-address-region.ts";
import type { VmMapping } from "./vm-mapping.ts";
import { VmarFlags } from "./vmar-flags.ts";

/** What can be done to everything that is mapped in a range. */
export const RegionOperation = {
  /** Gets pages into the objects and maps them. Needs CAN_MAP_WRITE. */
  COMMIT: "commit",
  /** Gives pages of the objects back. Needs CAN_MAP_WRITE. */
  DECOMMIT: "decommit",
  /** Maps pages that the objects have. */
  MAP_RANGE: "map-range",
  /** Not in the studied kernel yet: NOT_SUPPORTED. */
  PREFETCH: "prefetch",
  DONT_NEED: "dont-need",
  ALWAYS_NEED: "always-need",
} as const;
export type RegionOperation = (typeof RegionOperation)[keyof typeof RegionOperation];

/** Operations that never reach into sub-regions. */
const OWN_MAPPINGS_ONLY: ReadonlySet<RegionOperation> = new Set([
  RegionOperation.COMMIT,
  RegionOperation.DECOMMIT,
  RegionOperation.PREFETCH,
]);

/**
 * Does an operation mapping by mapping (V-13), with no lock held meanwhile, so the tree may change under way.
 *
 * INVALID_ARGS when the range is empty; OUT_OF_RANGE when it is not inside; BAD_STATE unless ALIVE; ACCESS_DENIED when it
 * meets the vDSO's code. Then for each mapping: BAD_STATE for a hole before it; INVALID_ARGS when it is in a sub-region
 * and that is not allowed; what the operation answers; and again BAD_STATE and ACCESS_DENIED, since both may have changed,
 * which go before that. BAD_STATE for a hole at the end. What was done before a failure stays done.
 */
export function* operateOnRange(
  region: VmAddressRegion,
  operation: RegionOperation,
  vpn: Vpn,
  count: number,
  children: OpChildren,
): Blocking<Status> {
  if (count === 0) return Status.INVALID_ARGS;
  if (!region.isInRange(vpn, count)) return Status.OUT_OF_RANGE;
  const { lock } = region.aspace;
  const end = vpn + count;
  let expected = vpn;
  let isHeld = true;
  lock.acquire();
  try {
    const status = checkState(region, vpn, count);
    if (status !== Status.OK) return status;
    const mappings = new MappingEnumerator(region, vpn, end);
    for (let mapping = mappings.next(); mapping !== null; mapping = mappings.next()) {
      if (mapping.base > expected) return Status.BAD_STATE;
      const isAllowed = children === OpChildren.YES && !OWN_MAPPINGS_ONLY.has(operation);
      if (mapping.parent !== region && !isAllowed) return Status.INVALID_ARGS;
      const upTo = Math.min(endOf(mapping), end);
      const part = partOf(mapping, expected, upTo - expected);
      mappings.pause();
      lock.release();
      isHeld = false;
      const done = yield* operateOnPart(part, operation);
      lock.acquire();
      isHeld = true;
      const changed = checkState(region, vpn, count);
      if (changed !== Status.OK) return changed;
      mappings.resume();
      if (done !== Status.OK) return done;
      expected = upTo;
    }
    return expected < end ? Status.BAD_STATE : Status.OK;
  } finally {
    if (isHeld) lock.release();
  }
}

/** A part of a mapping as it was when the lock was held: the mapping may move, shrink or end meanwhile. */
interface Part {
  readonly mapping: VmMapping;
  readonly object: VmObject;
  /** Page of the mapping, and of the object, at which the part begins. */
  readonly mappingOffset: number;
  readonly objectOffset: number;
  readonly count: number;
}

function partOf(mapping: VmMapping, vpn: Vpn, count: number): Part {
  const mappingOffset = vpn - mapping.base;
  const objectOffset = mapping.objectOffset + mappingOffset;
  return { mapping, object: mapping.liveObject, mappingOffset, objectOffset, count };
}

function checkState(region: VmAddressRegion, vpn: Vpn, count: number): Status {
  if (!region.isAlive) return Status.BAD_STATE;
  return region.aspace.intersectsVdsoCode(vpn, count) ? Status.ACCESS_DENIED : Status.OK;
}

function* operateOnPart(part: Part, operation: RegionOperation): Blocking<Status> {
  part.object.retain();
  try {
    return yield* perform(part, operation);
  } finally {
    part.object.release();
  }
}

function perform(part: Part, operation: RegionOperation): Blocking<Status> {
  const { mapping, object, objectOffset, count } = part;
  const offset = bytesOf(objectOffset);
  const length = bytesOf(count);
  const canWrite = (mapping.flags & VmarFlags.CAN_MAP_WRITE) !== 0;
  switch (operation) {
    case RegionOperation.COMMIT:
      if (!canWrite) return finished(Status.ACCESS_DENIED);
      return thenMapped(part, object.commitRange(offset, length));
    case RegionOperation.DECOMMIT:
      return finished(canWrite ? object.decommitRange(offset, length) : Status.ACCESS_DENIED);
    case RegionOperation.MAP_RANGE:
      return finished(mapPart(part));
    case RegionOperation.ALWAYS_NEED:
      return thenMapped(part, object.hintRange(offset, length, Hint.ALWAYS_NEED));
    case RegionOperation.DONT_NEED:
      return object.hintRange(offset, length, Hint.DONT_NEED);
    case RegionOperation.PREFETCH:
      return finished(Status.NOT_SUPPORTED);
    default:
      return operation satisfies never;
  }
}

function* thenMapped(part: Part, operation: Blocking<Status>): Blocking<Status> {
  const status = yield* operation;
  return status === Status.OK ? mapPart(part) : status;
}

/** Pages that are mapped already stay as they are: a fault may have been quicker. */
function mapPart({ mapping, mappingOffset, count }: Part): Status {
  return mapRange(mapping, mappingOffset, count, {
    commit: MapRangeCommit.NO,
    existing: ExistingEntry.SKIP,
  });
}
