import type { Architecture } from "@aspace/arch";
import { BACKENDS, findBackend } from "@aspace/backends";
import { REGION_QUIRKS } from "@aspace/vm";
import { openProgram } from "../../minimise/open-program.ts";
import {
  UnusableOptions,
  type CreateTarget,
  type Failure,
  type FuzzTarget,
  type SavedProgram,
  type TargetOptions,
  type TargetStats,
} from "../../target.ts";
import { DECODER_VERSION, decode } from "./decode.ts";
import { Runner, type Counts } from "./runner.ts";
import { simplerPrograms, type TracedProgram } from "./simpler.ts";
import { SituationCounts } from "./situations.ts";
import { STATE_CELLS, StateCells } from "./state-cells.ts";
import { readTrace } from "./trace.ts";

/**
 * Fuzz target `regions`: one program of mappings, address regions, objects and CPUs on every architecture at once,
 * beside a flat reference model, checked after every operation, and compared with each other.
 */
export const createRegionsTarget: CreateTarget = (options) => new RegionsTarget(options);

class RegionsTarget implements FuzzTarget {
  readonly name = "regions";
  readonly decoderVersion: number = DECODER_VERSION;
  readonly #situations = new SituationCounts();
  readonly #counts: Counts = { runs: 0, operations: 0, skipped: 0 };
  readonly #runner: Runner;

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
    const run = (program: TracedProgram): Failure | null => {
      const cells = new Uint8Array(STATE_CELLS);
      return this.#createRunner(program.arches, program.quirks, cells).run(program);
    };
    return openProgram(readTrace(text), { run, simpler: simplerPrograms });
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

/** Quirks are the backends' and the regions' own. */
function checkQuirks(ids: readonly string[], backends: readonly Architecture[]): void {
  const all = [...REGION_QUIRKS, ...backends.flatMap(({ quirks }) => quirks)];
  const known = new Set(all.map(({ id }) => id));
  const unknown = ids.find((id) => !known.has(id));
  if (unknown === undefined) return;
  throw new UnusableOptions(`no quirk ${unknown} here; there are ${[...known].join(", ")}`);
}
