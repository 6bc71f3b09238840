import { Status } from "@aspace/arch";
import type { CowNode } from "./cow-node.ts";

const FAILURE_CODES: ReadonlySet<Status> = new Set([
  Status.IO,
  Status.IO_DATA_INTEGRITY,
  Status.BAD_STATE,
  Status.NO_SPACE,
  Status.BUFFER_TOO_SMALL,
]);

/** Whether a pager may fail requests with a status. */
export function isFailureCode(status: Status): boolean {
  return FAILURE_CODES.has(status);
}

/**
 * A pager says that it cannot supply the pages, or that they cannot become dirty. Every outstanding request
 * with a page in the range fails, all of it (O-R8). Nothing is remembered: who asks next, asks the pager
 * again.
 *
 * `node` is a pager's root. The caller has checked, in this order: `isFailureCode` (INVALID_ARGS), and that
 * all of the range is inside (OUT_OF_RANGE).
 */
export function failPageRequests(
  node: CowNode,
  page: number,
  count: number,
  failure: Status,
): void {
  node.source!.onPagesFailed(page, count, failure);
}
