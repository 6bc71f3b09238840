import { KernelPanic, formatAddress, type Pfn } from "@aspace/arch";
import type { CowNode } from "./cow-node.ts";

/** What a frame of RAM is used for, as memory objects see it. */
export const PageState = {
  /** Nothing, or something that is not theirs. */
  FREE: 0,
  /** Somebody holds it in a variable: it is on its way into or out of a slot. */
  ALLOC: 1,
  /** It is in a slot, and in a page queue. */
  OBJECT: 2,
  /** The kernel keeps it: the page of zeroes. */
  WIRED: 3,
} as const;
export type PageState = (typeof PageState)[keyof typeof PageState];

const STATE_NAMES = ["free", "allocated", "in an object", "wired"] as const;

/** Whether a pager has stored what is in a page. */
export const DirtyState = {
  /** No pager cares. */
  UNTRACKED: 0,
  CLEAN: 1,
  DIRTY: 2,
  /** Writeback has begun, and nothing was written since. */
  AWAITING_CLEAN: 3,
} as const;
export type DirtyState = (typeof DirtyState)[keyof typeof DirtyState];

/** A page is pinned at most this often at the same time. */
export const MAX_PIN_COUNT = 31;

/**
 * One record for each frame of RAM, as arrays indexed by frame number. Records of FREE frames are
 * blank.
 */
export class Pages {
  /** A PageState each. */
  readonly state: Uint8Array;
  readonly pinCount: Uint8Array;
  /** A DirtyState each. */
  readonly dirtyState: Uint8Array;
  /** 1 where a pager's client asked to keep the page in memory. */
  readonly alwaysNeed: Uint8Array;
  /** For pages of hidden nodes: how many leaves see the page, less one (P6). */
  readonly shareCount: Int32Array;
  /** A Queue each; only MemoryQueues writes it. */
  readonly queue: Uint8Array;
  /** With `offset`, the slot that holds the frame (P2). */
  readonly node: (CowNode | null)[];
  readonly offset: Float64Array;
  /** Frames that were ever used are in `[usedFrom, usedLimit)`; the records of all others are blank. */
  private usedFrom: Pfn;
  private usedLimit: Pfn = 0;

  constructor(frameCount: number) {
    this.state = new Uint8Array(frameCount);
    this.pinCount = new Uint8Array(frameCount);
    this.dirtyState = new Uint8Array(frameCount);
    this.alwaysNeed = new Uint8Array(frameCount);
    this.shareCount = new Int32Array(frameCount);
    this.queue = new Uint8Array(frameCount);
    this.node = Array.from({ length: frameCount }, () => null);
    this.offset = new Float64Array(frameCount);
    this.usedFrom = frameCount;
  }

  /** Begins to use a frame, whose record is blank. */
  open(pfn: Pfn, state: PageState): void {
    this.assertState(pfn, PageState.FREE);
    this.state[pfn] = state;
    this.usedFrom = Math.min(this.usedFrom, pfn);
    this.usedLimit = Math.max(this.usedLimit, pfn + 1);
  }

  /** Blanks the record of a frame that is used no more. */
  close(pfn: Pfn): void {
    this.state[pfn] = PageState.FREE;
    this.pinCount[pfn] = 0;
    this.dirtyState[pfn] = DirtyState.UNTRACKED;
    this.alwaysNeed[pfn] = 0;
    this.shareCount[pfn] = 0;
    this.queue[pfn] = 0;
    this.node[pfn] = null;
    this.offset[pfn] = 0;
  }

  /** Panics with P1 unless the frame is used for this. */
  assertState(pfn: Pfn, state: PageState): void {
    const actual = this.state[pfn] as PageState | undefined;
    if (actual === state) return;
    throw new KernelPanic(
      "P1",
      `frame ${formatAddress(pfn)} should be ${STATE_NAMES[state]}, but is ${actual === undefined ? "no RAM" : STATE_NAMES[actual]}`,
    );
  }

  /** The node that has a frame in one of its slots, at page `offset`; null when it is in none. */
  holderOf(pfn: Pfn): CowNode | null {
    return this.state[pfn] === PageState.OBJECT ? this.node[pfn]! : null;
  }

  /** How many frames are used for something; FREE is not asked. */
  countOf(state: Exclude<PageState, typeof PageState.FREE>): number {
    let count = 0;
    for (let pfn = this.usedFrom; pfn < this.usedLimit; pfn++) {
      if (this.state[pfn] === state) count++;
    }
    return count;
  }

  /** Blanks every record, at the cost of those that were used. */
  reset(): void {
    for (let pfn = this.usedFrom; pfn < this.usedLimit; pfn++) this.close(pfn);
    this.usedFrom = this.state.length;
    this.usedLimit = 0;
  }
}
