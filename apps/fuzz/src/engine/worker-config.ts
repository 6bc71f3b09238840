/** Everything one engine process needs to know, handed over as JSON in its only argument. */
import type { Provenance } from "../findings/finding.ts";
import type { PackageUnderTest } from "./module-counters.ts";

export interface WorkerConfig {
  /** File URL of the engine's main module. */
  readonly engine: string;
  /** File URL of the target's module, and the name of the factory that it exports. */
  readonly target: { readonly module: string; readonly factory: string };
  readonly packages: readonly PackageUnderTest[];
  readonly corpus: string;
  readonly findings: string;
  /** Where the engine leaves an input that killed or stopped this process. */
  readonly artifacts: string;
  readonly limit: WorkerLimit;
  readonly seed: number;
  readonly maxInputBytes: number;
  /** A run that takes longer makes the engine stop the process with status 70. */
  readonly runLimitSeconds: number;
  /** Look for inputs that other processes put into the corpus. */
  readonly reload: boolean;
  readonly provenance: Omit<Provenance, "decoderVersion">;
}

export type WorkerLimit =
  | { readonly kind: "runs"; readonly runs: number }
  | { readonly kind: "seconds"; readonly seconds: number };

/** Resident memory at which the engine stops the process with status 71. */
export const MEMORY_LIMIT_MIB = 4096;

/** The flags of libFuzzer for a configuration (fuzzing.md section 8). */
export function engineFlags(config: WorkerConfig): string[] {
  const { limit } = config;
  return [
    config.corpus,
    limit.kind === "runs" ? `-runs=${limit.runs}` : `-max_total_time=${limit.seconds}`,
    `-seed=${config.seed}`,
    `-max_len=${config.maxInputBytes}`,
    `-rss_limit_mb=${MEMORY_LIMIT_MIB}`,
    `-reload=${config.reload ? 1 : 0}`,
    `-artifact_prefix=${config.artifacts}/`,
  ];
}
