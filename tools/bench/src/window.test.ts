import { expect, test } from "vitest";
import {
  HOT_PAGES_AT_RANDOM,
  PAGES_AT_RANDOM,
  PAGES_IN_ORDER,
  RUN_PAGES,
  RUNS,
  SLICES,
  SLICE_PAGES,
  WINDOW_PAGES,
  WINDOW_START,
  firstPageOfRun,
  keepers,
} from "./window.ts";

const ENTRIES = 512;
const tableOf = (vpn: number): number => Math.floor((vpn - WINDOW_START) / ENTRIES);

test("each leaf table of the window has exactly one keeper, so that none is freed", () => {
  expect(keepers.map(tableOf)).toEqual(
    Array.from({ length: WINDOW_PAGES / ENTRIES }, (_, table) => table),
  );
});

test("runs and keepers are the window, each page once", () => {
  const pages = new Set<number>(keepers);
  for (let run = 0; run < RUNS; run++) {
    for (let i = 0; i < RUN_PAGES; i++) pages.add(firstPageOfRun(run) + i);
  }
  expect(pages.size).toBe(keepers.length + RUNS * RUN_PAGES);
  expect(pages.size).toBe(WINDOW_PAGES);
  expect(tableOf(Math.max(...keepers))).toBe(tableOf(WINDOW_START + WINDOW_PAGES - 1));
});

test("the random order has the pages of the runs, and slices cover it exactly", () => {
  expect(PAGES_AT_RANDOM.toSorted()).toEqual(PAGES_IN_ORDER);
  expect(PAGES_AT_RANDOM).not.toEqual(PAGES_IN_ORDER);
  expect(SLICES * SLICE_PAGES).toBe(PAGES_IN_ORDER.length);
  expect(new Set(HOT_PAGES_AT_RANDOM).size).toBe(1024);
  expect(HOT_PAGES_AT_RANDOM).toHaveLength(PAGES_IN_ORDER.length);
});
