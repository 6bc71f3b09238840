import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { plant, type Defect } from "./defect.ts";
import { DEFECTS } from "./defects/index.ts";
import { REPOSITORY } from "./scratch-tree.ts";

const textOf = ({ file }: Defect): string => readFileSync(join(REPOSITORY, file), "utf8");

test("every defect has an id of its own", () => {
  const ids = DEFECTS.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
});

test.each(DEFECTS)("$id still fits the sources: $says", (defect) => {
  const text = textOf(defect);
  expect(plant(defect, text)).not.toBe(text);
});

test("a defect whose place is gone is an error, not a silent success", () => {
  const defect = { id: "X-1", target: "objects", file: "a.ts", says: "", replace: "b" };
  expect(() => plant({ ...defect, find: "x" }, "abc")).toThrow("X-1: a.ts has its text 0 times");
  expect(() => plant({ ...defect, find: "a" }, "aba")).toThrow("has its text 2 times, not once");
});
