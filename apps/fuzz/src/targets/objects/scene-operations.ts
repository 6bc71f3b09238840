import { Status } from "@aspace/arch";
import { Clone } from "./model/children.ts";
import type { LockCall } from "./model/discarding.ts";
import { HintKind } from "./model/hint.ts";
import { PAGE_SIZE } from "./model/page-value.ts";
import { Stored } from "./model/pager-calls.ts";
import {
  Access,
  Answer,
  Interruption,
  Misuse,
  Patience,
  Sizing,
  SupplyPattern,
  type ObjectType,
  type Operation,
} from "./operation.ts";

/** Operations in the words of scenes: short, with the operands that scenes vary. Pages unless it says bytes. */

type Kind<K extends Operation["kind"]> = Extract<Operation, { readonly kind: K }>;

export const create = (to: number, type: ObjectType, pages: number): Operation => ({
  kind: "create",
  to,
  type,
  pages,
  sizing: Sizing.RESIZABLE,
  patience: Patience.WAITS,
  pager: 0,
});

const cloned =
  (clone: Clone) =>
  (object: number, to: number, page: number, count: number): Operation => ({
    kind: "clone",
    object,
    to,
    page,
    count,
    clone,
    sizing: Sizing.RESIZABLE,
  });

export const snapshot: ReturnType<typeof cloned> = cloned(Clone.SNAPSHOT);
export const lazyClone: ReturnType<typeof cloned> = cloned(Clone.AT_LEAST_ON_WRITE);
export const modifiedClone: ReturnType<typeof cloned> = cloned(Clone.MODIFIED);

export const slice = (object: number, to: number, page: number, count: number): Operation => ({
  kind: "slice",
  object,
  to,
  page,
  count,
});

export const reference = (object: number, to: number): Operation => ({
  kind: "reference",
  object,
  to,
  sizing: Sizing.FIXED,
});

export const drop = (object: number): Operation => ({ kind: "drop", object });

const onBytes =
  <K extends "read" | "write" | "commit" | "decommit" | "zero">(kind: K) =>
  (object: number, page: number, count: number): Operation => ({
    kind,
    object,
    offset: page * PAGE_SIZE,
    length: count * PAGE_SIZE,
  });

type OnRange = (object: number, page: number, count: number) => Operation;

export const read: OnRange = onBytes("read");
export const write: OnRange = onBytes("write");
export const commit: OnRange = onBytes("commit");
export const decommit: OnRange = onBytes("decommit");
export const zero: OnRange = onBytes("zero");

/** From the middle of a page to the middle of another. */
export const zeroAcross = (object: number, page: number, count: number): Operation => ({
  kind: "zero",
  object,
  offset: page * PAGE_SIZE + PAGE_SIZE / 2,
  length: count * PAGE_SIZE,
});

const onPages =
  <
    K extends
      | "lookup"
      | "lookupContiguous"
      | "dirty"
      | "enumerateDirty"
      | "writebackEnd"
      | "commitHighPriority",
  >(
    kind: K,
  ) =>
  (object: number, page: number, count: number): Operation => ({ kind, object, page, count });

export const lookup: OnRange = onPages("lookup");
export const lookupContiguous: OnRange = onPages("lookupContiguous");
export const dirty: OnRange = onPages("dirty");
export const enumerateDirty: OnRange = onPages("enumerateDirty");
export const writebackEnd: OnRange = onPages("writebackEnd");
export const commitHighPriority: OnRange = onPages("commitHighPriority");

export const writebackBegin = (
  object: number,
  page: number,
  count: number,
  stored: Stored = Stored.PAGES,
): Operation => ({ kind: "writebackBegin", object, page, count, stored });

export const supply = (
  object: number,
  page: number,
  count: number,
  pattern: SupplyPattern = SupplyPattern.PAGES,
): Operation => ({ kind: "supply", object, page, count, pattern });

export const fail = (object: number, page: number, count: number): Operation => ({
  kind: "fail",
  object,
  page,
  count,
  failure: Status.IO,
});

export const pin = (
  object: number,
  page: number,
  count: number,
  access: Access = Access.WRITE,
): Operation => ({
  kind: "pin",
  object,
  page,
  count,
  access,
  to: 0,
});

export const unpin = (slot: number): Operation => ({ kind: "unpin", pin: slot });

export const take = (object: number, page: number, count: number): Operation => ({
  kind: "take",
  object,
  page,
  count,
  to: 0,
});

export const supplyList = (object: number, page: number): Operation => ({
  kind: "supplyList",
  object,
  page,
  list: 0,
});

export const resize = (object: number, pages: number): Operation => ({
  kind: "resize",
  object,
  pages,
});

export const setSize = (object: number, bytes: number): Operation => ({
  kind: "setSize",
  object,
  bytes,
});

export const hint = (
  object: number,
  page: number,
  count: number,
  kind: HintKind = HintKind.ALWAYS_NEED,
): Operation => ({
  kind: "hint",
  object,
  offset: page * PAGE_SIZE,
  length: count * PAGE_SIZE,
  hint: kind,
});

export const lock = (object: number, call: LockCall): Operation => ({ kind: "lock", object, call });

const onObject =
  <K extends "detach" | "discard" | "map" | "unmap" | "takeModified">(kind: K) =>
  (object: number): Operation => ({ kind, object });

export const detach: (object: number) => Operation = onObject("detach");
export const discard: (object: number) => Operation = onObject("discard");
export const map: (object: number) => Operation = onObject("map");
export const unmap: (object: number) => Operation = onObject("unmap");
export const takeModified: (object: number) => Operation = onObject("takeModified");

export const fault = (object: number, page: number, count: number, access: Access): Operation => ({
  kind: "fault",
  object,
  page,
  count,
  access,
});

export const prioritize = (object: number, level: Kind<"prioritize">["level"]): Operation => ({
  kind: "prioritize",
  object,
  level,
});

export const serve = (answer: Answer = Answer.SUPPLY, count = 0): Operation => ({
  kind: "serve",
  pager: 0,
  answer,
  count,
});

export const closePager = (): Operation => ({ kind: "closePager", pager: 0 });

export const resume = (actor: number): Operation => ({ kind: "resume", actor });

export const interrupt = (actor: number, how: Interruption): Operation => ({
  kind: "interrupt",
  actor,
  how,
});

export const memory = (level: Kind<"memory">["level"]): Operation => ({ kind: "memory", level });

export const failAllocation = (nth: number): Operation => ({ kind: "failAllocation", nth });

export const delayAllocation = (nth: number): Operation => ({ kind: "delayAllocation", nth });

export const evict = (object: number, page: number): Operation => ({
  kind: "evict",
  object,
  page,
  hints: "follow",
});

export const beginCompression = (object: number, page: number): Operation => ({
  kind: "beginCompression",
  object,
  page,
});

export const finishCompression = (
  result: Kind<"finishCompression">["result"] = "fits",
): Operation => ({
  kind: "finishCompression",
  result,
});

export const dedup = (object: number, page: number): Operation => ({ kind: "dedup", object, page });

export const scan = (pages: number): Operation => ({ kind: "scan", pages, minAge: 0 });

export const setCachePolicy = (object: number, policy: number): Operation => ({
  kind: "setCachePolicy",
  object,
  policy,
});

/** Every call with a wrong argument. */
export const everyMisuse = (object: number): Operation[] =>
  Object.values(Misuse).map((misuse) => ({ kind: "misuse", object, misuse }));
