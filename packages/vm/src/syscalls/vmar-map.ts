import { ExistingEntry, Status, type MmuFlagSet } from "@aspace/arch";
import { isValue, type Blocking, type Result } from "../objects/blocking.ts";
import { bytesOf } from "../objects/byte-range.ts";
import { markMergeable } from "../regions/mapping-merge.ts";
import { MapRangeCommit, mapRange } from "../regions/mapping-range.ts";
import { destroyLocked } from "../regions/mapping-unmap.ts";
import { createVmMapping } from "../regions/region-creation.ts";
import type { VmMapping } from "../regions/vm-mapping.ts";
import { VmarFlags } from "../regions/vmar-flags.ts";
import { pageOffset, pagesIn } from "./byte-arguments.ts";
import { Right, hasRights, type VmarHandle, type VmoHandle } from "./rights.ts";
import {
  CAN_MAP_OPTIONS,
  VmOption,
  canMapOptionsFor,
  lacksRead,
  mmuFlagsIn,
  rightsForPermissions,
  splitOptions,
  withReadForExecute,
  type SplitOptions,
  type VmOptions,
} from "./vmar-options.ts";

/** The arguments of `vmarMap`. Offsets and length are unsigned 64-bit numbers of bytes. */
export interface MapArguments {
  readonly vmar: VmarHandle;
  readonly options: VmOptions;
  readonly vmarOffset: bigint;
  readonly vmo: VmoHandle;
  readonly vmoOffset: bigint;
  readonly length: bigint;
}

/** What was mapped, and where, in bytes. */
export interface MappedVmo {
  readonly address: bigint;
  /** DEAD when its left neighbour has taken it in. */
  readonly mapping: VmMapping;
}

const { MAP_RANGE, SPECIFIC_OVERWRITE, REQUIRE_NON_RESIZABLE, ALLOW_FAULTS } = VmOption;
const OVERWRITE_IN_ADVANCE = MAP_RANGE | SPECIFIC_OVERWRITE;

/** What regions have flags for, but mappings do not: it was the object's affair. */
const FLAGS_ABOUT_OBJECT = VmarFlags.REQUIRE_NON_RESIZABLE | VmarFlags.ALLOW_FAULTS;

/**
 * zx_vmar_map: maps `length` bytes of an object, rounded up to pages (S-2). Later calls can give it the permissions that
 * both handles have.
 *
 * ACCESS_DENIED without the right to map the object. INVALID_ARGS for writing or executing without reading, MAP_RANGE with
 * SPECIFIC_OVERWRITE, a CAN_MAP option. ACCESS_DENIED for a permission that not both handles have. INVALID_ARGS for
 * an option that is none. NOT_SUPPORTED for a resizable object if it must not be, and for a discardable one unless faults
 * are allowed. Then as `createVmMapping` says; with MAP_RANGE, what `mapRange` answers, with the mapping gone again.
 */
export function* vmarMap(call: MapArguments): Blocking<Result<MappedVmo>> {
  const checked = checkMap(call);
  if (!isValue(checked)) return checked;
  const pageCount = pagesIn(call.length);
  const created = yield* createVmMapping(call.vmar.object, {
    offset: pageOffset(call.vmarOffset),
    pageCount,
    alignShift: checked.alignShift,
    flags: checked.flags & ~FLAGS_ABOUT_OBJECT,
    object: call.vmo.object,
    objectOffset: pageOffset(call.vmoOffset),
    mmuFlags: checked.mmuFlags,
  });
  if (!isValue(created)) return created;
  const { mapping, base } = created;
  if ((call.options & MAP_RANGE) !== 0) {
    // Since the mapping was made, a fault or the commit of a HIGH region may have mapped a part of it.
    const existing = ExistingEntry.SKIP;
    const status = mapRange(mapping, 0, pageCount, { commit: MapRangeCommit.NO, existing });
    if (status !== Status.OK) {
      withdraw(mapping);
      return status;
    }
  }
  markMergeable(mapping);
  return { address: bytesOf(base), mapping };
}

interface CheckedMap extends SplitOptions {
  readonly mmuFlags: MmuFlagSet;
}

function checkMap({ vmar, vmo, options: given }: MapArguments): Result<CheckedMap> {
  if (!hasRights(vmo, Right.MAP)) return Status.ACCESS_DENIED;
  const options = withReadForExecute(given);
  const overwritesInAdvance = (options & OVERWRITE_IN_ADVANCE) === OVERWRITE_IN_ADVANCE;
  const limitsPermissions = (options & CAN_MAP_OPTIONS) !== 0;
  if (lacksRead(options) || overwritesInAdvance || limitsPermissions) return Status.INVALID_ARGS;
  const common = vmar.rights & vmo.rights;
  if ((rightsForPermissions(options) & ~common) !== 0) return Status.ACCESS_DENIED;
  const split = splitOptions(options | canMapOptionsFor(common));
  if (!isValue(split)) return split;
  const { isResizable, isDiscardable } = vmo.object;
  if (isResizable && (options & REQUIRE_NON_RESIZABLE) !== 0) return Status.NOT_SUPPORTED;
  if (isDiscardable && (options & ALLOW_FAULTS) === 0) return Status.NOT_SUPPORTED;
  return { ...split, mmuFlags: mmuFlagsIn(options, vmar.object) };
}

/** Ends a mapping that its caller never hears of, be it the vDSO's code, which nobody may unmap otherwise. */
function withdraw(mapping: VmMapping): void {
  const { aspace } = mapping;
  aspace.lock.acquire();
  try {
    if (!mapping.isAlive) return;
    if (aspace.vdsoCodeMapping === mapping) aspace.vdsoCodeMapping = null;
    destroyLocked(mapping);
  } finally {
    aspace.lock.release();
  }
}
