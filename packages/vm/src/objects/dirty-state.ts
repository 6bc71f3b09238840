import { KernelPanic } from "@aspace/arch";
import type { CowNode } from "./cow-node.ts";
import { DirtyState } from "./pages.ts";
import { slotPage } from "./slot.ts";

const NAMES = ["untracked", "clean", "dirty", "awaiting clean"] as const;

/**
 * Changes whether the pager has stored a page. Panics with P16 for any change but these:
 *
 *     CLEAN ──── written ───▶ DIRTY ──── writeback begins, ────▶ AWAITING_CLEAN
 *       ▲                       ▲        unless pinned             │       │
 *       │                       └───────── written ────────────────┘       │
 *       └────────────────────────────── writeback ends ────────────────────┘
 *
 * Nothing leads from DIRTY to CLEAN directly, so what was written after a writeback began is stored by the
 * next one.
 */
export function changeDirtyState(node: CowNode, page: number, to: DirtyState): void {
  const { pages } = node.system.pmm;
  const frame = slotPage(node.get(page));
  const from = pages.dirtyState[frame]! as DirtyState;
  if (!isLegal(from, to, pages.pinCount[frame]! > 0)) {
    throw new KernelPanic(
      "P16",
      `page ${page} of node ${node.id} goes from ${NAMES[from]} to ${NAMES[to]}`,
    );
  }
  pages.dirtyState[frame] = to;
  node.requeue(frame);
}

/** The page is about to be written; nothing changes when it is dirty already. */
export function markDirty(node: CowNode, page: number): void {
  const frame = slotPage(node.get(page));
  if (node.system.pmm.pages.dirtyState[frame] === DirtyState.DIRTY) return;
  changeDirtyState(node, page, DirtyState.DIRTY);
}

function isLegal(from: DirtyState, to: DirtyState, isPinned: boolean): boolean {
  switch (to) {
    case DirtyState.DIRTY:
      return from === DirtyState.CLEAN || from === DirtyState.AWAITING_CLEAN;
    case DirtyState.AWAITING_CLEAN:
      return from === DirtyState.DIRTY && !isPinned;
    case DirtyState.CLEAN:
      return from === DirtyState.AWAITING_CLEAN;
    case DirtyState.UNTRACKED:
      return false;
  }
}
