import { KernelPanic, Status } from "@aspace/arch";
import { innermostFrame } from "../innermost-frame.ts";
import type { Failure } from "../../target.ts";
import { endWorld } from "./ending.ts";
import { Executor } from "./executor.ts";
import { create } from "./family-operations.ts";
import { Mappings, type Operation, type Program } from "./operation.ts";
import { showAll } from "./mapping-operations.ts";
import { checkStep, checkWorld } from "./oracle.ts";
import { SituationCounts } from "./situations.ts";
import { STATE_CELLS, StateCells } from "./state-cells.ts";
import { writeTrace, type TracedStep } from "./trace.ts";
import { World } from "./world.ts";

/** What a target counts besides situations. */
export interface Counts {
  runs: number;
  operations: number;
  skipped: number;
}

/** What a caller wants of a run besides its failure. */
export interface Watch {
  /** Sees the world as the last operation left it, before everything is destroyed. */
  readonly atEnd?: (world: World) => void;
  /** So many operations at the start were judged in an earlier run, and are not looked at again. */
  readonly judgedBefore?: number;
}

/** Runs programs on real objects and on the reference model, with all oracles. */
export class Runner {
  /** What the last program did, operation by operation; skipped ones are left out. */
  steps: TracedStep[] = [];
  readonly executor: Executor;
  readonly #cells: StateCells;
  readonly #counts: Counts;

  constructor(situations: SituationCounts, cells: StateCells, counts: Counts) {
    this.executor = new Executor(new World(), situations);
    this.#cells = cells;
    this.#counts = counts;
  }

  run(program: Program, { atEnd, judgedBefore = 0 }: Watch = {}): Failure | null {
    this.steps = [];
    this.#counts.runs++;
    let kind = "start";
    try {
      this.#start(program);
      for (const [index, operation] of program.operations.entries()) {
        kind = operation.kind;
        this.#step(program, operation, index < judgedBefore);
      }
      atEnd?.(this.executor.world);
      kind = "finish";
      this.#finish();
      return null;
    } catch (error) {
      return this.#failure(program, kind, error);
    }
  }

  #start(program: Program): void {
    const { executor } = this;
    executor.world.start(program);
    executor.serial = 0;
    for (const [slot, creation] of program.objects.entries()) {
      executor.serial = FIRST_SERIAL + slot;
      create(executor, creation, slot);
    }
    if (program.mappings === Mappings.ALWAYS) showAll(executor.world);
  }

  #step(program: Program, operation: Operation, isJudged: boolean): void {
    const { executor } = this;
    const step: { operation: Operation; seen: Status | null } = { operation, seen: null };
    this.steps.push(step);
    const serial = this.steps.length;
    executor.run(operation, serial);
    const { done, status, resident } = executor.outcome;
    this.#counts.operations++;
    this.#cells.note(operation, executor.outcome);
    if (done === null) {
      this.#counts.skipped++;
      this.steps.pop();
      return;
    }
    step.operation = done;
    step.seen = status;
    if (!isJudged) {
      checkStep(executor.world, resident);
      if (serial % program.checkEvery === 0) checkWorld(executor.world);
    }
    if (program.mappings === Mappings.ALWAYS) showAll(executor.world);
  }

  /** Looks at everything once more, then lets go of it all. */
  #finish(): void {
    checkWorld(this.executor.world);
    endWorld(this.executor);
  }

  #failure(program: Program, operation: string, error: unknown): Failure {
    const rule = error instanceof KernelPanic ? error.rule : "F-14";
    const message = error instanceof Error ? error.message : String(error);
    const trace = writeTrace(program, this.steps, { rule, message });
    return { rule, operation, arch: "", frame: innermostFrame(error), message, trace };
  }
}

/** Objects that are there from the start are numbered from here on: behind every operation. */
const FIRST_SERIAL = 128;

/** A runner whose counts nobody reads, for tests. */
export function createRunner(): Runner {
  const cells = new StateCells(new Uint8Array(STATE_CELLS));
  return new Runner(new SituationCounts(), cells, { runs: 0, operations: 0, skipped: 0 });
}
