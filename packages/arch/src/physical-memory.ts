import type { Pfn } from "./units.ts";

/**
 * Simulated RAM. Frame `n` occupies `words[n * 1024 .. n * 1024 + 1024)`; entry `i` of a table in it
 * is the pair of words at `2 * i`, low half first. Both halves of an entry change as one step: no
 * CPU runs between two stores of straight-line code.
 */
export interface PhysicalMemory {
  readonly words: Int32Array;
  /** Frames of RAM, from frame 0, at most 2^21 so that word indices are int32. Higher ones are devices or nothing. */
  readonly frameCount: number;
}

/** Where page tables get their frames; tests make the n-th call fail. */
export interface TableFrames {
  /** A zeroed frame owned by the MMU, or NO_FRAME. */
  allocate(): Pfn;
  /** Takes back a table frame. Panics when it is not one (P-R2) or a CPU can still reach it (P-T2, P-T3). */
  free(pfn: Pfn): void;
}

/** Where memory objects get their frames. A frame's contents are what its last owner left. */
export interface PageFrames {
  /** Frames that can be allocated now. */
  readonly freeCount: number;
  /** A frame owned by memory objects, or NO_FRAME. */
  allocatePage(): Pfn;
  /** The first of `count` adjacent frames, itself a multiple of `alignment` frames, or NO_FRAME. */
  allocateRun(count: number, alignment: number): Pfn;
  /** Takes back one frame. Panics when it is none (K-5) or a usable translation leads to it (P-T2). */
  freePage(pfn: Pfn): void;
  /** Makes a frame all zeroes; costs nothing when nobody wrote to it since power-on. */
  zeroFrame(pfn: Pfn): void;
  /** Announces that words of a frame may stop being zero. Called before storing to it directly. */
  markWritten(pfn: Pfn): void;
}

/** The kernel's page records and their ages, as far as harvesting needs them. */
export interface PageQueues {
  /** Whether the frame is ordinary memory with a page record; devices have none. */
  hasRecord(pfn: Pfn): boolean;
  /** The page was used since it was last looked at. */
  markAccessed(pfn: Pfn): void;
}
