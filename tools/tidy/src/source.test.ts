import { expect, test } from "vitest";
import { Source } from "./source.ts";

const isTest = (path: string): boolean => new Source(path, "").isTest;

test("tests and their neighbours beside src are not shipped, everything else is", () => {
  expect(["a.test.ts", "a.bench.ts", "packages/arch/test/world.ts"].map(isTest)).toEqual([
    true,
    true,
    true,
  ]);
  expect(["a.ts", "packages/arch/src/test/world.ts", "latest.ts"].map(isTest)).toEqual([
    false,
    false,
    false,
  ]);
});

test("an offset lies on a line counted from 1", () => {
  const source = new Source("a.ts", "a;\nb;\n");
  expect([0, 2, 3, 6].map((offset) => source.lineAt(offset))).toEqual([1, 1, 2, 3]);
});

test("a file that does not parse is told by name, not passed over", () => {
  expect(() => new Source("a.ts", "const = 1;").syntax).toThrow(/^a\.ts: /);
});
