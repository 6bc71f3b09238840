/** What a campaign is asked to do, and the checks that need no engine. */
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import type { WorkerLimit } from "../engine/worker-config.ts";
import type { TargetEntry } from "./target-registry.ts";

export interface CampaignOptions {
  readonly target: TargetEntry;
  readonly arches: readonly string[];
  readonly quirks: readonly string[];
  /** `runs`: in total. With one worker such a campaign is reproducible (F-23). */
  readonly limit: WorkerLimit;
  /** Whether a finding ends the campaign, or only the limit does. */
  readonly until: CampaignEnd;
  /** 1 to 2^31 - 1. */
  readonly seed: number;
  /** Engine processes. */
  readonly workers: number;
  /** Everything a campaign leaves behind goes here. */
  readonly outputDirectory: string;
  /** Folder of inputs to start from; not written. */
  readonly seedCorpus: string;
}

/** What ends a campaign before someone interrupts it. */
export const CampaignEnd = { LIMIT: "limit", FIRST_FINDING: "first-finding" } as const;
export type CampaignEnd = (typeof CampaignEnd)[keyof typeof CampaignEnd];

export const SEED_MAX: number = 2 ** 31 - 1;

/** All cores but one, which people need for something else. */
export function defaultWorkers(): number {
  return Math.max(1, availableParallelism() - 1);
}

/** Options with what was left out filled in. */
export function campaignOptions(
  given: Pick<CampaignOptions, "target" | "arches" | "limit" | "seed"> & Partial<CampaignOptions>,
): CampaignOptions {
  return {
    quirks: [],
    until: CampaignEnd.LIMIT,
    workers: defaultWorkers(),
    seedCorpus: given.target.seedCorpus,
    ...given,
    outputDirectory: resolve(given.outputDirectory ?? "fuzz-out"),
  };
}

/** The first thing wrong with the numbers, as one line, or `null`. */
export function wrongNumber({ limit, seed, workers }: CampaignOptions): string | null {
  const amount = limit.kind === "runs" ? limit.runs : limit.seconds;
  if (!Number.isInteger(seed) || seed < 1 || seed > SEED_MAX) {
    return `the seed must be a whole number from 1 to ${SEED_MAX}, not ${seed}`;
  }
  if (!Number.isInteger(amount) || amount < 1) {
    return `the number of ${limit.kind} must be a whole number of at least 1, not ${amount}`;
  }
  if (!Number.isInteger(workers) || workers < 1) {
    return `the number of workers must be a whole number of at least 1, not ${workers}`;
  }
  return null;
}
