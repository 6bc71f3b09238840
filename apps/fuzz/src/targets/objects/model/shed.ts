import { Status } from "@aspace/arch";
import { isAligned, isInside, pagesOf, type Bytes } from "./bounds.ts";
import type { ModelObject } from "./model-object.ts";
import { Use } from "./model-object.ts";
import { ZERO, type PageValue } from "./page-value.ts";

/** What was taken out of an object, by position; zero where there was nothing. */
export type Taken = readonly PageValue[];

/** Gives memory back; the range is zero afterwards. */
export function decommit(object: ModelObject, bytes: Bytes): Status {
  if (object.isContiguous) return Status.NOT_SUPPORTED;
  if (!isInside(object, bytes)) return Status.OUT_OF_RANGE;
  if (bytes.length === 0) return Status.OK;
  const { node } = object;
  if (node.hasParent || node.source !== null) return Status.NOT_SUPPORTED;
  if (!isAligned(bytes)) return Status.INVALID_ARGS;
  const { page, end } = pagesOf(object, bytes);
  if (node.isPinnedBetween(page, end)) return Status.BAD_STATE;
  for (let at = page; at < end; at++) node.cells.delete(at);
  return Status.OK;
}

/** Takes the contents of whole pages out of an object. */
export function take(object: ModelObject, bytes: Bytes): Taken | Status {
  if (object.isContiguous) return Status.NOT_SUPPORTED;
  if (object.children.size > 0 || object.use === Use.SLICE) return Status.BAD_STATE;
  if (!isAligned(bytes)) return Status.INVALID_ARGS;
  if (!isInside(object, bytes)) return Status.OUT_OF_RANGE;
  const { node } = object;
  const { page, end } = pagesOf(object, bytes);
  const isShared = node.hasParent || node.source !== null || node.lookers.size > 0;
  if (isShared || node.isPinnedBetween(page, end)) return Status.BAD_STATE;
  const taken: PageValue[] = [];
  for (let at = page; at < end; at++) {
    taken.push(node.contentAt(at) ?? ZERO);
    node.cells.delete(at);
  }
  return taken;
}
