/**
 * Units of the whole project. Inside, addresses are page numbers held in plain numbers: a 64-bit
 * address has a 52-bit page number, which a double holds exactly. Bytes appear only at public edges.
 */

/** Virtual page number: virtual address >> 12, unsigned, 52 bits. Kernel addresses are large numbers. */
export type Vpn = number;

/** Physical frame number: physical address >> 12, at most 44 bits. */
export type Pfn = number;

/** Index of a CPU, 0..31: CPU sets are 32-bit masks. */
export type CpuId = number;

/** A set of CPUs, bit `n` for CPU `n`. */
export type CpuMask = number;

/** log2 of the base page size in bytes, the same on every backend. */
export const PAGE_SHIFT = 12;

/** Bytes in a base page and in a physical frame. */
export const PAGE_BYTES = 4096;

/** 32-bit words in a physical frame: an entry takes two, low half first. */
export const FRAME_WORDS = 1024;

/** What an allocator answers when it has no frame left. */
export const NO_FRAME: Pfn = -1;

/** First page of the 64-bit address space's upper half-open end: every `Vpn` is below this. */
export const VPN_LIMIT: Vpn = 2 ** 52;

/** Prints a page number as the hexadecimal byte address it stands for. */
export function formatAddress(page: Vpn | Pfn): string {
  return `0x${page.toString(16)}000`;
}
