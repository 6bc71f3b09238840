import { KernelPanic, Status, type Architecture } from "@aspace/arch";
import { BACKENDS, findBackend } from "@aspace/backends";
import {
  UnusableOptions,
  type CreateTarget,
  type Failure,
  type FuzzTarget,
  type TargetOptions,
  type TargetStats,
} from "../../target.ts";
import { DECODER_VERSION, KINDS, decode } from "./decode.ts";
import { Executor } from "./execute.ts";
import { innermostFrame } from "./innermost-frame.ts";
import { checkSameAnswers, checkStep, checkWorld } from "./oracle.ts";
import type { Operation, Program } from "./operation.ts";
import { SituationCounts } from "./situations.ts";
import { readTrace, writeTrace } from "./trace.ts";
import { World } from "./world.ts";

/** Cells of abstract state that count as coverage. */
const STATE_CELLS = 4096;

/**
 * Fuzz target `arch`: one program on every architecture at once, each beside its reference model,
 * checked after every operation, and compared with each other.
 */
export const createArchTarget: CreateTarget = (options) => new ArchTarget(options);

class ArchTarget implements FuzzTarget {
  readonly name = "arch";
  readonly decoderVersion: number = DECODER_VERSION;
  readonly #situations = new SituationCounts();
  readonly #runner: Runner;
  readonly #counts = { runs: 0, operations: 0, skipped: 0 };

  constructor(options: TargetOptions) {
    const cells = options.stateMap?.(STATE_CELLS) ?? new Uint8Array(STATE_CELLS);
    this.#runner = new Runner(options, this.#situations, cells, this.#counts);
  }

  get stats(): TargetStats {
    return { ...this.#counts, sometimes: this.#situations.counts };
  }

  run(data: Uint8Array): Failure | null {
    return this.#runner.run(decode(data));
  }

  replay(text: string): Failure | null {
    const { arches, quirks, program } = readTrace(text);
    const options: TargetOptions = { arches, quirks };
    const cells = new Uint8Array(STATE_CELLS);
    return new Runner(options, this.#situations, cells, this.#counts).run(program);
  }
}

interface Counts {
  runs: number;
  operations: number;
  skipped: number;
}

/** Runs programs on a fixed set of worlds. */
class Runner {
  readonly #options: TargetOptions;
  readonly #executors: readonly Executor[];
  readonly #cells: Uint8Array;
  readonly #counts: Counts;
  #statuses: (Status | null)[][] = [];

  constructor(
    options: TargetOptions,
    situations: SituationCounts,
    cells: Uint8Array,
    counts: Counts,
  ) {
    this.#options = options;
    this.#cells = cells;
    this.#counts = counts;
    const backends = options.arches.map(backendNamed);
    checkQuirks(options.quirks, backends);
    const quirks = new Set(options.quirks);
    this.#executors = backends.map(
      (backend) => new Executor(new World(backend, quirks), situations),
    );
  }

  run(program: Program): Failure | null {
    this.#statuses = [];
    this.#counts.runs++;
    const at = { operation: "start", arch: this.#options.arches.join(",") };
    try {
      this.#start(program);
      for (let index = 0; index < program.operations.length; index++) {
        this.#step(program, index, at);
      }
      this.#finish(program, at);
      return null;
    } catch (error) {
      return this.#failure(program, at, error);
    }
  }

  #start(program: Program): void {
    for (const executor of this.#executors) {
      executor.reset(program.aspaces);
      executor.world.start(program);
    }
  }

  #step(program: Program, index: number, at: { operation: string; arch: string }): void {
    const operation = program.operations[index]!;
    const statuses: (Status | null)[] = [];
    this.#statuses.push(statuses);
    at.operation = operation.kind;
    for (const executor of this.#executors) {
      at.arch = executor.world.architecture.name;
      executor.run(operation, index);
      statuses.push(executor.outcome.status);
      checkStep(executor.world, executor.outcome, index);
      if ((index + 1) % program.checkEvery === 0) checkWorld(executor.world, program);
    }
    at.arch = this.#options.arches.join(",");
    checkSameAnswers(
      this.#executors.map(({ world }) => world),
      this.#executors.map(({ outcome }) => outcome),
    );
    this.#counts.operations++;
    if (statuses.every((status) => status === null)) this.#counts.skipped++;
    this.#noteState(operation, statuses);
  }

  /** Destroys everything: the books must balance (P-L1). */
  #finish(program: Program, at: { operation: string; arch: string }): void {
    for (const executor of this.#executors) {
      const { world } = executor;
      at.arch = world.architecture.name;
      at.operation = "finish";
      world.machine.tables.failures.failNever();
      checkWorld(world, program);
      for (const resident of world.residents) {
        if (resident === null) continue;
        executor.empty(resident);
        world.destroy(resident);
      }
      const { live } = world.machine.tables;
      world.machine.validate();
      const kept = world.system.kernel.tablePages();
      if (live !== kept) throw new KernelPanic("P-L1", `${live - kept} table frames leaked`);
    }
  }

  /** A cell for what kind of operation met what kind of state: feedback that edges do not give. */
  #noteState(operation: Operation, statuses: readonly (Status | null)[]): void {
    const kind = KINDS.indexOf(operation.kind);
    for (const [which, { world, outcome }] of this.#executors.entries()) {
      const resident = outcome.slot < 0 ? null : (world.residents[outcome.slot] ?? null);
      const size =
        resident === null ? 0 : Math.min(3, Math.ceil(Math.log2(1 + resident.reference.size) / 3));
      const tables = resident === null ? 0 : Math.min(3, resident.aspace.tablePages() >> 2);
      const status = Math.min(7, -(statuses[which] ?? 0) & 7);
      const cell = kind | (size << 4) | (tables << 6) | (status << 8) | ((which & 1) << 11);
      this.#cells[cell] = 1;
    }
  }

  #failure(program: Program, at: { operation: string; arch: string }, error: unknown): Failure {
    const rule = error instanceof KernelPanic ? error.rule : "internal";
    const message = error instanceof Error ? error.message : String(error);
    const { arches, quirks } = this.#options;
    return {
      rule,
      operation: at.operation,
      arch: at.arch,
      frame: innermostFrame(error),
      message,
      trace: writeTrace({ arches, quirks, program }, this.#statuses, { rule, message }),
    };
  }
}

function backendNamed(name: string): Architecture {
  const backend = findBackend(name);
  if (backend !== undefined) return backend;
  const known = BACKENDS.map((candidate) => candidate.name).join(", ");
  throw new UnusableOptions(`no backend is called ${name}; there are ${known}`);
}

/** A quirk that none of the backends can have is a typing mistake. */
function checkQuirks(ids: readonly string[], backends: readonly Architecture[]): void {
  const known = new Set(backends.flatMap(({ quirks }) => quirks.map(({ id }) => id)));
  const unknown = ids.find((id) => !known.has(id));
  if (unknown === undefined) return;
  throw new UnusableOptions(`no quirk ${unknown} on these backends; there are ${[...known].join(", ")}`);
}
