/** After a campaign: what it found anew, with as few operations as a short search leaves (F-19). */
import { readMinimized } from "../findings/minimized-trace.ts";
import type { Smallest } from "../minimise/minimise.ts";
import { minimiseFinding } from "../minimise/minimise-finding.ts";
import type { FindingSummary } from "./campaign-result.ts";
import type { TargetEntry } from "./target-registry.ts";

/** Time for one finding; most need a second. */
const FINDING_MS = 10_000;
/** Time for all of them: a campaign with many defects shall end. */
const ALL_MS = 60_000;

/** A look at the search. */
export interface MinimiseProgress {
  /** Which finding of how many, from 1. */
  readonly finding: number;
  readonly of: number;
  readonly smallest: Smallest;
}

export interface MinimisedFindings {
  readonly findings: readonly FindingSummary[];
  /** Findings that do not repeat (F-20, F-22), and what could not be done. */
  readonly problems: readonly string[];
}

/** Minimises each finding whose folder has no minimised trace yet. `signal` ends it; what is found by then is kept. */
export async function minimiseFindings(
  findings: readonly FindingSummary[],
  target: TargetEntry,
  signal: AbortSignal | undefined,
  onProgress?: (progress: MinimiseProgress) => void,
): Promise<MinimisedFindings> {
  const stops = [AbortSignal.timeout(ALL_MS), ...(signal === undefined ? [] : [signal])];
  const problems: string[] = [];
  const minimised: FindingSummary[] = [];
  for (const [index, summary] of findings.entries()) {
    const { directory } = summary;
    if (directory === null || readMinimized(directory) !== null) {
      minimised.push(summary);
      continue;
    }
    const result = await minimiseFinding(directory, {
      targets: [target],
      signal: AbortSignal.any([...stops, AbortSignal.timeout(FINDING_MS)]),
      onProgress: (smallest) => onProgress?.({ finding: index + 1, of: findings.length, smallest }),
    });
    const problem = problemOf(result);
    if (problem !== null) problems.push(`${summary.fingerprint}: ${problem}`);
    minimised.push(result.kind === "minimised" ? withSmallest(summary, result) : summary);
  }
  return { findings: minimised, problems };
}

function withSmallest(
  summary: FindingSummary,
  { operations, from, failure }: Smallest,
): FindingSummary {
  return { ...summary, minimized: { operations, from, trace: failure.trace } };
}

/** What a failing search says about the finding, null for nothing. */
function problemOf(result: Awaited<ReturnType<typeof minimiseFinding>>): string | null {
  switch (result.kind) {
    case "refused":
      return `not minimised: ${result.reason}`;
    case "gone":
    case "different":
    case "nondeterministic":
      return "nondeterministic: its operations did not fail alike when they ran again (F-20, F-22)";
    default:
      return null;
  }
}
