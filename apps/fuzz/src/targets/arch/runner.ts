import { KernelPanic, type Architecture, type Status } from "@aspace/arch";
import type { Failure } from "../../target.ts";
import { Executor } from "./executor.ts";
import { innermostFrame } from "../innermost-frame.ts";
import { empty } from "./lifecycle.ts";
import type { Operation, Program } from "./operation.ts";
import { checkReturns, checkSameAnswers, checkStep, checkWorld } from "./oracle.ts";
import type { Outcome } from "./outcome.ts";
import type { SituationCounts } from "./situations.ts";
import type { StateCells } from "./state-cells.ts";
import { writeTrace, type TracedStep } from "./trace.ts";
import { World } from "./world.ts";

/** What a target counts besides situations. */
export interface Counts {
  runs: number;
  operations: number;
  skipped: number;
}

/** Where a run is, for a failure to say. */
interface Place {
  operation: string;
  arch: string;
}

/** Runs programs on one world for each architecture, in step, with all oracles. */
export class Runner {
  /** What the last program did, operation by operation; skipped ones are left out. */
  steps: TracedStep[] = [];
  readonly #arches: readonly string[];
  readonly #quirks: readonly string[];
  readonly #executors: readonly Executor[];
  readonly #worlds: readonly World[];
  readonly #outcomes: readonly Outcome[];
  readonly #cells: StateCells;
  readonly #counts: Counts;

  constructor(
    backends: readonly Architecture[],
    quirks: readonly string[],
    situations: SituationCounts,
    cells: StateCells,
    counts: Counts,
  ) {
    this.#arches = backends.map(({ name }) => name);
    this.#quirks = quirks;
    this.#cells = cells;
    this.#counts = counts;
    this.#worlds = backends.map((backend) => new World(backend, new Set(quirks)));
    this.#executors = this.#worlds.map((world) => new Executor(world, situations));
    this.#outcomes = this.#executors.map(({ outcome }) => outcome);
  }

  run(program: Program): Failure | null {
    this.steps = [];
    this.#counts.runs++;
    const place: Place = { operation: "start", arch: this.#arches.join(",") };
    try {
      this.#start(program, place);
      for (const operation of program.operations) this.#step(program, operation, place);
      this.#finish(program, place);
      return null;
    } catch (error) {
      return this.#failure(program, place, error);
    }
  }

  #start(program: Program, place: Place): void {
    for (const executor of this.#executors) {
      place.arch = executor.world.architecture.name;
      executor.reset(program.aspaces);
      executor.world.start(program);
    }
  }

  #step(program: Program, operation: Operation, place: Place): void {
    const seen: (Status | null)[] = [];
    this.steps.push({ operation, seen });
    const serial = this.steps.length;
    place.operation = operation.kind;
    for (const executor of this.#executors) {
      const { world, outcome } = executor;
      place.arch = world.architecture.name;
      executor.run(operation, serial);
      seen.push(outcome.status);
      if (outcome.status === null) continue;
      checkStep(world, outcome, serial);
      if (serial % program.checkEvery === 0) {
        checkWorld(world, program);
        world.machine.validate();
      }
    }
    place.arch = this.#arches.join(",");
    checkSameAnswers(this.#worlds, this.#outcomes);
    this.#counts.operations++;
    if (seen.every((status) => status === null)) {
      this.#counts.skipped++;
      this.steps.pop();
    }
    this.#cells.note(operation, this.#worlds, this.#outcomes);
  }

  /** Looks at everything once more, then destroys it: the books must balance (P-L1). */
  #finish(program: Program, place: Place): void {
    place.operation = "finish";
    for (const { world } of this.#executors) {
      place.arch = world.architecture.name;
      world.machine.tables.failures.failNever();
      checkWorld(world, program);
      checkReturns(world, program);
      for (const resident of world.residents) {
        if (resident === null) continue;
        empty(resident);
        world.destroy(resident);
      }
      const leaked = world.machine.tables.live - world.system.kernel.tablePages();
      if (leaked !== 0) throw new KernelPanic("P-L1", `${leaked} table frames leaked`);
    }
  }

  #failure(program: Program, { operation, arch }: Place, error: unknown): Failure {
    const rule = error instanceof KernelPanic ? error.rule : "F-14";
    const message = error instanceof Error ? error.message : String(error);
    const head = { ...program, arches: this.#arches, quirks: this.#quirks };
    const trace = writeTrace(head, this.steps, { rule, message });
    return { rule, operation, arch, frame: innermostFrame(error), message, trace };
  }
}
