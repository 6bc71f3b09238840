/** Campaigns with the real engine on the real target (F-24): fixed seeds, fixed numbers of runs. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { campaignOptions } from "../../campaign/campaign-options.ts";
import { exitStatus, type CampaignResult } from "../../campaign/campaign-result.ts";
import { replayFinding } from "../../campaign/replay-finding.ts";
import { runCampaign } from "../../campaign/run-campaign.ts";
import { TARGETS } from "../../campaign/target-registry.ts";

const LIMIT_MS = 120_000;

let root = "";

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "aspace-test-"));
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

function campaign(
  arches: readonly string[],
  quirks: readonly string[],
  runs: number,
): Promise<CampaignResult> {
  const limit = { kind: "runs", runs } as const;
  const given = { target: TARGETS[0]!, arches, quirks, limit, seed: 1, workers: 1 };
  return runCampaign(campaignOptions({ ...given, outputDirectory: root }));
}

test(
  "a campaign over both architectures is clean, explores, and reaches every situation",
  async () => {
    const result = await campaign(["x86-64", "arm64"], [], 600);
    expect(result).toMatchObject({ refusal: null, problems: [], findings: [] });
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
  "a campaign with a hazard finds it, and the finding replays without the engine (canary)",
  async () => {
    const result = await campaign(["arm64"], ["H12"], 400);
    expect(exitStatus(result)).toBe(1);
    const found = result.findings.find(({ rule }) => rule === "P-H4");
    expect(found).toMatchObject({ arch: "arm64", operation: "harvest" });
    const replay = await replayFinding(found!.directory!);
    expect(replay).toMatchObject({ kind: "reproduced", failure: { rule: "P-H4" } });
  },
  LIMIT_MS,
);
