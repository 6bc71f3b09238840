/** What becomes of findings after a campaign, on the stand-in: a lock that opens after three wheels. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FindingStore } from "../findings/finding-store.ts";
import { MINIMIZED, readMinimized } from "../findings/minimized-trace.ts";
import { minimiseFinding } from "../minimise/minimise-finding.ts";
import { standIn } from "../stand-in/entry.ts";
import type { Failure } from "../target.ts";
import type { FindingSummary } from "./campaign-result.ts";
import { minimiseFindings } from "./minimise-findings.ts";
import { replayFinding } from "./replay-finding.ts";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "aspace-test-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const OPENING = "[97,115,112]\n";

const opened: Failure = {
  rule: "S-1",
  operation: "turn",
  arch: "a",
  frame: "turn",
  message: "the lock opened after three wheels",
  trace: "[1,97,2,3,97,115,112]\n",
};

function save(failure: Failure = opened, quirks = ["opens-too-early"]): string {
  const where = { target: "stand-in", arches: ["a"], quirks, decoderVersion: 1 };
  const provenance = { ...where, seed: 1, node: "v24.0.0", commit: null };
  const saved = new FindingStore(folder, provenance).save(failure, Buffer.from("asp"));
  if (saved.kind !== "saved") throw new Error(`the finding was not saved: ${saved.kind}`);
  return saved.directory;
}

function summary(directory: string | null): FindingSummary {
  const { trace: _, ...described } = opened;
  const rest = { count: 1, replay: null, inputBase64: "", minimized: null };
  return { ...described, ...rest, fingerprint: "S-1 | turn | a | turn", directory };
}

describe("a finding of a campaign", () => {
  test("is minimised into its folder, and the summary has the result (F-16, F-19)", async () => {
    const directory = save();
    const seen: number[] = [];
    const result = await minimiseFindings(
      [summary(directory)],
      standIn,
      undefined,
      ({ finding, of, smallest }) => seen.push(finding, of, smallest.from),
    );
    expect(result.problems).toEqual([]);
    expect(result.findings[0]!.minimized).toEqual({ operations: 3, from: 7, trace: OPENING });
    expect(readFileSync(join(directory, MINIMIZED), "utf8")).toBe(OPENING);
    expect(readdirSync(directory)).toContain("trace.jsonl");
    expect(seen.slice(0, 3)).toEqual([1, 1, 7]);
    expect(await replayFinding(directory, [standIn])).toMatchObject({
      failure: { trace: OPENING },
    });
  });

  test("that is minimised already, or could not be saved, stays as it is", async () => {
    const directory = save();
    writeFileSync(join(directory, MINIMIZED), "[97,115,112,0]\n");
    const findings = [summary(directory), summary(null)];
    expect(await minimiseFindings(findings, standIn, undefined)).toEqual({
      findings,
      problems: [],
    });
    expect(readMinimized(directory)).toBe("[97,115,112,0]\n");
  });

  test("whose operations do not fail again is a problem of its own (F-20, F-22)", async () => {
    const findings = [summary(save({ ...opened, trace: "[1,2,3]\n" }))];
    const result = await minimiseFindings(findings, standIn, undefined);
    expect(result.findings).toEqual(findings);
    expect(result.problems).toEqual([expect.stringMatching(/^S-1 \| turn .*: nondeterministic: /)]);
  });

  test("is left alone by who was stopped before", async () => {
    const directory = save();
    const result = await minimiseFindings([summary(directory)], standIn, AbortSignal.abort());
    expect(result).toMatchObject({ findings: [{ minimized: null }], problems: [] });
    expect(readMinimized(directory)).toBeNull();
  });
});

describe("minimising a finding", () => {
  test("that hangs when it runs again ends when stopped (F-15)", async () => {
    const directory = save(opened, ["hangs"]);
    const result = await minimiseFinding(directory, {
      targets: [standIn],
      signal: AbortSignal.timeout(500),
    });
    expect(result).toEqual({ kind: "stopped" });
    expect(readMinimized(directory)).toBeNull();
  });

  test("that is stopped on the way keeps the smallest program so far", async () => {
    const stop = new AbortController();
    // The shorter half is enough: from then on there is something to keep.
    const wheels = [...Array.from({ length: 4000 }, () => 1), 97, 115, 112];
    const directory = save({ ...opened, trace: `${JSON.stringify(wheels)}\n` });
    const result = await minimiseFinding(directory, {
      targets: [standIn],
      signal: stop.signal,
      onProgress: ({ operations }) => {
        if (operations < wheels.length) stop.abort();
      },
    });
    expect(result).toMatchObject({ kind: "minimised", from: wheels.length });
    const kept = JSON.parse(readMinimized(directory)!) as number[];
    expect(kept.length).toBeLessThan(wheels.length);
    expect(kept.slice(-3)).toEqual([97, 115, 112]);
  });

  test("without operations has nothing to take apart", async () => {
    const directory = save({ ...opened, trace: "" });
    expect(await minimiseFinding(directory, { targets: [standIn] })).toEqual({ kind: "no-trace" });
  });

  test("never makes the kept trace larger (F-16)", async () => {
    const directory = save();
    writeFileSync(join(directory, MINIMIZED), "[]\n");
    expect(await minimiseFinding(directory, { targets: [standIn] })).toMatchObject({
      operations: 3,
    });
    expect(readMinimized(directory)).toBe("[]\n");
  });

  test("in a folder that is not one, or of an unknown target, is refused with status 2", async () => {
    const refusal = { kind: "refused", status: 2 };
    expect(await minimiseFinding(folder)).toMatchObject(refusal);
    expect(await minimiseFinding(save())).toMatchObject(refusal);
  });
});
