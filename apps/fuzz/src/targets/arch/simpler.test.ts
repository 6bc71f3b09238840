/** Findings of target `arch` made small (F-19): hazards switched on, found by the seed corpus, minimised without an engine. */
import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { x86_64 } from "@aspace/arch-x86-64";
import { readCorpus } from "../../campaign/corpus.ts";
import { fingerprintOf } from "../../findings/fingerprint.ts";
import { minimise, type Minimised, type Smallest } from "../../minimise/minimise.ts";
import type { Failure, FuzzTarget } from "../../target.ts";
import { createArchTarget } from "./arch-target.ts";
import { HEADER_BYTES, RECORD_BYTES, decode } from "./decode.ts";
import { simplerPrograms, type TracedProgram } from "./simpler.ts";
import { readTrace, writeTrace } from "./trace.ts";

const folder = fileURLToPath(new URL("../../../corpus/arch", import.meta.url));
const corpus = [...readCorpus(folder).inputs.values()];

function firstFailure(target: FuzzTarget): Failure {
  for (const input of corpus) {
    const failure = target.run(input);
    if (failure !== null) return failure;
  }
  throw new Error("nothing in the corpus fails");
}

function minimised(target: FuzzTarget, { trace, ...failure }: Failure): Smallest {
  const fingerprint = fingerprintOf({ trace, ...failure });
  const search = minimise((text) => target.open(text), { trace, fingerprint, maxRuns: 2000 });
  let step: IteratorResult<Smallest, Minimised>;
  do step = search.next();
  while (!step.done);
  if (step.value.kind !== "minimised") throw new Error(`not minimised but ${step.value.kind}`);
  return step.value;
}

const operationsOf = (trace: string): number => readTrace(trace).program.operations.length;

/** Hazards that the seed corpus finds. The others take a search: README, "Canaries". */
const HAZARDS = x86_64.quirks.map(({ id }) => id).filter((id) => id !== "H14");
/** What a finding of each hazard comes to at most, and half of them at most. */
const LONGEST = 6;
const MEDIAN = 3;

describe("a finding of each hazard", () => {
  const lengths: number[] = [];

  test.each(HAZARDS)(
    `%s keeps its fingerprint and comes to ${LONGEST} operations at most`,
    (quirk) => {
      const target = createArchTarget({ arches: ["x86-64", "arm64"], quirks: [quirk] });
      const failure = firstFailure(target);
      const smallest = minimised(target, failure);
      lengths.push(smallest.operations);
      expect(fingerprintOf(smallest.failure)).toBe(fingerprintOf(failure));
      expect(smallest).toMatchObject({ isComplete: true, unrepeated: 0 });
      expect(smallest.operations).toBeLessThanOrEqual(
        Math.min(LONGEST, operationsOf(failure.trace)),
      );
      // The trace is all there is to it: it fails so again, and without the hazard nothing does.
      expect(target.replay(smallest.failure.trace)).toEqual(smallest.failure);
      const { arches, quirks } = readTrace(smallest.failure.trace);
      expect({ arches, quirks }).toEqual({ arches: [failure.arch], quirks: [quirk] });
      const repaired = smallest.failure.trace.replace(`"quirks":["${quirk}"]`, '"quirks":[]');
      expect(target.replay(repaired)).toBeNull();
    },
  );

  test(`comes to ${MEDIAN} operations in the median`, () => {
    expect(lengths.toSorted((a, b) => a - b)[lengths.length >> 1]).toBeLessThanOrEqual(MEDIAN);
  });
});

describe("a simpler program", () => {
  const programs = fc
    .uint8Array({
      minLength: HEADER_BYTES,
      maxLength: HEADER_BYTES + 5 * RECORD_BYTES,
      size: "max",
    })
    .map((bytes): TracedProgram => ({
      ...decode(bytes),
      arches: ["x86-64", "arm64"],
      quirks: ["H5", "H6"],
    }));

  test("is one that a trace can say, has as many operations, and is another (F-17, F-19)", () => {
    fc.assert(
      fc.property(programs, (program) => {
        for (const simpler of simplerPrograms(program)) {
          const steps = simpler.operations.map((operation) => ({ operation, seen: [] }));
          const { program: read, arches, quirks } = readTrace(writeTrace(simpler, steps, null));
          expect({ ...read, arches, quirks }).toEqual(simpler);
          expect(simpler.operations).toHaveLength(program.operations.length);
        }
      }),
      { numRuns: 30 },
    );
  });

  test("on one architecture has only the hazards that it can have", () => {
    const empty: TracedProgram = {
      ...decode(new Uint8Array()),
      arches: ["x86-64", "arm64"],
      quirks: ["H6", "H14"],
    };
    const heads = [...simplerPrograms(empty)]
      .slice(0, 2)
      .map(({ arches, quirks }) => [...arches, ...quirks]);
    expect(heads).toEqual([
      ["x86-64", "H14"],
      ["arm64", "H6"],
    ]);
  });
});
