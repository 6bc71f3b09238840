import { KernelPanic, Status } from "@aspace/arch";
import type { CowNode } from "./cow-node.ts";
import { freeOwnSlots } from "./decommit.ts";
import { RangeChange, rangeChange } from "./range-change.ts";

export const DiscardableState = {
  /** Never locked. */
  UNSET: "unset",
  /** Locked at least once. */
  UNRECLAIMABLE: "unreclaimable",
  /** Not locked any more. Reclaim may take everything. */
  RECLAIMABLE: "reclaimable",
  /** Reclaim took everything. */
  DISCARDED: "discarded",
} as const;
export type DiscardableState = (typeof DiscardableState)[keyof typeof DiscardableState];

/**
 * Whether the contents of an object may be thrown away. Its clients lock it to use it:
 *
 *     UNSET ──lock──▶ UNRECLAIMABLE ──last unlock──▶ RECLAIMABLE ──discard──▶ DISCARDED
 *                        ▲  ▲                            │                        │
 *                        │  └──────── lock, tryLock ─────┘                        │
 *                        └──────────────────── lock: zeroes ──────────────────────┘
 *
 * Invariant (P19): the count is above 0 iff UNRECLAIMABLE; a DISCARDED object has no pages.
 */
export class DiscardableTracker {
  private readonly node: CowNode;
  private now: DiscardableState = DiscardableState.UNSET;
  private locks = 0;
  /** Generation of the page queues in which the object became RECLAIMABLE. */
  private idleSince = 0;

  constructor(node: CowNode) {
    this.node = node;
  }

  get state(): DiscardableState {
    return this.now;
  }

  /** Locks that were not unlocked. */
  get lockCount(): number {
    return this.locks;
  }

  /** Until the next lock there is nothing to look at: NOT_FOUND. */
  get isDiscarded(): boolean {
    return this.now === DiscardableState.DISCARDED;
  }

  /** Keeps the contents from now on. Always succeeds; false when they were discarded before, and are zero. */
  lock(): boolean {
    const areContentsKept = !this.isDiscarded;
    this.locks++;
    this.now = DiscardableState.UNRECLAIMABLE;
    return areContentsKept;
  }

  /** Keeps the contents from now on; UNAVAILABLE, without a lock, when they were discarded. */
  tryLock(): Status {
    if (this.isDiscarded) return Status.UNAVAILABLE;
    this.lock();
    return Status.OK;
  }

  /** Takes back one lock; BAD_STATE when there is none. */
  unlock(): Status {
    if (this.locks === 0) return Status.BAD_STATE;
    this.locks--;
    if (this.locks > 0) return Status.OK;
    this.now = DiscardableState.RECLAIMABLE;
    this.idleSince = this.node.system.queues.newestGeneration;
    return Status.OK;
  }

  /**
   * Throws the contents away, if nobody used the object for at least `minAge` generations of the page queues, no
   * page is pinned and the node has no high priority. False: nothing has changed.
   */
  discard(minAge: number): boolean {
    const { node } = this;
    const age = node.system.queues.newestGeneration - this.idleSince;
    if (this.now !== DiscardableState.RECLAIMABLE || age < minAge) return false;
    if (node.pinnedPageCount > 0 || node.highPriorityCount > 0) return false;
    rangeChange(node, 0, node.sizePages, RangeChange.UNMAP);
    freeOwnSlots(node, 0, node.sizePages);
    this.now = DiscardableState.DISCARDED;
    node.reclamationEvents++;
    return true;
  }

  /** Panics with P19. */
  validate(): void {
    const isLocked = this.now === DiscardableState.UNRECLAIMABLE;
    const hasPages = this.node.slots.populatedCount > 0;
    if (this.locks > 0 === isLocked && !(this.isDiscarded && hasPages)) return;
    throw new KernelPanic("P19", `an object is ${this.now} with ${this.locks} locks`);
  }
}
