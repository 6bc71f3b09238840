import { expect, test } from "vitest";
import { exitStatus, type CampaignResult, type FindingSummary } from "./campaign-result.ts";
import { reportText, writeReport } from "./report.ts";

const clean: CampaignResult = {
  schemaVersion: 1,
  target: "arch",
  arches: ["x86-64", "arm64"],
  quirks: [],
  seed: 1,
  decoderVersion: 1,
  commit: null,
  node: "v24.0.0",
  addon: "native",
  refusal: null,
  interrupted: false,
  durationSeconds: 60,
  runs: 6000,
  operations: 300_000,
  skippedOperations: 10,
  runsPerSecond: 100,
  operationsPerSecond: 5000,
  coverageEdges: 500,
  packages: [{ name: "page-table", edges: 600, covered: 500 }],
  findings: [],
  sometimes: { "split of an accessed leaf": 0 },
  sometimesNeverReached: ["split of an accessed leaf"],
  corpus: { directory: "/o/corpus/arch", files: 9, bytes: 900, damaged: 0 },
  outputDirectory: "/o",
  workers: [{ starts: 1, deaths: 0 }],
  problems: [],
  notes: [],
};
const finding: FindingSummary = {
  fingerprint: "P-T1 | unmap | arm64 | flushRange",
  rule: "P-T1",
  operation: "unmap",
  arch: "arm64",
  frame: "flushRange",
  message: "page 0x10 is still in the TLB of CPU 1",
  count: 3,
  directory: "/o/findings/f",
  replay: "npm run -s aspace -- replay o/findings/f",
  inputBase64: "YWJj",
  minimized: null,
};

test("the exit status follows from the result, the more serious cause first", () => {
  const problems = ["stopped because the disk is full"];
  const refusal = { status: 3, reason: "no engine" } as const;
  expect(exitStatus(clean)).toBe(0);
  expect(exitStatus({ ...clean, notes: ["1 damaged file skipped"] })).toBe(0);
  expect(exitStatus({ ...clean, problems })).toBe(3);
  expect(exitStatus({ ...clean, problems, findings: [finding] })).toBe(1);
  expect(exitStatus({ ...clean, findings: [finding], interrupted: true })).toBe(130);
  expect(exitStatus({ ...clean, refusal, interrupted: true })).toBe(3);
});

test("the report says first whether a rule was broken, and how to replay it", () => {
  expect(reportText(clean)).toContain("**No rule was seen broken** in 60 s.");
  const text = reportText({ ...clean, findings: [finding] });
  expect(text).toContain("**1 defect found** in 60 s.");
  expect(text).toContain("## P-T1 after unmap on arm64");
  expect(text).toContain("Saved in `findings/f`");
  expect(text).toContain(finding.replay);
});

test("the report carries the only copy of a finding that could not be written", () => {
  const unwritten = { ...finding, directory: null, replay: null };
  expect(reportText({ ...clean, findings: [unwritten] })).toContain("base64: `YWJj`");
});

test("the report names situations that no run reached (F-13)", () => {
  expect(reportText(clean)).toContain("- split of an accessed leaf");
});

test("a report that cannot be written is a problem with a reason, not an exception", () => {
  expect(writeReport("/no/such/folder", clean)).toMatch(
    /^report\.json could not be written: ENOENT/,
  );
});
