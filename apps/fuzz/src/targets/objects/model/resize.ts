import { Status } from "@aspace/arch";
import { Dirt, intervalCell } from "./cell.ts";
import type { ModelNode } from "./model-node.ts";
import { Ask, type ModelSource } from "./model-source.ts";
import { CACHED, type ModelObject } from "./model-object.ts";
import { PAGE_SIZE } from "./page-value.ts";
import type { Steps } from "./steps.ts";
import { zero } from "./zero.ts";

/** What `resize` will answer, memory aside. */
export function resizeStatus(object: ModelObject, pages: number): Status {
  if (!object.isResizable) return Status.UNAVAILABLE;
  const { node } = object;
  return node.isPinnedBetween(pages, node.sizePages) ? Status.BAD_STATE : Status.OK;
}

/** Changes the size. What a shrink cuts off is gone, also for those who look at it from below. */
export function resize(object: ModelObject, pages: number): Status {
  const status = resizeStatus(object, pages);
  const { node } = object;
  if (status !== Status.OK || pages === node.sizePages) return status;
  if (pages < node.sizePages) shrink(node, pages);
  else grow(node, pages);
  if (node.source !== null) node.isModified = true;
  return status;
}

/** The size in bytes; what lies behind them in the last page, if that was there before, becomes zero. */
export function* setSize(object: ModelObject, bytes: number): Steps<Status> {
  const rest = (PAGE_SIZE - (bytes % PAGE_SIZE)) % PAGE_SIZE;
  const hasTail = rest > 0 && bytes < object.sizePages * PAGE_SIZE;
  if (hasTail && object.isResizable && object.policy !== CACHED) return Status.BAD_STATE;
  const pages = (bytes + rest) / PAGE_SIZE;
  const { sizePages } = object;
  if (object.isResizable && pages > sizePages && object.node.source !== null) {
    const ready = yield { kind: "page", page: sizePages, isDone: () => false };
    if (ready !== Status.OK) return ready;
  }
  const status = resize(object, pages);
  if (status !== Status.OK || !hasTail) return status;
  return yield* zero(object, { offset: bytes, length: rest });
}

function shrink(node: ModelNode, pages: number): void {
  if (node.source !== null) wake(node, node.source, pages);
  for (const page of node.cells.keys()) if (page >= pages) node.cells.delete(page);
  if (node.window !== null) node.window.limit = Math.min(node.window.limit, pages);
  for (const looker of node.lookers) {
    const window = looker.window!;
    window.limit = Math.min(window.limit, Math.max(0, pages - window.offset));
  }
  node.sizePages = pages;
}

/** Whoever waits for pages that go wakes up and finds them gone. */
function wake(node: ModelNode, source: ModelSource, pages: number): void {
  for (let page = pages; page < node.sizePages; page++) {
    const cell = node.cells.get(page);
    if (cell === undefined) source.resolve(Ask.READ, page, 1);
    if (cell?.kind !== "page" || cell.dirt !== Dirt.DIRTY) source.resolve(Ask.DIRTY, page, 1);
  }
}

/** A pager never hears of new pages, but that they are to be stored as zero. */
function grow(node: ModelNode, pages: number): void {
  if (node.source !== null) {
    for (let page = node.sizePages; page < pages; page++) node.cells.set(page, intervalCell());
  }
  node.sizePages = pages;
}
