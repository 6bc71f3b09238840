import { Status } from "@aspace/arch";
import { isAligned, isInside, pagesOf, type Bytes } from "./bounds.ts";
import { Dirt, markerCell, pageCell } from "./cell.ts";
import type { ModelNode } from "./model-node.ts";
import type { ModelObject } from "./model-object.ts";
import { Ask } from "./model-source.ts";
import { ZERO, type PageValue } from "./page-value.ts";
import type { Steps } from "./steps.ts";

/** What a pager supplies for a page: content, or the word that it is zero. */
export type Supplied = PageValue | "zero";

/** Statuses with which a pager may fail requests. */
const FAILURES: ReadonlySet<Status> = new Set([
  Status.IO,
  Status.IO_DATA_INTEGRITY,
  Status.BAD_STATE,
  Status.NO_SPACE,
  Status.BUFFER_TOO_SMALL,
]);

/** Fills gaps; what is there stays. Waits for nothing but memory, with nothing changed. */
export function* supply(
  object: ModelObject,
  bytes: Bytes,
  list: readonly Supplied[],
): Steps<Status> {
  const { node } = object;
  if (!isAligned(bytes) || node.source === null) return Status.INVALID_ARGS;
  if (!isInside(object, bytes)) return Status.OUT_OF_RANGE;
  const { page, end } = pagesOf(object, bytes);
  const status = yield { kind: "page", page, isDone: () => false };
  if (status !== Status.OK) return status;
  if (end > node.sizePages) return Status.OUT_OF_RANGE;
  if (node.source.isDetached) return Status.BAD_STATE;
  for (const [index, supplied] of list.entries()) {
    if (node.cells.has(page + index)) continue;
    const cell = supplied === "zero" ? markerCell() : pageCell(supplied, Dirt.CLEAN);
    node.cells.set(page + index, cell);
    node.source.resolve(Ask.READ, page + index, 1);
  }
  return Status.OK;
}

export function failRequests(object: ModelObject, bytes: Bytes, failure: Status): Status {
  const { node } = object;
  if (node.source === null || !isAligned(bytes) || !FAILURES.has(failure))
    return Status.INVALID_ARGS;
  if (!isInside(object, bytes)) return Status.OUT_OF_RANGE;
  const { page, end } = pagesOf(object, bytes);
  node.source.fail(page, end - page, failure);
  return Status.OK;
}

/** Lets pages become dirty, all or none. When none can, who asked is woken to find out. */
export function* dirty(object: ModelObject, bytes: Bytes): Steps<Status> {
  const { node } = object;
  if (!isAligned(bytes)) return Status.INVALID_ARGS;
  if (node.source?.trapsDirty !== true) return Status.NOT_SUPPORTED;
  if (!isInside(object, bytes)) return Status.OUT_OF_RANGE;
  const { page, end } = pagesOf(object, bytes);
  let status = yield { kind: "page", page, isDone: () => false };
  if (status === Status.OK) status = dirtyStatus(node, page, end);
  if (status !== Status.OK) {
    node.source.resolve(Ask.DIRTY, page, end - page);
    return status;
  }
  for (let at = page; at < end; at++) {
    const cell = node.cells.get(at)!;
    if (cell.kind === "page" && cell.dirt === Dirt.DIRTY) continue;
    if (cell.kind === "page") cell.dirt = Dirt.DIRTY;
    else node.cells.set(at, pageCell(ZERO, Dirt.DIRTY));
    node.source.resolve(Ask.DIRTY, at, 1);
  }
  return Status.OK;
}

function dirtyStatus(node: ModelNode, page: number, end: number): Status {
  if (end > node.sizePages) return Status.OUT_OF_RANGE;
  if (node.source!.isDetached) return Status.BAD_STATE;
  for (let at = page; at < end; at++) if (!node.cells.has(at)) return Status.NOT_FOUND;
  return Status.OK;
}

/** A run of pages that a pager has to store, counted from the object's start. */
export interface DirtyRun {
  readonly page: number;
  readonly count: number;
  readonly isZero: boolean;
}

export function dirtyRuns(object: ModelObject, bytes: Bytes): DirtyRun[] | Status {
  const { node } = object;
  if (!isAligned(bytes)) return Status.INVALID_ARGS;
  if (node.source === null) return Status.NOT_SUPPORTED;
  if (!isInside(object, bytes)) return Status.OUT_OF_RANGE;
  const { page, end } = pagesOf(object, bytes);
  const runs: { page: number; count: number; isZero: boolean }[] = [];
  for (let at = page; at < end; at++) {
    const cell = node.cells.get(at);
    if (cell === undefined || cell.kind === "marker") continue;
    if (cell.kind === "page" && cell.dirt === Dirt.CLEAN) continue;
    const isZero = cell.kind === "interval";
    const last = runs.at(-1);
    const shown = at - object.sliceOffset;
    if (last?.isZero === isZero && last.page + last.count === shown) last.count++;
    else runs.push({ page: shown, count: 1, isZero });
  }
  return runs;
}

export const Stored = { PAGES: "pages", ZEROES: "zeroes" } as const;
export type Stored = (typeof Stored)[keyof typeof Stored];

export function writebackBegin(object: ModelObject, bytes: Bytes, stored: Stored): Status {
  const status = writebackStatus(object, bytes);
  if (status !== Status.OK) return status;
  const { page, end } = pagesOf(object, bytes);
  for (let at = page; at < end; at++) {
    const cell = object.node.cells.get(at);
    if (cell?.kind === "interval") cell.dirt = Dirt.AWAITING_CLEAN;
    if (cell?.kind !== "page" || stored === Stored.ZEROES || cell.pins > 0) continue;
    if (cell.dirt === Dirt.DIRTY) cell.dirt = Dirt.AWAITING_CLEAN;
  }
  return status;
}

export function writebackEnd(object: ModelObject, bytes: Bytes): Status {
  const status = writebackStatus(object, bytes);
  if (status !== Status.OK) return status;
  const { page, end } = pagesOf(object, bytes);
  const { cells } = object.node;
  for (let at = page; at < end; at++) {
    const cell = cells.get(at);
    if (cell === undefined || cell.kind === "marker" || cell.dirt !== Dirt.AWAITING_CLEAN) continue;
    if (cell.kind === "page") cell.dirt = Dirt.CLEAN;
    else cells.delete(at);
  }
  return status;
}

function writebackStatus(object: ModelObject, bytes: Bytes): Status {
  if (!isAligned(bytes)) return Status.INVALID_ARGS;
  if (!isInside(object, bytes)) return Status.OUT_OF_RANGE;
  return object.node.source === null ? Status.NOT_SUPPORTED : Status.OK;
}

/** What the pager has stored goes; what it has not, and what is pinned, stays. */
export function detach(object: ModelObject): Status {
  const { source, cells } = object.node;
  if (source === null) return Status.INVALID_ARGS;
  if (source.isDetached) return Status.OK;
  source.detach();
  for (const [page, cell] of cells) {
    const isStored = cell.kind === "marker" || (cell.kind === "page" && cell.dirt === Dirt.CLEAN);
    if (isStored && object.node.pinsAt(page) === 0) cells.delete(page);
  }
  return Status.OK;
}
