/** Minimises a saved finding, and keeps the result beside it. */
import { join } from "node:path";
import { refused, type Refused } from "../campaign/prepared-campaign.ts";
import { TARGETS, type TargetEntry } from "../campaign/target-registry.ts";
import { readFinding, UnreadableFinding } from "../findings/finding-store.ts";
import { MINIMIZED, writeIfSmaller } from "../findings/minimized-trace.ts";
import { DEFAULT_RUNS, type Minimised } from "./minimise.ts";
import { minimiseApart, type MinimiseSurroundings, type Stopped } from "./minimise-apart.ts";

export interface MinimiseOptions extends MinimiseSurroundings {
  readonly maxRuns?: number;
  /** Known targets; all there are if left out. */
  readonly targets?: readonly TargetEntry[];
}

type Outcome = Minimised | Stopped | Refused;

/** A finding without operations, such as an endless loop: there is nothing to take apart. */
export interface NoTrace {
  readonly kind: "no-trace";
}

/**
 * Minimises the finding in `directory` and writes `minimized.jsonl` there, unless a smaller one is there. Refused with
 * status 2 when the folder is not a whole finding that this version understands, with 3 when the result cannot be written.
 */
export async function minimiseFinding(
  directory: string,
  { maxRuns = DEFAULT_RUNS, targets = TARGETS, ...around }: MinimiseOptions = {},
): Promise<Outcome | NoTrace> {
  const read = wholeFinding(directory);
  if ("kind" in read) return read;
  const { finding, trace } = read;
  const entry = targets.find(({ name }) => name === finding.target);
  if (entry === undefined) return refused(2, `there is no target ${finding.target}`);
  if (trace === null) return { kind: "no-trace" };
  const { fingerprint, arches, quirks } = finding;
  const request = { entry, trace, fingerprint, arches, quirks, maxRuns };
  const minimised = await minimiseApart(request, around);
  return keep(join(directory, MINIMIZED), minimised);
}

/** Minimises a trace without a finding, whatever it fails with, into the file `into`. */
export async function minimiseTrace(
  trace: string,
  into: string,
  { maxRuns = DEFAULT_RUNS, targets = TARGETS, ...around }: MinimiseOptions = {},
): Promise<Outcome> {
  const entry = targetOf(trace, targets);
  const request = { entry, trace, fingerprint: null, arches: [], quirks: [], maxRuns };
  return keep(into, await minimiseApart(request, around));
}

/** A trace says in its first line which target it is for. What says nothing known is for the first target to refuse. */
export function targetOf(trace: string, targets: readonly TargetEntry[] = TARGETS): TargetEntry {
  const [header = ""] = trace.split("\n", 1);
  return targets.find(({ traceFormat }) => header.includes(`"${traceFormat}"`)) ?? targets[0]!;
}

function wholeFinding(directory: string): ReturnType<typeof readFinding> | Refused {
  try {
    return readFinding(directory);
  } catch (error) {
    if (!(error instanceof UnreadableFinding)) throw error;
    return refused(2, error.message);
  }
}

function keep(path: string, result: Outcome): Outcome {
  if (result.kind !== "minimised") return result;
  try {
    writeIfSmaller(path, result.failure.trace);
    return result;
  } catch (error) {
    return refused(3, `${path} cannot be written: ${(error as Error).message}`);
  }
}
