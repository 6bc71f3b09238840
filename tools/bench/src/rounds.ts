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
  /** Nanoseconds per page, medians of the rounds kept; ours is of all rounds if none was. */
  readonly oursNs: number;
  readonly referenceNs: number | null;
  /** Ours over the reference, median of the rounds' own ratios. */
  readonly ratio: number | null;
  readonly roundsKept: number;
  readonly roundsDropped: number;
}

const ROUNDS = 7;
/** On a host that keeps changing speed, a row ends with fewer rounds, and with none has no ratio. */
const MOST_ROUNDS = 25;

/** Passes of one reading; both sides the same. */
export const PASSES = 4;

/**
 * Rounds in the order reference, ours, reference. A round is dropped only if its two readings of the
 * reference disagree: then the host changed speed in it.
 */
export async function runRounds(sides: Sides): Promise<Outcome> {
  const { reference } = sides;
  if (reference === null) return withoutReference(readings(sides.ours, ROUNDS), 0);
  const kept: { readonly ours: number; readonly theirs: number }[] = [];
  const dropped: number[] = [];
  while (kept.length < ROUNDS && kept.length + dropped.length < MOST_ROUNDS) {
    const before = await reference();
    const ours = sides.ours();
    const after = await reference();
    if (agree(before, after)) kept.push({ ours, theirs: (before + after) / 2 });
    else dropped.push(ours);
  }
  if (kept.length === 0) return { ...withoutReference(dropped, dropped.length), roundsKept: 0 };
  return {
    oursNs: median(kept.map(({ ours }) => ours)),
    referenceNs: median(kept.map(({ theirs }) => theirs)),
    ratio: median(kept.map(({ ours, theirs }) => ours / theirs)),
    roundsKept: kept.length,
    roundsDropped: dropped.length,
  };
}

const readings = (read: () => number, count: number): number[] =>
  Array.from({ length: count }, () => read());

function withoutReference(ours: readonly number[], roundsDropped: number): Outcome {
  return {
    oursNs: median(ours),
    referenceNs: null,
    ratio: null,
    roundsKept: ours.length,
    roundsDropped,
  };
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
