import { Status } from "@aspace/arch";
import type { Creation } from "../operation.ts";
import type { ModelObject } from "./model-object.ts";
import { AGAIN, type Need, type Steps } from "./steps.ts";

/** Memory for an object. */
export function need(object: ModelObject): Need {
  const { type } = object.creation;
  const mayWait = type === "patient" || object.isPager;
  return { kind: "need", patience: mayWait ? "waits" : "fails" };
}

/** Makes a page there to be read, or to be written; the caller knows that it is inside, and again after each wait. */
export function* touch(
  object: ModelObject,
  page: number,
  access: "read" | "write",
  isInside: () => boolean = () => page < object.size,
): Steps<Status> {
  for (;;) {
    if (!isInside()) return Status.OUT_OF_RANGE;
    const { state } = object.cells[page]!;
    const mustAsk = access === "write" && object.trapsDirty && state !== "dirty";
    if (state === "absent" || mustAsk) {
      if (object.isDetached) return Status.BAD_STATE;
      const ask = state === "absent" ? "read" : "dirty";
      const waited = yield { kind: "wait", ask, object, page };
      if (waited !== Status.OK && waited !== AGAIN) return waited;
      continue;
    }
    const got = yield need(object);
    if (got === AGAIN) continue;
    // A pager's page needs no memory to be written: where there is none, it is dirty before page tables lack it.
    const isTouched = got === Status.OK || object.isPager;
    if (isTouched && access === "write" && !object.isPhysical) object.own(page);
    return got;
  }
}

/** Stores a word at the beginning of a page. */
export function* write(object: ModelObject, page: number, value: number): Steps<Status> {
  if (object.isPhysical) return Status.NOT_SUPPORTED;
  if (!object.contains(page, 1)) return Status.OUT_OF_RANGE;
  const status = yield* touch(object, page, "write");
  if (status === Status.OK) object.cells[page]!.value = value;
  return status;
}

/** Pages of its own for a range; of a pager's object, the pages that its pager has. */
export function* commit(object: ModelObject, page: number, count: number): Steps<Status> {
  if (object.isPhysical) return Status.NOT_SUPPORTED;
  if (!object.contains(page, count)) return Status.OUT_OF_RANGE;
  if (!object.isPager) return yield* commitOwn(object, page, count);
  for (let at = page; at < Math.min(page + count, object.size);) {
    if (object.cells[at]!.state !== "absent") {
      at++;
      continue;
    }
    if (object.isDetached) return Status.BAD_STATE;
    const waited = yield { kind: "wait", ask: "read", object, page: at };
    if (waited !== Status.OK && waited !== AGAIN) return waited;
  }
  return Status.OK;
}

function* commitOwn(object: ModelObject, page: number, count: number): Steps<Status> {
  if (count === 0) return Status.OK;
  let got = yield need(object);
  while (got === AGAIN) got = yield need(object);
  if (got !== Status.OK) return got;
  for (let at = page; at < Math.min(page + count, object.size); at++) object.own(at);
  return Status.OK;
}

/** Brings what a pager has into memory, as far as that goes. */
export function* readIn(object: ModelObject, page: number, count: number): Steps<void> {
  if (!object.isPager) return;
  for (let at = page; at < Math.min(page + count, object.size);) {
    if (object.cells[at]!.state !== "absent" || object.isDetached) {
      at++;
      continue;
    }
    const waited = yield { kind: "wait", ask: "read", object, page: at };
    if (waited !== Status.OK && waited !== AGAIN) at++;
  }
}

export function* hintAlwaysNeed(object: ModelObject, page: number, count: number): Steps<Status> {
  if (!object.isPager) return Status.OK;
  if (!object.contains(page, count)) return Status.OUT_OF_RANGE;
  yield* readIn(object, page, count);
  return Status.OK;
}

export function hintDontNeed(object: ModelObject, page: number, count: number): Status {
  return object.isPager && !object.contains(page, count) ? Status.OUT_OF_RANGE : Status.OK;
}

export function decommit(object: ModelObject, page: number, count: number): Status {
  if (object.isPhysical) return Status.NOT_SUPPORTED;
  if (!object.contains(page, count)) return Status.OUT_OF_RANGE;
  if (count === 0) return Status.OK;
  if (object.isPager || object.family.members.size > 1) return Status.NOT_SUPPORTED;
  if (object.isPinned(page, count)) return Status.BAD_STATE;
  object.clear(page, count);
  return Status.OK;
}

export function resize(object: ModelObject, pages: number): Status {
  if (object.isPhysical) return Status.NOT_SUPPORTED;
  if (object.creation.sizing === "fixed") return Status.UNAVAILABLE;
  const { size } = object;
  if (pages < size && object.isPinned(pages, size - pages)) return Status.BAD_STATE;
  object.cells.length = Math.min(size, pages);
  while (object.size < pages) object.cells.push(object.freshCell());
  return Status.OK;
}

/** A copy of a range; the status of what is wrong with it. */
export function snapshot(
  object: ModelObject,
  creation: Creation,
  page: number,
): ModelObject | Status {
  if (object.isPhysical || object.isPager) return Status.NOT_SUPPORTED;
  if (object.pins.length > 0) return Status.BAD_STATE;
  return object.copy(creation, page);
}

/** The pager has contents for pages. */
export function supply(object: ModelObject, page: number, count: number, value: number): Status {
  if (!object.isPager) return Status.INVALID_ARGS;
  if (!object.contains(page, count)) return Status.OUT_OF_RANGE;
  if (object.isDetached) return Status.BAD_STATE;
  for (let at = page; at < page + count; at++) {
    if (object.cells[at]!.state !== "absent") continue;
    object.cells[at] = { value, state: "clean", committed: true, share: 0 };
  }
  return Status.OK;
}

export function failRequests(object: ModelObject, page: number, count: number): Status {
  if (!object.isPager) return Status.INVALID_ARGS;
  return object.contains(page, count) ? Status.OK : Status.OUT_OF_RANGE;
}

export function dirty(object: ModelObject, page: number, count: number): Status {
  if (!object.trapsDirty) return Status.NOT_SUPPORTED;
  if (!object.contains(page, count)) return Status.OUT_OF_RANGE;
  if (object.isDetached) return Status.BAD_STATE;
  const cells = object.cells.slice(page, page + count);
  if (cells.some(({ state }) => state === "absent")) return Status.NOT_FOUND;
  for (const cell of cells) cell.state = "dirty";
  return Status.OK;
}

export function writeback(
  object: ModelObject,
  page: number,
  count: number,
  [from, to]: readonly ["dirty", "awaiting-clean"] | readonly ["awaiting-clean", "clean"],
): Status {
  // What is outside is seen before what is unsupported.
  if (!object.isPhysical && !object.contains(page, count)) return Status.OUT_OF_RANGE;
  if (!object.isPager) return Status.NOT_SUPPORTED;
  for (const cell of object.cells.slice(page, page + count)) {
    if (cell.state === from) cell.state = to;
  }
  return Status.OK;
}

/** What the pager has stored goes, and what it never gave never comes. */
export function detach(object: ModelObject): Status {
  if (!object.isPager) return Status.INVALID_ARGS;
  if (object.isDetached) return Status.OK;
  object.isDetached = true;
  for (let at = 0; at < object.size; at++) {
    if (object.cells[at]!.state === "clean") object.cells[at] = object.freshCell();
  }
  return Status.OK;
}
