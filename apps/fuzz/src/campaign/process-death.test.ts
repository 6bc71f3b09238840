import { mkdtempSync, readdirSync, writeFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sha1 } from "../findings/fingerprint.ts";
import { readDeath } from "./process-death.ts";

let artifacts = "";

beforeEach(() => {
  artifacts = mkdtempSync(join(tmpdir(), "aspace-test-"));
});

afterEach(() => {
  rmSync(artifacts, { recursive: true, force: true });
});

test("statuses 77, 70 and 71 are findings with the engine's artifact as their input (F-26)", () => {
  for (const [status, operation] of [
    [77, "crash"],
    [70, "hang"],
    [71, "memory"],
  ] as const) {
    writeFileSync(join(artifacts, `crash-${sha1("abc")}`), "abc");
    const death = readDeath({ status, signal: null, output: [] }, ["arm64"], artifacts);
    expect(death).toMatchObject({ kind: "finding", failure: { operation, arch: "arm64" } });
    expect(death.kind === "finding" && Buffer.from(death.input).toString()).toBe("abc");
    expect(readdirSync(artifacts)).toEqual([]);
  }
});

test("an artifact that a full disk left empty is replaced by the copy in the output (F-28)", () => {
  writeFileSync(join(artifacts, `crash-${sha1("abc")}`), "");
  const output = ["Test unit written to …", "Base64: YWJj", "SUMMARY: libFuzzer: timeout"];
  const death = readDeath({ status: 70, signal: null, output }, ["a"], artifacts);
  expect(death.kind === "finding" && Buffer.from(death.input).toString()).toBe("abc");
});

test("any other end is a failure of the engine, told in one line", () => {
  const output = ["#1 INITED", "FATAL ERROR: Reached heap limit", "----- Native stack trace -----"];
  expect(readDeath({ status: null, signal: "SIGABRT", output }, ["a"], artifacts)).toEqual({
    kind: "failure",
    reason: "was killed by SIGABRT: FATAL ERROR: Reached heap limit",
  });
  expect(readDeath({ status: 70, signal: null, output: [] }, ["a"], artifacts)).toEqual({
    kind: "failure",
    reason: "ended with status 70",
  });
});
