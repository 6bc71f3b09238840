/**
 * Canaries (F-14): with a hazard switched on, the committed corpus and then random programs find it, here
 * without the engine. What needs a search is left to the engine: README, "Canaries".
 */
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { Architecture } from "@aspace/arch";
import { arm64 } from "@aspace/arch-arm64";
import { Random } from "@aspace/arch-conformance";
import { x86_64 } from "@aspace/arch-x86-64";
import { readCorpus } from "../../campaign/corpus.ts";
import type { Failure } from "../../target.ts";
import { createArchTarget } from "./arch-target.ts";
import { randomInput } from "./random-seeds.ts";

const folder = fileURLToPath(new URL("../../../corpus/arch", import.meta.url));
const corpus = [...readCorpus(folder).inputs.values()];
const RANDOM_PROGRAMS = 1500;

/** What takes more luck than this: the engine finds it. */
const NEEDS_SEARCH = new Set(["x86-64 H14"]);

/** The first failure among the corpus and some random programs. */
function search(arch: string, quirk: string): Failure | null {
  const target = createArchTarget({ arches: [arch], quirks: [quirk] });
  for (const input of corpus) {
    const failure = target.run(input);
    if (failure !== null) return failure;
  }
  const random = new Random(1);
  for (let i = 0; i < RANDOM_PROGRAMS; i++) {
    const failure = target.run(randomInput(random));
    if (failure !== null) return failure;
  }
  return null;
}

function hazardsOf({ name, quirks }: Architecture): [string, string][] {
  return quirks
    .map(({ id }): [string, string] => [name, id])
    .filter((hazard) => !NEEDS_SEARCH.has(hazard.join(" ")));
}

describe("with a hazard switched on, something breaks and replays", () => {
  test.each([...hazardsOf(x86_64), ...hazardsOf(arm64)])("%s %s", (arch, quirk) => {
    const failure = search(arch, quirk);
    expect(failure).toMatchObject({ arch, rule: expect.stringMatching(/^P-/) });
    const target = createArchTarget({ arches: [arch], quirks: [] });
    expect(target.replay(failure!.trace)).toEqual(failure);
    const repaired = failure!.trace.replace(`"quirks":["${quirk}"]`, '"quirks":[]');
    expect(target.replay(repaired)).toBeNull();
  });
});
