import type { Prng } from "@aspace/vm";

/** No spot at all. */
export const NOWHERE = -1;

/** The same numbers that the aspace draws, drawn once more. */
export interface Chance {
  readonly prng: Prng;
  readonly bits: number;
  readonly compactBits: number;
}
