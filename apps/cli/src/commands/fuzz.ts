/** `aspace fuzz TARGET`: a campaign, from flags to summary. */
import { randomInt } from "node:crypto";
import type { Architecture } from "@aspace/arch";
import {
  CampaignEnd,
  campaignOptions,
  exitStatus,
  runCampaign,
  SEED_MAX,
  TARGETS,
  type CampaignOptions,
  type CampaignResult,
  type TargetEntry,
} from "@aspace/fuzz";
import { architectureNamed } from "../architecture-names.ts";
import type { ExitStatus } from "../exit-status.ts";
import { watchInterrupt } from "../interrupt.ts";
import { campaignSummary } from "../output/campaign-summary.ts";
import { minimiseText, progressText, startText } from "../output/campaign-progress.ts";
import { progressLine } from "../output/progress-line.ts";
import { RecentRate } from "../output/recent-rate.ts";
import { note, print, printJson } from "../output/terminal.ts";
import { quirksNamed } from "../quirk-names.ts";
import { badInput, Refusal } from "../refusal.ts";

const DEFAULT_SECONDS = 60;
const DEFAULT_ARCHES: readonly string[] = ["x86-64", "arm64"];

export interface FuzzFlags {
  readonly arch?: readonly string[];
  readonly time?: number;
  readonly runs?: number;
  readonly seed?: number;
  readonly workers?: number;
  readonly out?: string;
  readonly corpus?: string;
  readonly quirk?: readonly string[];
  readonly firstFinding?: true;
  readonly json?: true;
}

export async function fuzz(targetName: string, flags: FuzzFlags): Promise<ExitStatus> {
  const options = optionsFrom(targetNamed(targetName), flags);
  const result = await watchedCampaign(options);

  if (flags.json) printJson(result);
  if (result.refusal !== null) throw new Refusal(result.refusal.status, result.refusal.reason);
  if (!flags.json) print(campaignSummary(result, { longer: sameSearch(targetName, flags) }));
  return exitStatus(result);
}

async function watchedCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const line = progressLine();
  const recent = new RecentRate();
  using interrupt = watchInterrupt(() => {
    line.end();
    note("aspace: stopping; everything found so far is kept");
  });
  note(startText(options));
  try {
    return await runCampaign(options, {
      signal: interrupt.signal,
      onProgress(progress) {
        const rates = recent.add(progress);
        if (!interrupt.signal.aborted) line.update(progressText(progress, options.limit, rates));
      },
      onMinimise(progress) {
        if (!interrupt.signal.aborted) line.update(minimiseText(progress));
      },
    });
  } finally {
    line.end();
  }
}

/** The command given, without seed and limit. */
function sameSearch(target: string, { arch, quirk, out, corpus }: FuzzFlags): string[] {
  return [
    "fuzz",
    target,
    ...(arch === undefined ? [] : ["--arch", arch.join(",")]),
    ...(quirk === undefined ? [] : ["--quirk", quirk.join(",")]),
    ...(out === undefined ? [] : ["--out", out]),
    ...(corpus === undefined ? [] : ["--corpus", corpus]),
  ];
}

function targetNamed(name: string): TargetEntry {
  const target = TARGETS.find((entry) => entry.name === name);
  if (target !== undefined) return target;
  const known = TARGETS.map((entry) => entry.name).join(", ");
  throw badInput(`unknown target '${name}'; there is: ${known}`);
}

/** To name an architecture, or a quirk of one, to a target that runs on none is a mistake. */
function architecturesFor(
  { name, hasArchitectures }: TargetEntry,
  flags: FuzzFlags,
): Architecture[] {
  if (hasArchitectures) return (flags.arch ?? DEFAULT_ARCHES).map(architectureNamed);
  const [extra] = [...(flags.arch ?? []), ...(flags.quirk ?? [])];
  if (extra === undefined) return [];
  throw badInput(`'${extra}' is for targets that run on an architecture; ${name} runs on none`);
}

function optionsFrom(target: TargetEntry, flags: FuzzFlags): CampaignOptions {
  const { runs, time, workers, out, corpus } = flags;
  const architectures = architecturesFor(target, flags);
  return campaignOptions({
    target,
    arches: architectures.map(({ name }) => name),
    quirks: quirksNamed(flags.quirk ?? [], architectures, target.quirks).map(({ id }) => id),
    seed: flags.seed ?? randomInt(1, SEED_MAX),
    limit:
      runs === undefined
        ? { kind: "seconds", seconds: time ?? DEFAULT_SECONDS }
        : { kind: "runs", runs },
    // A number of runs asks for a campaign that can be repeated, and only one process can be (F-23).
    ...(flags.firstFinding ? { until: CampaignEnd.FIRST_FINDING } : {}),
    ...(workers !== undefined ? { workers } : runs !== undefined ? { workers: 1 } : {}),
    ...(out === undefined ? {} : { outputDirectory: out }),
    ...(corpus === undefined ? {} : { seedCorpus: corpus }),
  });
}
