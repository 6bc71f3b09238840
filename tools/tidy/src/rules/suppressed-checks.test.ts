import { expect, test } from "vitest";
import { Repository } from "../repository.ts";
import { report } from "../rule.ts";
import { suppressedChecks } from "./suppressed-checks.ts";

test("a silenced lint, a silenced type and a skipped or lonely test are breaches", () => {
  const bad = [
    "// oxlint-disable-next-line no-shadow",
    "/* eslint-disable */",
    "// @ts-ignore",
    "// @ts-expect-error",
    'test.skip("P-M1", f);',
    'describe.only("P-M1", f);',
    'test.concurrent.only("P-M1", f);',
    'it.todo("P-M1");',
    "f(x as any);",
  ];
  for (const text of bad)
    expect(report(suppressedChecks, new Repository({ "a.test.ts": `\n${text}` }))).toEqual([
      expect.stringMatching(/^a\.test\.ts:2 suppressed-checks .* switches a check off$/),
    ]);
});

test("a cursor may skip, and a page may talk of it", () => {
  const repository = new Repository({
    "a.ts": "cursor.skip(1); // the same as any",
    "b.md": "`test.skip`",
  });
  expect(report(suppressedChecks, repository)).toEqual([]);
});
