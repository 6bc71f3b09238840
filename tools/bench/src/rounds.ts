import { agree, median } from "./statistics.ts";
import { SLICES, SLICE_PAGES } from "./window.ts";
import type { Workload } from "./workload.ts";

/** Reads one side once: nanoseconds per page. */
export interface Sides {
  ours(): number;
  /** Null without a C compiler. */
  readonly reference: (() => Promise<number>) | null;
}

export interface Outcome {
  readonly oursNs: number;
  readonly referenceNs: number | null;
  /** Ours over the reference, median of the rounds' own ratios. */
  readonly ratio: number | null;
  readonly roundsKept: number;
  readonly roundsDropped: number;
}

const ROUNDS = 7;
/** On a host that keeps changing speed, a row ends with fewer rounds than it should have. */
const MOST_ROUNDS = 25;

/** Passes of one reading; both sides the same. */
export const PASSES = 4;

/**
 * Rounds in the order reference, ours, reference. A round is dropped only if its two readings of the
 * reference disagree: then the host changed speed in it.
 */
export async function runRounds(sides: Sides): Promise<Outcome> {
  const { reference } = sides;
  if (reference === null) return runAlone(sides);
  const ours: number[] = [];
  const theirs: number[] = [];
  let dropped = 0;
  while (ours.length < ROUNDS && ours.length + dropped < MOST_ROUNDS) {
    const before = await reference();
    const between = sides.ours();
    const after = await reference();
    if (agree(before, after)) {
      ours.push(between);
      theirs.push((before + after) / 2);
    } else {
      dropped++;
    }
  }
  if (ours.length === 0) {
    throw new UnsteadyHost(`${dropped} rounds, and in each the reference read two speeds`);
  }
  return {
    oursNs: median(ours),
    referenceNs: median(theirs),
    ratio: median(ours.map((ns, i) => ns / theirs[i]!)),
    roundsKept: ours.length,
    roundsDropped: dropped,
  };
}

/** The host does something else meanwhile, so there is nothing to report. */
export class UnsteadyHost extends Error {}

function runAlone(sides: Sides): Outcome {
  const readings = Array.from({ length: ROUNDS }, () => sides.ours());
  const oursNs = median(readings);
  return { oursNs, referenceNs: null, ratio: null, roundsKept: ROUNDS, roundsDropped: 0 };
}

/** Nanoseconds per page of the median slice. */
export function readOurs(workload: Workload): number {
  const slices: number[] = [];
  for (let pass = 0; pass < PASSES; pass++) {
    workload.prepare();
    for (let slice = 0; slice < SLICES; slice++) {
      const start = performance.now();
      workload.runSlice(slice);
      slices.push(performance.now() - start);
    }
  }
  return (median(slices) * 1e6) / SLICE_PAGES;
}
