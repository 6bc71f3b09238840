import { KernelPanic, NO_FRAME, formatAddress, type PageQueues, type Pfn } from "@aspace/arch";
import { PageState, type Pages } from "./pages.ts";

/** What the kernel intends with a page. Every frame in a slot is in exactly one queue. */
export const Queue = {
  /** Not in a slot. */
  NONE: 0,
  /** Pinned, or contiguous: it stays where it is. */
  WIRED: 1,
  /** The pager has not stored it yet. */
  PAGER_BACKED_DIRTY: 2,
  /** Reclaimable, but for the priority of its node. */
  HIGH_PRIORITY: 3,
  /** Ages, and goes when it is old enough. */
  RECLAIM: 4,
  /** Somebody said that it can go first. */
  DONT_NEED: 5,
  /** New and zero; worth a look whether it still is. */
  ANONYMOUS_ZERO_FORK: 6,
  /** Compressing it did not help. */
  FAILED_RECLAIM: 7,
  /** Nobody has another copy, and it cannot be compressed. */
  ANONYMOUS: 8,
} as const;
export type Queue = (typeof Queue)[keyof typeof Queue];

const QUEUE_COUNT = 9;

/** How many generations the RECLAIM queue tells apart; what is older counts as the oldest. */
export const RECLAIM_GENERATIONS = 8;

/**
 * The queues as linked lists through arrays indexed by frame, each in order of entry:
 *
 *     RECLAIM   first ▸ [3] [3] [4] [6] [6] [6] ◂ last      [n] a frame last used in generation n
 *               oldest, goes next          newest
 *
 * Invariant: generations ascend along RECLAIM and none is above `newestGeneration`, because a frame
 * enters and is accessed in the newest.
 */
export class MemoryQueues implements PageQueues {
  private readonly pages: Pages;
  /** By queue. */
  private readonly firsts: Int32Array = new Int32Array(QUEUE_COUNT).fill(NO_FRAME);
  private readonly lasts: Int32Array = new Int32Array(QUEUE_COUNT).fill(NO_FRAME);
  private readonly counts: Int32Array = new Int32Array(QUEUE_COUNT);
  /** By frame, for those in a queue. */
  private readonly nexts: Int32Array;
  private readonly previous: Int32Array;
  private readonly generations: Int32Array;
  private newest = RECLAIM_GENERATIONS - 1;

  constructor(pages: Pages) {
    this.pages = pages;
    const frameCount = pages.state.length;
    this.nexts = new Int32Array(frameCount);
    this.previous = new Int32Array(frameCount);
    this.generations = new Int32Array(frameCount);
  }

  /** The generation of what is used now. */
  get newestGeneration(): number {
    return this.newest;
  }

  /** Files a frame that came into a slot. Panics with P2 unless it is OBJECT and in no queue. */
  enter(pfn: Pfn, queue: Queue): void {
    if (this.pages.state[pfn] !== PageState.OBJECT || this.queueOf(pfn) !== Queue.NONE) {
      throw new KernelPanic("P2", `frame ${formatAddress(pfn)} cannot enter a queue`);
    }
    this.append(pfn, queue);
  }

  /** Takes a frame that leaves its slot out of its queue. Panics with P2 when it is in none. */
  leave(pfn: Pfn): void {
    this.remove(pfn);
    this.pages.queue[pfn] = Queue.NONE;
  }

  /** Files a frame anew, as the newest of its queue. Panics with P2 when it is in none. */
  move(pfn: Pfn, queue: Queue): void {
    this.remove(pfn);
    this.append(pfn, queue);
  }

  /** NONE for frames that are in no slot. */
  queueOf(pfn: Pfn): Queue {
    return this.pages.queue[pfn]! as Queue;
  }

  /** The generation in which a frame of RECLAIM was last used; the oldest one told apart if before it. */
  generationOf(pfn: Pfn): number {
    return Math.max(this.generations[pfn]!, this.newest - RECLAIM_GENERATIONS + 1);
  }

  countOf(queue: Queue): number {
    return this.counts[queue]!;
  }

  /** The frame of a queue that entered it, or was accessed in it, longest ago; or NO_FRAME. */
  first(queue: Queue): Pfn {
    return this.firsts[queue]!;
  }

  /** The next frame of the same queue, or NO_FRAME. */
  next(pfn: Pfn): Pfn {
    return this.nexts[pfn]!;
  }

  /** Frames in a slot, and those that somebody holds. The page of zeroes has none: it has no age. */
  hasRecord(pfn: Pfn): boolean {
    const state = this.pages.state[pfn];
    return state === PageState.OBJECT || state === PageState.ALLOC;
  }

  /** The page was used: in RECLAIM and DONT_NEED it becomes the newest of RECLAIM, elsewhere nothing changes. */
  markAccessed(pfn: Pfn): void {
    const queue = this.queueOf(pfn);
    const isFresh = queue === Queue.RECLAIM && this.generations[pfn] === this.newest;
    if (isFresh || (queue !== Queue.RECLAIM && queue !== Queue.DONT_NEED)) return;
    this.move(pfn, Queue.RECLAIM);
  }

  /** Everything becomes one generation older. */
  rotate(): void {
    this.newest++;
  }

  /**
   * The frame to reclaim next, or NO_FRAME: one that is not needed, else the one of RECLAIM that was
   * not used for longest, if that is at least `minAge` generations, 0..7, ago.
   */
  peekReclaim(minAge: number): Pfn {
    if (this.countOf(Queue.DONT_NEED) > 0) return this.first(Queue.DONT_NEED);
    const oldest = this.first(Queue.RECLAIM);
    if (oldest === NO_FRAME || this.newest - this.generationOf(oldest) < minAge) return NO_FRAME;
    return oldest;
  }

  /** Empties every queue, at the cost of what is in them. */
  reset(): void {
    for (let queue = 0; queue < QUEUE_COUNT; queue++) {
      for (let pfn = this.firsts[queue]!; pfn !== NO_FRAME; pfn = this.nexts[pfn]!) {
        this.pages.queue[pfn] = Queue.NONE;
      }
    }
    this.firsts.fill(NO_FRAME);
    this.lasts.fill(NO_FRAME);
    this.counts.fill(0);
    this.newest = RECLAIM_GENERATIONS - 1;
  }

  /** Walks every queue; panics with P2 unless each frame in a slot, and no other, is in exactly the one it says. */
  validate(): void {
    let listed = 0;
    for (let queue = 1; queue < QUEUE_COUNT; queue++) listed += this.validateQueue(queue as Queue);
    const inSlots = this.pages.countOf(PageState.OBJECT);
    if (listed !== inSlots) {
      throw new KernelPanic("P2", `${inSlots} frames are in slots, but ${listed} in queues`);
    }
  }

  private validateQueue(queue: Queue): number {
    let count = 0;
    let before = NO_FRAME;
    for (let pfn = this.first(queue); pfn !== NO_FRAME; pfn = this.next(pfn)) {
      const isLinked = this.previous[pfn] === before && this.queueOf(pfn) === queue;
      const isInOrder =
        queue !== Queue.RECLAIM || before === NO_FRAME || this.isNoOlder(pfn, before);
      if (!isLinked || !isInOrder || this.pages.state[pfn] !== PageState.OBJECT) {
        throw new KernelPanic("P2", `frame ${formatAddress(pfn)} is misplaced in queue ${queue}`);
      }
      before = pfn;
      count++;
    }
    if (count !== this.counts[queue] || before !== this.lasts[queue]) {
      throw new KernelPanic(
        "P2",
        `queue ${queue} counts ${this.counts[queue]} frames, but has ${count}`,
      );
    }
    return count;
  }

  private isNoOlder(pfn: Pfn, before: Pfn): boolean {
    return (
      this.generations[pfn]! >= this.generations[before]! && this.generations[pfn]! <= this.newest
    );
  }

  private append(pfn: Pfn, queue: Queue): void {
    if (queue === Queue.NONE) throw new KernelPanic("P2", "NONE is no queue to be in");
    const last = this.lasts[queue]!;
    if (last === NO_FRAME) this.firsts[queue] = pfn;
    else this.nexts[last] = pfn;
    this.previous[pfn] = last;
    this.nexts[pfn] = NO_FRAME;
    this.lasts[queue] = pfn;
    this.counts[queue]!++;
    this.pages.queue[pfn] = queue;
    this.generations[pfn] = this.newest;
  }

  private remove(pfn: Pfn): void {
    const queue = this.queueOf(pfn);
    if (queue === Queue.NONE) {
      throw new KernelPanic("P2", `frame ${formatAddress(pfn)} is in no queue`);
    }
    const before = this.previous[pfn]!;
    const after = this.nexts[pfn]!;
    if (before === NO_FRAME) this.firsts[queue] = after;
    else this.nexts[before] = after;
    if (after === NO_FRAME) this.lasts[queue] = before;
    else this.previous[after] = before;
    this.counts[queue]!--;
  }
}
