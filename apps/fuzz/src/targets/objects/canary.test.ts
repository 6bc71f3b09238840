/** Canaries (F-14): with a slip planted in the objects, the committed corpus or a few random programs find it, and it replays. */
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { Random } from "@aspace/arch-conformance";
import { readCorpus } from "../../campaign/corpus.ts";
import type { Failure, FuzzTarget } from "../../target.ts";
import { createObjectsTarget } from "./objects-target.ts";
import { DEFECTS } from "./planted-defects.ts";
import { randomInput } from "./random-seeds.ts";

const folder = fileURLToPath(new URL("../../../corpus/objects", import.meta.url));
const corpus = [...readCorpus(folder).inputs.values()];
const RANDOM_PROGRAMS = 300;

/** The first failure among the corpus and some random programs. */
function search(target: FuzzTarget): Failure | null {
  const random = new Random(1);
  const programs = Array.from({ length: RANDOM_PROGRAMS }, () => randomInput(random));
  for (const input of [...corpus, ...programs]) {
    const failure = target.run(input);
    if (failure !== null) return failure;
  }
  return null;
}

describe("with a slip planted, a rule breaks, and the trace replays", () => {
  test.each(DEFECTS)("$name", ({ plant, rules }) => {
    const takeBack = plant();
    let failure: Failure | null = null;
    try {
      failure = search(createObjectsTarget({ arches: [], quirks: [] }));
      expect(failure).toMatchObject({ arch: "", rule: expect.stringMatching(rules) });
      const again = createObjectsTarget({ arches: [], quirks: [] }).replay(failure!.trace);
      expect(again).toMatchObject({ rule: failure!.rule, message: failure!.message });
    } finally {
      takeBack();
    }
    const repaired = createObjectsTarget({ arches: [], quirks: [] });
    expect(repaired.replay(failure!.trace)).toBeNull();
  });
});
