import { FRAME_WORDS, type Pfn, type PhysicalMemory } from "@aspace/arch";

/** Most frames a machine can have: 8 GiB, so that every word index is a small integer. */
export const MAX_FRAMES = 0x20_0000;

/**
 * All of RAM as one array. The operating system gives a page of it real memory when it is first
 * touched, so a large machine that uses little costs little.
 *
 * Invariant: a frame that is not marked as written holds only zeroes. Whoever stores words directly
 * marks the frame first; table frames are marked by their allocator, frames that CPUs store to by
 * the CPU. That is what makes `reset` cost what was used.
 */
export class Ram implements PhysicalMemory {
  readonly words: Int32Array;
  readonly frameCount: number;
  /** 1 for frames in `writtenFrames`. */
  private readonly written: Uint8Array;
  /** The written frames in [0, writtenCount), in the order of their first write. */
  private readonly writtenFrames: Int32Array;
  private writtenCount = 0;

  constructor(frameCount: number) {
    if (!Number.isInteger(frameCount) || frameCount < 1 || frameCount > MAX_FRAMES) {
      throw new RangeError(`frameCount ${frameCount} is not in 1..${MAX_FRAMES}`);
    }
    this.frameCount = frameCount;
    this.words = new Int32Array(frameCount * FRAME_WORDS);
    this.written = new Uint8Array(frameCount);
    this.writtenFrames = new Int32Array(frameCount);
  }

  /** Announces that words of a frame of RAM may stop being zero. */
  markWritten(pfn: Pfn): void {
    if (this.written[pfn]! !== 0) return;
    this.written[pfn] = 1;
    this.writtenFrames[this.writtenCount++] = pfn;
  }

  /** Makes a frame of RAM all zeroes. */
  zeroFrame(pfn: Pfn): void {
    if (this.written[pfn]! !== 0) this.words.fill(0, pfn * FRAME_WORDS, (pfn + 1) * FRAME_WORDS);
  }

  /** Power-on: all zeroes. */
  reset(): void {
    for (let i = 0; i < this.writtenCount; i++) {
      const pfn = this.writtenFrames[i]!;
      this.zeroFrame(pfn);
      this.written[pfn] = 0;
    }
    this.writtenCount = 0;
  }
}
