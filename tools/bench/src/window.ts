import type { Vpn } from "@aspace/arch";

/**
 * The pages that both sides work on, so that each row of the report compares like with like. A window
 * of 512 leaf tables in which every 513th page, called a keeper, stays mapped on our side for the
 * whole row:
 *
 * ```
 *   page    0  1           512 513 514         1025 1026
 *          [K][    run 0     ][K][    run 1       ][K][ ...    511 runs of 512 pages, 512 keepers
 *          |   leaf table 0  |   leaf table 1  |   leaf table 2
 * ```
 *
 * Each leaf table has exactly one keeper. An aspace frees a table with its last entry (invariant E);
 * the keeper prevents it, so that like the reference we edit tables that are there. Each run
 * crosses a table edge, a little further along each time.
 */
export const WINDOW_PAGES = 262_144;
/** 256 GiB. Below 8 TiB a page number is a small integer; above, V8 puts each one on its heap. */
export const WINDOW_START: Vpn = 0x400_0000;
export const RUN_PAGES = 512;
export const RUNS = 511;
const STRIDE = RUN_PAGES + 1;

/** A pass over the window is timed in slices: a slice that the host interrupts spoils only itself. */
export const SLICES = 7;
export const SLICE_RUNS: number = RUNS / SLICES;
export const SLICE_PAGES: number = SLICE_RUNS * RUN_PAGES;

export const firstPageOfRun = (run: number): Vpn => WINDOW_START + run * STRIDE + 1;

export const keepers: readonly Vpn[] = Array.from(
  { length: RUNS + 1 },
  (_, i) => WINDOW_START + i * STRIDE,
);

/** The pages of all runs, by their place in the window. */
export const PAGES_IN_ORDER: Int32Array = Int32Array.from(
  { length: RUNS * RUN_PAGES },
  (_, i) => firstPageOfRun(Math.floor(i / RUN_PAGES)) + (i % RUN_PAGES) - WINDOW_START,
);

export const PAGES_AT_RANDOM: Int32Array = shuffled(PAGES_IN_ORDER);

/** As many pages as a real TLB holds, over and over: as many accesses as there are pages in all. */
const HOT_PAGES = 1024;
export const HOT_PAGES_AT_RANDOM: Int32Array = shuffled(
  PAGES_IN_ORDER.map((_, i) => PAGES_IN_ORDER[i % HOT_PAGES]!),
);

/** The same numbers in an order that is the same in every process. */
export function shuffled(numbers: Int32Array): Int32Array {
  const result = numbers.slice();
  let state = 0x2545_f491;
  for (let i = result.length - 1; i > 0; i--) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const other = (state >>> 0) % (i + 1);
    const number = result[i]!;
    result[i] = result[other]!;
    result[other] = number;
  }
  return result;
}
