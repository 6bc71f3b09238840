/**
 * Campaigns with the real engine on the stand-in target. They need the engine's addon: where it
 * cannot load, they fail and say so, because then nothing else here can be believed.
 */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sha1 } from "../findings/fingerprint.ts";
import { readFinding } from "../findings/finding-store.ts";
import { readMinimized } from "../findings/minimized-trace.ts";
import { standIn } from "../stand-in/entry.ts";
import { campaignOptions, type CampaignOptions } from "./campaign-options.ts";
import { exitStatus, type CampaignResult } from "./campaign-result.ts";
import { readCorpus } from "./corpus.ts";
import { replayFinding } from "./replay-finding.ts";
import { runCampaign, type CampaignSurroundings } from "./run-campaign.ts";

const ENOUGH_RUNS = 60_000;
const LIMIT_MS = 120_000;

let root = "";
let seeds = "";

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "aspace-test-"));
  seeds = join(root, "seeds");
  mkdirSync(seeds);
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

function campaign(
  changes: Partial<CampaignOptions> = {},
  around?: CampaignSurroundings,
): Promise<CampaignResult> {
  const limit = { kind: "runs", runs: ENOUGH_RUNS } as const;
  const given = { target: standIn, arches: ["a"], seed: 1, workers: 1, limit, seedCorpus: seeds };
  const outputDirectory = join(root, "out");
  return runCampaign(campaignOptions({ ...given, outputDirectory, ...changes }), around);
}

function addSeed(content: string): void {
  writeFileSync(join(seeds, sha1(content)), content);
}

function inputNames({ corpus }: CampaignResult): string[] {
  return readdirSync(corpus.directory);
}

function findingNames({ outputDirectory }: CampaignResult): string[] {
  return readdirSync(join(outputDirectory, "findings"));
}

/** The reason of a campaign that is refused for its options. */
async function badUsage(changes: Partial<CampaignOptions>): Promise<string | undefined> {
  const result = await campaign(changes);
  expect(exitStatus(result)).toBe(2);
  return result.refusal?.reason;
}

describe("a campaign", { timeout: LIMIT_MS }, () => {
  test("finds the planted fault behind three bytes, saves it, and it replays (canary)", async () => {
    const result = await campaign({ quirks: ["opens-too-early"] });
    expect(result).toMatchObject({ refusal: null, problems: [], interrupted: false });
    expect(result.findings).toHaveLength(1);
    const [found] = result.findings;
    expect(found).toMatchObject({ rule: "S-1", arch: "a", frame: "turn" });
    expect(exitStatus(result)).toBe(1);

    const { finding, trace } = readFinding(found!.directory!);
    expect(finding).toMatchObject({ quirks: ["opens-too-early"], seed: 1, target: "stand-in" });
    expect(trace).toMatch(/97,115,112\]\n$/);
    expect(found!.minimized).toMatchObject({ operations: 3, trace: "[97,115,112]\n" });
    expect(readMinimized(found!.directory!)).toBe("[97,115,112]\n");
    expect(readFileSync(join(root, "out", "report.md"), "utf8")).toContain("    [97,115,112]\n");
    expect(await replayFinding(found!.directory!, [standIn])).toMatchObject({
      kind: "reproduced",
      failure: { rule: "S-1", operation: "turn" },
    });
  });

  test("until its first finding stops there", async () => {
    const result = await campaign({ quirks: ["opens-too-early"], until: "first-finding" });
    expect(result.findings).toHaveLength(1);
    expect(result.runs).toBeLessThan(ENOUGH_RUNS);
    expect(result).toMatchObject({ interrupted: false, problems: [] });
    expect(exitStatus(result)).toBe(1);
  });

  test("without a fault is clean, and reports coverage and what it never reached", async () => {
    const result = await campaign();
    expect(exitStatus(result)).toBe(0);
    expect(result.runs).toBe(ENOUGH_RUNS);
    expect(result.operations).toBeGreaterThan(ENOUGH_RUNS);
    expect(result.packages).toEqual([{ name: "lock", edges: 16, covered: result.coverageEdges }]);
    expect(result.coverageEdges).toBeGreaterThan(8);
    expect(result.sometimesNeverReached).toEqual(["wheel turned back"]);
    expect(result.workers).toEqual([{ starts: 1, deaths: 0 }]);
    const report = JSON.parse(readFileSync(join(root, "out", "report.json"), "utf8")) as unknown;
    expect(report).toEqual(result);
  });

  test("with a seed and a number of runs is reproducible (F-23)", async () => {
    const runs = [1, 1, 2].map((seed, index) => {
      const outputDirectory = join(root, `out-${index}`);
      return campaign({ seed, quirks: ["opens-too-early"], outputDirectory });
    });
    const [first, again, other] = await Promise.all(runs);
    expect(inputNames(again!)).toEqual(inputNames(first!));
    expect(findingNames(again!)).toEqual(findingNames(first!));
    expect(again!.operations).toBe(first!.operations);
    expect(inputNames(other!)).not.toEqual(inputNames(first!));
  });

  test("names the line of the source where an exception came from, and goes on (F-14)", async () => {
    const result = await campaign({ quirks: ["throws"] });
    const source = new URL("../stand-in/package-under-test/combination-lock.ts", import.meta.url);
    const lines = readFileSync(source, "utf8").split("\n");
    const line = lines.findIndex((text) => text.includes("throw new RangeError")) + 1;
    expect(result.findings).toMatchObject([{ rule: "F-14", frame: "force" }]);
    expect(result.findings[0]!.message).toContain(`combination-lock.ts:${line}:`);
    expect(result.runs).toBe(ENOUGH_RUNS);
  });

  test("by time, with several workers over one corpus, ends in time with a whole corpus", async () => {
    const seen: number[] = [];
    const limit = { kind: "seconds", seconds: 2 } as const;
    const onProgress = ({ runs }: { runs: number }): unknown => seen.push(runs);
    const result = await campaign({ limit, workers: 2 }, { onProgress });
    expect(exitStatus(result)).toBe(0);
    expect(result.workers).toHaveLength(2);
    expect(result.corpus).toMatchObject({ damaged: 0, files: expect.any(Number) });
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(result.runs).toBeGreaterThan(seen[0]!);
  });
});

describe("a campaign that is interrupted", { timeout: LIMIT_MS }, () => {
  test("keeps corpus, findings and report, and says so", async () => {
    const abort = new AbortController();
    const onProgress = ({ runs }: { runs: number }): void => {
      if (runs > ENOUGH_RUNS) abort.abort();
    };
    const limit = { kind: "seconds", seconds: 100 } as const;
    const around = { onProgress, signal: abort.signal };
    const result = await campaign({ limit, quirks: ["opens-too-early"] }, around);
    expect(result).toMatchObject({ interrupted: true, problems: [], workers: [{ deaths: 0 }] });
    expect(exitStatus(result)).toBe(130);
    expect(readFinding(result.findings[0]!.directory!).trace).not.toBeNull();
    expect(readCorpus(result.corpus.directory).inputs.size).toBeGreaterThan(0);
    expect(readdirSync(join(root, "out"))).toContain("report.md");
  });

  test("before it began runs nothing", async () => {
    const result = await campaign({}, { signal: AbortSignal.abort() });
    expect(result).toMatchObject({ interrupted: true, runs: 0 });
    expect(exitStatus(result)).toBe(130);
  });
});

describe("a campaign whose engine dies", { timeout: LIMIT_MS }, () => {
  test("of an endless loop has a finding with the input, and goes on without it (F-26)", async () => {
    addSeed("asp");
    const result = await campaign({ quirks: ["hangs"], limit: { kind: "runs", runs: 2000 } });
    const hang = result.findings.find(({ operation }) => operation === "hang");
    expect(hang).toMatchObject({ rule: "F-15", arch: "a" });
    const { input, trace } = readFinding(hang!.directory!);
    expect(Buffer.from(input).toString()).toContain("asp");
    expect(trace).toBeNull();
    expect(inputNames(result)).not.toContain(sha1("asp"));
    expect(result.problems).toEqual([]);
    expect(result.workers[0]!.starts).toBeGreaterThan(1);
    expect(exitStatus(result)).toBe(1);
  });

  test("of a crash again and again gives up, says why, keeps the log, and is never clean", async () => {
    addSeed("asp");
    const result = await campaign({ quirks: ["aborts"] });
    expect(result.workers).toEqual([{ starts: 5, deaths: 5 }]);
    expect(result.problems).toHaveLength(6);
    expect(result.problems[0]).toContain("was killed by SIGABRT");
    expect(result.problems.at(-1)).toBe("worker 0 gave up after 5 starts");
    expect(readdirSync(join(root, "out", "logs"))).toHaveLength(5);
    expect(exitStatus(result)).toBe(3);
  });
});

describe("a campaign that cannot start says why in one line", { timeout: LIMIT_MS }, () => {
  test("a package under test without counters: 3, with its name (F-27)", async () => {
    const unseen = { name: "unseen", folder: join(root, "unseen/") };
    const packagesUnderTest = (): { name: string; folder: string }[] => [
      ...standIn.packagesUnderTest([]),
      unseen,
    ];
    const result = await campaign({ target: { ...standIn, packagesUnderTest } });
    expect(result.refusal?.reason).toMatch(/^no coverage counters in unseen: .*F-27\)$/);
    expect(exitStatus(result)).toBe(3);
    expect(result.runs).toBe(0);
  });

  test("an engine that is missing or does not load: 3", async () => {
    const broken = join(root, "engine.mjs");
    writeFileSync(broken, 'throw new Error("fuzzer.node: cannot open shared object file")');
    const result = await campaign({}, { engine: pathToFileURL(broken).href });
    expect(result.refusal).toEqual({
      status: 3,
      reason: "the fuzz engine does not load here: fuzzer.node: cannot open shared object file",
    });
    const missing = await campaign({}, { engine: pathToFileURL(join(root, "no.mjs")).href });
    expect(exitStatus(missing)).toBe(3);
    expect(missing.refusal?.reason).toContain("Cannot find module");
  });

  test("options that make no sense: 2", async () => {
    expect(await badUsage({ quirks: ["H99"] })).toBe("unknown quirk H99");
    expect(await badUsage({ seed: 0 })).toContain("the seed must be");
    expect(await badUsage({ workers: 0 })).toContain("the number of workers must be");
    expect(await badUsage({ limit: { kind: "runs", runs: 0.5 } })).toContain("the number of runs");
    expect(await badUsage({ seedCorpus: join(root, "nowhere") })).toContain("cannot be read");
    writeFileSync(join(root, "file"), "");
    expect(await badUsage({ outputDirectory: join(root, "file") })).toContain("cannot write to");
  });

  test("a seed corpus of another decoder version: 2", async () => {
    writeFileSync(join(seeds, "DECODER_VERSION"), "7\n");
    const result = await campaign();
    expect(result.refusal?.reason).toContain("is for decoder version 7, this is version 1");
    expect(exitStatus(result)).toBe(2);
  });
});

test(
  "damaged seeds are skipped, counted and named, and the campaign runs",
  async () => {
    addSeed("whole");
    writeFileSync(join(seeds, sha1("cut short")), "cut");
    const result = await campaign({ limit: { kind: "runs", runs: 100 } });
    expect(exitStatus(result)).toBe(0);
    expect(result.corpus.damaged).toBe(1);
    expect(result.notes).toEqual([expect.stringContaining(sha1("cut short"))]);
    expect(readdirSync(result.corpus.directory)).toContain(sha1("whole"));
  },
  LIMIT_MS,
);
