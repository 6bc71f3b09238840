import { KernelPanic, type Vpn } from "@aspace/arch";
import type { Extent } from "./extent.ts";
import type { Prng } from "./prng.ts";
import type { Listed, RegionList } from "./region-list.ts";

/** What a new region asks of its place. */
export interface SpotRequest {
  /** Pages, at least 1. */
  readonly pageCount: number;
  /** Its first page is a multiple of 2^alignShift pages. */
  readonly alignShift: number;
  /** It ends here at the latest. */
  readonly limit: Vpn;
}

/** Draws among the first 2^entropyBits spots. */
export interface SpotChance {
  readonly entropyBits: number;
  readonly prng: Prng;
}

/** What the search answers when there is none. */
export const NO_SPOT: Vpn = -1;

/** More bits than a number of spots has. */
const MAX_ENTROPY_BITS = 52;

/**
 * Where a region fits between the children of `parent` (V-8), or NO_SPOT. The spots are the aligned places in each gap,
 * numbered from the lowest address up:
 *
 *     gap        [g ─────────────────── n)    limit
 *     spots         0───┤                       a spot is `pageCount` long,
 *                     1───┤                     begins at a multiple of the alignment
 *                   ...                         and ends inside gap and limit
 *                              k───┤
 *
 * Without chance it is spot 0: first fit. With chance, each of the first 2^entropyBits spots, or of all when there are
 * fewer, is as likely as any other. Gaps that are too small cost nothing.
 */
export function findSpot<T extends Listed>(
  parent: Extent & { readonly regions: RegionList<T> },
  request: SpotRequest,
  chance: SpotChance | null,
): Vpn {
  if (request.pageCount < 1) throw new KernelPanic("V-8", "a place for nothing is looked for");
  if (chance === null) return spotAt(parent, request, 0);
  if (chance.entropyBits > MAX_ENTROPY_BITS) throw new KernelPanic("V-8", "too much entropy");
  const count = countSpots(parent, request, 2 ** chance.entropyBits);
  return count === 0 ? NO_SPOT : spotAt(parent, request, chance.prng.below(count));
}

/** The n-th spot, from 0, or NO_SPOT. */
export function spotAt<T extends Listed>(
  { base, pageCount, regions }: Extent & { readonly regions: RegionList<T> },
  request: SpotRequest,
  n: number,
): Vpn {
  const step = 2 ** request.alignShift;
  let spot = NO_SPOT;
  let left = n;
  regions.visitGaps(base, base + pageCount, request.pageCount, (gapBase, gapEnd) => {
    const first = alignUp(gapBase, step);
    const spots = spotsFrom(first, gapEnd, request, step);
    if (left < spots) {
      spot = first + left * step;
      return false;
    }
    left -= spots;
    return first < request.limit;
  });
  return spot;
}

/** How many spots there are; at most `most`, where counting ends. */
export function countSpots<T extends Listed>(
  { base, pageCount, regions }: Extent & { readonly regions: RegionList<T> },
  request: SpotRequest,
  most: number,
): number {
  const step = 2 ** request.alignShift;
  let count = 0;
  regions.visitGaps(base, base + pageCount, request.pageCount, (gapBase, gapEnd) => {
    const first = alignUp(gapBase, step);
    count += spotsFrom(first, gapEnd, request, step);
    return count < most && first < request.limit;
  });
  return Math.min(count, most);
}

/** Spots in a gap whose first one, if there is any, begins at `first`. */
function spotsFrom(first: Vpn, gapEnd: Vpn, request: SpotRequest, step: number): number {
  const spare = Math.min(gapEnd, request.limit) - first - request.pageCount;
  return spare < 0 ? 0 : Math.floor(spare / step) + 1;
}

/** Exact, also next to 2^52: dividing by a power of two loses no bit of a page number. */
function alignUp(vpn: Vpn, step: number): Vpn {
  return step === 1 ? vpn : Math.ceil(vpn / step) * step;
}
