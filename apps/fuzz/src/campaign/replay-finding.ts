/** Runs a saved finding again, without the engine (F-17). */
import type { Finding } from "../findings/finding.ts";
import { readFinding, UnreadableFinding } from "../findings/finding-store.ts";
import { readMinimized } from "../findings/minimized-trace.ts";
import { fingerprintOf } from "../findings/fingerprint.ts";
import { UnreadableTrace, type Failure } from "../target.ts";
import { loadTarget, refused, type Refused } from "./prepared-campaign.ts";
import { TARGETS, type TargetEntry } from "./target-registry.ts";

export type Replay =
  /** The same defect. */
  | { readonly kind: "reproduced"; readonly finding: Finding; readonly failure: Failure }
  /** It fails, but by its fingerprint this is another defect. */
  | { readonly kind: "different"; readonly finding: Finding; readonly failure: Failure }
  /** It does not fail any more. */
  | {
      readonly kind: "gone";
      readonly finding: Finding;
      /** What was run, null if it was run from its bytes. */
      readonly trace: string | null;
    };

/**
 * Replays the finding in `directory` on its target, one of `targets`: the minimised trace, and should that not fail any
 * more, the one that was saved first, which may reach the same defect on another way. A finding without a trace,
 * such as an endless loop, is run from its bytes and may then not come back. Refused with status 2
 * when the folder is not a whole finding that this version understands.
 */
export async function replayFinding(
  directory: string,
  targets: readonly TargetEntry[] = TARGETS,
): Promise<Replay | Refused> {
  try {
    return await replay(directory, targets);
  } catch (error) {
    const isUnreadable = error instanceof UnreadableFinding || error instanceof UnreadableTrace;
    if (!isUnreadable) throw error;
    return refused(2, error.message);
  }
}

async function replay(
  directory: string,
  targets: readonly TargetEntry[],
): Promise<Replay | Refused> {
  const { finding, input, trace } = readFinding(directory);
  const entry = targets.find(({ name }) => name === finding.target);
  if (entry === undefined) return refused(2, `there is no target ${finding.target}`);
  const target = await loadTarget(entry, finding);
  if ("kind" in target) return target;

  const minimized = readMinimized(directory);
  const traces = [minimized, trace].filter((text) => text !== null);
  const runs = traces.map((text) => () => target.replay(text));
  if (runs.length === 0) runs.push(() => target.run(input));
  let other: Failure | null = null;
  for (const run of runs) {
    const failure = run();
    if (failure === null) continue;
    if (fingerprintOf(failure) === finding.fingerprint)
      return { kind: "reproduced", finding, failure };
    other ??= failure;
  }
  if (other !== null) return { kind: "different", finding, failure: other };
  return { kind: "gone", finding, trace: traces[0] ?? null };
}
