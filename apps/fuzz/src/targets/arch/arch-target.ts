import type { Architecture } from "@aspace/arch";
import { BACKENDS, findBackend } from "@aspace/backends";
import {
  UnusableOptions,
  type CreateTarget,
  type Failure,
  type FuzzTarget,
  type SavedProgram,
  type TargetOptions,
  type TargetStats,
} from "../../target.ts";
import { openProgram } from "../../minimise/open-program.ts";
import { DECODER_VERSION, decode } from "./decode.ts";
import { Runner, type Counts } from "./runner.ts";
import { simplerPrograms, type TracedProgram } from "./simpler.ts";
import { SituationCounts } from "./situations.ts";
import { STATE_CELLS, StateCells } from "./state-cells.ts";
import { readTrace } from "./trace.ts";

/**
 * Fuzz target `arch`: one program on every architecture at once, each beside its reference model,
 * checked after every operation, and compared with each other.
 */
export const createArchTarget: CreateTarget = (options) => new ArchTarget(options);

class ArchTarget implements FuzzTarget {
  readonly name = "arch";
  readonly decoderVersion: number = DECODER_VERSION;
  readonly #situations = new SituationCounts();
  readonly #counts: Counts = { runs: 0, operations: 0, skipped: 0 };
  readonly #runner: Runner;
  #replaying: { readonly key: string; readonly runner: Runner } | null = null;

  constructor({ arches, quirks, stateMap }: TargetOptions) {
    const cells = stateMap?.(STATE_CELLS) ?? new Uint8Array(STATE_CELLS);
    this.#runner = this.#createRunner(arches, quirks, cells);
  }

  get stats(): TargetStats {
    return { ...this.#counts, sometimes: this.#situations.counts };
  }

  run(data: Uint8Array): Failure | null {
    return this.#runner.run(decode(data));
  }

  replay(text: string): Failure | null {
    return this.open(text).run();
  }

  open(text: string): SavedProgram {
    const { arches, quirks, program } = readTrace(text);
    const run = (traced: TracedProgram): Failure | null => this.#runnerFor(traced).run(traced);
    return openProgram({ arches, quirks, ...program }, { run, simpler: simplerPrograms });
  }

  /** Making machines takes longer than running a program on them: the last runner is kept. */
  #runnerFor({ arches, quirks }: TracedProgram): Runner {
    const key = JSON.stringify([arches, quirks]);
    if (this.#replaying?.key !== key) {
      const runner = this.#createRunner(arches, quirks, new Uint8Array(STATE_CELLS));
      this.#replaying = { key, runner };
    }
    return this.#replaying.runner;
  }

  #createRunner(arches: readonly string[], quirks: readonly string[], cells: Uint8Array): Runner {
    const backends = arches.map(backendNamed);
    checkQuirks(quirks, backends);
    return new Runner(backends, quirks, this.#situations, new StateCells(cells), this.#counts);
  }
}

function backendNamed(name: string): Architecture {
  const backend = findBackend(name);
  if (backend !== null) return backend;
  const known = BACKENDS.map((candidate) => candidate.name).join(", ");
  throw new UnusableOptions(`no backend is called ${name}; there are ${known}`);
}

/** A quirk that none of the backends can have is a typing mistake. */
function checkQuirks(ids: readonly string[], backends: readonly Architecture[]): void {
  const known = new Set(backends.flatMap(({ quirks }) => quirks.map(({ id }) => id)));
  const unknown = ids.find((id) => !known.has(id));
  if (unknown === undefined) return;
  throw new UnusableOptions(
    `no quirk ${unknown} on these backends; there are ${[...known].join(", ")}`,
  );
}
