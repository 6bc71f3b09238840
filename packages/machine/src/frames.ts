import { KernelPanic, NO_FRAME, formatAddress, type Pfn } from "@aspace/arch";

/** Who a frame belongs to. Every frame has exactly one owner at all times. */
export const FrameOwner = {
  /** Nobody: the allocator may hand it out. */
  FREE: 0,
  /** The MMU: it holds a page table. */
  TABLE: 1,
  /** Ordinary memory with a page record. */
  PAGE: 2,
  /** RAM below the first frame the allocator may use; it has no page record. */
  RESERVED: 3,
  /** No RAM: a device, or nothing at all. */
  DEVICE: 4,
} as const;
export type FrameOwner = (typeof FrameOwner)[keyof typeof FrameOwner];

const OWNER_NAMES = ["free", "a table", "a page", "reserved", "a device"] as const;

/** Prints an owner for messages: `a table`. */
export function ownerName(owner: FrameOwner): string {
  return OWNER_NAMES[owner];
}

/** The owners that the allocator gives frames to. */
export type FrameTaker = typeof FrameOwner.TABLE | typeof FrameOwner.PAGE;

/** Ends the list of freed frames. */
const END = -1;

/**
 * The owner of every frame, and the allocator over the free ones.
 *
 *     0          firstFrame              fresh                 frameCount
 *     |  RESERVED    |  used at least once  |  never used (FREE)   |  DEVICE ...
 *
 * Allocation is deterministic: the frame freed last, else the lowest never used. Frames that a run
 * jumped over count as never used; they are at the end of the list of freed ones.
 */
export class Frames {
  readonly frameCount: number;
  readonly firstFrame: Pfn;
  private readonly owners: Uint8Array;
  /** For a frame on the list of freed frames: the one below it. */
  private readonly nextFreed: Int32Array;
  /** Freed last. */
  private freed: number = END;
  /** Lowest frame never used. */
  private fresh: Pfn;
  /** Frames in RAM per owner. */
  private readonly counts = new Int32Array(OWNER_NAMES.length);

  constructor(frameCount: number, firstFrame: Pfn) {
    if (!Number.isInteger(firstFrame) || firstFrame < 0 || firstFrame > frameCount) {
      throw new RangeError(`firstFrame ${firstFrame} is not in 0..${frameCount}`);
    }
    this.frameCount = frameCount;
    this.firstFrame = firstFrame;
    this.fresh = firstFrame;
    this.owners = new Uint8Array(frameCount).fill(FrameOwner.RESERVED, 0, firstFrame);
    this.nextFreed = new Int32Array(frameCount);
    this.countFromPowerOn();
  }

  /** The owner of any frame number; DEVICE outside RAM. */
  ownerOf(pfn: Pfn): FrameOwner {
    const inRam = pfn >= 0 && pfn < this.frameCount;
    return inRam ? (this.owners[pfn]! as FrameOwner) : FrameOwner.DEVICE;
  }

  /** How many frames of RAM an owner has. */
  countOf(owner: FrameOwner): number {
    return this.counts[owner]!;
  }

  /** Gives a free frame to `owner`; NO_FRAME when none is left. The contents are what they were. */
  take(owner: FrameTaker): Pfn {
    let pfn = this.freed;
    if (pfn !== END) this.freed = this.nextFreed[pfn]!;
    else if (this.fresh < this.frameCount) pfn = this.fresh++;
    else return NO_FRAME;
    this.change(pfn, owner);
    return pfn;
  }

  /**
   * Gives adjacent free frames to `owner`: the lowest run that starts at a multiple of `alignment`.
   * Answers its first frame, or NO_FRAME. Frames that the run leaves out below itself are allocated
   * singly as if it were not there: after the freed ones, the lowest first.
   */
  takeRun(count: number, alignment: number, owner: FrameTaker): Pfn {
    if (!isPositiveInteger(count) || !isPositiveInteger(alignment)) {
      throw new RangeError(`there is no run of ${count} frames at multiples of ${alignment}`);
    }
    const first = this.findRun(count, alignment);
    if (first === NO_FRAME) return NO_FRAME;
    const limit = first + count;
    this.relist(first, limit);
    this.fresh = Math.max(this.fresh, limit);
    for (let pfn = first; pfn < limit; pfn++) this.change(pfn, owner);
    return first;
  }

  /** Panics with `rule` unless the frame has this owner. */
  assertOwner(pfn: Pfn, owner: FrameOwner, rule: string): void {
    const actual = this.ownerOf(pfn);
    if (actual === owner) return;
    throw new KernelPanic(
      rule,
      `frame ${formatAddress(pfn)} should be ${ownerName(owner)}, but is ${ownerName(actual)}`,
    );
  }

  /** Takes back a frame that was taken. The caller has checked whose it is. */
  give(pfn: Pfn): void {
    this.change(pfn, FrameOwner.FREE);
    this.nextFreed[pfn] = this.freed;
    this.freed = pfn;
  }

  /** Power-on, at the cost of the frames used since. */
  reset(): void {
    this.owners.fill(FrameOwner.FREE, this.firstFrame, this.fresh);
    this.fresh = this.firstFrame;
    this.freed = END;
    this.countFromPowerOn();
  }

  /** Recounts owners and the list of freed frames from scratch; panics with K-4. */
  validate(): void {
    const recount = new Int32Array(this.counts.length);
    for (let pfn = 0; pfn < this.fresh; pfn++) recount[this.owners[pfn]!]!++;
    recount[FrameOwner.FREE]! += this.frameCount - this.fresh;
    if (recount.some((count, owner) => count !== this.counts[owner])) {
      throw new KernelPanic("K-4", `owners are counted ${this.counts}, but there are ${recount}`);
    }
    let listed = 0;
    for (let pfn = this.freed; pfn !== END; pfn = this.nextFreed[pfn]!) {
      listed++;
      if (this.owners[pfn] !== FrameOwner.FREE || listed > this.frameCount) {
        throw new KernelPanic("K-4", `frame ${formatAddress(pfn)} on the free list is not free`);
      }
    }
    const free = listed + this.frameCount - this.fresh;
    if (free !== this.counts[FrameOwner.FREE]) {
      throw new KernelPanic("K-4", `${free} frames can be allocated, but more are free`);
    }
  }

  private findRun(count: number, alignment: number): Pfn {
    let first = Math.ceil(this.firstFrame / alignment) * alignment;
    while (first + count <= this.frameCount) {
      const obstacle = this.firstUsed(first, first + count);
      if (obstacle === NO_FRAME) return first;
      first = (Math.floor(obstacle / alignment) + 1) * alignment;
    }
    return NO_FRAME;
  }

  /** The first frame of `[first, limit)` that is not free, or NO_FRAME. */
  private firstUsed(first: Pfn, limit: Pfn): Pfn {
    for (let pfn = first; pfn < limit; pfn++) {
      if (this.owners[pfn] !== FrameOwner.FREE) return pfn;
    }
    return NO_FRAME;
  }

  /** Takes `[first, limit)` off the list of freed frames, and appends those in `[fresh, first)`. */
  private relist(first: Pfn, limit: Pfn): void {
    let last = END;
    for (let pfn = this.freed; pfn !== END; pfn = this.nextFreed[pfn]!) {
      if (pfn < first || pfn >= limit) last = this.link(last, pfn);
    }
    for (let pfn = this.fresh; pfn < first; pfn++) last = this.link(last, pfn);
    this.link(last, END);
  }

  /** Makes `pfn` the one below `above` on the list of freed frames, or its top. Answers `pfn`. */
  private link(above: number, pfn: number): number {
    if (above === END) this.freed = pfn;
    else this.nextFreed[above] = pfn;
    return pfn;
  }

  private change(pfn: Pfn, owner: FrameOwner): void {
    this.counts[this.owners[pfn]!]!--;
    this.counts[owner]!++;
    this.owners[pfn] = owner;
  }

  private countFromPowerOn(): void {
    this.counts.fill(0);
    this.counts[FrameOwner.RESERVED] = this.firstFrame;
    this.counts[FrameOwner.FREE] = this.frameCount - this.firstFrame;
  }
}

function isPositiveInteger(value: number): boolean {
  return Number.isInteger(value) && value > 0;
}
