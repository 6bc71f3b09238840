import { KernelPanic, type Architecture } from "@aspace/arch";
import type { Seen } from "../format/expectation.ts";
import type { Operation, OperationName, OperationTable } from "../format/operation.ts";
import { readTrace } from "../format/read-trace.ts";
import type { Trace } from "../format/trace.ts";
import { UnreadableTrace } from "../format/unreadable-trace.ts";
import type { Choice } from "../format/words.ts";
import { aspaceHandlers } from "./aspace-handlers.ts";
import { callHandlers } from "./call-handlers.ts";
import { compare, type Mismatch } from "./compare.ts";
import { mappingHandlers } from "./mapping-handlers.ts";
import { memoryHandlers } from "./memory-handlers.ts";
import { objectHandlers } from "./object-handlers.ts";
import { pagerHandlers } from "./pager-handlers.ts";
import { regionHandlers } from "./region-handlers.ts";
import { Unplayable } from "./unplayable.ts";
import { World, type Handlers } from "./world.ts";

/** When every structure is checked. */
export const Checking = { WHEN_ASKED: "when-asked", AFTER_EACH: "after-each" } as const;
export type Checking = (typeof Checking)[keyof typeof Checking];

export interface RunOptions {
  readonly architecture: Architecture;
  /** Stops after so many operations. */
  readonly until?: number;
  /** Instead of the header's. */
  readonly faultMode?: Choice<"faultMode">;
  /** Beside the header's. */
  readonly quirks?: readonly string[];
  /** Only where the trace says `validate`, unless told otherwise. */
  readonly checking?: Checking;
}

/** What one operation did. */
export interface Outcome {
  /** In the file, counted from 1; the header is line 1. */
  readonly line: number;
  readonly operation: Operation;
  readonly seen: Seen;
  /** Of a panic, what it said. */
  readonly message: string | null;
  /** What was expected and not seen. */
  readonly mismatch: Mismatch | null;
}

/** How a trace went: every operation up to the first that did not do what was expected. */
export interface TraceRun {
  readonly outcomes: readonly Outcome[];
  /** The last one, if it did not do what was expected. */
  readonly failure: Outcome | null;
}

type AnyHandlers = Handlers<OperationTable>;

const HANDLERS: Readonly<Record<OperationName, unknown>> = {
  ...objectHandlers,
  ...pagerHandlers,
  ...memoryHandlers,
  ...aspaceHandlers,
  ...callHandlers,
  ...regionHandlers,
  ...mappingHandlers,
};

/**
 * Plays a trace on a kernel of its own. Stops after the first operation that does not do what was expected. To wait without a
 * thread's name, or to panic, is not expected unless `expect` says so.
 *
 * Throws an `UnreadableTrace` when it cannot be read, is not meant for the architecture, or when an operation makes no sense
 * where it stands: it names what is not there, or comes after a panic.
 */
export function runTrace(given: string | Trace, options: RunOptions): TraceRun {
  const trace = typeof given === "string" ? readTrace(given) : given;
  const world = boot(trace, options);
  const operations = trace.operations.slice(0, options.until);
  const outcomes: Outcome[] = [];
  for (const [index, operation] of operations.entries()) {
    const line = index + 2;
    if (outcomes.at(-1)?.seen.panic !== undefined) {
      throw new UnreadableTrace(line, "there is no kernel any more after a panic");
    }
    const outcome = play(world, operation, line, options);
    outcomes.push(outcome);
    if (outcome.mismatch !== null) return { outcomes, failure: outcome };
  }
  return { outcomes, failure: null };
}

function boot({ header }: Trace, options: RunOptions): World {
  const { architecture, faultMode } = options;
  const { arches } = header;
  if (arches !== undefined && !arches.includes(architecture.name)) {
    const names = arches.join(", ");
    throw new UnreadableTrace(
      1,
      `arches: the trace is meant for ${names}, not ${architecture.name}`,
    );
  }
  return playable(1, () => {
    const mode = faultMode === undefined ? {} : { faultMode };
    const quirks = [...(header.quirks ?? []), ...(options.quirks ?? [])];
    return new World({ architecture, header: { ...header, ...mode, quirks } });
  });
}

function play(world: World, operation: Operation, line: number, options: RunOptions): Outcome {
  const head = { line, operation };
  try {
    const seen = playable(line, () => perform(world, operation));
    if (options.checking === Checking.AFTER_EACH) world.validate();
    return { ...head, seen, message: null, mismatch: mismatchOf(operation, seen) };
  } catch (error) {
    if (!(error instanceof KernelPanic)) throw error;
    const seen = { panic: error.rule };
    return { ...head, seen, message: error.message, mismatch: mismatchOf(operation, seen) };
  }
}

function perform(world: World, operation: Operation): Seen {
  const handler = (HANDLERS as AnyHandlers)[operation.op]!;
  const started = handler(world, operation as never);
  return "next" in started ? world.threads.start(operation.thread, started) : started;
}

/** What `expect` asks for, and what goes without saying. */
function mismatchOf({ expect = {}, thread }: Operation, seen: Seen): Mismatch | null {
  if (seen.panic !== undefined && expect.panic === undefined) {
    return { field: "panic", expected: undefined, seen: seen.panic };
  }
  if (seen.blocked !== undefined && expect.blocked === undefined && thread === undefined) {
    return { field: "blocked", expected: undefined, seen: seen.blocked };
  }
  return compare(expect, seen);
}

function playable<T>(line: number, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (error instanceof Unplayable) throw new UnreadableTrace(line, error.message);
    throw error;
  }
}
