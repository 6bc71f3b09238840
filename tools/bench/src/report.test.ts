import { describe, expect, test } from "vitest";
import { formatReport, verdict, type Report, type ReportRow } from "./report.ts";

const ROW: ReportRow = {
  name: "map one page, random",
  group: "single",
  arch: "arm64",
  ours_ns: 20.25,
  reference_ns: 6,
  ratio: 3.375,
  goal_ratio: 3.5,
  bytes: 0,
  rounds_kept: 7,
  rounds_dropped: 2,
};

const REPORT: Report = {
  schemaVersion: 1,
  machine: {
    cpu: "A CPU",
    cores: 2,
    platform: "linux x64",
    node: "24.0.0",
    v8: "13.6",
    compiler: "cc 12",
  },
  rows: [ROW, { ...ROW, name: "query, random", arch: "x86-64", goal_ratio: null }],
};

describe("the table", () => {
  test("has a line for each row, with columns aligned", () => {
    const lines = formatReport(REPORT).trimEnd().split("\n").slice(-3);
    expect(lines).toEqual([
      "                      arch    ours ns  C ns  ratio  goal       bytes         rounds",
      "map one page, random  arm64     20.25  6.00   3.38   3.5  met      0  7 (2 dropped)",
      "query, random         x86-64    20.25  6.00   3.38     -           0  7 (2 dropped)",
    ]);
  });

  test("says so when there was no C compiler", () => {
    const alone = { ...ROW, reference_ns: null, ratio: null };
    const machine = { ...REPORT.machine, compiler: null };
    const text = formatReport({ ...REPORT, machine, rows: [alone] });
    expect(text).toContain("No C compiler (cc) here");
    expect(text).toMatch(/20\.25 +- +- +3\.5 +0/);
  });
});

test("a goal is met up to and including its ratio", () => {
  expect(verdict({ ratio: 3.5, goal_ratio: 3.5 })).toBe("met");
  expect(verdict({ ratio: 3.51, goal_ratio: 3.5 })).toBe("missed");
  expect(verdict({ ratio: null, goal_ratio: 3.5 })).toBe("");
  expect(verdict({ ratio: 3.5, goal_ratio: null })).toBe("");
});
