/**
 * The contract between a fuzz target and whoever calls it: the coverage-guided engine, replay, a
 * smoke test, a benchmark. A target knows none of them.
 */

/** One thing to fuzz. Each run builds its world anew and leaves nothing behind. */
export interface FuzzTarget {
  readonly name: string;
  /** Version of the encoding of inputs. Corpora written for another version are refused (F-10). */
  readonly decoderVersion: number;
  readonly stats: TargetStats;
  /** Runs one input. Every byte string is allowed (F-1). Findings are returned, never thrown. */
  run(data: Uint8Array): Failure | null;
  /**
   * Runs the operations of a saved `trace.jsonl`, which names its own architectures and quirks.
   * Throws {@link UnreadableTrace} for an unknown version or field.
   */
  replay(trace: string): Failure | null;
  /** The program of such a trace, to be taken apart (F-19). Throws {@link UnreadableTrace} likewise. */
  open(trace: string): SavedProgram;
}

/**
 * What a minimiser knows of a program: how long it is, what it does, and which programs are smaller. Never
 * changes; smaller programs are new ones.
 */
export interface SavedProgram {
  /** Number of operations. */
  readonly length: number;
  /** The same for the same program, and for no other. */
  readonly key: string;
  /** Runs it. The trace of a failure has no more operations than the program: those that really ran. */
  run(): Failure | null;
  /** The program without `count` operations from index `first` on. */
  without(first: number, count: number): SavedProgram;
  /**
   * Programs of the same length and one step simpler, most worthwhile first: a smaller world, then operands
   * nearer to the plainest. No chain of steps leads back to where it began.
   */
  simpler(): Iterable<SavedProgram>;
}

/** Counters since the target was created. */
export interface TargetStats {
  /** Inputs run. */
  readonly runs: number;
  /** Operations executed. */
  readonly operations: number;
  /** Operations whose operand named nothing alive (F-4). */
  readonly skipped: number;
  /** Interesting situations by name, with every name present from the start (F-13). */
  readonly sometimes: Readonly<Record<string, number>>;
}

/** One broken rule. The first four fields are its fingerprint (F-18): no addresses, no counts. */
export interface Failure {
  /** The rule that was seen broken, such as "P-T1". */
  readonly rule: string;
  /** Kind of the operation after which it was seen. */
  readonly operation: string;
  /** The architecture, or both with a comma for a difference between them (P-X1). */
  readonly arch: string;
  /** Innermost function of the packages under test, or "" when the oracle only compared results. */
  readonly frame: string;
  /** One line for people, with the values expected and seen. */
  readonly message: string;
  /** The operations that really ran, as JSON Lines (F-17). */
  readonly trace: string;
}

export interface TargetOptions {
  /** Names of the architectures to run, in order. */
  readonly arches: readonly string[];
  /** Known hazards to switch on. */
  readonly quirks: readonly string[];
  /**
   * Asks the engine for cells that count as coverage when a run sets them (fuzzing.md section 4).
   * Absent without an engine; a target that wants cells then uses a plain array.
   */
  readonly stateMap?: (cells: number) => Uint8Array;
}

/** What the module of a target exports to create it. Throws {@link UnusableOptions}. */
export type CreateTarget = (options: TargetOptions) => FuzzTarget;

/** A trace from a later version, or damaged. The message is one line for the user. */
export class UnreadableTrace extends Error {
  override readonly name = "UnreadableTrace";
}

/** An architecture or quirk that does not exist. The message is one line for the user. */
export class UnusableOptions extends Error {
  override readonly name = "UnusableOptions";
}
