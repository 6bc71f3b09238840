import { Status } from "@aspace/arch";
import { complete, isValue } from "@aspace/vm";
import { Clone } from "./model/children.ts";
import { CACHED } from "./model/model-object.ts";
import { Misuse } from "./operation.ts";
import { expectAnswer } from "./outcome.ts";
import type { Resident } from "./resident.ts";

const LAST_BYTE = 0xffff_ffff_ffff_ffffn;
const LAST_PAGE = 0xffff_ffff_ffff_f000n;
const PAGE = 0x1000n;

/** Calls with an argument that cannot be right. They change nothing. */
export function misuse(resident: Resident, which: Misuse): Status {
  switch (which) {
    case Misuse.OFFSET_WRAPS:
      return callWith(resident, LAST_PAGE, PAGE);
    case Misuse.LENGTH_WRAPS:
      return callWith(resident, PAGE, LAST_BYTE);
    case Misuse.HUGE_SIZE:
      return askForTooMuch(resident);
    case Misuse.UNALIGNED:
      return askUnaligned(resident);
  }
}

/** Ranges that end above 2^64. */
function callWith({ object, model }: Resident, offset: bigint, length: bigint): Status {
  const { OUT_OF_RANGE, NOT_SUPPORTED } = Status;
  const run = <T>(operation: Parameters<typeof complete<T>>[0]): T => complete(operation, () => {});
  expectAnswer("commit of a range that wraps", OUT_OF_RANGE, run(object.commitRange(offset, length)));
  const pinned = run(object.pinRange(offset, length, "read"));
  expectAnswer("pin of a range that wraps", OUT_OF_RANGE, pinned);
  const decommitted = object.decommitRange(offset, length);
  const isContiguous = model.isContiguous;
  expectAnswer("decommit of a range that wraps", isContiguous ? NOT_SUPPORTED : OUT_OF_RANGE, decommitted);
  const zeroed = run(object.zeroRange(offset, length));
  const isCached = model.policy === CACHED;
  expectAnswer("zero of a range that wraps", isCached ? OUT_OF_RANGE : Status.BAD_STATE, zeroed);
  return OUT_OF_RANGE;
}

/** Sizes above the largest object. */
function askForTooMuch({ object, model }: Resident): Status {
  const resized = object.resize(LAST_BYTE);
  const expected = model.isResizable ? Status.OUT_OF_RANGE : Status.UNAVAILABLE;
  expectAnswer("resize above the largest size", expected, resized);
  const cloned = object.createClone({ kind: Clone.SNAPSHOT, offset: 0n, size: LAST_BYTE });
  expectAnswer("clone above the largest size", childStatus(model, Status.OUT_OF_RANGE), isValue(cloned) ? Status.OK : cloned);
  return Status.OUT_OF_RANGE;
}

/** Offsets and lengths that are not whole pages. */
function askUnaligned({ object, model }: Resident): Status {
  const cloned = object.createClone({ kind: Clone.SNAPSHOT, offset: 1n, size: PAGE });
  expectAnswer("clone at an unaligned offset", childStatus(model, Status.INVALID_ARGS), isValue(cloned) ? Status.OK : cloned);
  const sliced = object.createSlice({ offset: 1n, size: PAGE });
  const expected = model.isDiscardable ? Status.NOT_SUPPORTED : Status.INVALID_ARGS;
  expectAnswer("slice at an unaligned offset", expected, isValue(sliced) ? Status.OK : sliced);
  const begun = object.writebackBegin(1n, PAGE, "pages");
  expectAnswer("writebackBegin at an unaligned offset", Status.INVALID_ARGS, begun);
  return Status.INVALID_ARGS;
}

/** What stands before the check of the argument. */
function childStatus(model: Resident["model"], refused: Status): Status {
  if (model.isDiscardable) return Status.NOT_SUPPORTED;
  return model.isContiguous ? Status.INVALID_ARGS : refused;
}
