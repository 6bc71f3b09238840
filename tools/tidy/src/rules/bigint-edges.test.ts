import { expect, test } from "vitest";
import { Repository } from "../repository.ts";
import { report } from "../rule.ts";
import { bigintOnlyIn } from "./bigint-edges.ts";

const EDGE = "packages/arch/src/byte-range.ts";
const rule = bigintOnlyIn({ [EDGE]: "vaddr and length in bytes" });
const edge = { [EDGE]: "export const PAGE: bigint = 4096n;" };

test("a literal, a type and a conversion are breaches away from the edge", () => {
  const bad = ["f(1n);", "type Vaddr = bigint;", "BigInt(1);", "view.getBigUint64(0);"];
  for (const text of bad)
    expect(report(rule, new Repository({ ...edge, "packages/a/src/b.ts": text }))).toEqual([
      "packages/a/src/b.ts:1 bigint-edges bigint away from a byte-addressed edge",
    ]);
});

test("numbers, tests and apps are no concern of this rule", () => {
  const files = { "packages/a/src/b.ts": "f(1);", "packages/a/src/b.test.ts": "f(1n);" };
  const app = { "apps/fuzz/src/a.ts": "f(1n);" };
  expect(report(rule, new Repository({ ...edge, ...files, ...app }))).toEqual([]);
});

test("an edge that is gone, or has no bigint left, leaves the list", () => {
  for (const files of [{}, { [EDGE]: "export const PAGE: number = 4096;" }])
    expect(report(rule, new Repository(files))).toEqual([
      `${EDGE}:1 bigint-edges is listed as an edge without bigint`,
    ]);
});
