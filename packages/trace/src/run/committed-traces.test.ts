import { readFileSync } from "node:fs";
import { BACKENDS } from "@aspace/backends";
import { describe, expect, test } from "vitest";
import { TRACE_NAMES, committedTrace } from "../../test/committed-traces.ts";
import { OPERATIONS } from "../format/operation.ts";
import { readTrace } from "../format/read-trace.ts";
import { CHOICES } from "../format/words.ts";
import { Checking, runTrace, type TraceRun } from "./run-trace.ts";

/** It shows a page where no mapping would, which is what a check after that step is there to find. */
const BREAKS_IN_BETWEEN = "t7-upgrade";

function failureOf({ failure }: TraceRun): object | null {
  if (failure === null) return null;
  const { line, operation, mismatch, message } = failure;
  return { line, operation, mismatch, message };
}

describe.each(TRACE_NAMES)("%s", (name) => {
  const trace = readTrace(committedTrace(name));
  const checking = name === BREAKS_IN_BETWEEN ? Checking.WHEN_ASKED : Checking.AFTER_EACH;

  test.each(
    BACKENDS.flatMap((architecture) =>
      CHOICES.faultMode.map((faultMode) => ({ architecture, faultMode })),
    ),
  )("goes as expected on $architecture.name, fault mode $faultMode (J-10)", (options) => {
    const run = runTrace(trace, { ...options, checking });
    expect(failureOf(run)).toBeNull();
    expect(run.outcomes).toHaveLength(trace.operations.length);
  });
});

test("the committed traces use every operation that there is (J-10)", () => {
  const traces = TRACE_NAMES.map((name) => readTrace(committedTrace(name)));
  const used = new Set(traces.flatMap(({ operations }) => operations.map(({ op }) => op)));
  expect(Object.keys(OPERATIONS).filter((op) => !used.has(op as never))).toEqual([]);
});

test("the example of the README goes as expected on every backend (J-10)", () => {
  const page = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const [, example] = /```jsonl\n([^`]+)```/.exec(page)!;
  for (const architecture of BACKENDS) {
    const { outcomes, failure } = runTrace(example!, { architecture });
    expect(failure).toBeNull();
    expect(outcomes).toHaveLength(6);
  }
});

test("nearly every operation of them says what it expects, so that they can fail (J-10)", () => {
  for (const name of TRACE_NAMES) {
    const { operations } = readTrace(committedTrace(name));
    const silent = operations.filter(({ expect: expected }) => expected === undefined);
    expect(silent.length, name).toBeLessThan(5);
  }
});

/** Defects of the studied kernel's time, by the trace that probes for them. */
const PROBES: readonly (readonly [quirk: string, trace: string])[] = [
  ["Q-1", "t8-quirk-probes"],
  ["Q-2", "t8-quirk-probes"],
  ["Q-3", "t8-quirk-probes"],
  ["Q-4", "more-quirk-probes"],
  ["Q-5", "more-quirk-probes"],
  ["Q-6", "more-quirk-probes"],
  ["Q-9", "more-quirk-probes"],
  ["Q-11", "more-quirk-probes"],
];

test.each(PROBES)(
  "the defect %s is seen by %s on every backend, in both fault modes (J-10)",
  (quirk, name) => {
    const trace = readTrace(committedTrace(name));
    for (const architecture of BACKENDS) {
      for (const faultMode of CHOICES.faultMode) {
        const { failure } = runTrace(trace, { architecture, faultMode, quirks: [quirk] });
        expect(failure?.mismatch).toBeDefined();
      }
    }
  },
);
