import { expect, test } from "vitest";
import { Repository } from "../repository.ts";
import { report } from "../rule.ts";
import { determinism } from "./determinism.ts";

const breaches = (text: string, path = "packages/machine/src/cpu.ts"): string[] =>
  report(determinism, new Repository({ [path]: text }));

test("a clock, an unseeded chance and the environment are breaches, with their line", () => {
  expect(breaches("\nconst seed = Date.now();")).toEqual([
    "packages/machine/src/cpu.ts:2 determinism Date reads the clock",
  ]);
  const bad = [
    "new Date();",
    "performance.now();",
    "const age = (born: Date): number => 0;",
    "Math.random();",
    "const { random } = Math;",
    'Math["random"]();',
    "process.env['SEED'];",
    "globalThis.process;",
    "setTimeout(() => {}, 0);",
    "crypto.getRandomValues(words);",
    'require("fs");',
    "export const box = { process };",
  ];
  for (const text of bad) expect(breaches(text), text).toHaveLength(1);
});

test("Math's other members and properties that share a name are fine", () => {
  const good = [
    "Math.min(1, 2);",
    "trace.process;",
    "trace.process();",
    "const row = { process: 1 };",
    "type Row = { performance: number };",
    "class Cpu { process(): void {} }",
    "// Date, process and Math.random are only mentioned",
  ];
  for (const text of good) expect(breaches(text), text).toEqual([]);
});

test("tests and apps live in the real world", () => {
  expect(breaches("Date.now();", "packages/machine/src/cpu.test.ts")).toEqual([]);
  expect(breaches("Date.now();", "apps/fuzz/src/campaign.ts")).toEqual([]);
});
