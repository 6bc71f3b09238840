/** What a campaign came to: the document that `--json` prints and every exit status follows from. */
import type { AddonLoad } from "../engine/glibc-adaptation.ts";

export const RESULT_SCHEMA_VERSION = 1;

export interface CampaignResult {
  readonly schemaVersion: typeof RESULT_SCHEMA_VERSION;
  readonly target: string;
  readonly arches: readonly string[];
  readonly quirks: readonly string[];
  readonly seed: number;
  readonly decoderVersion: number | null;
  readonly commit: string | null;
  readonly node: string;
  /** How the engine's addon was loaded; `null` if no engine process got that far. */
  readonly addon: AddonLoad["kind"] | null;
  /** Why nothing was fuzzed: 2 bad options or input, 3 cannot run here, 70 a defect of ours. */
  readonly refusal: { readonly status: 2 | 3 | 70; readonly reason: string } | null;
  readonly interrupted: boolean;
  readonly durationSeconds: number;
  readonly runs: number;
  readonly operations: number;
  readonly skippedOperations: number;
  readonly runsPerSecond: number;
  readonly operationsPerSecond: number;
  /** Edges of the code under test that were executed, the union over all workers. */
  readonly coverageEdges: number;
  readonly packages: readonly PackageCoverage[];
  readonly findings: readonly FindingSummary[];
  readonly sometimes: Readonly<Record<string, number>>;
  /** Situations that no run reached: silence about them is no evidence (F-13). */
  readonly sometimesNeverReached: readonly string[];
  readonly corpus: {
    readonly directory: string;
    readonly files: number;
    readonly bytes: number;
    /** Files that are not what their name says, in the seeds and after the campaign. */
    readonly damaged: number;
  };
  /** Where findings, corpus and report are. */
  readonly outputDirectory: string;
  readonly workers: readonly WorkerHealth[];
  /** What makes the campaign worth less than it looks, such as a full disk or a dead engine. */
  readonly problems: readonly string[];
  /** What a reader should know, without consequence for the exit status. */
  readonly notes: readonly string[];
}

export interface PackageCoverage {
  readonly name: string;
  readonly edges: number;
  readonly covered: number;
}

export interface FindingSummary {
  readonly fingerprint: string;
  readonly rule: string;
  readonly operation: string;
  readonly arch: string;
  readonly frame: string;
  readonly message: string;
  /** Runs that ended in it. */
  readonly count: number;
  /** Where it was saved; `null` if it could not be written, then `inputBase64` is the only copy. */
  readonly directory: string | null;
  readonly replay: string | null;
  readonly inputBase64: string;
  /** The smallest program known that ends in it; `null` before or without minimising. */
  readonly minimized: MinimizedFinding | null;
}

export interface MinimizedFinding {
  readonly operations: number;
  /** Operations when it was found. */
  readonly from: number;
  /** As in `minimized.jsonl`. */
  readonly trace: string;
}

export interface WorkerHealth {
  /** Processes started one after the other: recycled, or restarted after a death. */
  readonly starts: number;
  /** Ends that were neither a limit nor an interrupt. */
  readonly deaths: number;
}

/** The exit status of a campaign (product.md section 4). */
export function exitStatus(result: CampaignResult): 0 | 1 | 2 | 3 | 70 | 130 {
  if (result.refusal !== null) return result.refusal.status;
  if (result.interrupted) return 130;
  if (result.findings.length > 0) return 1;
  return result.problems.length > 0 ? 3 : 0;
}
