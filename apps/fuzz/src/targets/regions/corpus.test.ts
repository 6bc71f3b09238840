/** The committed seed corpus, replayed without the engine (F-24). */
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { Random } from "@aspace/arch-conformance";
import { arm64 } from "@aspace/arch-arm64";
import { x86_64 } from "@aspace/arch-x86-64";
import { readCorpus } from "../../campaign/corpus.ts";
import { sha1 } from "../../findings/fingerprint.ts";
import { DECODER_VERSION, decode } from "./decode.ts";
import { encode } from "./encode.ts";
import { randomInput } from "./random-seeds.ts";
import { createRegionsTarget } from "./regions-target.ts";
import { Runner } from "./runner.ts";
import { SCENES } from "./scenes.ts";
import { SITUATIONS, SituationCounts } from "./situations.ts";
import { STATE_CELLS, StateCells } from "./state-cells.ts";

const folder = fileURLToPath(new URL("../../../corpus/regions", import.meta.url));
const corpus = readCorpus(folder);
const inputs = [...corpus.inputs.values()];
const BOTH = [x86_64, arm64];
const arches = BOTH.map(({ name }) => name);
const RANDOM_PROGRAMS = 200;

function createRunner(): Runner {
  const cells = new StateCells(new Uint8Array(STATE_CELLS));
  const counts = { runs: 0, operations: 0, skipped: 0 };
  return new Runner(BOTH, [], new SituationCounts(), cells, counts);
}

/** By input: what it did, run in this order. */
function outcomes(order: readonly Uint8Array[]): Map<Uint8Array, unknown> {
  const runner = createRunner();
  return new Map(
    order.map((input) => [input, [runner.run(decode(input)), structuredClone(runner.steps)]]),
  );
}

describe("the seed corpus", () => {
  test("is whole, small, and of this decoder version (F-10, F-28)", () => {
    expect(corpus).toMatchObject({ damaged: [], decoderVersion: DECODER_VERSION });
    expect(inputs.length).toBeLessThan(500);
  });

  test("holds every scene", () => {
    for (const { name, program } of SCENES) {
      expect([name, corpus.inputs.has(sha1(encode(program)!))]).toEqual([name, true]);
    }
  });

  test("runs clean on both architectures, in both fault modes, and reaches every situation (F-13, F-24)", () => {
    const target = createRegionsTarget({ arches, quirks: [] });
    for (const input of inputs) {
      expect(target.run(input)).toBeNull();
      const swapped = input.with(0, input[0]! ^ FAULT_MODES_BIT);
      expect(target.run(swapped)).toBeNull();
    }
    const { runs, operations, sometimes } = target.stats;
    expect(runs).toBe(2 * inputs.length);
    expect(operations).toBeGreaterThan(3000);
    expect(SITUATIONS.filter((name) => sometimes[name] === 0)).toEqual([]);
  });

  test("does the same whatever ran before: nothing is left to chance (F-8, F-22)", () => {
    const forwards = outcomes(inputs);
    const backwards = outcomes(inputs.toReversed());
    for (const input of inputs) expect(backwards.get(input)).toEqual(forwards.get(input));
  });
});

/** Of the header's first byte: which architecture has which fault mode. */
const FAULT_MODES_BIT = 0x20;

test("random programs run clean on both architectures (F-24)", () => {
  const target = createRegionsTarget({ arches, quirks: [] });
  const random = new Random(2);
  for (let i = 0; i < RANDOM_PROGRAMS; i++) expect(target.run(randomInput(random))).toBeNull();
});

test("random programs run clean on five-level tables (F-24)", () => {
  const target = createRegionsTarget({ arches: ["x86-64-la57"], quirks: [] });
  const random = new Random(3);
  for (let i = 0; i < RANDOM_PROGRAMS; i++) expect(target.run(randomInput(random))).toBeNull();
});
