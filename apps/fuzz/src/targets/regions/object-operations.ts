import { Status } from "@aspace/arch";
import {
  CloneKind,
  PageAccess,
  WritebackKind,
  complete,
  createObject,
  isValue,
  type SpliceList,
  type Transfer,
  type VmObjectPaged,
} from "@aspace/vm";
import {
  commit,
  decommit,
  detach,
  dirty,
  failRequests,
  resize,
  snapshot,
  supply,
  write,
  writeback,
} from "./model/object-operations.ts";
import type { Creation, Operation } from "./operation.ts";
import { expectAnswer, lacks, sameStatus, type Stage } from "./outcome.ts";
import type { ObjectResident } from "./resident.ts";
import { begin } from "./threads.ts";
import { bytes, slotFrom } from "./world.ts";

type OnObject = Exclude<Extract<Operation, { readonly object: number }>, { readonly kind: "map" }>;

export function performOnObject(
  stage: Stage,
  resident: ObjectResident,
  operation: OnObject,
): Status | null {
  switch (operation.kind) {
    case "drop":
      return drop(stage, operation.object);
    case "write":
      return writeWord(stage, resident, operation.page);
    case "commit":
      return begin(stage, {
        what: "commit",
        real: resident.real.commitRange(bytes(operation.page), bytes(operation.count)),
        model: commit(resident.model, operation.page, operation.count),
        object: resident.model,
        fault: null,
        settle: sameStatus("commit"),
      });
    case "zero":
      return zero(stage, resident, operation.page, operation.count);
    case "pin":
      return pin(stage, resident, operation.page, operation.count);
    case "unpin":
      return unpin(resident);
    case "snapshot":
      return makeSnapshot(stage, resident, operation);
    case "supply":
      return supplyPages(stage, resident, operation.page, operation.count);
    default:
      return performAtOnce(stage, resident, operation);
  }
}

type AtOnce = Extract<
  OnObject,
  {
    readonly kind:
      | "decommit"
      | "resize"
      | "fail"
      | "dirty"
      | "writebackBegin"
      | "writebackEnd"
      | "detach";
  }
>;

/** What never waits and never lacks memory. */
function performAtOnce(
  { world }: Stage,
  { real, paged, model }: ObjectResident,
  operation: AtOnce,
): Status | null {
  const { kind } = operation;
  const [page, count] = "count" in operation ? [operation.page, operation.count] : [0, 0];
  const range = [bytes(page), bytes(count)] as const;
  const settle = sameStatus(kind);
  if (kind === "decommit") {
    const seen = world.attempt(() => real.decommitRange(...range));
    return settle(seen, decommit(model, page, count));
  }
  if (kind === "resize") {
    // A pager's object never grows: what its pager does not know is another target's subject.
    const pages = model.isPager ? Math.min(operation.pages, model.size) : operation.pages;
    const seen = world.attempt(() => real.resize(bytes(pages)));
    return settle(seen, resize(model, pages));
  }
  if (paged === null) return null;
  switch (kind) {
    case "fail":
      return settle(paged.failPageRequests(...range, Status.IO), failRequests(model, page, count));
    case "dirty":
      return settle(
        complete(paged.dirtyPages(...range), () => {}),
        dirty(model, page, count),
      );
    case "writebackBegin":
      return settle(
        paged.writebackBegin(...range, WritebackKind.PAGES),
        writeback(model, page, count, ["dirty", "awaiting-clean"]),
      );
    case "writebackEnd":
      return settle(
        paged.writebackEnd(...range),
        writeback(model, page, count, ["awaiting-clean", "clean"]),
      );
    case "detach":
      return settle(paged.detachSource(), detach(model));
  }
}

/** Its slot lets an object go. */
export function drop({ world }: Stage, slot: number): Status {
  const { real, model } = world.objects[slot]!;
  for (const { page, count } of model.pins) real.unpinRange(bytes(page), bytes(count));
  model.pins = [];
  world.objects[slot] = null;
  real.release();
  model.letGo();
  return Status.OK;
}

export function create(stage: Stage, creation: Creation, to: number): Status | null {
  const { world } = stage;
  const slot = slotFrom(world.objects, to, (old) => old === null);
  if (slot < 0) return null;
  const made = world.createObject(creation);
  if (made === null) return null;
  if (typeof made === "number") {
    expectAnswer("create", lacks(stage, made) ? made : Status.OK, made);
    return made;
  }
  world.objects[slot] = made;
  // Device memory is whatever it was.
  if (made.model.isPhysical) {
    const { words } = world.kernel.machine.memory;
    for (const [page, cell] of made.model.cells.entries()) {
      cell.value = words[(made.model.firstFrame + page) * FRAME_WORDS]! >>> 0;
    }
  }
  return Status.OK;
}

const FRAME_WORDS = 1024;

function word(value: number): Uint8Array {
  const store = new Uint8Array(4);
  new DataView(store.buffer).setUint32(0, value, true);
  return store;
}

function writeWord(stage: Stage, { real, model }: ObjectResident, page: number): Status {
  const { serial } = stage;
  return begin(stage, {
    what: "write",
    real: real.write(bytes(page), word(serial)),
    model: write(model, page, serial),
    object: model,
    fault: null,
    settle: ({ status }: Transfer, expected: Status) => {
      expectAnswer("write", expected, status);
      return status;
    },
  });
}

/** Zeroes pages; of a pager's object, see above. A failure may leave the first of them zero. */
function zero(
  stage: Stage,
  { real, model }: ObjectResident,
  page: number,
  count: number,
): Status | null {
  const { world } = stage;
  if (model.isPager || model.creation.type === "patient") return null;
  const seen = world.attempt(() => complete(real.zeroRange(bytes(page), bytes(count)), () => {}));
  let expected: Status = Status.OK;
  if (model.isPhysical) expected = Status.NOT_SUPPORTED;
  else if (!model.contains(page, count)) expected = Status.OUT_OF_RANGE;
  const isLacking = expected === Status.OK && lacks(stage, seen);
  expectAnswer("zero", isLacking ? Status.NO_MEMORY : expected, seen);
  if (expected !== Status.OK) return seen;
  if (isLacking) world.lack();
  for (let at = page; at < page + count; at++) {
    if (isLacking && readWord(real as VmObjectPaged, at) !== 0) continue;
    if (model.isPinned(at, 1)) model.own(at).value = 0;
    else model.clear(at, 1);
  }
  return seen;
}

/** The word at the beginning of a page that is there. */
export function readWord(object: VmObjectPaged, page: number): number {
  const into = new Uint8Array(4);
  const { status } = complete(object.read(bytes(page), into), () => {});
  if (status !== Status.OK) throw new Error(`page ${page} cannot be read`);
  return new DataView(into.buffer).getUint32(0, true);
}

/** Pins pages, once at most for each object. */
function pin(
  stage: Stage,
  { real, model }: ObjectResident,
  page: number,
  count: number,
): Status | null {
  const { world } = stage;
  if (model.isPager || model.isPhysical || model.pins.length > 0) return null;
  if (model.creation.type === "patient") return null;
  const range = [bytes(page), bytes(count)] as const;
  const seen = world.attempt(() => complete(real.pinRange(...range, PageAccess.WRITE), () => {}));
  let expected: Status = Status.OK;
  if (count === 0) expected = Status.INVALID_ARGS;
  else if (!model.contains(page, count)) expected = Status.OUT_OF_RANGE;
  else if (lacks(stage, seen)) {
    world.lack();
    expected = Status.NO_MEMORY;
  }
  expectAnswer("pin", expected, seen);
  if (seen !== Status.OK) return seen;
  for (let at = page; at < page + count; at++) model.own(at);
  model.pins = [{ page, count }];
  return seen;
}

function unpin({ real, model }: ObjectResident): Status | null {
  const [held] = model.pins;
  if (held === undefined) return null;
  real.unpinRange(bytes(held.page), bytes(held.count));
  model.pins = [];
  return Status.OK;
}

function makeSnapshot(
  stage: Stage,
  { real, paged, model }: ObjectResident,
  { page, count, to }: Extract<Operation, { readonly kind: "snapshot" }>,
): Status | null {
  const { world } = stage;
  const slot = slotFrom(world.objects, to, (old) => old === null);
  if (slot < 0 || paged === null) return null;
  const [offset, size] = [bytes(page), bytes(count)];
  const kind = CloneKind.SNAPSHOT;
  const child = world.attempt(() => real.createClone({ kind, offset, size, resizable: true }));
  const seen = isValue(child) ? Status.OK : child;
  const type = model.creation.type === "vdso" ? "anonymous" : model.creation.type;
  if (lacks(stage, seen)) {
    world.lack();
    return seen;
  }
  const creation: Creation = { type, pages: count, sizing: "resizable", cachePolicy: 0 };
  const expected = snapshot(model, creation, page);
  expectAnswer("snapshot", typeof expected === "number" ? expected : Status.OK, seen);
  if (!isValue(child) || typeof expected === "number") return seen;
  world.objects[slot] = world.enter(child, expected);
  return seen;
}

/** A pager gives pages that hold the number of the operation. */
function supplyPages(
  stage: Stage,
  { paged, model }: ObjectResident,
  page: number,
  count: number,
): Status | null {
  if (paged === null || count === 0) return null;
  const { world } = stage;
  const list = freshList(stage, count);
  if (list === null) {
    // Another architecture's page tables may have left more.
    world.hasLacked = true;
    return null;
  }
  const seen = world.attempt(() => complete(paged.supplyPages(bytes(page), list), () => {}));
  if (lacks(stage, seen)) return seen;
  expectAnswer("supply", supply(model, page, count, stage.serial), seen);
  return seen;
}

/** Pages that somebody else wrote; null when there is no memory for them. */
function freshList({ world, serial }: Stage, count: number): SpliceList | null {
  const donor = createObject(world.kernel.memory, { size: bytes(count) });
  if (!isValue(donor)) return null;
  let isWhole = true;
  for (let page = 0; page < count && isWhole; page++) {
    const { status } = complete(donor.write(bytes(page), word(serial)), () => {});
    isWhole = status === Status.OK;
  }
  const list = isWhole ? donor.takePages(0n, bytes(count)) : null;
  donor.release();
  return list !== null && isValue(list) ? list : null;
}
