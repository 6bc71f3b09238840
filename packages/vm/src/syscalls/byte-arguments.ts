import { PAGE_BYTES, VPN_LIMIT, type Vpn } from "@aspace/arch";
import { assertUnsigned, isPageAligned } from "../objects/byte-range.ts";
import { UNALIGNED_OFFSET } from "../regions/region-creation.ts";

/**
 * The edge where the arguments of calls, unsigned 64-bit numbers of bytes, become pages. Rounding up is where they could
 * wrap:
 *
 *     length      0   1 ... 4096   ...   2^64-4096   2^64-4095 ... 2^64-1
 *     pages       0   1                  2^52-1      2^52: does not fit
 *     in 64 bits  0   1                  2^52-1      0
 */

const PAGE = BigInt(PAGE_BYTES);

/** Pages in a length, rounded up: VPN_LIMIT when 64 bits of bytes cannot say that much. */
export function pagesIn(length: bigint): number {
  assertUnsigned(length);
  return Number((length + PAGE - 1n) / PAGE);
}

/** The same as 64-bit arithmetic has it: the lengths that do not fit come to nothing, which every range call refuses. */
export function wrappedPagesIn(length: bigint): number {
  return pagesIn(length) % VPN_LIMIT;
}

/** The page at an address that is aligned. */
export function pageAt(address: bigint): Vpn {
  return Number(address / PAGE);
}

/** An offset in pages, or what stands for an unaligned one, which is refused where its turn in the checks comes. */
export function pageOffset(offset: bigint): number {
  return isPageAligned(offset) ? pageAt(offset) : UNALIGNED_OFFSET;
}
