import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { MINIMIZED, readMinimized, writeIfSmaller } from "./minimized-trace.ts";

let folder = "";
let path = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "aspace-test-"));
  path = join(folder, MINIMIZED);
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A trace of so many operations, with a verdict of some length. */
const trace = (operations: number, verdict: string): string =>
  ['{"format":"f"}', ...Array.from({ length: operations }, () => '{"kind":"map"}'), `"${verdict}"`]
    .map((line) => `${line}\n`)
    .join("");

test("a minimised trace is replaced by one with fewer operations, or as many and shorter, by no other (F-16)", () => {
  expect(readMinimized(folder)).toBeNull();
  const sequence: [string, string][] = [
    [trace(5, "long"), trace(5, "long")],
    [trace(6, ""), trace(5, "long")],
    [trace(5, "longer"), trace(5, "long")],
    [trace(5, "lon"), trace(5, "lon")],
    [trace(4, "very much longer than it was"), trace(4, "very much longer than it was")],
  ];
  for (const [offered, kept] of sequence) {
    writeIfSmaller(path, offered);
    expect(readMinimized(folder)).toBe(kept);
  }
  expect(readdirSync(folder)).toEqual([MINIMIZED]);
});

test("an empty file, which a full disk leaves behind, is replaced", () => {
  writeFileSync(path, "");
  writeIfSmaller(path, trace(3, "x"));
  expect(readFileSync(path, "utf8")).toBe(trace(3, "x"));
});

test("a trace that cannot be written leaves nothing behind", () => {
  expect(() => writeIfSmaller(join(folder, "nowhere", MINIMIZED), trace(3, "x"))).toThrow(/ENOENT/);
  expect(readdirSync(folder)).toEqual([]);
});
