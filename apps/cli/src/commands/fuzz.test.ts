import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CampaignResult } from "@aspace/fuzz";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { aspace } from "../child-command.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "aspace-fuzz-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Twenty long inputs of fixed noise: among them are protects of mapped pages. */
function writeNoise(): string {
  const corpus = join(folder, "noise");
  mkdirSync(corpus);
  let state = 12345;
  for (let file = 0; file < 20; file++) {
    const input = Uint8Array.from({ length: 200 }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state >>> 24;
    });
    writeFileSync(join(corpus, createHash("sha1").update(input).digest("hex")), input);
  }
  return corpus;
}

describe("fuzz", () => {
  test("--json prints one document and nothing else on stdout", async () => {
    const { status, stdout, stderr } = await aspace(
      ["fuzz", "arch", "--runs", "200", "--seed", "7", "--corpus", writeNoise(), "--json"],
      { cwd: folder },
    );
    const result = JSON.parse(stdout) as CampaignResult;
    expect(result).toMatchObject({ schemaVersion: 1, seed: 7, arches: ["x86-64", "arm64"] });
    expect(result.runs).toBeGreaterThanOrEqual(200);
    expect(result.operations).toBeGreaterThan(0);
    expect(result.coverageEdges).toBeGreaterThan(0);
    expect(result.findings).toEqual([]);
    expect(stderr).toContain(
      "fuzzing arch on x86-64 and arm64 for 200 runs\n  seed 7, 1 engine process\n",
    );
    expect(status).toBe(0);
  });

  test("a target without architectures needs none, and says of none that it ran on it", async () => {
    const { status, stdout, stderr } = await aspace(
      ["fuzz", "objects", "--runs", "50", "--seed", "7"],
      { cwd: folder },
    );
    expect(stderr).toContain("fuzzing objects for 50 runs\n");
    expect(stdout).toMatch(/^\+ No rule was seen broken in /);
    expect(readFileSync(join(folder, "fuzz-out", "report.md"), "utf8")).toMatch(
      /^# Fuzz campaign: objects\n/,
    );
    expect(status).toBe(0);
  });

  test.each([
    ["--arch", "arm64"],
    ["--quirk", "H5"],
  ])("a target without architectures refuses %s in one line; exit status 2", async (flag, name) => {
    const { status, stdout, stderr } = await aspace(
      ["fuzz", "objects", "--runs", "1", flag, name],
      { cwd: folder },
    );
    expect(stderr).toMatch(
      new RegExp(`^aspace: '${name}' is for targets that run on an architecture`),
    );
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  });

  test("a hazard is found, saved, explained, and replays", async () => {
    const { status, stdout } = await aspace(
      ["fuzz", "arch", "--runs", "50", "--corpus", writeNoise(), "--quirk", "h8", "--out", "out"],
      { cwd: folder },
    );
    expect(stdout).toMatch(/^x \d+ defects? found on x86-64 and arm64/);
    expect(stdout).toMatch(/^P-M2 broken by protect on (x86-64|arm64) \(seen/m);
    expect(status).toBe(1);

    const saved = /^ +saved +(\S+)$/m.exec(stdout)![1]!;
    expect(existsSync(join(folder, saved, "trace.jsonl"))).toBe(true);
    expect(readFileSync(join(folder, "out", "report.md"), "utf8")).toContain("P-M2");
    const replay = await aspace(["replay", saved], { cwd: folder });
    expect(replay.stdout).toMatch(/^x P-M2 broken by protect on /m);
    expect(replay.status).toBe(1);
  });

  test("Ctrl-C ends it with 130, the document says so, and what was found stays", async () => {
    let isSent = false;
    const { status, stdout, stderr } = await aspace(
      ["fuzz", "arch", "--time", "600", "--corpus", writeNoise(), "--json"],
      {
        cwd: folder,
        onStderr(text) {
          if (isSent || !text.includes("Ctrl-C stops")) return null;
          isSent = true;
          return "SIGINT";
        },
      },
    );
    expect(JSON.parse(stdout)).toMatchObject({ interrupted: true });
    expect(stderr).toContain("everything found so far is kept");
    expect(existsSync(join(folder, "fuzz-out", "report.json"))).toBe(true);
    expect(status).toBe(130);
  });

  test.each([
    ["an unknown architecture", ["--arch", "x86-64,vax"], /unknown architecture 'vax'/],
    ["an unknown quirk", ["--quirk", "H99"], /unknown quirk 'H99' on x86-64 and arm64/],
    ["a corpus that is not there", ["--corpus", "nowhere"], /nowhere/],
    ["a folder that cannot be made", ["--out", "file/out"], /file\/out/],
  ])("%s is one line and exit status 2", async (_, args, message) => {
    writeFileSync(join(folder, "file"), "");
    const campaign = ["fuzz", "arch", "--time", "1", "--corpus", writeNoise()];
    const { status, stdout, stderr } = await aspace([...campaign, ...args], { cwd: folder });
    const complaints = stderr.split("\n").filter((line) => line.startsWith("aspace: "));
    expect(complaints).toHaveLength(1);
    expect(complaints[0]).toMatch(message);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  });
});
