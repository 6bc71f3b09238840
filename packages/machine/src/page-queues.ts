import {
  KernelPanic,
  formatAddress,
  type PageFrames,
  type PageQueues,
  type Pfn,
} from "@aspace/arch";
import { FrameOwner, type Frames } from "./frames.ts";
import type { Ram } from "./ram.ts";
import type { Reachability } from "./reachability.ts";

/**
 * Data pages: frames with a page record, and the accessed reports about them, in the order in which
 * they came. Reading and clearing reports allocates nothing.
 */
export class PageRecords implements PageQueues, PageFrames {
  /** Reports since the last `clearReports`. */
  reportCount = 0;
  private reports = new Int32Array(64);
  private readonly ram: Ram;
  private readonly frames: Frames;
  private readonly reachability: Reachability;

  constructor(ram: Ram, frames: Frames, reachability: Reachability) {
    this.ram = ram;
    this.frames = frames;
    this.reachability = reachability;
  }

  /** Pages in use. */
  get live(): number {
    return this.frames.countOf(FrameOwner.PAGE);
  }

  get freeCount(): number {
    return this.frames.countOf(FrameOwner.FREE);
  }

  /** A frame with a page record, or NO_FRAME. Its contents are what its last owner left. */
  allocatePage(): Pfn {
    return this.frames.take(FrameOwner.PAGE);
  }

  /** The lowest run of `count` free frames that starts at a multiple of `alignment`, or NO_FRAME. */
  allocateRun(count: number, alignment: number): Pfn {
    return this.frames.takeRun(count, alignment, FrameOwner.PAGE);
  }

  /** Takes a page back. Panics when it is none (K-5) or a usable translation leads to it (P-T2). */
  freePage(pfn: Pfn): void {
    this.frames.assertOwner(pfn, FrameOwner.PAGE, "K-5");
    this.reachability.assertUntranslated(pfn);
    this.frames.give(pfn);
  }

  /** Makes a page all zeroes. Panics when it is none (K-5). */
  zeroFrame(pfn: Pfn): void {
    this.frames.assertOwner(pfn, FrameOwner.PAGE, "K-5");
    this.ram.zeroFrame(pfn);
  }

  /** Announces stores to a page that no CPU makes. Panics when it is none (K-5). */
  markWritten(pfn: Pfn): void {
    this.frames.assertOwner(pfn, FrameOwner.PAGE, "K-5");
    this.ram.markWritten(pfn);
  }

  hasRecord(pfn: Pfn): boolean {
    return this.frames.ownerOf(pfn) === FrameOwner.PAGE;
  }

  /** Notes a report. Panics with P-H5 when the frame has no page record. */
  markAccessed(pfn: Pfn): void {
    if (!this.hasRecord(pfn)) {
      throw new KernelPanic("P-H5", `frame ${formatAddress(pfn)} reported, but has no page record`);
    }
    if (this.reportCount === this.reports.length) {
      const longer = new Int32Array(this.reports.length * 2);
      longer.set(this.reports);
      this.reports = longer;
    }
    this.reports[this.reportCount++] = pfn;
  }

  /** The i-th report since the last `clearReports`. */
  reportAt(i: number): Pfn {
    if (i < 0 || i >= this.reportCount) throw new RangeError(`there is no report ${i}`);
    return this.reports[i]!;
  }

  /** How often a page was reported since the last `clearReports`. */
  reportsOf(pfn: Pfn): number {
    let count = 0;
    for (let i = 0; i < this.reportCount; i++) if (this.reports[i] === pfn) count++;
    return count;
  }

  clearReports(): void {
    this.reportCount = 0;
  }
}
