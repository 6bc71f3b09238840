import { type AspaceKind, type AspaceProfile, type Vpn, VPN_LIMIT } from "@aspace/arch";
import type { TinyFormats } from "./format.ts";

/**
 * 3-bit indices on four levels: a set of tables translates 8^4 = 4096 pages.
 *
 * ```
 *   vpn   11   9 8   6 5   3 2   0        level 3   512 pages an entry, tables only
 *        ┌──────┬─────┬─────┬─────┐       level 2    64 pages, leaf 2^18 bytes
 *        │  L3  │ L2  │ L1  │ L0  │       level 1     8 pages, leaf 2^15 bytes
 *        └──────┴─────┴─────┴─────┘       level 0     1 page,  leaf 2^12 bytes
 *
 *   user     0x000 .. 0xfff               from the first table edge, and without the last page
 *   guest    0x000 .. 0xfff
 *   kernel   0xffff_ffff_ff000 ..         the last 4096 pages below 2^52, under a root of their own
 * ```
 */
export const TREE_PAGES = 4096;

export const KERNEL_BASE: Vpn = VPN_LIMIT - TREE_PAGES;

/** User pages start one leaf table in, so that a range can begin in front of the aspace. */
const USER_BASE: Vpn = 8;

/** The ranges and abilities of the three kinds. */
export function profilesOf(formats: TinyFormats): Readonly<Record<AspaceKind, AspaceProfile>> {
  return {
    user: {
      baseVpn: USER_BASE,
      pageCount: TREE_PAGES - USER_BASE - 1,
      capabilities: formats.user.capabilities,
    },
    kernel: {
      baseVpn: KERNEL_BASE,
      pageCount: TREE_PAGES,
      capabilities: formats.kernel.capabilities,
    },
    guest: {
      baseVpn: 0,
      pageCount: TREE_PAGES,
      capabilities: formats.guest.capabilities,
    },
  };
}
