/**
 * Canaries (F-14): with a defect of the studied kernel switched on, the committed corpus finds it, without the engine.
 */
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { REGION_QUIRKS } from "@aspace/vm";
import { readCorpus } from "../../campaign/corpus.ts";
import type { Failure } from "../../target.ts";
import { createRegionsTarget } from "./regions-target.ts";

const folder = fileURLToPath(new URL("../../../corpus/regions", import.meta.url));
const inputs = [...readCorpus(folder).inputs.values()];

/**
 * a fault that had its page replaced maps it next, in a table that is there, so it cannot fail any more. Q-8: only
 * where entries beside a range must stay can an unmap fail, in kernel mappings, which no program here makes.
 */
const OUT_OF_REACH = new Set(["Q-7", "Q-8"]);

function search(arch: string, quirk: string): Failure | null {
  const target = createRegionsTarget({ arches: [arch], quirks: [quirk] });
  for (const input of inputs) {
    const failure = target.run(input);
    if (failure !== null) return failure;
  }
  return null;
}

const REACHABLE = REGION_QUIRKS.map(({ id }) => id).filter((id) => !OUT_OF_REACH.has(id));
const CASES = ["x86-64", "arm64"].flatMap((arch) => REACHABLE.map((id) => [arch, id] as const));

describe("with a quirk switched on, something breaks and replays", () => {
  test.each(CASES)("%s %s", (arch, quirk) => {
    const failure = search(arch, quirk);
    expect(failure).toMatchObject({ arch, rule: expect.stringMatching(/^(?:I-|P-|STATUS)/) });
    const target = createRegionsTarget({ arches: [arch], quirks: [] });
    expect(target.replay(failure!.trace)).toEqual(failure);
    const repaired = failure!.trace.replace(`"quirks":["${quirk}"]`, '"quirks":[]');
    expect(target.replay(repaired)).toBeNull();
  });
});
