import { Enlarge, ExistingEntry } from "@aspace/arch";
import { RUN_PAGES, SLICE_RUNS, firstPageOfRun } from "./window.ts";
import type { CreateWorkload } from "./workload.ts";
import { READ_ONLY, READ_WRITE, mustBeOk } from "./world.ts";

/** One call for each run of 512 pages. */

export const mapContiguousRuns: CreateWorkload = (world) => ({
  prepare: () => world.empty(),
  runSlice(slice) {
    const { aspace, firstFrame } = world;
    const first = slice * SLICE_RUNS;
    for (let run = first; run < first + SLICE_RUNS; run++) {
      const pfn = firstFrame + run * RUN_PAGES;
      mustBeOk(aspace.mapContiguous(firstPageOfRun(run), pfn, RUN_PAGES, READ_WRITE));
    }
  },
});

export const mapListRuns: CreateWorkload = (world) => ({
  prepare: () => world.empty(),
  runSlice(slice) {
    const { aspace, frameLists } = world;
    const first = slice * SLICE_RUNS;
    for (let run = first; run < first + SLICE_RUNS; run++) {
      const pfns = frameLists[run]!;
      const { ERROR } = ExistingEntry;
      mustBeOk(aspace.map(firstPageOfRun(run), pfns, RUN_PAGES, READ_WRITE, ERROR));
    }
  },
});

export const protectRuns: CreateWorkload = (world) => ({
  prepare: () => world.fill(),
  runSlice(slice) {
    const { aspace } = world;
    const first = slice * SLICE_RUNS;
    for (let run = first; run < first + SLICE_RUNS; run++) {
      mustBeOk(aspace.protect(firstPageOfRun(run), RUN_PAGES, READ_ONLY, Enlarge.NO));
    }
  },
});

export const unmapRuns: CreateWorkload = (world) => ({
  prepare: () => world.fill(),
  runSlice(slice) {
    const { aspace } = world;
    const first = slice * SLICE_RUNS;
    for (let run = first; run < first + SLICE_RUNS; run++) {
      mustBeOk(aspace.unmap(firstPageOfRun(run), RUN_PAGES, Enlarge.NO));
    }
  },
});
