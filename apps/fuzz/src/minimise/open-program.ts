import type { Failure, SavedProgram } from "../target.ts";

/** What programs of all targets have. */
interface AnyProgram {
  readonly operations: readonly unknown[];
  /** Everything is looked at after every `checkEvery` operations, and at the end. */
  readonly checkEvery: number;
}

/** What a target can do with its programs. */
export interface Bench<Program> {
  run(program: Program): Failure | null;
  /** See `SavedProgram.simpler`. */
  simpler(program: Program): Iterable<Program>;
}

/** A program of a target as the minimiser wants to see it. */
export function openProgram<Program extends AnyProgram>(
  program: Program,
  bench: Bench<Program>,
): SavedProgram {
  return {
    length: program.operations.length,
    get key() {
      return JSON.stringify(program);
    },
    run: () => bench.run(program),
    without: (first, count) => openProgram(without(program, first, count), bench),
    *simpler() {
      for (const simpler of simplerChecks(program)) yield openProgram(simpler, bench);
      for (const simpler of bench.simpler(program)) yield openProgram(simpler, bench);
    },
  };
}

/** A look after the last operation stays there: else none of those in front could be spared. */
function without<Program extends AnyProgram>(
  program: Program,
  first: number,
  count: number,
): Program {
  const operations = program.operations.toSpliced(first, count);
  const looksAtLast = program.checkEvery === program.operations.length;
  return {
    ...program,
    operations,
    ...(looksAtLast ? { checkEvery: Math.max(1, operations.length) } : {}),
  };
}

/** A look after each operation shows a defect where it happens (F-12); else one after the last. */
function* simplerChecks<Program extends AnyProgram>(program: Program): Generator<Program> {
  const { checkEvery, operations } = program;
  if (checkEvery === 1) return;
  yield { ...program, checkEvery: 1 };
  if (checkEvery < operations.length) yield { ...program, checkEvery: operations.length };
}
