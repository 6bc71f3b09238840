import { Status } from "@aspace/arch";
import { complete, createObject, isValue, type Blocking, type Result } from "@aspace/vm";
import { Clone, cloneStatus } from "./model/children.ts";
import { CACHED } from "./model/model-object.ts";
import { Misuse } from "./operation.ts";
import { expectAnswer } from "./outcome.ts";
import type { Resident } from "./resident.ts";
import type { World } from "./world.ts";

const LAST_BYTE = 0xffff_ffff_ffff_ffffn;
const LAST_PAGE = 0xffff_ffff_ffff_f000n;
const PAGE = 0x1000n;

/** Calls with an argument that cannot be right. They change nothing. */
export function misuse(world: World, resident: Resident, which: Misuse): Status {
  switch (which) {
    case Misuse.OFFSET_WRAPS:
      return callWith(resident, LAST_PAGE, PAGE);
    case Misuse.LENGTH_WRAPS:
      return callWith(resident, PAGE, LAST_BYTE);
    case Misuse.HUGE_SIZE:
      return askForTooMuch(world, resident);
    case Misuse.UNALIGNED:
      return askUnaligned(resident);
  }
}

/** None of these may wait. */
const run = <T>(operation: Blocking<T>): T => complete(operation, () => {});

/** Ranges that end above 2^64. */
function callWith({ object, model }: Resident, offset: bigint, length: bigint): Status {
  const { OUT_OF_RANGE, NOT_SUPPORTED } = Status;
  expectAnswer(
    "commit of a range that wraps",
    OUT_OF_RANGE,
    run(object.commitRange(offset, length)),
  );
  const pinned = run(object.pinRange(offset, length, "read"));
  expectAnswer("pin of a range that wraps", OUT_OF_RANGE, pinned);
  const decommitted = object.decommitRange(offset, length);
  const isContiguous = model.isContiguous;
  expectAnswer(
    "decommit of a range that wraps",
    isContiguous ? NOT_SUPPORTED : OUT_OF_RANGE,
    decommitted,
  );
  const zeroed = run(object.zeroRange(offset, length));
  const isCached = model.policy === CACHED;
  expectAnswer("zero of a range that wraps", isCached ? OUT_OF_RANGE : Status.BAD_STATE, zeroed);
  return OUT_OF_RANGE;
}

/** Sizes above the largest object. */
function askForTooMuch({ system }: World, { object, model }: Resident): Status {
  const created = createObject(system, { size: LAST_BYTE });
  expectAnswer("create above the largest size", Status.OUT_OF_RANGE, answerOf(created));
  const resized = object.resize(LAST_BYTE);
  const expected = model.isResizable ? Status.OUT_OF_RANGE : Status.UNAVAILABLE;
  expectAnswer("resize above the largest size", expected, resized);
  const cloned = object.createClone({ kind: Clone.SNAPSHOT, offset: 0n, size: LAST_BYTE });
  expectAnswer(
    "clone above the largest size",
    childStatus(model, Status.OUT_OF_RANGE),
    answerOf(cloned),
  );
  const kind = Clone.AT_LEAST_ON_WRITE;
  const far = object.createClone({ kind, offset: LAST_PAGE, size: PAGE });
  const status = cloneStatus(model, kind);
  expectAnswer(
    "clone at the last page",
    status === Status.OK ? Status.INVALID_ARGS : status,
    answerOf(far),
  );
  return Status.OUT_OF_RANGE;
}

/** Offsets and lengths that are not whole pages. */
function askUnaligned({ object, model }: Resident): Status {
  const cloned = object.createClone({ kind: Clone.SNAPSHOT, offset: 1n, size: PAGE });
  expectAnswer(
    "clone at an unaligned offset",
    childStatus(model, Status.INVALID_ARGS),
    answerOf(cloned),
  );
  const sliced = object.createSlice({ offset: 1n, size: PAGE });
  const expected = model.isDiscardable ? Status.NOT_SUPPORTED : Status.INVALID_ARGS;
  expectAnswer("slice at an unaligned offset", expected, answerOf(sliced));
  const begun = object.writebackBegin(1n, PAGE, "pages");
  expectAnswer("writebackBegin at an unaligned offset", Status.INVALID_ARGS, begun);
  return Status.INVALID_ARGS;
}

const answerOf = <T extends object>(made: Result<T>): Status => (isValue(made) ? Status.OK : made);

/** What stands before the check of the argument. */
function childStatus(model: Resident["model"], refused: Status): Status {
  if (model.isDiscardable) return Status.NOT_SUPPORTED;
  return model.isContiguous ? Status.INVALID_ARGS : refused;
}
