/** A campaign on its way, in one line. */
import type { CampaignOptions, CampaignProgress, MinimiseProgress, Smallest } from "@aspace/fuzz";
import type { Rates } from "./recent-rate.ts";
import { onArchitectures } from "./architectures.ts";
import { marks } from "./marks.ts";
import { shortPath } from "./path.ts";
import { compact, count, counted, duration } from "./quantity.ts";

type Limit = CampaignOptions["limit"];

export function startText(options: CampaignOptions): string {
  const { target, arches, limit, seed, workers, quirks, outputDirectory } = options;
  const until = limit.kind === "runs" ? counted(limit.runs, "run") : duration(limit.seconds);
  const conditions = [
    `seed ${seed}`,
    counted(workers, "engine process", "engine processes"),
    ...(quirks.length === 0 ? [] : [`with ${quirks.join(", ")} switched on`]),
  ];
  return [
    `fuzzing ${target.name}${onArchitectures(arches)} for ${until}`,
    `  ${conditions.join(", ")}`,
    `  into ${shortPath(outputDirectory)}; Ctrl-C stops and keeps everything`,
  ].join("\n");
}

/** Fits 80 columns. */
export function progressText(progress: CampaignProgress, limit: Limit, rates: Rates): string {
  const { coverageEdges, corpusFiles, findings } = progress;
  const { runsPerSecond, operationsPerSecond } = rates;
  return [
    timeText(progress, limit),
    `${compact(runsPerSecond)} runs/s`,
    `${compact(operationsPerSecond)} ops/s`,
    `${count(coverageEdges)} edges`,
    `${count(corpusFiles)} inputs`,
    counted(findings, "finding"),
  ].join(` ${marks.separator} `);
}

function timeText({ elapsedSeconds, runs }: CampaignProgress, limit: Limit): string {
  if (limit.kind === "runs") return `${compact(runs)}/${compact(limit.runs)} runs`;
  return `${Math.round(elapsedSeconds)}/${limit.seconds} s`;
}

export function minimiseText({ finding, of, smallest }: MinimiseProgress): string {
  return `minimising finding ${finding} of ${of}: ${smallestText(smallest)}`;
}

export function smallestText({ from, operations, runs }: Smallest): string {
  return `${counted(from, "operation")} to ${count(operations)}, ${counted(runs, "run")}`;
}
