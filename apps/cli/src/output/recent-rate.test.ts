import { expect, test } from "vitest";
import { RecentRate } from "./recent-rate.ts";

const at = (elapsedSeconds: number, runs: number) => {
  return { elapsedSeconds, runs, operations: 10 * runs };
};

test("before the first second there is no rate, then it is the average so far", () => {
  const rate = new RecentRate();
  expect(rate.add(at(0, 0))).toEqual({ runsPerSecond: 0, operationsPerSecond: 0 });
  expect(rate.add(at(1, 100))).toEqual({ runsPerSecond: 100, operationsPerSecond: 1000 });
  expect(rate.add(at(2, 100)).runsPerSecond).toBe(50);
});

test("what is older than five seconds no longer counts, so a stall shows", () => {
  const rate = new RecentRate();
  for (let second = 1; second <= 20; second++) rate.add(at(second, 100 * second));
  expect(rate.add(at(21, 2100)).runsPerSecond).toBe(100);
  for (let second = 22; second <= 25; second++) rate.add(at(second, 2100));
  expect(rate.add(at(26, 2100)).runsPerSecond).toBe(0);
});
