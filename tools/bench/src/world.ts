import {
  Enlarge,
  ExistingEntry,
  MmuFlags,
  Status,
  type ArchVmAspace,
  type Architecture,
  type Pfn,
  type Vpn,
} from "@aspace/arch";
import { createMachine, type Cpu } from "@aspace/machine";
import { RUNS, RUN_PAGES, WINDOW_PAGES, firstPageOfRun, keepers } from "./window.ts";

const { READ, WRITE, USER } = MmuFlags;
export const READ_WRITE: number = USER | READ | WRITE;
export const READ_ONLY: number = USER | READ;

/** Frames for the tables of two aspaces over the window, and some. */
const TABLE_FRAMES = 2048;

/** Anything but OK means that a row would measure something else than it says. */
export function mustBeOk(status: Status): void {
  if (status !== Status.OK) throw new Error(`an operation under measurement answered ${status}`);
}

/**
 * A machine with one CPU that runs a user aspace, so that every edit has somebody to tell, and a page
 * of memory for every page of the window.
 */
export class World {
  readonly aspace: ArchVmAspace;
  readonly cpu: Cpu;
  /** First of `WINDOW_PAGES` consecutive frames. Odd, so that no run of them fits a large leaf. */
  readonly firstFrame: Pfn = 1;
  /** The same frames by run, each run in an order of its own. */
  readonly frameLists: readonly Int32Array[];

  constructor(architecture: Architecture) {
    const machine = createMachine({
      architecture,
      cpuCount: 1,
      frameCount: this.firstFrame + WINDOW_PAGES + TABLE_FRAMES,
      firstFrame: this.firstFrame,
    });
    for (let i = 0; i < WINDOW_PAGES; i++) machine.pages.allocatePage();
    const system = architecture.boot(machine, {
      quirks: new Set(),
      tagLimit: architecture.tagLimit,
    });
    mustBeOk(system.start());
    this.aspace = system.createAspace("user");
    mustBeOk(this.aspace.init());
    system.contextSwitch(0, this.aspace);
    this.cpu = machine.cpus[0]!;
    this.frameLists = Array.from({ length: RUNS }, (_, run) => this.#framesOfRun(run));
    for (const vpn of keepers) this.#mapOne(vpn);
  }

  /** Unmaps all runs. */
  empty(): void {
    for (let run = 0; run < RUNS; run++) {
      mustBeOk(this.aspace.unmap(firstPageOfRun(run), RUN_PAGES, Enlarge.NO));
    }
  }

  /** Maps all runs read-write, whatever was mapped there. */
  fill(): void {
    this.empty();
    for (let run = 0; run < RUNS; run++) {
      const first = this.firstFrame + run * RUN_PAGES;
      mustBeOk(this.aspace.mapContiguous(firstPageOfRun(run), first, RUN_PAGES, READ_WRITE));
    }
  }

  /** Every second frame from the front, then the others from the back. */
  #framesOfRun(run: number): Int32Array {
    const first = this.firstFrame + run * RUN_PAGES;
    const half = RUN_PAGES / 2;
    return Int32Array.from(
      { length: RUN_PAGES },
      (_, i) => first + (i < half ? 2 * i : 2 * (RUN_PAGES - i) - 1),
    );
  }

  #mapOne(vpn: Vpn): void {
    const frames = Int32Array.of(this.firstFrame);
    mustBeOk(this.aspace.map(vpn, frames, 1, READ_WRITE, ExistingEntry.ERROR));
  }
}
