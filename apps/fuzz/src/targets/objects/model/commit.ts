import { Status } from "@aspace/arch";
import { isInside, pagesOf, type Bytes } from "./bounds.ts";
import { Dirt, type PageCell } from "./cell.ts";
import type { ModelNode } from "./model-node.ts";
import type { ModelObject } from "./model-object.ts";
import { isWait, type SeenPage, type Steps } from "./steps.ts";
import { touch, Want } from "./touch.ts";

export const MOST_PINS = 31;

/** Gives an object pages of its own. A shrink meanwhile ends it well. */
export function* commit(object: ModelObject, bytes: Bytes): Steps<Status> {
  if (!isInside(object, bytes)) return Status.OUT_OF_RANGE;
  const { node } = object;
  const { page, end } = pagesOf(object, bytes);
  if (page === end) return Status.OK;
  if (object.isDiscarded) return Status.NOT_FOUND;
  // What a shrink cut off stays out of it, also when the object grows again.
  let last = end;
  for (let at = page; ;) {
    last = Math.min(last, node.sizePages);
    if (at >= last) return Status.OK;
    let status = yield { kind: "page", page: at, isDone: ({ own }) => own === "page" };
    if (status !== Status.OK) return status;
    if (object.isDiscarded) return Status.NOT_FOUND;
    last = Math.min(last, node.sizePages);
    if (at >= last) return Status.OK;
    const answer = touch(node, at, Want.OWN, last - at);
    status = isWait(answer) ? yield answer : answer;
    if (status !== Status.OK) return status;
    if (!isWait(answer)) at++;
  }
}

/** Pins every page of a range once, one after the other, or in the end none. */
export function* pin(object: ModelObject, bytes: Bytes, want: Want): Steps<Status> {
  if (bytes.length === 0) return Status.INVALID_ARGS;
  if (!isInside(object, bytes)) return Status.OUT_OF_RANGE;
  if (object.isDiscarded) return Status.NOT_FOUND;
  const { node } = object;
  const { page, end } = pagesOf(object, bytes);
  let at = page;
  try {
    while (at < end) {
      let status = yield { kind: "page", page: at, isDone: (seen) => isReady(seen, want) };
      if (status === Status.OK && object.isDiscarded) status = Status.NOT_FOUND;
      if (status === Status.OK && end > node.sizePages) status = Status.OUT_OF_RANGE;
      if (status === Status.OK && node.pinsAt(at) === MOST_PINS) status = Status.UNAVAILABLE;
      const answer = status === Status.OK ? touch(node, at, want, end - at) : status;
      status = isWait(answer) ? yield answer : answer;
      if (status !== Status.OK) return status;
      if (!isWait(answer)) pinnedPage(node, at++).pins++;
    }
    if (want === Want.WRITE && node.source !== null) node.isModified = true;
    return Status.OK;
  } finally {
    // Also when the thread is killed while it waits.
    if (at < end) unpinPages(node, page, at);
  }
}

/** Whether a page is one that could be pinned. Pins themselves may have been taken back. */
function isReady({ own, dirt }: SeenPage, want: Want): boolean {
  const isWritten = dirt === Dirt.UNTRACKED || dirt === Dirt.DIRTY;
  return own === "page" && (want !== Want.WRITE || isWritten);
}

export function unpin(object: ModelObject, bytes: Bytes): void {
  const { page, end } = pagesOf(object, bytes);
  unpinPages(object.node, page, end);
}

function unpinPages(node: ModelNode, page: number, end: number): void {
  for (let at = page; at < end; at++) pinnedPage(node, at).pins--;
}

function pinnedPage(node: ModelNode, page: number): PageCell {
  const cell = node.ownCell(page);
  if (cell?.kind !== "page") throw new Error(`the reference model has no page ${page} to pin`);
  return cell;
}
