import { KernelPanic, Status, statusName, type Architecture } from "@aspace/arch";
import { FaultMode } from "@aspace/vm";
import { innermostFrame } from "../innermost-frame.ts";
import type { Failure } from "../../target.ts";
import { placeOf, spotOf } from "./cpu-operations.ts";
import { checkNothingLeft, endWorld } from "./ending.ts";
import { Executor } from "./executor.ts";
import { create } from "./object-operations.ts";
import type { Operation, Program } from "./operation.ts";
import { FaultWatch, checkStep, checkWorld } from "./oracle.ts";
import { census, type SituationCounts } from "./situations.ts";
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

/** Objects that are there from the start are numbered from here on: behind every operation. */
const FIRST_SERIAL = 128;

/** Runs programs on one kernel for each architecture, in step, with all oracles. */
export class Runner {
  /** What the last program did, operation by operation; skipped ones are left out. */
  steps: TracedStep[] = [];
  readonly #backends: readonly Architecture[];
  readonly #quirks: readonly string[];
  readonly #situations: SituationCounts;
  readonly #cells: StateCells;
  readonly #counts: Counts;
  readonly #watch = new FaultWatch();

  constructor(
    backends: readonly Architecture[],
    quirks: readonly string[],
    situations: SituationCounts,
    cells: StateCells,
    counts: Counts,
  ) {
    this.#backends = backends;
    this.#quirks = quirks;
    this.#situations = situations;
    this.#cells = cells;
    this.#counts = counts;
  }

  run(program: Program): Failure | null {
    this.steps = [];
    this.#counts.runs++;
    const place: Place = { operation: "start", arch: this.#allArches() };
    try {
      const executors = this.#start(program, place);
      for (const operation of program.operations) {
        this.#step(executors, program, operation, place);
      }
      this.#finish(executors, place);
      return null;
    } catch (error) {
      return this.#failure(program, place, error);
    }
  }

  #start(program: Program, place: Place): Executor[] {
    const quirks = new Set(this.#quirks);
    return this.#backends.map((backend, which) => {
      place.arch = backend.name;
      const isUpgrade = (which % 2 === 0) === (program.faultModes === "upgrade-first");
      const faultMode = isUpgrade ? FaultMode.UPGRADE : FaultMode.LEGACY;
      const world = new World(backend, quirks, faultMode, program);
      const executor = new Executor(world, this.#situations);
      for (const [slot, creation] of program.objects.entries()) {
        executor.serial = FIRST_SERIAL + slot;
        create(executor, creation, slot);
      }
      const [first] = world.aspaces;
      for (const cpu of world.kernel.machine.cpus) {
        world.kernel.contextSwitch(cpu.id, first?.real ?? null);
      }
      return executor;
    });
  }

  #step(
    executors: readonly Executor[],
    program: Program,
    operation: Operation,
    place: Place,
  ): void {
    const seen: (Status | null)[] = [];
    this.steps.push({ operation, seen });
    const serial = this.steps.length;
    place.operation = operation.kind;
    this.#counts.operations++;
    for (const executor of executors) {
      const { world, outcome } = executor;
      place.arch = world.architecture.name;
      const before = census(world);
      this.#perform(executor, operation, serial, program.checkEvery);
      seen.push(outcome.status);
      this.#cells.note(operation, outcome, before);
      if (outcome.status === null) continue;
      checkStep(world, outcome);
      if (serial % program.checkEvery === 0) checkWorld(world);
      this.#situations.noteOperation(world, operation, outcome, before);
    }
    place.arch = this.#allArches();
    checkSameAnswers(executors);
    if (seen.every((status) => status === null)) {
      this.#counts.skipped++;
      this.steps.pop();
    }
  }

  /** What a fault may change is looked at where everything is. */
  #perform(executor: Executor, operation: Operation, serial: number, checkEvery: number): void {
    const isWatched = operation.kind === "access" && serial % checkEvery === 0;
    const spot = isWatched ? spotOf(executor, operation, placeOf(executor, operation.cpu)) : null;
    if (spot !== null) this.#watch.begin(spot.aspace);
    executor.run(operation, serial);
    if (spot !== null) this.#watch.end(spot.aspace, spot.vpn);
  }

  /** Looks at everything once more, then lets go of it all: the books must balance (I-40). */
  #finish(executors: readonly Executor[], place: Place): void {
    place.operation = "finish";
    for (const executor of executors) {
      place.arch = executor.world.architecture.name;
      checkWorld(executor.world);
      endWorld(executor);
      checkNothingLeft(executor.world);
    }
  }

  #allArches(): string {
    return this.#backends.map(({ name }) => name).join(",");
  }

  #failure(program: Program, { operation, arch }: Place, error: unknown): Failure {
    const rule = error instanceof KernelPanic ? error.rule : "F-14";
    const message = error instanceof Error ? error.message : String(error);
    const arches = this.#backends.map(({ name }) => name);
    const head = { ...program, arches, quirks: this.#quirks };
    const trace = writeTrace(head, this.steps, { rule, message });
    return { rule, operation, arch, frame: innermostFrame(error), message, trace };
  }
}

/** I-23, P-X1: architectures and fault modes answer the same, as long as none has run out of memory. */
function checkSameAnswers(executors: readonly Executor[]): void {
  if (executors.some(({ world, outcome }) => world.hasLacked || outcome.gated)) return;
  const [first] = executors;
  for (const { outcome, world } of executors) {
    if (outcome.status === first?.outcome.status) continue;
    const [ours, theirs] = [outcome.status, first!.outcome.status].map((status) =>
      status === null ? "nothing" : statusName(status),
    );
    const { name } = world.architecture;
    throw new KernelPanic("P-X1", `${name} answers ${ours}, the first answers ${theirs}`);
  }
}
