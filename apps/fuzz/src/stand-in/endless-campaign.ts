/** Program for the test that kills a campaign: prints `ENGINE-PID FINDINGS` once a second. */
import { readdirSync, readFileSync } from "node:fs";
import { campaignOptions } from "../campaign/campaign-options.ts";
import { runCampaign } from "../campaign/run-campaign.ts";
import { standIn } from "./entry.ts";

const [outputDirectory, seedCorpus] = process.argv.slice(2) as [string, string];

/** The only child of this process. */
function enginePid(): string {
  const children = readdirSync("/proc").filter((pid) => parentOf(pid) === process.pid);
  return children[0] ?? "0";
}

function parentOf(pid: string): number {
  try {
    const [, afterName = ""] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ");
    return Number(afterName.split(" ")[1]);
  } catch {
    return Number.NaN;
  }
}

await runCampaign(
  campaignOptions({
    target: standIn,
    arches: ["a"],
    quirks: ["opens-too-early"],
    limit: { kind: "seconds", seconds: 600 },
    seed: 1,
    workers: 1,
    outputDirectory,
    seedCorpus,
  }),
  { onProgress: ({ findings }) => console.log(enginePid(), findings) },
);
