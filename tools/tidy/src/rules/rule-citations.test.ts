import { expect, test } from "vitest";
import { Repository } from "../repository.ts";
import { report } from "../rule.ts";
import { ruleCitations } from "./rule-citations.ts";

const breaches = (spec: string, sources: Record<string, string>): string[] =>
  report(ruleCitations, new Repository({ "packages/a/SPEC.md": spec, ...sources }));

test("a defined rule without a citing test is a breach, however it is set", () => {
  const lines = ["- **P-M1** x", "### P-M1: x", "| P-M1 | x |", "P-M1. x", "1. `P-M1` x"];
  for (const line of lines) {
    expect(breaches(`# Rules\n${line}`, {})).toEqual([
      "packages/a/SPEC.md:2 rule-citations P-M1 is cited by no test",
    ]);
    expect(breaches(line, { "apps/b/x.test.ts": 'test("P-M1: mapped", f);' })).toEqual([]);
  }
});

test("a comment, a shipped source and a longer id cite nothing", () => {
  const spec = "- **P-M1** x";
  expect(breaches(spec, { "a.test.ts": "// P-M1" })).toHaveLength(1);
  expect(breaches(spec, { "a.ts": 'panic("P-M1");' })).toHaveLength(1);
  expect(breaches(spec, { "a.test.ts": 'test("P-M10", f);' })).toHaveLength(1);
});

test("the conformance suite's own sources are tests", () => {
  const sources = { "packages/arch-conformance/src/map.ts": 'property("P-M1", f);' };
  expect(breaches("- **P-M1** x", sources)).toEqual([]);
});

test("a mention inside a sentence or a code block defines nothing", () => {
  const spec = "- **P-M1** x, see P-M2\n```\nP-M3 x\n```\n";
  expect(breaches(spec, { "a.test.ts": "test(`P-M1 ${x}`, f);" })).toEqual([]);
});

test("a SPEC.md without any rule is a breach", () => {
  expect(breaches("# Rules\nBe good.", {})).toEqual([
    "packages/a/SPEC.md:1 rule-citations defines no rule with an id",
  ]);
});
