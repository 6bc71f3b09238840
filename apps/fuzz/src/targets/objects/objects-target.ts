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
import type { Program } from "./operation.ts";
import { Runner, type Counts } from "./runner.ts";
import { simplerPrograms } from "./simpler.ts";
import { SituationCounts } from "./situations.ts";
import { STATE_CELLS, StateCells } from "./state-cells.ts";
import { readTrace } from "./trace.ts";

/** Fuzz target `objects`: programs on memory objects beside a flat reference model, checked after every operation. */
export const createObjectsTarget: CreateTarget = (options) => new ObjectsTarget(options);

class ObjectsTarget implements FuzzTarget {
  readonly name = "objects";
  readonly decoderVersion: number = DECODER_VERSION;
  readonly #situations = new SituationCounts();
  readonly #counts: Counts = { runs: 0, operations: 0, skipped: 0 };
  readonly #runner: Runner;

  constructor({ quirks, stateMap }: TargetOptions) {
    const [quirk] = quirks;
    if (quirk !== undefined) throw new UnusableOptions(`memory objects have no quirk ${quirk}`);
    const cells = new StateCells(stateMap?.(STATE_CELLS) ?? new Uint8Array(STATE_CELLS));
    this.#runner = new Runner(this.#situations, cells, this.#counts);
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
    const run = (program: Program): Failure | null => this.#runner.run(program);
    return openProgram(readTrace(text), { run, simpler: simplerPrograms });
  }
}
