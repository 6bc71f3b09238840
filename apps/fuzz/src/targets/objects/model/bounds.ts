import type { ModelObject } from "./model-object.ts";
import { PAGE_SIZE } from "./page-value.ts";

/** Bytes of an object. */
export interface Bytes {
  readonly offset: number;
  readonly length: number;
}

/** Pages of a node, `end` exclusive. */
export interface Pages {
  readonly page: number;
  readonly end: number;
}

/** Whether an object has all these bytes. An empty range at its end counts. */
export function isInside(object: ModelObject, { offset, length }: Bytes): boolean {
  return offset + length <= object.sizePages * PAGE_SIZE;
}

/** The pages of the node that a range of the object touches. */
export function pagesOf(object: ModelObject, { offset, length }: Bytes): Pages {
  const page = Math.floor(offset / PAGE_SIZE);
  const end = length === 0 ? page : Math.ceil((offset + length) / PAGE_SIZE);
  return { page: page + object.sliceOffset, end: end + object.sliceOffset };
}

export function isAligned({ offset, length }: Bytes): boolean {
  return offset % PAGE_SIZE === 0 && length % PAGE_SIZE === 0;
}

/** All of an object. */
export function wholeOf(object: ModelObject): Bytes {
  return { offset: 0, length: object.sizePages * PAGE_SIZE };
}
