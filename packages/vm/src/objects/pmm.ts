import {
  FRAME_WORDS,
  KernelPanic,
  NO_FRAME,
  PAGE_BYTES,
  Status,
  formatAddress,
  type PageFrames,
  type Pfn,
  type PhysicalMemory,
} from "@aspace/arch";
import { AllocationFailures } from "./allocation-failures.ts";
import { RequestType, type LazyPageRequest, type RequestHost } from "./page-request.ts";
import { Queue } from "./page-queues.ts";
import { PageState, Pages } from "./pages.ts";

/** What an allocation does when memory is short. */
export const AllocationPolicy = {
  /** Takes the last frame, or fails with NO_MEMORY. For the kernel itself. */
  NEVER_WAITS: "never-waits",
  /** Leaves the last frames to the kernel: answers SHOULD_WAIT instead. */
  CAN_WAIT: "can-wait",
} as const;
export type AllocationPolicy = (typeof AllocationPolicy)[keyof typeof AllocationPolicy];

/**
 * The physical memory manager: frames of RAM for memory objects, what is in them, and who waits for
 * some. Its frames come from `PageFrames`, which page tables draw on too.
 */
export class Pmm implements RequestHost {
  readonly memory: PhysicalMemory;
  readonly pages: Pages;
  /** Which allocations fail with NO_MEMORY, whatever is free; page lists ask it for slot memory too. */
  readonly failures: AllocationFailures = new AllocationFailures();
  /** Which allocations that can wait are told to, whatever is free. */
  readonly delays: AllocationFailures = new AllocationFailures();
  private readonly frames: PageFrames;
  /** All of RAM as bytes. */
  private readonly bytes: Uint8Array;
  private readonly waiters: Set<LazyPageRequest> = new Set();
  private low = false;
  private zeroFrame: Pfn = NO_FRAME;
  private live = 0;

  /** Throws when there is not even a frame for the page of zeroes. */
  constructor(memory: PhysicalMemory, frames: PageFrames) {
    this.memory = memory;
    this.frames = frames;
    const { buffer, byteOffset, byteLength } = memory.words;
    this.bytes = new Uint8Array(buffer, byteOffset, byteLength);
    this.pages = new Pages(memory.frameCount);
    this.wireZeroPage();
  }

  /** The frame that every untouched page shows: all zeroes, WIRED, in no slot and no queue, never freed. */
  get zeroPage(): Pfn {
    return this.zeroFrame;
  }

  /** Frames that can be allocated now. */
  get freeCount(): number {
    return this.frames.freeCount;
  }

  /** Frames that were allocated here and not freed yet; the page of zeroes is not among them. */
  get liveCount(): number {
    return this.live;
  }

  /** Whether only those who never wait get memory. */
  get isLow(): boolean {
    return this.low;
  }

  /** Whoever watches over memory says whether it runs low. Waiters complete when it no longer does. */
  setLow(low: boolean): void {
    this.low = low;
    this.serviceWaiters();
  }

  /** A frame, ALLOC, its contents anything; or NO_MEMORY, or SHOULD_WAIT for those who can. */
  allocate(policy: AllocationPolicy): Pfn | Status {
    const status = this.admit(1, policy);
    return status === Status.OK ? this.take() : status;
  }

  /** Appends `count` frames to `into` as if by one `allocate`: all of them, or none. Needing none always works. */
  allocateMany(count: number, policy: AllocationPolicy, into: Pfn[]): Status {
    if (count === 0) return Status.OK;
    const status = this.admit(count, policy);
    if (status !== Status.OK) return status;
    for (let i = 0; i < count; i++) into.push(this.take());
    return Status.OK;
  }

  /** The first of `count` adjacent frames, a multiple of `alignment` frames; or NOT_FOUND. Never waits. */
  allocateContiguous(count: number, alignment: number): Pfn | Status {
    if (this.failures.claims()) return Status.NOT_FOUND;
    const first = this.frames.allocateRun(count, alignment);
    if (first === NO_FRAME) return Status.NOT_FOUND;
    for (let pfn = first; pfn < first + count; pfn++) this.open(pfn);
    return first;
  }

  /** Takes a frame back. Panics with P1 unless it is ALLOC, unpinned and in no queue. */
  free(pfn: Pfn): void {
    this.pages.assertState(pfn, PageState.ALLOC);
    if (this.pages.pinCount[pfn]! > 0 || this.pages.queue[pfn] !== Queue.NONE) {
      throw new KernelPanic("P1", `frame ${formatAddress(pfn)} is freed, but pinned or in a queue`);
    }
    this.frames.freePage(pfn);
    this.pages.close(pfn);
    this.live--;
  }

  /** Makes a frame all zeroes. */
  zero(pfn: Pfn): void {
    this.assertWritable(pfn);
    this.frames.zeroFrame(pfn);
  }

  /** Copies all of a frame. */
  copy(from: Pfn, to: Pfn): void {
    this.markWritten(to);
    const start = from * FRAME_WORDS;
    this.memory.words.copyWithin(to * FRAME_WORDS, start, start + FRAME_WORDS);
  }

  /** Whether a frame is all zeroes. */
  isZero(pfn: Pfn): boolean {
    const { words } = this.memory;
    const end = (pfn + 1) * FRAME_WORDS;
    for (let i = pfn * FRAME_WORDS; i < end; i++) if (words[i] !== 0) return false;
    return true;
  }

  /** Announces that a frame is about to be written without this class. Panics with O-M8 about the page of zeroes. */
  markWritten(pfn: Pfn): void {
    this.assertWritable(pfn);
    this.frames.markWritten(pfn);
  }

  readByte(pfn: Pfn, offsetBytes: number): number {
    return this.bytes[byteIndex(pfn, offsetBytes, 1)]!;
  }

  /** Fills `into` with bytes of one frame. */
  readBytes(pfn: Pfn, offsetBytes: number, into: Uint8Array): void {
    const start = byteIndex(pfn, offsetBytes, into.length);
    into.set(this.bytes.subarray(start, start + into.length));
  }

  /** Stores all of `from` into one frame. */
  writeBytes(pfn: Pfn, offsetBytes: number, from: Uint8Array): void {
    const start = byteIndex(pfn, offsetBytes, from.length);
    this.markWritten(pfn);
    this.bytes.set(from, start);
  }

  /** Has a request wait until there is memory to try again with; it stops waiting for anything else. */
  waitForMemory(request: LazyPageRequest): typeof Status.SHOULD_WAIT {
    request.cancel();
    request.bind(this, RequestType.MEMORY, 0, 0);
    this.waiters.add(request);
    return Status.SHOULD_WAIT;
  }

  /** A waiter lost interest. */
  cancel(request: LazyPageRequest): void {
    this.waiters.delete(request);
  }

  /**
   * Completes every waiter, unless memory is low. Also for those who waited although memory was not
   * low, because too little was free or because of `delays`: they try again, and may wait again.
   */
  serviceWaiters(): void {
    if (!this.low) this.completeWaiters(Status.OK);
  }

  /** Power-on, after RAM and frames were reset: no frame is used but a new page of zeroes; waiters are cancelled. */
  reset(): void {
    this.completeWaiters(Status.CANCELED);
    this.failures.failNever();
    this.delays.failNever();
    this.low = false;
    this.live = 0;
    this.pages.reset();
    this.wireZeroPage();
  }

  /** Recounts from scratch; panics with P1 when a frame is lost, with O-M8 when the page of zeroes is not zero. */
  validate(): void {
    const held = this.pages.countOf(PageState.ALLOC) + this.pages.countOf(PageState.OBJECT);
    if (held !== this.live || this.pages.countOf(PageState.WIRED) !== 1) {
      throw new KernelPanic("P1", `${this.live} frames are handed out, but ${held} are held`);
    }
    this.pages.assertState(this.zeroFrame, PageState.WIRED);
    if (!this.isZero(this.zeroFrame)) throw new KernelPanic("O-M8", "the page of zeroes is not");
  }

  /** Whether `count` frames can be had now. One attempt, whatever the count. */
  private admit(count: number, policy: AllocationPolicy): Status {
    if (this.failures.claims()) return Status.NO_MEMORY;
    const isEnough = count <= this.frames.freeCount;
    if (policy === AllocationPolicy.NEVER_WAITS) return isEnough ? Status.OK : Status.NO_MEMORY;
    return this.delays.claims() || this.low || !isEnough ? Status.SHOULD_WAIT : Status.OK;
  }

  private take(): Pfn {
    const pfn = this.frames.allocatePage();
    this.open(pfn);
    return pfn;
  }

  private open(pfn: Pfn): void {
    this.pages.open(pfn, PageState.ALLOC);
    this.live++;
  }

  private wireZeroPage(): void {
    this.zeroFrame = this.frames.allocatePage();
    if (this.zeroFrame === NO_FRAME) throw new RangeError("there is no RAM for the page of zeroes");
    this.frames.zeroFrame(this.zeroFrame);
    this.pages.open(this.zeroFrame, PageState.WIRED);
  }

  /** Completes those who wait now; who waits again while this runs, waits. */
  private completeWaiters(status: Status): void {
    const waiting = [...this.waiters];
    this.waiters.clear();
    for (const request of waiting) request.complete(status);
  }

  private assertWritable(pfn: Pfn): void {
    if (pfn === this.zeroFrame) throw new KernelPanic("O-M8", "the page of zeroes is written");
  }
}

/** Index of a byte of RAM. Panics with O-M9 unless it and the `lengthBytes - 1` after it are in one frame. */
function byteIndex(pfn: Pfn, offsetBytes: number, lengthBytes: number): number {
  if (!(offsetBytes >= 0 && offsetBytes + lengthBytes <= PAGE_BYTES)) {
    throw new KernelPanic("O-M9", `${lengthBytes} bytes at ${offsetBytes} are not in one page`);
  }
  return pfn * PAGE_BYTES + offsetBytes;
}
