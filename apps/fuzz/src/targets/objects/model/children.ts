import { Status } from "@aspace/arch";
import { inheritedCopy, type Cell } from "./cell.ts";
import { ModelNode, NodeType } from "./model-node.ts";
import { CACHED, ModelObject, Use } from "./model-object.ts";

export const Clone = {
  SNAPSHOT: "snapshot",
  AT_LEAST_ON_WRITE: "snapshot-at-least-on-write",
  MODIFIED: "snapshot-modified",
} as const;
export type Clone = (typeof Clone)[keyof typeof Clone];

/** Pages of the parent. They may lie beyond its end: there is zero. */
export interface Span {
  readonly page: number;
  readonly count: number;
}

type Manner = "lazy" | "eager" | Status;

/** What `cloneObject` will answer, memory aside. */
export function cloneStatus(object: ModelObject, kind: Clone): Status {
  if (object.isDiscardable) return Status.NOT_SUPPORTED;
  if (object.isContiguous) return Status.INVALID_ARGS;
  if (object.policy !== CACHED) return Status.BAD_STATE;
  const { node } = object;
  const manner = object.use === Use.SLICE ? mannerOfSlice(node, kind) : mannerOf(node, kind);
  if (typeof manner === "number") return manner;
  const isPinned = node.isPinnedBetween(0, node.sizePages);
  return manner === "eager" && isPinned ? Status.BAD_STATE : Status.OK;
}

/** The support matrix of section 2.4, as corrected. */
function mannerOf(node: ModelNode, kind: Clone): Manner {
  if (!node.isUnderPager) return "eager";
  if (kind === Clone.SNAPSHOT) return Status.NOT_SUPPORTED;
  if (node.source !== null) return "lazy";
  if (node.siblings.size > 1) return "eager";
  if (kind === Clone.AT_LEAST_ON_WRITE) return "lazy";
  const canFreeze = node.lookers.size === 0 && node.window!.node === node.root;
  return canFreeze ? "eager" : Status.NOT_SUPPORTED;
}

function mannerOfSlice(node: ModelNode, kind: Clone): Manner {
  if (!node.isUnderPager || kind === Clone.SNAPSHOT || hasHiddenPast(node))
    return Status.NOT_SUPPORTED;
  if (kind === Clone.AT_LEAST_ON_WRITE || node.source !== null) return "lazy";
  return Status.NOT_SUPPORTED;
}

function hasHiddenPast(node: ModelNode): boolean {
  for (let at: ModelNode | undefined = node; at !== undefined; at = at.window?.node) {
    if (at.siblings.size > 1) return true;
  }
  return false;
}

/** Makes a clone that `cloneStatus` allows. */
export function cloneObject(
  object: ModelObject,
  kind: Clone,
  span: Span,
  isResizable: boolean,
): ModelObject {
  const { node } = object;
  const page = span.page + object.sliceOffset;
  const end = object.sliceOffset + object.sizePages;
  const limit = Math.min(span.count, Math.max(end - page, 0));
  const manner = object.use === Use.SLICE ? mannerOfSlice(node, kind) : mannerOf(node, kind);
  const clone = new ModelNode(NodeType.ANONYMOUS, span.count, { mayWait: node.mayWait });
  if (manner === "lazy") lookThrough(clone, node, page, limit);
  else part(clone, node, page, limit);
  return new ModelObject({ node: clone, use: Use.OWNER, isResizable, parent: object });
}

/** Lazy: the clone looks at the nearest node that has something of its own in the range. */
function lookThrough(clone: ModelNode, from: ModelNode, page: number, limit: number): void {
  let node = from;
  let offset = page;
  let seen = limit;
  while (node.window !== null && !hasOwn(node, offset, offset + seen)) {
    const { window } = node;
    seen = Math.min(seen, Math.max(window.limit - offset, 0));
    offset += window.offset;
    node = window.node;
  }
  clone.openWindow({ node, offset, limit: seen });
}

function hasOwn(node: ModelNode, from: number, end: number): boolean {
  for (const page of node.cells.keys()) if (page >= from && page < end) return true;
  return false;
}

/** Eager: both have from now on what the one had. */
function part(clone: ModelNode, node: ModelNode, page: number, limit: number): void {
  for (const [at, cell] of node.cells) {
    const inherited = inheritedFrom(cell);
    node.cells.set(at, inherited);
    if (at >= page && at < page + limit) clone.cells.set(at - page, inheritedCopy(inherited));
  }
  node.siblings.add(clone);
  clone.siblings = node.siblings;
  const { window } = node;
  if (window === null) return;
  const seen = Math.min(limit, Math.max(window.limit - page, 0));
  clone.openWindow({ node: window.node, offset: window.offset + page, limit: seen });
}

function inheritedFrom(cell: Cell): ReturnType<typeof inheritedCopy> {
  if (cell.kind === "interval") throw new Error("the reference model parts from an interval");
  return inheritedCopy(cell);
}

export function sliceStatus(object: ModelObject, span: Span): Status {
  if (object.isDiscardable) return Status.NOT_SUPPORTED;
  if (span.page + span.count > object.sizePages) return Status.INVALID_ARGS;
  if (object.isResizable) return Status.NOT_SUPPORTED;
  return object.policy !== CACHED && !object.isContiguous ? Status.BAD_STATE : Status.OK;
}

export function sliceObject(object: ModelObject, span: Span): ModelObject {
  const slice = { offset: object.sliceOffset + span.page, count: span.count };
  const { node, policy } = object;
  const options = { node, policy, slice, parent: object, isResizable: false };
  return new ModelObject({ ...options, use: Use.SLICE });
}

export function referenceStatus(object: ModelObject, isResizable: boolean): Status {
  if (object.isDiscardable) return Status.NOT_SUPPORTED;
  if (object.isContiguous || object.use === Use.SLICE) return Status.NOT_SUPPORTED;
  if (isResizable && !object.isResizable) return Status.NOT_SUPPORTED;
  return object.policy !== CACHED ? Status.BAD_STATE : Status.OK;
}

/** Resizability is the parent's, whatever was asked. */
export function referenceTo(object: ModelObject): ModelObject {
  const { node, isResizable } = object;
  return new ModelObject({ node, use: Use.REFERENCE, isResizable, parent: object });
}
