/** The minimiser on programs made up for it: an operation is a number, and a predicate says which programs fail. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fingerprintOf } from "../findings/fingerprint.ts";
import type { Failure, SavedProgram } from "../target.ts";
import { minimise, type Minimised, type Smallest } from "./minimise.ts";
import { openProgram } from "./open-program.ts";

/** The rule that a program breaks, or null. */
type Judge = (operations: readonly number[]) => string | null;

type Open = (trace: string) => SavedProgram;

interface World {
  readonly judge: Judge;
  /** What really runs of a program: the rest is skipped. */
  readonly runnable?: (operations: readonly number[]) => readonly number[];
  readonly simpler?: (operation: number) => readonly number[];
}

function failure(rule: string, operations: readonly number[]): Failure {
  const trace = JSON.stringify(operations);
  return { rule, operation: "op", arch: "a", frame: "", message: "", trace };
}

function opener({ judge, runnable = (all) => all, simpler = () => [] }: World): Open {
  return (trace) =>
    openProgram(
      { operations: JSON.parse(trace) as readonly number[], checkEvery: 1 },
      {
        run({ operations }) {
          const ran = runnable(operations);
          const rule = judge(ran);
          return rule === null ? null : failure(rule, ran);
        },
        *simpler(program) {
          for (const [index, operation] of program.operations.entries()) {
            for (const each of simpler(operation)) {
              yield { ...program, operations: program.operations.with(index, each) };
            }
          }
        },
      },
    );
}

interface Search {
  readonly end: Minimised;
  readonly steps: readonly Smallest[];
}

function search(open: Open, operations: readonly number[], maxRuns = 10_000): Search {
  const request = { trace: JSON.stringify(operations), fingerprint: null, maxRuns };
  const running = minimise(open, request);
  const steps: Smallest[] = [];
  for (;;) {
    const { value, done } = running.next();
    if (done) return { end: value, steps };
    steps.push(value);
  }
}

function smallest({ end }: Search): Smallest & { readonly left: readonly number[] } {
  if (end.kind !== "minimised") throw new Error(`not minimised but ${end.kind}`);
  return { ...end, left: JSON.parse(end.failure.trace) as number[] };
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** Bit set of the operations in a program. */
const setOf = (operations: readonly number[]): number =>
  operations.reduce((set, operation) => set | (1 << operation), 0);

/** The defect of a search that takes a while. */
const needsTwo: Judge = (all) => (all.includes(5) && all.includes(40) ? "R" : null);

describe("what is left of a program (F-19)", () => {
  test("fails, and without any one operation it does not: every predicate on programs of up to four operations", () => {
    for (const count of [1, 2, 3, 4]) {
      const all = upTo(count);
      const subsets = 2 ** (2 ** count);
      // Bit s of a predicate: the program with exactly the operations in set s fails. The whole program does.
      for (let predicate = subsets / 2; predicate < subsets; predicate++) {
        const judge: Judge = (operations) =>
          ((predicate >>> setOf(operations)) & 1) === 1 ? "R" : null;
        const { left, isComplete } = smallest(search(opener({ judge }), all));
        const isMinimal =
          judge(left) === "R" && left.every((_, index) => judge(left.toSpliced(index, 1)) === null);
        if (!isMinimal || !isComplete) expect({ predicate, left }).toBe("1-minimal");
      }
    }
  });

  test("is exactly what a monotone defect needs, in few runs", () => {
    const needs = fc.uniqueArray(fc.nat(63), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(needs, (needed) => {
        const judge: Judge = (operations) =>
          needed.every((each) => operations.includes(each)) ? "R" : null;
        const { left, runs } = smallest(search(opener({ judge }), upTo(64)));
        expect(left).toEqual(needed.toSorted((a, b) => a - b));
        expect(runs).toBeLessThan(200);
      }),
    );
  });

  test("goes without what names something gone: skipped operations are not in the trace", () => {
    const open = opener({
      // 3 makes what 4 to 9 use; only 12 matters.
      runnable: (all) => all.filter((each) => each < 4 || each > 9 || all.includes(3)),
      judge: (ran) => (ran.includes(12) ? "R" : null),
    });
    expect(smallest(search(open, upTo(16))).left).toEqual([12]);
  });

  test("has the simplest operands that still fail, and is never longer on the way", () => {
    const open = opener({
      judge: (operations) => (operations.some((each) => each >= 700) ? "R" : null),
      simpler: (value) => [0, value >> 1, value - 1].filter((each) => each < value),
    });
    const found = search(open, [5, 1000, 3, 2000]);
    expect(smallest(found).left).toEqual([700]);
    const lengths = found.steps.map(({ operations }) => operations);
    expect(lengths).toEqual(lengths.toSorted((a, b) => b - a));
  });

  test("is dropped once more after simplifying made something superfluous", () => {
    const open = opener({
      // 9 needs 1 beside it; 8, which is simpler, does not.
      judge: (all) => (all.includes(8) || (all.includes(9) && all.includes(1)) ? "R" : null),
      simpler: (value) => (value === 9 ? [8] : []),
    });
    expect(smallest(search(open, [1, 2, 9])).left).toEqual([8]);
  });

  test("is the same each time, whatever candidates there are: a step back ends, too", () => {
    const open = opener({
      judge: (operations) => (operations.length > 2 ? "R" : null),
      simpler: (value) => [value ^ 1],
    });
    const runs = [1, 2].map(() => search(open, upTo(9)));
    expect(runs[0]).toEqual(runs[1]);
    expect(smallest(runs[0]!)).toMatchObject({ operations: 3, isComplete: true });
  });
});

describe("the test of a smaller program (F-20)", () => {
  test("is the same fingerprint: another defect on the way is passed by", () => {
    const open = opener({ judge: (all) => (all.includes(7) && all.includes(2) ? "R" : "OTHER") });
    const found = smallest(search(open, upTo(10)));
    expect(found.left).toEqual([2, 7]);
    expect(fingerprintOf(found.failure)).toBe("R | op | a | ");
  });

  test("a trace with another failure than the finding's, or with none, is not minimised", () => {
    const open = opener({ judge: () => "OTHER" });
    const request = { trace: "[1,2]", fingerprint: "R | op | a | ", maxRuns: 100 };
    expect(minimise(open, request).next()).toMatchObject({
      value: { kind: "different" },
      done: true,
    });
    expect(search(opener({ judge: () => null }), [1, 2]).end).toEqual({ kind: "gone" });
  });

  test("a failure that does not repeat is nondeterministic", () => {
    let runs = 0;
    const judge: Judge = () => (runs++ === 0 ? "R" : null);
    expect(search(opener({ judge }), [1, 2]).end).toMatchObject({
      kind: "nondeterministic",
      failure: { rule: "R" },
    });
  });

  test("a smaller program that fails only once is not taken, and is counted", () => {
    const seen = new Set<string>();
    const judge: Judge = (all) => {
      const key = JSON.stringify(all);
      const isFirst = !seen.has(key);
      seen.add(key);
      return all.length === 3 || (all.length === 2 && isFirst) ? "R" : null;
    };
    const found = smallest(search(opener({ judge }), [1, 2, 3]));
    expect(found.left).toEqual([1, 2, 3]);
    expect(found.unrepeated).toBe(3);
  });
});

describe("a limit of runs", () => {
  test("ends the search, which says that there may be a smaller program", () => {
    let ran = 0;
    const counting: Judge = (all) => (ran++, needsTwo(all));
    const found = smallest(search(opener({ judge: counting }), upTo(64), 20));
    expect(found.isComplete).toBe(false);
    expect(found.runs).toBe(ran);
    // The last candidate may fail, and then runs a second time.
    expect(ran).toBeLessThanOrEqual(21);
    expect(needsTwo(found.left)).toBe("R");
    expect(found.operations).toBeLessThan(64);
  });

  test("that is never reached changes nothing, and each step stands for itself", () => {
    const found = search(opener({ judge: needsTwo }), upTo(64));
    for (const step of found.steps) {
      expect(needsTwo(JSON.parse(step.failure.trace) as number[])).toBe("R");
      expect(step.from).toBe(64);
    }
    expect(smallest(found)).toMatchObject({ operations: 2, isComplete: true });
  });
});
