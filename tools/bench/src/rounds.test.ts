import { expect, test } from "vitest";
import { runRounds } from "./rounds.ts";

/** Gives the values in turn, the last one for ever. */
function series(values: readonly number[]): () => number {
  let at = 0;
  return () => values[Math.min(at++, values.length - 1)]!;
}

test("a round reads reference, ours, reference; its ratio is ours over the mean of its own two", async () => {
  const order: string[] = [];
  const reference = series([1, 1.1, 2, 2, 1]);
  const ours = series([10.5, 30, 10]);
  const outcome = await runRounds({
    ours: () => (order.push("ours"), ours()),
    reference: () => (order.push("reference"), Promise.resolve(reference())),
  });
  expect(order.slice(0, 6)).toEqual([
    "reference",
    "ours",
    "reference",
    "reference",
    "ours",
    "reference",
  ]);
  expect(outcome).toMatchObject({ oursNs: 10, referenceNs: 1, roundsKept: 7, roundsDropped: 0 });
  expect(outcome.ratio).toBeCloseTo(10);
});

test("a round whose two readings of the reference disagree is dropped and made up for", async () => {
  const reference = series([1, 2]);
  const outcome = await runRounds({
    ours: series([99, 4]),
    reference: () => Promise.resolve(reference()),
  });
  expect(outcome).toEqual({ oursNs: 4, referenceNs: 2, ratio: 2, roundsKept: 7, roundsDropped: 1 });
});

test("a host that never holds still gets our own figures and no ratio", async () => {
  let reading = 1;
  const outcome = await runRounds({
    ours: series([6]),
    reference: () => Promise.resolve((reading *= 2)),
  });
  expect(outcome).toEqual({
    oursNs: 6,
    referenceNs: null,
    ratio: null,
    roundsKept: 0,
    roundsDropped: 25,
  });
});

test("without a reference there are our own figures only", async () => {
  const outcome = await runRounds({ ours: series([3, 1, 2]), reference: null });
  expect(outcome).toEqual({
    oursNs: 2,
    referenceNs: null,
    ratio: null,
    roundsKept: 7,
    roundsDropped: 0,
  });
});
