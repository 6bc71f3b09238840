import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Refusal } from "../refusal.ts";
import { savedRunsAt } from "./saved-runs.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "aspace-saved-runs-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function write(...parts: string[]): string {
  const path = join(folder, ...parts);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, "");
  return path;
}

test("a finding's folder is one run, whatever else is in it", () => {
  write("f", "finding.json");
  write("f", "trace.jsonl");
  expect(savedRunsAt(join(folder, "f"))).toEqual([{ kind: "finding", path: join(folder, "f") }]);
});

test("a file is a trace, whatever its name", () => {
  const path = write("some.txt");
  expect(savedRunsAt(path)).toEqual([{ kind: "trace", path }]);
});

test("below a folder: findings at any depth and traces beside them, sorted; nothing hidden", () => {
  write("findings", "b", "finding.json");
  write("findings", "b", "minimized.jsonl");
  write("findings", "a", "finding.json");
  write("findings", ".writing-1", "finding.json");
  write("corpus", "da39a3ee");
  const trace = write("regressions", "split.jsonl");
  expect(savedRunsAt(folder)).toEqual([
    { kind: "finding", path: join(folder, "findings", "a") },
    { kind: "finding", path: join(folder, "findings", "b") },
    { kind: "trace", path: trace },
  ]);
});

test("a folder without any and a path that is not there are refused with status 2", () => {
  for (const path of [folder, join(folder, "nowhere")]) {
    expect(() => savedRunsAt(path)).toThrow(Refusal);
    expect(() => savedRunsAt(path)).toThrow(path);
  }
});
