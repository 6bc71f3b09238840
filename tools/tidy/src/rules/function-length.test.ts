import { expect, test } from "vitest";
import { Repository } from "../repository.ts";
import { report } from "../rule.ts";
import { functionLength } from "./function-length.ts";

const body = (lines: number): string => `{${"\n".repeat(lines - 1)}}`;

test("70 lines are a function, 71 are two, in every form a function has", () => {
  const forms = [
    (lines: number) => `\nfunction f(): void ${body(lines)}`,
    (lines: number) => `\nexport const f = () => ${body(lines)};`,
    (lines: number) => `\nexport const f = function () ${body(lines)};`,
    (lines: number) => `\nclass C { m(): void ${body(lines)} }`,
    (lines: number) => `\nclass C { get m(): number ${body(lines)} }`,
    (lines: number) => `\nclass C { static ${body(lines)} }`,
  ];
  for (const form of forms) {
    expect(report(functionLength, new Repository({ "a.ts": form(70) }))).toEqual([]);
    expect(report(functionLength, new Repository({ "a.ts": form(71) }))).toEqual([
      "a.ts:2 function-length this one has 71 lines",
    ]);
  }
});

test("the list of tests in a test file may be long", () => {
  const text = `describe("x", () => ${body(100)});`;
  expect(report(functionLength, new Repository({ "a.test.ts": text }))).toEqual([]);
});
