import { Status } from "@aspace/arch";
import { isInside, pagesOf, type Bytes } from "./bounds.ts";
import { Dirt, intervalCell, markerCell } from "./cell.ts";
import { NodeType, type ModelNode } from "./model-node.ts";
import { Ask, type ModelSource } from "./model-source.ts";
import { CACHED, type ModelObject } from "./model-object.ts";
import { PAGE_SIZE, ZERO, isZeroBetween } from "./page-value.ts";
import { isWait, type SeenPage, type Steps } from "./steps.ts";
import { touch, Want } from "./touch.ts";
import { write } from "./transfer.ts";

/** Makes bytes zero: part of a page by writing, whole pages by giving up what they hold. */
export function* zero(object: ModelObject, bytes: Bytes): Steps<Status> {
  const check = (): Status => zeroStatus(object, bytes);
  let status = check();
  if (status !== Status.OK || bytes.length === 0) return status;
  const { page, end } = pagesOf(object, bytes);
  const from = bytes.offset % PAGE_SIZE;
  const to = (bytes.offset + bytes.length) % PAGE_SIZE;
  let first = page;
  let last = end;
  if (from > 0) {
    const stop = end === page + 1 && to > 0 ? to : PAGE_SIZE;
    status = yield* zeroPart(object, page, from, stop, check);
    if (status !== Status.OK || (end === page + 1 && to > 0)) return status;
    first++;
  }
  if (to > 0) last--;
  status = yield* zeroPages(object.node, first, last, check);
  if (status !== Status.OK || to === 0) return status;
  return yield* zeroPart(object, last, 0, to, check);
}

function zeroStatus(object: ModelObject, bytes: Bytes): Status {
  if (object.policy !== CACHED) return Status.BAD_STATE;
  return isInside(object, bytes) ? Status.OK : Status.OUT_OF_RANGE;
}

function* zeroPart(
  object: ModelObject,
  page: number,
  from: number,
  end: number,
  check: () => Status,
): Steps<Status> {
  if (isZeroForGood(object.node, page)) return Status.OK;
  const offset = (page - object.sliceOffset) * PAGE_SIZE + from;
  const { status } = yield* rechecked(write(object, { offset, length: end - from }, 0), check);
  return status;
}

/** After every wait, whether the whole may go on. */
function* rechecked<T extends { readonly status: Status }>(
  steps: Steps<T>,
  check: () => Status,
): Steps<T | { status: Status }> {
  let step = steps.next();
  while (step.done !== true) {
    const waited = yield step.value;
    const status = waited === Status.OK ? check() : waited;
    if (status !== Status.OK) return { status };
    step = steps.next(Status.OK);
  }
  return step.value;
}

/** Nothing but a write to the node itself can put content there. */
function isZeroForGood(node: ModelNode, page: number): boolean {
  const own = node.ownCell(page);
  if (own?.kind === "marker" || own?.kind === "interval") return true;
  const found = node.find(page);
  if (!node.isUnderPager) return found.cell?.kind !== "page";
  return found.cell === null && found.node === node && node.source === null;
}

function* zeroPages(
  node: ModelNode,
  page: number,
  end: number,
  check: () => Status,
): Steps<Status> {
  const isFree = !node.hasParent && node.source === null && !node.isPinnedBetween(page, end);
  if (isFree && node.type === NodeType.ANONYMOUS) {
    for (let at = page; at < end; at++) node.cells.delete(at);
    return Status.OK;
  }
  if (node.siblings.size === 1) closeWindow(node, page, end);
  for (let at = page; at < end;) {
    const isDone = (seen: SeenPage): boolean => isZeroed(node, at, seen);
    let status = yield { kind: "page", page: at, isDone };
    if (status === Status.OK) status = check();
    if (status !== Status.OK) return status;
    const answer = zeroPage(node, at);
    status = isWait(answer) ? yield answer : answer;
    if (status !== Status.OK) return status;
    if (isWait(answer)) continue;
    if (node.source !== null) node.isModified = true;
    at++;
  }
  return Status.OK;
}

/** A range up to the end of what a lazy clone sees closes its window there: nothing behind it can show again. */
function closeWindow(node: ModelNode, page: number, end: number): void {
  const { window } = node;
  if (window !== null && page < window.limit && window.limit <= end) window.limit = page;
}

function zeroPage(node: ModelNode, page: number): ReturnType<typeof touch> {
  const cell = node.cells.get(page);
  const isFixed = node.type === NodeType.CONTIGUOUS || node.pinsAt(page) > 0;
  if (isFixed && cell?.kind === "page") {
    const answer = touch(node, page, Want.WRITE, 1);
    if (answer === Status.OK) cell.value = ZERO;
    return answer;
  }
  if (node.source !== null) zeroTracked(node, node.source, page);
  else if (cell?.kind === "marker") return Status.OK;
  else if (needsMarker(node, page)) node.cells.set(page, markerCell());
  else node.cells.delete(page);
  return Status.OK;
}

/** The pager is told by an interval that there is something to store; what it knows to be zero stays. */
function zeroTracked(node: ModelNode, source: ModelSource, page: number): void {
  const cell = node.cells.get(page);
  if (cell?.kind === "marker") return;
  node.cells.set(page, intervalCell());
  if (cell === undefined) source.resolve(Ask.READ, page, 1);
}

/** Whether content from above, now or later, would show in an empty slot. */
function needsMarker(node: ModelNode, page: number): boolean {
  if (!node.isUnderPager) return false;
  const isInView = node.window !== null && page < node.window.limit;
  return isInView || node.cells.get(page)?.isInherited === true;
}

/**
 * Away from a pager's own node: a page of zeroes was not dealt with yet, unless it is pinned; where nothing shows through any
 * more, nothing need be said.
 */
function isZeroedHere(node: ModelNode, page: number, { own, shown, pins }: SeenPage): boolean {
  if (own === "page") return pins > 0;
  if (own === "marker" || shown === "nothing" || node.cells.get(page)?.kind === "marker")
    return true;
  return shown === "marker" && !needsMarker(node, page);
}

function isZeroed(node: ModelNode, page: number, seen: SeenPage): boolean {
  if (seen.value === null || !isZeroBetween(seen.value, 0, PAGE_SIZE)) return false;
  if (node.source === null) return isZeroedHere(node, page, seen);
  if (seen.own === "interval") return seen.dirt === Dirt.DIRTY;
  return (
    seen.own === "marker" || (seen.own === "page" && seen.dirt === Dirt.DIRTY && seen.pins > 0)
  );
}
