import { Status } from "@aspace/arch";
import type { Blocking } from "./blocking.ts";
import type { CowNode } from "./cow-node.ts";
import { LookupCursor, PageAccess } from "./lookup-cursor.ts";
import { LazyPageRequest } from "./page-request.ts";

/**
 * Gives a node its own pages for all of `[page, page + count)`, which was inside when it was asked for:
 * copies of what its ancestors have, zeroes, or what the pager supplies. One request asks for a whole run
 * of absent pages.
 *
 * What is cut off by a shrink during a wait needs no pages any more.
 *
 * @returns OK; BAD_STATE (the pager is gone), NO_MEMORY, or how a wait failed. Pages committed by then stay.
 */
export function* commitRange(node: CowNode, page: number, count: number): Blocking<Status> {
  const request = new LazyPageRequest();
  try {
    let at = page;
    for (let end = page + count; at < end; end = Math.min(end, node.sizePages)) {
      const cursor = new LookupCursor(node, at, end - at);
      let status = commitWithoutWaiting(cursor, request);
      if (status === Status.SHOULD_WAIT) status = yield request;
      if (status !== Status.OK) return status;
      at = cursor.page;
    }
    return Status.OK;
  } finally {
    request.cancel();
  }
}

function commitWithoutWaiting(cursor: LookupCursor, request: LazyPageRequest): Status {
  cursor.disableZeroFork();
  while (cursor.remaining > 0) {
    const status = cursor.requireOwnedPage(PageAccess.READ, cursor.remaining, request);
    if (status !== Status.OK) return status;
  }
  return Status.OK;
}
