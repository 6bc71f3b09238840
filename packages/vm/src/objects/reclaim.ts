import type { Pfn } from "@aspace/arch";
import { CompressionOutcome, compressPage } from "./compression.ts";
import type { CowNode } from "./cow-node.ts";
import type { MemorySystem } from "./memory-system.ts";
import { DirtyState } from "./pages.ts";
import { RangeChange, rangeChange } from "./range-change.ts";
import { EMPTY_SLOT } from "./slot.ts";
import { locked } from "./under-lock.ts";

/** What becomes of a hint that a page is always needed. */
export const HintAction = { FOLLOW: "follow", IGNORE: "ignore" } as const;
export type HintAction = (typeof HintAction)[keyof typeof HintAction];

export const ReclaimResult = {
  /** The frame is where it was. */
  KEPT: "kept",
  /** The frame is free; the pager supplies the content when it is needed. */
  EVICTED: "evicted",
  /** The frame is free; the content is compressed, or was zero. */
  COMPRESSED: "compressed",
} as const;
export type ReclaimResult = (typeof ReclaimResult)[keyof typeof ReclaimResult];

/**
 * Gets a frame back whose content can be had without it: a pager's page when clean, an anonymous page by
 * compressing it. Takes the lock of the hierarchy. A frame that is in no slot by now is left alone; one
 * that is but cannot go, except a pinned one, counts as used.
 */
export function reclaimPage(
  system: MemorySystem,
  frame: Pfn,
  hintAction: HintAction,
): ReclaimResult {
  const node = system.pmm.pages.holderOf(frame);
  if (node === null) return ReclaimResult.KEPT;
  return locked(node.hierarchy, () => reclaimFrom(node, frame, hintAction));
}

function reclaimFrom(node: CowNode, frame: Pfn, hintAction: HintAction): ReclaimResult {
  const { pmm, queues } = node.system;
  const { pages } = pmm;
  const page = pages.offset[frame]!;
  if (pages.pinCount[frame]! > 0) return ReclaimResult.KEPT;
  if (
    node.highPriorityCount > 0 ||
    (node.isDirtyTracked && !isEvictable(node, frame, hintAction))
  ) {
    queues.markAccessed(frame);
    return ReclaimResult.KEPT;
  }
  const result = node.isDirtyTracked ? evict(node, page) : compress(node, page);
  if (result !== ReclaimResult.KEPT) node.reclamationEvents++;
  return result;
}

function isEvictable(node: CowNode, frame: Pfn, hintAction: HintAction): boolean {
  const { dirtyState, alwaysNeed } = node.system.pmm.pages;
  if (dirtyState[frame] !== DirtyState.CLEAN || node.source!.isOrphaned) return false;
  return alwaysNeed[frame] === 0 || hintAction === HintAction.IGNORE;
}

function evict(node: CowNode, page: number): ReclaimResult {
  rangeChange(node, page, 1, RangeChange.UNMAP);
  node.freeSlot(page, EMPTY_SLOT);
  return ReclaimResult.EVICTED;
}

function compress(node: CowNode, page: number): ReclaimResult {
  const isGone = compressPage(node, page) === CompressionOutcome.COMPRESSED;
  return isGone ? ReclaimResult.COMPRESSED : ReclaimResult.KEPT;
}
