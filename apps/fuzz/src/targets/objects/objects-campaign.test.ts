/** Campaigns with the real engine on memory objects (F-24): fixed seeds, fixed numbers of runs. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { campaignOptions } from "../../campaign/campaign-options.ts";
import { exitStatus, type CampaignResult } from "../../campaign/campaign-result.ts";
import { replayFinding } from "../../campaign/replay-finding.ts";
import { runCampaign } from "../../campaign/run-campaign.ts";
import { TARGETS, type TargetEntry } from "../../campaign/target-registry.ts";

const LIMIT_MS = 120_000;
const OBJECTS = TARGETS.find(({ name }) => name === "objects")!;

/** The same objects, but a copied page is not copied. */
const PLANTED: TargetEntry = {
  ...OBJECTS,
  module: new URL("./planted-target.ts", import.meta.url).href,
  factory: "createPlantedTarget",
};

let root = "";

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "aspace-test-"));
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

function campaign(target: TargetEntry, runs: number): Promise<CampaignResult> {
  const limit = { kind: "runs", runs } as const;
  const given = { target, arches: [], limit, seed: 1, workers: 1 };
  return runCampaign(campaignOptions({ ...given, outputDirectory: root }));
}

test(
  "a campaign is clean, explores, and reaches every situation",
  async () => {
    const result = await campaign(OBJECTS, 600);
    expect(result).toMatchObject({ refusal: null, problems: [], findings: [], arches: [] });
    expect(exitStatus(result)).toBe(0);
    expect(result.runs).toBeGreaterThanOrEqual(600);
    expect(result.sometimesNeverReached).toEqual([]);
    for (const { name, covered } of result.packages) {
      expect([name, covered > 0]).toEqual([name, true]);
    }
  },
  LIMIT_MS,
);

test(
  "a campaign on objects with a planted slip finds it; without the slip it does not come back (canary)",
  async () => {
    const result = await campaign(PLANTED, 300);
    expect(exitStatus(result)).toBe(1);
    const found = result.findings.find(({ rule }) => rule === "P9")!;
    expect(found.directory).not.toBeNull();
    expect(await replayFinding(found.directory!)).toMatchObject({ kind: "gone" });
  },
  LIMIT_MS,
);
