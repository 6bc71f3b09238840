import { expect, test } from "vitest";
import { Repository } from "../repository.ts";
import { report } from "../rule.ts";
import { judgeAndJudged } from "./judge-and-judged.ts";

function breaches(sources: Record<string, string>): string[] {
  const files = Object.entries(sources).map(([name, text]) => [
    `packages/arch-a/src/${name}`,
    text,
  ]);
  return report(
    judgeAndJudged,
    new Repository({
      "packages/arch-a/package.json": '{ "name": "@aspace/arch-a" }',
      ...Object.fromEntries(files),
    }),
  );
}

test("the walk never imports the format, nor the format the walk", () => {
  expect(breaches({ "walk.ts": 'import { encode } from "./format.ts";', "format.ts": "" })).toEqual(
    ["packages/arch-a/src/walk.ts:1 judge-and-judged walk.ts -> format.ts"],
  );
  expect(breaches({ "walk.ts": "", "format.ts": 'export * from "./walk.ts";' })).toHaveLength(1);
});

test("a sibling does not launder the import, and the chain is told", () => {
  expect(
    breaches({
      "walk.ts": 'import { a } from "./levels.ts";',
      "levels.ts": 'import { b } from "./bits/entry.ts";',
      "bits/entry.ts": '\nimport { c } from "../format.ts";\nimport "../levels.ts";',
    }),
  ).toEqual([
    "packages/arch-a/src/bits/entry.ts:2 judge-and-judged walk.ts -> levels.ts -> bits/entry.ts -> format.ts",
  ]);
});

test("the walk reads none of the encoder's bit tables", () => {
  expect(breaches({ "walk.ts": 'import { PTE } from "./entry-layout.ts";' })).toHaveLength(1);
});

test("the walk uses none of the engine that edits tables", () => {
  expect(breaches({ "walk.ts": 'import { shift } from "@aspace/page-table";' })).toHaveLength(1);
});

test("types may be shared, code hidden among them may not", () => {
  expect(breaches({ "walk.ts": 'import type { Level } from "./format.ts";' })).toEqual([]);
  expect(breaches({ "walk.ts": 'import { type Level } from "./format.ts";' })).toEqual([]);
  expect(breaches({ "walk.ts": 'import { type Level, at } from "./format.ts";' })).toHaveLength(1);
});

function modelBreaches(text: string): string[] {
  return report(
    judgeAndJudged,
    new Repository({
      "apps/fuzz/package.json": '{ "name": "@aspace/fuzz", "private": true }',
      "apps/fuzz/src/targets/a/model/node.ts": text,
      "apps/fuzz/src/targets/a/runner.ts": 'import { b } from "@aspace/vm";',
    }),
  );
}

test("a reference model uses itself and the seam, and nothing that it judges", () => {
  expect(
    modelBreaches('import { c } from "./cell.ts";\nimport { Status } from "@aspace/arch";'),
  ).toEqual([]);
  expect(modelBreaches('import type { CowNode } from "@aspace/vm";')).toEqual([]);
  expect(modelBreaches('import { CowNode } from "@aspace/vm";')).toEqual([
    "apps/fuzz/src/targets/a/model/node.ts:1 judge-and-judged a reference model uses @aspace/vm",
  ]);
  expect(modelBreaches('import { a } from "../runner.ts";')).toHaveLength(1);
});
