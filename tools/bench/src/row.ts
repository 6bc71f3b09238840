import { mapContiguousRuns, mapListRuns, protectRuns, unmapRuns } from "./bulk-edits.ts";
import { mapPages, protectPages, unmapPages } from "./single-page-edits.ts";
import { coldWalks, loads, queries } from "./translations.ts";
import { HOT_PAGES_AT_RANDOM, PAGES_AT_RANDOM, PAGES_IN_ORDER } from "./window.ts";
import type { CreateWorkload } from "./workload.ts";

/** Cases of `native/page_tables.c`. */
export type ReferenceCase =
  | "map-range"
  | "protect-range"
  | "unmap-range"
  | "map-ordered"
  | "map-random"
  | "protect-ordered"
  | "unmap-ordered"
  | "walk-ordered"
  | "walk-random";

export const GROUPS = ["bulk", "single", "query", "walk", "load"] as const;
export type Group = (typeof GROUPS)[number];

/** One line of the report for each architecture. */
export interface Row {
  readonly name: string;
  readonly group: Group;
  readonly reference: ReferenceCase;
  /** Ours over the reference, to be reached; null where none was set. */
  readonly goalRatio: number | null;
  readonly createWorkload: CreateWorkload;
}

const row = (
  group: Group,
  name: string,
  reference: ReferenceCase,
  goalRatio: number | null,
  createWorkload: CreateWorkload,
): Row => ({ group, name, reference, goalRatio, createWorkload });

export const ROWS: readonly Row[] = [
  row("bulk", "mapContiguous, 512 base pages", "map-range", 2.5, mapContiguousRuns),
  row("bulk", "map, list of 512 frames", "map-range", 3.3, mapListRuns),
  row("bulk", "protect, 512 pages", "protect-range", 4.5, protectRuns),
  row("bulk", "unmap, 512 pages", "unmap-range", 5, unmapRuns),
  row("single", "map one page, in order", "map-ordered", 2.2, mapPages(PAGES_IN_ORDER)),
  row("single", "map one page, random", "map-random", 3.5, mapPages(PAGES_AT_RANDOM)),
  row("single", "protect one page, in order", "protect-ordered", 2.5, protectPages),
  row("single", "unmap one page, in order", "unmap-ordered", 2.7, unmapPages),
  row("query", "query, in order", "walk-ordered", null, queries(PAGES_IN_ORDER)),
  row("query", "query, random", "walk-random", null, queries(PAGES_AT_RANDOM)),
  row("walk", "cold MMU walk, in order", "walk-ordered", 2.7, coldWalks(PAGES_IN_ORDER)),
  row("walk", "cold MMU walk, random", "walk-random", 2.2, coldWalks(PAGES_AT_RANDOM)),
  row("load", "load, TLB hit, 1024 pages", "walk-random", 1.5, loads(HOT_PAGES_AT_RANDOM)),
  row("load", "load, TLB hit, all pages", "walk-random", null, loads(PAGES_AT_RANDOM)),
];
