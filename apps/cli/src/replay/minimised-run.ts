/** One saved run, made as small as its failure allows. */
import { join } from "node:path";
import {
  MINIMIZED,
  minimiseFinding,
  minimiseTrace,
  type Failure,
  type MinimiseOptions,
  type Smallest,
} from "@aspace/fuzz";
import { Refusal } from "../refusal.ts";
import { readText, withPath } from "./replayed-run.ts";
import type { SavedRun } from "./saved-runs.ts";

export interface MinimisedRun {
  readonly path: string;
  /**
   * `different`: it fails, but as another defect than the saved one. `nondeterministic`: it failed, and then did not.
   * `no-trace`: there are no operations. `stopped`: before it had failed twice.
   */
  readonly outcome:
    | "minimised"
    | "passed"
    | "different"
    | "nondeterministic"
    | "no-trace"
    | "stopped";
  /** Where the result is. */
  readonly file: string;
  /** Null unless minimised. */
  readonly smallest: Smallest | null;
  /** What is seen now, with its trace; null when nothing fails. */
  readonly failure: Failure | null;
}

/** Refuses, with its path, what cannot be read. */
export async function minimiseRun(
  { kind, path }: SavedRun,
  maxRuns: number | undefined,
  around: MinimiseOptions,
): Promise<MinimisedRun> {
  const options = { ...around, ...(maxRuns === undefined ? {} : { maxRuns }) };
  const file = kind === "finding" ? join(path, MINIMIZED) : besideTrace(path);
  const result =
    kind === "finding"
      ? await minimiseFinding(path, options)
      : await minimiseTrace(readText(path), file, options);
  const none = { path, file, smallest: null, failure: null };
  switch (result.kind) {
    case "refused":
      throw new Refusal(result.status, withPath(path, result.reason));
    case "minimised":
      return { path, file, outcome: "minimised", smallest: result, failure: result.failure };
    case "different":
    case "nondeterministic":
      return { ...none, outcome: result.kind, failure: result.failure };
    case "gone":
      return { ...none, outcome: "passed" };
    default:
      return { ...none, outcome: result.kind };
  }
}

/** `split.jsonl` becomes `split.minimized.jsonl`; one that is called so already is made smaller in place. */
function besideTrace(path: string): string {
  return `${path.replace(/(?:\.minimized)?\.jsonl$/, "")}.minimized.jsonl`;
}
