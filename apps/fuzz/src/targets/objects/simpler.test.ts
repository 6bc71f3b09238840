/** Findings of target `objects` made small (F-19): slips planted, found by the seed corpus, minimised without an engine. */
import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { Random } from "@aspace/arch-conformance";
import { readCorpus } from "../../campaign/corpus.ts";
import { fingerprintOf } from "../../findings/fingerprint.ts";
import { minimise, type Minimised, type Smallest } from "../../minimise/minimise.ts";
import type { Failure, FuzzTarget } from "../../target.ts";
import { HEADER_BYTES, RECORD_BYTES, decode } from "./decode.ts";
import { createObjectsTarget } from "./objects-target.ts";
import { DEFECTS } from "./planted-defects.ts";
import { randomInput } from "./random-seeds.ts";
import { simplerPrograms } from "./simpler.ts";
import { readTrace, writeTrace } from "./trace.ts";

const folder = fileURLToPath(new URL("../../../corpus/objects", import.meta.url));
const corpus = [...readCorpus(folder).inputs.values()];

function firstFailure(target: FuzzTarget): Failure {
  const random = new Random(1);
  const programs = Array.from({ length: 300 }, () => randomInput(random));
  for (const input of [...corpus, ...programs]) {
    const failure = target.run(input);
    if (failure !== null) return failure;
  }
  throw new Error("nothing fails");
}

function minimised(target: FuzzTarget, failure: Failure): Smallest {
  const request = { trace: failure.trace, fingerprint: fingerprintOf(failure), maxRuns: 2000 };
  const search = minimise((text) => target.open(text), request);
  let step: IteratorResult<Smallest, Minimised>;
  do step = search.next();
  while (!step.done);
  if (step.value.kind !== "minimised") throw new Error(`not minimised but ${step.value.kind}`);
  return step.value;
}

/** What a finding comes to in the median. The longest fill a table of slots. */
const MEDIAN = 3;

describe("a finding of each planted slip", () => {
  const lengths: number[] = [];
  let takeBack: (() => void) | null = null;

  afterEach(() => {
    takeBack?.();
    takeBack = null;
  });

  test.each(DEFECTS)(
    "keeps its fingerprint, fails again, and is clean without the slip: $name",
    ({ plant }) => {
      takeBack = plant();
      const target = createObjectsTarget({ arches: [], quirks: [] });
      const failure = firstFailure(target);
      const smallest = minimised(target, failure);
      lengths.push(smallest.operations);
      expect(fingerprintOf(smallest.failure)).toBe(fingerprintOf(failure));
      expect(smallest).toMatchObject({ isComplete: true, unrepeated: 0 });
      expect(smallest.operations).toBeLessThanOrEqual(smallest.from);
      expect(target.replay(smallest.failure.trace)).toEqual(smallest.failure);
      takeBack();
      takeBack = null;
      const repaired = createObjectsTarget({ arches: [], quirks: [] });
      expect(repaired.replay(smallest.failure.trace)).toBeNull();
    },
  );

  test(`comes to ${MEDIAN} operations in the median`, () => {
    expect(lengths.toSorted((a, b) => a - b)[lengths.length >> 1]).toBeLessThanOrEqual(MEDIAN);
  });
});

test("a simpler program is one that a trace can say, and has as many operations (F-17, F-19)", () => {
  const programs = fc
    .uint8Array({
      minLength: HEADER_BYTES,
      maxLength: HEADER_BYTES + 6 * RECORD_BYTES,
      size: "max",
    })
    .map((bytes) => decode(bytes));
  fc.assert(
    fc.property(programs, (program) => {
      for (const simpler of simplerPrograms(program)) {
        const steps = simpler.operations.map((operation) => ({ operation, seen: null }));
        expect(readTrace(writeTrace(simpler, steps, null))).toEqual(simpler);
        expect(simpler.operations).toHaveLength(program.operations.length);
      }
    }),
    { numRuns: 50 },
  );
});
