import { Status, type Pfn } from "@aspace/arch";
import { NodeKind, type CowNode } from "./cow-node.ts";
import { Queue } from "./page-queues.ts";
import type { LazyPageRequest } from "./page-request.ts";
import { DirtyState } from "./pages.ts";
import { RangeChange, rangeChange } from "./range-change.ts";
import type { Resolution } from "./resolve.ts";
import { EMPTY_SLOT, slotPage } from "./slot.ts";

/** Where a new page of zeroes is filed: for a while among those that may turn out to stay zero, or as any other. */
export const ZeroFork = { SCAN: "scan", ORDINARY: "ordinary" } as const;
export type ZeroFork = (typeof ZeroFork)[keyof typeof ZeroFork];

/**
 * Gives `leaf` its own page with the content of the ancestor's page that `found` names, and returns
 * the frame. NO_MEMORY, or SHOULD_WAIT with `request` bound: nothing has changed.
 *
 *     hidden, seen by this leaf only     hidden, shared              visible (a pager's root)
 *     H [P]      ▶ H [ ]                 H [P×2] ▶ H [P×1]           R [P]  ▶ R [P]
 *     L [ ]        L [P]  moved          L [ ]     L [C]  copied     L [ ]    L [C]  copied
 *
 * Slot memory is asked for first, so that a failure leaves nothing half done.
 */
export function forkPage(
  leaf: CowNode,
  page: number,
  found: Resolution,
  request: LazyPageRequest,
): Pfn | Status {
  const { pmm, queues } = leaf.system;
  const source = slotPage(found.slot);
  if (!leaf.slots.reserve(page)) return Status.NO_MEMORY;
  queues.markAccessed(source);
  const others = pmm.pages.shareCount[source]!;
  if (found.node.isHidden && others === 0) {
    found.node.moveSlot(found.page, leaf, page);
    return source;
  }
  const copy = leaf.allocate(request);
  if (copy < 0) {
    leaf.slots.set(page, EMPTY_SLOT);
    return copy;
  }
  pmm.copy(source, copy);
  if (found.node.isHidden) pmm.pages.shareCount[source]!--;
  leaf.insertPage(page, copy, DirtyState.UNTRACKED);
  rangeChange(leaf, page, 1, RangeChange.UNMAP);
  return copy;
}

/**
 * Gives `node` its own page of zeroes where it has none, and returns the frame. `dirtyState` is
 * UNTRACKED but on a pager's root. NO_MEMORY, or SHOULD_WAIT with `request` bound: nothing has changed.
 */
export function forkZero(
  node: CowNode,
  page: number,
  dirtyState: DirtyState,
  zeroFork: ZeroFork,
  request: LazyPageRequest,
): Pfn | Status {
  const { pmm, queues } = node.system;
  const before = node.get(page);
  if (!node.slots.reserve(page)) return Status.NO_MEMORY;
  const frame = node.allocate(request);
  if (frame < 0) {
    node.slots.set(page, before);
    return frame;
  }
  pmm.zero(frame);
  node.insertPage(page, frame, dirtyState);
  if (zeroFork === ZeroFork.SCAN && isScanned(node)) queues.move(frame, Queue.ANONYMOUS_ZERO_FORK);
  rangeChange(node, page, 1, RangeChange.UNMAP);
  return frame;
}

/** Whether fresh zero pages of a node are looked at again later: not those of a pager, and none that must stay. */
function isScanned(node: CowNode): boolean {
  return node.kind === NodeKind.ANONYMOUS && node.highPriorityCount === 0;
}
