/** The committed seed corpus and random programs, run without the engine (F-24). */
import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readCorpus } from "../../campaign/corpus.ts";
import { sha1 } from "../../findings/fingerprint.ts";
import { DECODER_VERSION, HEADER_BYTES, MAX_OPERATIONS, RECORD_BYTES, decode } from "./decode.ts";
import { encode } from "./encode.ts";
import { createObjectsTarget } from "./objects-target.ts";
import { createRunner } from "./runner.ts";
import { SCENES } from "./scenes.ts";
import { SITUATIONS } from "./situations.ts";

const folder = fileURLToPath(new URL("../../../corpus/objects", import.meta.url));
const corpus = readCorpus(folder);
const inputs = [...corpus.inputs.values()];

/** By input: what it did, run in this order. */
function outcomes(order: readonly Uint8Array[]): Map<Uint8Array, unknown> {
  const runner = createRunner();
  return new Map(order.map((input) => [input, [runner.run(decode(input)), [...runner.steps]]]));
}

describe("the seed corpus of memory objects", () => {
  test("is whole, small, and of this decoder version (F-10, F-28)", () => {
    expect(corpus).toMatchObject({ damaged: [], decoderVersion: DECODER_VERSION });
    expect(inputs.length).toBeLessThan(400);
  });

  test("holds every scene", () => {
    for (const { name, program } of SCENES) {
      expect([name, corpus.inputs.has(sha1(encode(program)!))]).toEqual([name, true]);
    }
  });

  test("runs clean and reaches every situation (F-13, F-24)", () => {
    const target = createObjectsTarget({ arches: [], quirks: [] });
    for (const input of inputs) expect(target.run(input)).toBeNull();
    const { runs, operations, sometimes } = target.stats;
    expect(runs).toBe(inputs.length);
    expect(operations).toBeGreaterThan(3000);
    expect(SITUATIONS.filter((name) => sometimes[name] === 0)).toEqual([]);
  });

  test("does the same whatever ran before: nothing is left to chance (F-8, F-22)", () => {
    const forwards = outcomes(inputs);
    const backwards = outcomes(inputs.toReversed());
    for (const input of inputs) expect(backwards.get(input)).toEqual(forwards.get(input));
  });
});

test("random programs run clean, everything checked after every operation (F-24)", () => {
  const runner = createRunner();
  const length = HEADER_BYTES + MAX_OPERATIONS * RECORD_BYTES;
  const programs = fc.uint8Array({ maxLength: length, size: "max" }).map((bytes) => decode(bytes));
  fc.assert(
    fc.property(programs, (program) => {
      expect(runner.run({ ...program, checkEvery: 1 })).toBeNull();
    }),
    { numRuns: 1500, seed: 5 },
  );
});
