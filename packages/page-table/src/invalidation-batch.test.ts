import { expect, test } from "vitest";
import { InvalidationBatch } from "./invalidation-batch.ts";

const pagesOf = (batch: InvalidationBatch): number[] => [...batch.vpns.subarray(0, batch.count)];

test("T-12: up to its limit a batch names pages, one more makes it everything", () => {
  const batch = new InvalidationBatch(2);
  expect(batch.isEmpty()).toBe(true);
  batch.addPage(2 ** 52 - 1);
  batch.addPage(7);
  expect(pagesOf(batch)).toEqual([2 ** 52 - 1, 7]);
  expect(batch.everything).toBe(false);
  batch.addPage(8);
  expect(batch.everything).toBe(true);
  expect(batch.tables).toBe(false);
});

test("T-12: an unlinked table puts walk caches into the batch, a page does not", () => {
  const batch = new InvalidationBatch(4);
  batch.addPage(3);
  expect(batch.tables).toBe(false);
  batch.addTable(9);
  expect(batch.tables).toBe(true);
  expect(pagesOf(batch)).toContain(9);
});

test("T-12: a table unlinked when the list is full still reaches the walk caches", () => {
  const batch = new InvalidationBatch(1);
  batch.addPage(3);
  batch.addTable(9);
  expect([batch.everything, batch.tables]).toEqual([true, true]);
});

test("T-12: everything includes walk caches, and clear forgets it all", () => {
  const batch = new InvalidationBatch(1);
  batch.addEverything();
  expect([batch.everything, batch.tables, batch.isEmpty()]).toEqual([true, true, false]);
  batch.clear();
  expect([batch.everything, batch.tables, batch.isEmpty()]).toEqual([false, false, true]);
});
