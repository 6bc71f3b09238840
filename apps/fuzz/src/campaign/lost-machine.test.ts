/** What the outside world can do to a campaign: a full disk, and a kill that nothing can catch. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sha1 } from "../findings/fingerprint.ts";
import { readFinding } from "../findings/finding-store.ts";
import { standIn } from "../stand-in/entry.ts";
import { campaignOptions } from "./campaign-options.ts";
import { exitStatus } from "./campaign-result.ts";
import { readCorpus } from "./corpus.ts";
import { runCampaign } from "./run-campaign.ts";

const LIMIT_MS = 120_000;
const PROGRAM = fileURLToPath(new URL("../stand-in/endless-campaign.ts", import.meta.url));
const MIB = 2 ** 20;

let root = "";
let disk = "";

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "aspace-test-"));
  disk = join(root, "disk");
  mkdirSync(join(root, "seeds"));
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

/** Runs `use` with a disk mounted on `folder`; false where mounting is not allowed. */
async function withDisk(folder: string, size: string, use: () => Promise<void>): Promise<boolean> {
  mkdirSync(folder, { recursive: true });
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", size, "tmpfs", folder], { stdio: "ignore" });
  } catch {
    return false;
  }
  try {
    await use();
  } finally {
    execFileSync("umount", ["--lazy", folder]);
  }
  return true;
}

function optionsFor(outputDirectory: string) {
  const limit = { kind: "seconds", seconds: 60 } as const;
  const given = { target: standIn, arches: ["a"], seed: 1, workers: 1, limit, outputDirectory };
  return campaignOptions({
    ...given,
    quirks: ["opens-too-early"],
    seedCorpus: join(root, "seeds"),
  });
}

describe("on a full disk (F-28)", { timeout: LIMIT_MS }, () => {
  test("a campaign does not start", async ({ skip }) => {
    const mounted = await withDisk(disk, "size=16m", async () => {
      const result = await runCampaign(optionsFor(disk));
      expect(result.refusal?.reason).toMatch(/is full: 1\d MiB free, 32 MiB needed$/);
      expect(exitStatus(result)).toBe(3);
    });
    if (!mounted) skip("no right to mount a small disk");
  });

  test("a campaign stops while its corpus is whole, and its findings are kept", async ({
    skip,
  }) => {
    const mounted = await withDisk(disk, "size=40m", async () => {
      const onProgress = ({ findings }: { findings: number }): void => {
        if (findings > 0) writeFileSync(join(disk, "filler"), Buffer.alloc(36 * MIB));
      };
      const result = await runCampaign(optionsFor(disk), { onProgress });
      expect(result.problems).toEqual([expect.stringMatching(/^stopped because the disk is full/)]);
      expect(result.interrupted).toBe(false);
      expect(result.findings).toHaveLength(1);
      expect(exitStatus(result)).toBe(1);
      expect(exitStatus({ ...result, findings: [] })).toBe(3);
      expect(readCorpus(result.corpus.directory).damaged).toEqual([]);
      expect(readdirSync(disk)).toContain("report.md");
    });
    if (!mounted) skip("no right to mount a small disk");
  });

  test("a finding that cannot be written is in the result and the report", async ({ skip }) => {
    writeFileSync(join(root, "seeds", sha1("asp")), "asp");
    const findings = join(root, "out", "findings");
    const mounted = await withDisk(findings, "nr_inodes=1", async () => {
      const limit = { kind: "runs", runs: 100 } as const;
      const result = await runCampaign({ ...optionsFor(join(root, "out")), limit });
      expect(result.findings).toMatchObject([{ directory: null, inputBase64: "YXNw" }]);
      expect(result.problems).toEqual([expect.stringMatching(/could not be written: ENOSPC/)]);
      expect(exitStatus(result)).toBe(1);
      expect(readFileSync(join(root, "out", "report.md"), "utf8")).toContain("base64: `YXNw`");
    });
    if (!mounted) skip("no right to mount a small disk");
  });
});

describe("a campaign that is killed", { timeout: LIMIT_MS }, () => {
  test("leaves a whole corpus, no process behind, and the next one goes on from it", async () => {
    const output = join(root, "out");
    const program = [PROGRAM, output, join(root, "seeds")];
    const supervisor = spawn(process.execPath, program, { stdio: ["ignore", "pipe", "inherit"] });
    const engine = await enginePid(supervisor);
    supervisor.kill("SIGKILL");
    await once(supervisor, "exit");
    await untilGone(engine);

    const corpus = join(output, "corpus", "stand-in");
    const { inputs, damaged } = readCorpus(corpus);
    expect(damaged).toEqual([]);
    expect(inputs.size).toBeGreaterThan(0);
    const findings = readdirSync(join(output, "findings"));
    expect(findings.length).toBeGreaterThan(0);
    for (const name of findings) {
      expect(readFinding(join(output, "findings", name)).finding.rule).toBe("S-1");
    }
    const limit = { kind: "seconds", seconds: 1 } as const;
    const next = await runCampaign({ ...optionsFor(output), limit });
    expect(next.refusal).toBeNull();
    expect(readCorpus(corpus).inputs.size).toBeGreaterThanOrEqual(inputs.size);
  });
});

/** Reads lines `ENGINE-PID FINDINGS` until there is a finding. */
async function enginePid(supervisor: ChildProcess): Promise<number> {
  for await (const line of createInterface({ input: supervisor.stdout! })) {
    const [pid, findings] = line.split(" ").map(Number);
    if (findings! > 0) return pid!;
  }
  throw new Error("the campaign ended by itself");
}

/** Resolves when no such process is left; the test's own limit is the deadline. */
async function untilGone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}
