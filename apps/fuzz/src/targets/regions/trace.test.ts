import { describe, expect, test } from "vitest";
import { Status } from "@aspace/arch";
import { Random } from "@aspace/arch-conformance";
import { UnreadableTrace } from "../../target.ts";
import { decode } from "./decode.ts";
import { randomInput } from "./random-seeds.ts";
import { createRegionsTarget } from "./regions-target.ts";
import { SCENES } from "./scenes.ts";
import { simplerPrograms } from "./simpler.ts";
import { readTrace, writeTrace } from "./trace.ts";

const HEAD = { arches: ["x86-64", "arm64"], quirks: [] };
const [{ program: PROGRAM }] = SCENES as [(typeof SCENES)[number]];

function written(program: typeof PROGRAM): string {
  const steps = program.operations.map((operation) => ({ operation, seen: [Status.OK, null] }));
  return writeTrace({ ...HEAD, ...program }, steps, { rule: "I-1", message: "it broke" });
}

describe("traces", () => {
  test("what was written is read back, for every scene and random programs (F-17)", () => {
    const random = new Random(5);
    const programs = Array.from({ length: 50 }, () => decode(randomInput(random)));
    for (const program of [...SCENES.map((scene) => scene.program), ...programs]) {
      expect(readTrace(written(program))).toEqual({ ...HEAD, ...program });
    }
  });

  test.each([
    ["another format", /"aspace-regions-trace"/, '"something"', /line 1: format/],
    ["a later version", /"version":1/, '"version":2', /line 1: version/],
    ["an unknown field", /"kind":"map"/, '"kind":"map","x":1', /line 2: x/],
    ["a slot that there is not", /"region":0/, '"region":8', /line 2: region/],
    ["an unknown operation", /"kind":"map"/, '"kind":"mop"', /line 2: kind/],
    ["half a line", /"kind":"map".*/, "", /line 2: not JSON/],
  ])("%s is refused, with line and field (F-17)", (_, pattern, change, message) => {
    const target = createRegionsTarget({ arches: ["x86-64"], quirks: [] });
    const damaged = written(PROGRAM).replace(pattern, change);
    expect(() => target.replay(damaged)).toThrow(UnreadableTrace);
    expect(() => target.replay(damaged)).toThrow(message);
  });

  test("simpler programs can be written and read, whatever they simplify (F-19)", () => {
    const random = new Random(7);
    for (let i = 0; i < 4; i++) {
      const program = readTrace(written(decode(randomInput(random, 40).fill(0, 4, 6))));
      for (const simpler of simplerPrograms(program)) {
        expect(readTrace(written(simpler))).toEqual(simpler);
      }
    }
  });

  test("simpler programs lead nowhere back (F-19)", () => {
    const seen = new Set<string>();
    let program = readTrace(written(decode(randomInput(new Random(9), 6).fill(0, 4, 6))));
    for (let steps = 0; steps < 2000; steps++) {
      const key = JSON.stringify(program);
      expect(seen.has(key)).toBe(false);
      seen.add(key);
      const candidates = [...simplerPrograms(program)];
      const [next] = candidates.slice(steps % Math.max(1, candidates.length));
      if (next === undefined) return;
      expect(readTrace(written(next))).toEqual(next);
      program = next;
    }
    expect.unreachable("simplifying goes on for ever");
  });
});
