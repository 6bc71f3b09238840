import { Enlarge, ExistingEntry } from "@aspace/arch";
import { PAGES_IN_ORDER, SLICE_PAGES, WINDOW_START } from "./window.ts";
import type { CreateWorkload } from "./workload.ts";
import { READ_ONLY, READ_WRITE, mustBeOk } from "./world.ts";

/** One call for each page. */

export function mapPages(order: Int32Array): CreateWorkload {
  return (world) => {
    const frame = new Int32Array(1);
    return {
      prepare: () => world.empty(),
      runSlice(slice) {
        const { aspace, firstFrame } = world;
        const first = slice * SLICE_PAGES;
        for (let i = first; i < first + SLICE_PAGES; i++) {
          frame[0] = firstFrame + i;
          const { ERROR } = ExistingEntry;
          mustBeOk(aspace.map(WINDOW_START + order[i]!, frame, 1, READ_WRITE, ERROR));
        }
      },
    };
  };
}

export const protectPages: CreateWorkload = (world) => ({
  prepare: () => world.fill(),
  runSlice(slice) {
    const { aspace } = world;
    const first = slice * SLICE_PAGES;
    for (let i = first; i < first + SLICE_PAGES; i++) {
      mustBeOk(aspace.protect(WINDOW_START + PAGES_IN_ORDER[i]!, 1, READ_ONLY, Enlarge.NO));
    }
  },
});

export const unmapPages: CreateWorkload = (world) => ({
  prepare: () => world.fill(),
  runSlice(slice) {
    const { aspace } = world;
    const first = slice * SLICE_PAGES;
    for (let i = first; i < first + SLICE_PAGES; i++) {
      mustBeOk(aspace.unmap(WINDOW_START + PAGES_IN_ORDER[i]!, 1, Enlarge.NO));
    }
  },
});
