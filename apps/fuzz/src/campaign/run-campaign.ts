/** A campaign from its options to its result and report. */
import { findEngine } from "../engine/find-engine.ts";
import type { CampaignOptions } from "./campaign-options.ts";
import { RESULT_SCHEMA_VERSION, type CampaignResult } from "./campaign-result.ts";
import { Campaign } from "./campaign.ts";
import { minimiseFindings, type MinimiseProgress } from "./minimise-findings.ts";
import { measureCorpus, readCorpus } from "./corpus.ts";
import {
  prepareCampaign,
  refused,
  type PreparedCampaign,
  type Refused,
} from "./prepared-campaign.ts";
import { writeReport } from "./report.ts";

const TICK_MS = 1000;

/** A look at a running campaign, once a second. */
export interface CampaignProgress {
  readonly elapsedSeconds: number;
  readonly runs: number;
  readonly operations: number;
  /** Over the last second. */
  readonly runsPerSecond: number;
  readonly operationsPerSecond: number;
  readonly coverageEdges: number;
  readonly corpusFiles: number;
  /** Different defects. */
  readonly findings: number;
  /** Engine processes alive. */
  readonly workers: number;
}

export interface CampaignSurroundings {
  readonly onProgress?: (progress: CampaignProgress) => void;
  /** After the campaign, while its findings are minimised. */
  readonly onMinimise?: (progress: MinimiseProgress) => void;
  /** Aborting it interrupts the campaign: everything is kept, the result says so. */
  readonly signal?: AbortSignal;
  /** File URL of the engine's main module; the installed one if left out. */
  readonly engine?: string;
}

/**
 * Runs a campaign. Findings, corpus and report are in `options.outputDirectory` afterwards; the
 * exit status follows from the result by `exitStatus`. Throws only for defects of ours.
 */
export async function runCampaign(
  options: CampaignOptions,
  around: CampaignSurroundings = {},
): Promise<CampaignResult> {
  const engine = around.engine ?? findEngine();
  if (engine === null) {
    return refusedResult(options, refused(3, "the fuzz engine @jazzer.js/core is not installed"));
  }
  const prepared = await prepareCampaign(options);
  if (prepared.kind === "refused") return refusedResult(options, prepared);

  const campaign = new Campaign(prepared, engine);
  await supervise(campaign, prepared, around);
  const result = await withMinimised(
    resultOf(campaign, prepared, isAborted(around)),
    options,
    around,
  );
  const unwritten = writeReport(options.outputDirectory, result);
  if (unwritten === null) return result;
  return { ...result, problems: [...result.problems, unwritten] };
}

const isAborted = ({ signal }: CampaignSurroundings): boolean => signal?.aborted ?? false;

/** Who interrupts a campaign wants its end, and can minimise what it found later. */
async function withMinimised(
  result: CampaignResult,
  { target }: CampaignOptions,
  around: CampaignSurroundings,
): Promise<CampaignResult> {
  if (result.interrupted) return result;
  const { findings, problems } = await minimiseFindings(
    result.findings,
    target,
    around.signal,
    around.onMinimise,
  );
  return {
    ...result,
    findings,
    problems: [...result.problems, ...problems],
    interrupted: isAborted(around),
  };
}

async function supervise(
  campaign: Campaign,
  { folders }: PreparedCampaign,
  { onProgress, signal }: CampaignSurroundings,
): Promise<void> {
  const watch = progressWatch(campaign, folders.corpus);
  const ticker = setInterval(() => {
    campaign.checkSpace();
    onProgress?.(watch());
  }, TICK_MS);
  const stop = (): void => campaign.stop();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    if (signal?.aborted !== true) await campaign.run();
  } finally {
    clearInterval(ticker);
    signal?.removeEventListener("abort", stop);
  }
}

/** Each call looks at the campaign and compares with the call before. */
function progressWatch(campaign: Campaign, corpus: string): () => CampaignProgress {
  let before = { at: performance.now(), runs: 0, operations: 0 };
  return () => {
    const at = performance.now();
    const { runs, operations } = campaign.tally.totals();
    const seconds = (at - before.at) / 1000;
    const progress = {
      elapsedSeconds: campaign.elapsedSeconds(),
      runs,
      operations,
      runsPerSecond: (runs - before.runs) / seconds,
      operationsPerSecond: (operations - before.operations) / seconds,
      coverageEdges: campaign.tally.coveredEdges(),
      corpusFiles: measureCorpus(corpus).files,
      findings: campaign.tally.findingCount(),
      workers: campaign.aliveCount(),
    };
    before = { at, runs, operations };
    return progress;
  };
}

function resultOf(
  campaign: Campaign,
  { options, folders, provenance, damagedSeeds, notes }: PreparedCampaign,
  interrupted: boolean,
): CampaignResult {
  const { tally, refusal } = campaign;
  const { runs, operations, skipped } = tally.totals();
  const durationSeconds = campaign.elapsedSeconds();
  const rate = (count: number): number => (durationSeconds > 0 ? count / durationSeconds : 0);
  const sometimes = tally.sometimes();
  const { damaged } = readCorpus(folders.corpus);
  const problems = [...campaign.problems];
  if (damaged.length > 0) problems.push(`${damaged.length} corpus files are not whole`);
  return {
    ...emptyResult(options),
    decoderVersion: provenance.decoderVersion,
    commit: provenance.commit,
    addon: tally.addon,
    refusal: refusal === null ? null : { status: refusal.status, reason: refusal.reason },
    interrupted,
    durationSeconds,
    runs,
    operations,
    skippedOperations: skipped,
    runsPerSecond: rate(runs),
    operationsPerSecond: rate(operations),
    coverageEdges: tally.coveredEdges(),
    packages: tally.coverage(),
    findings: tally.findings(),
    sometimes,
    sometimesNeverReached: Object.keys(sometimes).filter((name) => sometimes[name] === 0),
    corpus: {
      directory: folders.corpus,
      ...measureCorpus(folders.corpus),
      damaged: damagedSeeds + damaged.length,
    },
    workers: campaign.health(),
    problems,
    notes,
  };
}

function refusedResult(options: CampaignOptions, { status, reason }: Refused): CampaignResult {
  return { ...emptyResult(options), refusal: { status, reason } };
}

function emptyResult({
  target,
  arches,
  quirks,
  seed,
  outputDirectory,
}: CampaignOptions): CampaignResult {
  return {
    schemaVersion: RESULT_SCHEMA_VERSION,
    target: target.name,
    arches,
    quirks,
    seed,
    node: process.version,
    decoderVersion: null,
    commit: null,
    addon: null,
    refusal: null,
    interrupted: false,
    durationSeconds: 0,
    runs: 0,
    operations: 0,
    skippedOperations: 0,
    runsPerSecond: 0,
    operationsPerSecond: 0,
    coverageEdges: 0,
    packages: [],
    findings: [],
    sometimes: {},
    sometimesNeverReached: [],
    corpus: { directory: "", files: 0, bytes: 0, damaged: 0 },
    outputDirectory,
    workers: [],
    problems: [],
    notes: [],
  };
}
