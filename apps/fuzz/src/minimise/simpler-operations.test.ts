import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openProgram } from "./open-program.ts";
import { movedDown, simplerAlone, simplerEverywhere } from "./simpler-operations.ts";
import { downTo, inOrder } from "./simpler-values.ts";

describe("simpler values (F-19)", () => {
  test("of a number lie between the least and the number, a multiple of the step away", () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.nat(1000),
        fc.integer({ min: 1, max: 4096 }),
        (value, least, step) => {
          for (const simpler of downTo(least, step)(value) as number[]) {
            expect(simpler).toBeGreaterThanOrEqual(least);
            expect(simpler).toBeLessThan(value);
            expect((value - simpler) % step).toBe(0);
          }
        },
      ),
    );
    expect(downTo(1)(9)).toEqual([1, 5, 7, 8]);
    expect(downTo(0)(0)).toEqual([]);
    expect(downTo(0)("x")).toEqual([]);
  });

  test("of a choice are those in front of it, and all for one that is not among them", () => {
    const plain = inOrder("a", "b", "c");
    expect(plain("a")).toEqual([]);
    expect(plain("c")).toEqual(["a", "b"]);
    expect(plain("z")).toEqual(["a", "b", "c"]);
  });
});

describe("simpler operations (F-19)", () => {
  const operations = [
    { kind: "map", page: 6, count: 2 },
    { kind: "touch", page: 6 },
    { kind: "wait", actor: 1 },
  ];

  test("a value is replaced wherever it occurs, or in one operation alone", () => {
    const table = { page: inOrder(0) };
    expect(
      [...simplerEverywhere(operations, table)].map((all) => all.map(({ page }) => page)),
    ).toEqual([[0, 0, undefined]]);
    expect([...simplerAlone(operations, table)].map((all) => all.map(({ page }) => page))).toEqual([
      [0, 6, undefined],
      [6, 0, undefined],
    ]);
  });

  test("a range moves down as a whole, as far as an alignment lets the lowest go", () => {
    const pages = [{ page: 1030 }, { page: 1029 }, { actor: 1 }];
    expect([...movedDown(pages, "page", [4096, 512, 1])]).toEqual([
      [{ page: 6 }, { page: 5 }, { actor: 1 }],
      [{ page: 1 }, { page: 0 }, { actor: 1 }],
    ]);
    expect([...movedDown([{ actor: 1 }], "page", [1])]).toEqual([]);
    expect([...movedDown(pages, "page", [512], ({ page }) => page === 1030)]).toEqual([
      [{ page: 6 }, { page: 1029 }, { actor: 1 }],
    ]);
  });
});

describe("how often everything is looked at (F-12)", () => {
  const bench = { run: () => null, simpler: () => [] };
  const checks = (operations: number[], checkEvery: number): string[] =>
    [...openProgram({ operations, checkEvery }, bench).simpler()].map(({ key }) => key);

  test("becomes after each operation, or after the last", () => {
    expect(checks([7, 8, 9], 2)).toEqual([
      '{"operations":[7,8,9],"checkEvery":1}',
      '{"operations":[7,8,9],"checkEvery":3}',
    ]);
    expect(checks([7, 8, 9], 3)).toEqual(['{"operations":[7,8,9],"checkEvery":1}']);
    expect(checks([7, 8, 9], 1)).toEqual([]);
  });

  test("stays after the last operation when others go", () => {
    const program = openProgram({ operations: [7, 8, 9], checkEvery: 3 }, bench);
    expect(program.without(0, 1).key).toBe('{"operations":[8,9],"checkEvery":2}');
    expect(program.without(0, 3).key).toBe('{"operations":[],"checkEvery":1}');
  });
});
