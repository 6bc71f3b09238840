import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FindingStore } from "../findings/finding-store.ts";
import { MINIMIZED } from "../findings/minimized-trace.ts";
import { standIn } from "../stand-in/entry.ts";
import type { Failure } from "../target.ts";
import { replayFinding } from "./replay-finding.ts";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "aspace-test-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const opened: Failure = {
  rule: "S-1",
  operation: "turn",
  arch: "a",
  frame: "turn",
  message: "the lock opened after three wheels",
  trace: "[97,115,112]\n",
};

function save(failure: Failure, quirks: string[], target = "stand-in"): string {
  const where = { target, arches: ["a"], quirks, decoderVersion: 1 };
  const provenance = { ...where, seed: 1, node: "v24.0.0", commit: null };
  const saved = new FindingStore(folder, provenance).save(failure, Buffer.from("asp"));
  if (saved.kind !== "saved") throw new Error(`the finding was not saved: ${saved.kind}`);
  return saved.directory;
}

test("a finding replays from its trace, and from its bytes when it has none (F-17)", async () => {
  const quirks = ["opens-too-early"];
  const traced = await replayFinding(save(opened, quirks), [standIn]);
  expect(traced).toMatchObject({ kind: "reproduced", failure: opened });
  rmSync(folder, { recursive: true });
  const fromBytes = await replayFinding(save({ ...opened, trace: "" }, quirks), [standIn]);
  expect(fromBytes.kind).toBe("reproduced");
});

test("a replay tells a defect that is gone from one that became another", async () => {
  expect((await replayFinding(save(opened, []), [standIn])).kind).toBe("gone");
  const other = save({ ...opened, rule: "S-2" }, ["opens-too-early"]);
  expect((await replayFinding(other, [standIn])).kind).toBe("different");
});

test("the minimised trace is replayed, and should it not fail any more, the one that was saved first", async () => {
  const directory = save({ ...opened, trace: "[1,97,115,112]\n" }, ["opens-too-early"]);
  writeFileSync(join(directory, MINIMIZED), opened.trace);
  expect(await replayFinding(directory, [standIn])).toMatchObject({
    kind: "reproduced",
    failure: opened,
  });
  writeFileSync(join(directory, MINIMIZED), "[1,2]\n");
  expect(await replayFinding(directory, [standIn])).toMatchObject({
    kind: "reproduced",
    failure: { trace: "[1,97,115,112]\n" },
  });
  rmSync(folder, { recursive: true });
  const gone = save({ ...opened, trace: "[1]\n" }, ["opens-too-early"]);
  writeFileSync(join(gone, MINIMIZED), "[2]\n");
  expect(await replayFinding(gone, [standIn])).toMatchObject({ kind: "gone", trace: "[2]\n" });
});

test("what is not a whole finding of a known target is refused with status 2", async () => {
  const refusal = { kind: "refused", status: 2 };
  expect(await replayFinding(folder, [standIn])).toMatchObject(refusal);
  expect(await replayFinding(save(opened, [], "elsewhere"), [standIn])).toMatchObject(refusal);
  rmSync(folder, { recursive: true });
  const directory = save(opened, ["opens-too-early"]);
  writeFileSync(join(directory, "input.bin"), "cut");
  expect(await replayFinding(directory, [standIn])).toMatchObject(refusal);
});
