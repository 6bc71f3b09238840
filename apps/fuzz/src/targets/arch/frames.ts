import type { Pfn } from "@aspace/arch";

/**
 * Which frames programs map. Ordinary memory is one aligned 2 MiB block of RAM, so that base pages
 * and large leaves reach the same bytes; device frames lie beyond RAM, aligned to 1 GiB.
 */

/** Where tables come from, and how many a program can have at most. */
export const TABLES_FIRST: Pfn = 0x100;
export const MAX_TABLE_FRAMES = 0x100;
/** Enough for the roots and prebuilt tables of every slot, and little more. */
export const MIN_TABLE_FRAMES = 16;
/** The block of ordinary memory: last in RAM, so that a mapping that runs past it meets devices. */
export const MEMORY_FIRST: Pfn = TABLES_FIRST + MAX_TABLE_FRAMES;
export const MEMORY_FRAMES = 0x200;
export const RAM_FRAMES: number = MEMORY_FIRST + MEMORY_FRAMES;
/** A 1 GiB-aligned region of device frames. */
export const DEVICE_FIRST: Pfn = 0x4_0000;
/** Where runs of device frames start: just below 4 GiB, where the frame number's next bit is in an entry's high half. */
export const DEVICE_EDGE: Pfn = 0x10_0000 - 32;

/** Whether a frame is ordinary memory of the program's world. */
export function isMemory(pfn: Pfn): boolean {
  return pfn >= MEMORY_FIRST && pfn < RAM_FRAMES;
}
