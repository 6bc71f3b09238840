import { Access, ExistingEntry, NO_FAULT, emptyWalk, type QueryResult } from "@aspace/arch";
import { CpuMode } from "@aspace/machine";
import { RUNS, RUN_PAGES, SLICE_PAGES, WINDOW_START, firstPageOfRun } from "./window.ts";
import type { CreateWorkload } from "./workload.ts";
import { READ_WRITE, mustBeOk } from "./world.ts";

/** Reading the tables: by the kernel, by the MMU, and through the TLB. */

export function queries(order: Int32Array): CreateWorkload {
  return (world) => {
    const out: QueryResult = { pfn: 0, flags: 0, leafShift: 0 };
    return {
      prepare: () => world.fill(),
      runSlice(slice) {
        const { aspace } = world;
        const first = slice * SLICE_PAGES;
        for (let i = first; i < first + SLICE_PAGES; i++) {
          mustBeOk(aspace.query(WINDOW_START + order[i]!, out));
        }
      },
    };
  };
}

/** Reads by a user, without any cache. Accessed bits are set before, as in a program that runs. */
export function coldWalks(order: Int32Array): CreateWorkload {
  return (world) => {
    const out = emptyWalk();
    const { mmu } = world.cpu;
    const walkSlice = (slice: number): void => {
      const first = slice * SLICE_PAGES;
      for (let i = first; i < first + SLICE_PAGES; i++) {
        mmu.walk(WINDOW_START + order[i]!, Access.USER_READ, null, out);
        mustNotFault(out.fault);
      }
    };
    return {
      prepare() {
        world.fill();
        for (let run = 0; run < RUNS; run++) {
          for (let page = 0; page < RUN_PAGES; page++) {
            mmu.walk(firstPageOfRun(run) + page, Access.USER_READ, null, out);
          }
        }
      },
      runSlice: walkSlice,
    };
  };
}

/** Frames behind the pages of `loads`: few, because the host's own cache misses are not the subject. */
const LOADED_FRAMES = 64;

/** Loads of a word by a user, every page of the window in the TLB. */
export function loads(order: Int32Array): CreateWorkload {
  return (world) => ({
    prepare() {
      world.empty();
      const frames = Int32Array.from({ length: RUN_PAGES }, (_, i) => {
        return world.firstFrame + (i % LOADED_FRAMES);
      });
      for (let run = 0; run < RUNS; run++) {
        const vpn = firstPageOfRun(run);
        mustBeOk(world.aspace.map(vpn, frames, RUN_PAGES, READ_WRITE, ExistingEntry.ERROR));
        for (let page = 0; page < RUN_PAGES; page++) {
          mustNotFault(world.cpu.load(CpuMode.USER, vpn + page, 0));
        }
      }
    },
    runSlice(slice) {
      const { cpu } = world;
      const first = slice * SLICE_PAGES;
      for (let i = first; i < first + SLICE_PAGES; i++) {
        mustNotFault(cpu.load(CpuMode.USER, WINDOW_START + order[i]!, 0));
      }
    },
  });
}

function mustNotFault(fault: number): void {
  if (fault !== NO_FAULT) throw new Error(`an access under measurement faulted: ${fault}`);
}
