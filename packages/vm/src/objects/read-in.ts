import { Status, type Pfn } from "@aspace/arch";
import type { Blocking } from "./blocking.ts";
import { isPagerTree, type CowNode } from "./cow-node.ts";
import { LookupCursor, PageAccess } from "./lookup-cursor.ts";
import { LazyPageRequest } from "./page-request.ts";

/**
 * Brings what a node sees in pages `[page, page + count)` into RAM, decompressed, without making copies.
 * One request asks for a whole run of absent pages. A page that cannot be had is left out, and so is what a
 * shrink cuts off during a wait.
 *
 * `visit` gets every frame in order, the page of zeroes where there is no content.
 */
export function* readIn(
  node: CowNode,
  page: number,
  count: number,
  visit?: (frame: Pfn) => void,
): Blocking<void> {
  const request = new LazyPageRequest();
  try {
    let at = page;
    for (let end = page + count; at < end; end = Math.min(end, node.sizePages)) {
      const cursor = new LookupCursor(node, at, end - at);
      let status = readInWithoutWaiting(node, cursor, request, visit);
      at = cursor.page;
      if (status === Status.SHOULD_WAIT) status = yield request;
      if (status !== Status.OK) at++;
    }
  } finally {
    request.cancel();
  }
}

function readInWithoutWaiting(
  node: CowNode,
  cursor: LookupCursor,
  request: LazyPageRequest,
  visit: ((frame: Pfn) => void) | undefined,
): Status {
  const isPaged = isPagerTree(node);
  while (cursor.remaining > 0) {
    // Without a pager an empty slot is zero for certain, so whole runs of them can be passed over.
    if (!isPaged && cursor.skipMissingPages() > 0) continue;
    const status = cursor.requirePage(PageAccess.READ, cursor.remaining, request);
    if (status !== Status.OK) return status;
    visit?.(cursor.frame);
  }
  return Status.OK;
}
