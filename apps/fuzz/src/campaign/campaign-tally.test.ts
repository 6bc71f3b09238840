import { expect, test } from "vitest";
import type { WorkerMessage } from "../engine/telemetry.ts";
import type { Failure } from "../target.ts";
import { CampaignTally } from "./campaign-tally.ts";

type Progress = Extract<WorkerMessage, { kind: "progress" }>;

const failure: Failure = {
  rule: "R",
  operation: "o",
  arch: "a",
  frame: "",
  message: "m",
  trace: "",
};
const replay = (directory: string): string => `replay ${directory}`;

function progress(changes: Partial<Progress>): Progress {
  const nothing = { sometimes: {}, sightings: {}, newEdges: {} };
  return { kind: "progress", runs: 0, operations: 0, skipped: 0, ...nothing, ...changes };
}

test("counters are totals of a process and sums over processes, the dead included", () => {
  const tally = new CampaignTally();
  tally.addProgress(0, progress({ runs: 5, operations: 50, sometimes: { split: 0, merge: 2 } }));
  tally.addProgress(0, progress({ runs: 9, operations: 90, sometimes: { split: 0, merge: 3 } }));
  tally.addProgress(1, progress({ runs: 1, operations: 10, sometimes: { split: 1, merge: 0 } }));
  expect(tally.totals()).toEqual({ runs: 10, operations: 100, skipped: 0 });
  expect(tally.sometimes()).toEqual({ split: 1, merge: 3 });
  expect(tally.runsOf(0)).toBe(9);
});

test("coverage is the union over processes, by package", () => {
  const tally = new CampaignTally();
  tally.addReady({
    kind: "ready",
    addon: null,
    decoderVersion: 1,
    edges: { arch: 4, "arch-x": 9 },
  });
  tally.addProgress(0, progress({ newEdges: { "arch/a.ts": [0, 1], "arch-x/a.ts": [7] } }));
  tally.addProgress(1, progress({ newEdges: { "arch/a.ts": [1, 2] } }));
  expect(tally.coverage()).toEqual([
    { name: "arch", edges: 4, covered: 3 },
    { name: "arch-x", edges: 9, covered: 1 },
  ]);
  expect(tally.coveredEdges()).toBe(4);
});

test("a finding is counted over all processes, and a copy on disk wins over one that is not", () => {
  const tally = new CampaignTally();
  const fingerprint = "R | o | a | ";
  const lost = { kind: "not-written", fingerprint, reason: "full" } as const;
  const kept = { kind: "saved", fingerprint, directory: "/f" } as const;
  for (const saved of [lost, kept, lost]) {
    tally.addFinding({ kind: "finding", saved, failure, inputBase64: "YQ==" }, replay);
  }
  tally.addProgress(0, progress({ sightings: { [fingerprint]: 4 } }));
  tally.addProgress(1, progress({ sightings: { [fingerprint]: 2 } }));
  tally.addDeath(fingerprint);
  expect(tally.findings()).toMatchObject([{ count: 7, directory: "/f", replay: "replay /f" }]);
});
