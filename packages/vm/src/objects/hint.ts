import { Status } from "@aspace/arch";
import type { Blocking } from "./blocking.ts";
import { rootOf, type CowNode } from "./cow-node.ts";
import { LookupCursor, PageAccess } from "./lookup-cursor.ts";
import { Queue } from "./page-queues.ts";
import { readIn } from "./read-in.ts";

/**
 * Has pages of the pager's root that a node sees in `[page, page + count)` evicted before all others, as
 * far as they can be evicted: those that are clean, unpinned and not of high priority. A page that is
 * always needed stays marked as such, and in RAM.
 */
export function hintDontNeed(node: CowNode, page: number, count: number): void {
  if (count === 0) return;
  const { pmm, queues } = node.system;
  const root = rootOf(node);
  const cursor = new LookupCursor(node, page, count);
  cursor.disableMarkAccessed();
  while (cursor.remaining > 0) {
    if (cursor.skipMissingPages() > 0) continue;
    const frame = cursor.maybePage(PageAccess.READ);
    if (frame < 0 || pmm.pages.node[frame] !== root) continue;
    if (queues.queueOf(frame) === Queue.RECLAIM) queues.move(frame, Queue.DONT_NEED);
  }
}

/**
 * Reads in pages `[page, page + count)`, and marks those of the pager's root as always needed, for as long
 * as they exist. Always ends in OK: pages that cannot be had are left out.
 */
export function* hintAlwaysNeed(node: CowNode, page: number, count: number): Blocking<Status> {
  const { pages } = node.system.pmm;
  const root = rootOf(node);
  yield* readIn(node, page, count, (frame) => {
    if (pages.node[frame] === root) pages.alwaysNeed[frame] = 1;
  });
  return Status.OK;
}
