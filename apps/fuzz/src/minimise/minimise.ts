/**
 * The smallest program with the same defect (F-19, F-20).
 *
 * ```
 *   operations   ████████████████████████████████   what ran until the failure
 *   drop         ██··██··········██··········████   halves, quarters, ..., one by one: 1-minimal
 *   simplify     ▁█  ▁▁          ▁▁          ▁▁▁▁   smaller world, plainer operands; then drop again
 * ```
 *
 * A smaller program counts only if it fails with the same fingerprint, and its own trace fails so again: any failure
 * will do is how minimisers slip to another defect.
 */
import { fingerprintOf } from "../findings/fingerprint.ts";
import type { Failure, SavedProgram } from "../target.ts";

/** Enough for most findings several times over. */
export const DEFAULT_RUNS = 5000;

export interface MinimiseRequest {
  readonly trace: string;
  /** Of the finding; null for whatever the trace fails with. */
  readonly fingerprint: string | null;
  readonly maxRuns: number;
}

/** The smallest program so far. */
export interface Smallest {
  readonly kind: "minimised";
  /** As it was seen last, with the smallest trace. */
  readonly failure: Failure;
  readonly operations: number;
  /** Operations of the trace that was given. */
  readonly from: number;
  readonly runs: number;
  /** Whether there was nothing left to try. */
  readonly isComplete: boolean;
  /** Smaller programs that failed once and not again: a defect of its own (F-22). */
  readonly unrepeated: number;
}

export type Minimised =
  | Smallest
  /** The trace failed with the fingerprint, and then did not (F-20). */
  | { readonly kind: "nondeterministic"; readonly failure: Failure }
  /** It fails, but as another defect. */
  | { readonly kind: "different"; readonly failure: Failure }
  /** It does not fail. */
  | { readonly kind: "gone" };

/**
 * Minimises a trace, one run at a time: after each it yields the smallest program so far, and may be left there. Deterministic.
 * Throws what `open` throws.
 */
export function* minimise(
  open: (trace: string) => SavedProgram,
  { trace, fingerprint, maxRuns }: MinimiseRequest,
): Generator<Smallest, Minimised> {
  const given = open(trace);
  const failure = given.run();
  if (failure === null) return { kind: "gone" };
  const wanted = fingerprint ?? fingerprintOf(failure);
  if (fingerprintOf(failure) !== wanted) return { kind: "different", failure };
  const written = repeated(open, failure);
  if (written === null) return { kind: "nondeterministic", failure };
  const search = new Search(open, written, { failure, from: given.length, maxRuns });
  yield* search.run();
  return search.smallest;
}

/** What a failure's own trace says was run, if it fails alike. */
function repeated(open: (trace: string) => SavedProgram, failure: Failure): SavedProgram | null {
  const written = open(failure.trace);
  const again = written.run();
  return again !== null && fingerprintOf(again) === fingerprintOf(failure) ? written : null;
}

interface SearchStart {
  readonly failure: Failure;
  readonly from: number;
  readonly maxRuns: number;
}

class Search {
  readonly #open: (trace: string) => SavedProgram;
  readonly #start: SearchStart;
  /** Keys of programs that have been run: none is tried twice, so that the search ends. */
  readonly #tried = new Set<string>();
  #program: SavedProgram;
  #failure: Failure;
  #runs = 2;
  #unrepeated = 0;
  #isComplete = false;

  constructor(open: (trace: string) => SavedProgram, program: SavedProgram, start: SearchStart) {
    this.#open = open;
    this.#program = program;
    this.#start = start;
    this.#failure = start.failure;
    this.#tried.add(program.key);
  }

  get smallest(): Smallest {
    return {
      kind: "minimised",
      failure: this.#failure,
      operations: this.#program.length,
      from: this.#start.from,
      runs: this.#runs,
      isComplete: this.#isComplete,
      unrepeated: this.#unrepeated,
    };
  }

  /** Drops and simplifies in turn, until neither finds anything: then no operation can be spared. */
  *run(): Generator<Smallest, void> {
    let before: SavedProgram;
    do {
      before = this.#program;
      yield* this.#drop();
      yield* this.#simplify();
    } while (this.#program !== before && !this.#isSpent());
    this.#isComplete = !this.#isSpent();
  }

  /** Leaves out stretches of operations, long ones first, from the end: what comes late seldom matters to what failed early. */
  *#drop(): Generator<Smallest, void> {
    for (let size = Math.max(1, this.#program.length >> 1); size >= 1; size >>= 1) {
      // A removal may take more with it than it names: what is skipped then is gone from the trace, too.
      for (
        let end = this.#program.length;
        end > 0;
        end = Math.min(end - size, this.#program.length)
      ) {
        const first = Math.max(0, end - size);
        yield* this.#try(this.#program.without(first, end - first));
      }
    }
  }

  /** Takes every simpler program that fails alike, and goes on from there. */
  *#simplify(): Generator<Smallest, void> {
    let candidates = [...this.#program.simpler()];
    for (let next = 0; next < candidates.length; next++) {
      const before = this.#program;
      yield* this.#try(candidates[next]!);
      if (this.#program === before) continue;
      // What stood in front was tried in vain a moment ago; the next round tries it once more.
      candidates = [...this.#program.simpler()];
      next--;
    }
  }

  /** Makes the candidate the smallest program if it fails alike, and its trace again. */
  *#try(candidate: SavedProgram): Generator<Smallest, void> {
    const { key } = candidate;
    if (this.#isSpent() || this.#tried.has(key)) return;
    this.#tried.add(key);
    this.#runs++;
    const failure = candidate.run();
    if (failure !== null && fingerprintOf(failure) === fingerprintOf(this.#failure)) {
      this.#accept(failure);
    }
    yield this.smallest;
  }

  #accept(failure: Failure): void {
    this.#runs++;
    const written = repeated(this.#open, failure);
    if (written === null) {
      this.#unrepeated++;
      return;
    }
    this.#program = written;
    this.#failure = failure;
    this.#tried.add(written.key);
  }

  #isSpent(): boolean {
    return this.#runs >= this.#start.maxRuns;
  }
}
