/** What a pager does about a request that somebody waits for. */
import { KernelPanic, Status } from "@aspace/arch";
import { rootOf, type CowNode } from "../src/objects/cow-node.ts";
import { dirtyPages } from "../src/objects/dirty-pages.ts";
import { RequestType, type LazyPageRequest } from "../src/objects/page-request.ts";
import { fillPage, run } from "./small-system.ts";

/** Supplies every page that is asked for with its number in the root plus 1, and lets pages become dirty. Memory returns. */
export function answer(node: CowNode): (request: LazyPageRequest) => void {
  const root = rootOf(node);
  return (request) => {
    switch (request.type) {
      case RequestType.READ:
        return supply(root, request.page, request.count);
      case RequestType.DIRTY:
        return allowDirty(root, request.page, request.count);
      case RequestType.MEMORY:
        return root.system.pmm.serviceWaiters();
      default:
        throw new KernelPanic("P17", `${String(request.type satisfies never)} is no type`);
    }
  };
}

/** Supplies pages of a root with their number plus 1. */
export function supply(root: CowNode, page: number, count: number): void {
  for (let at = page; at < page + count; at++) fillPage(root, at, at + 1);
  root.source!.onPagesSupplied(page, count);
}

function allowDirty(root: CowNode, page: number, count: number): void {
  const status = run(dirtyPages(root, page, count));
  if (status !== Status.OK) throw new Error(`pages did not become dirty: status ${status}`);
}
