import { expect, test } from "vitest";
import { Repository } from "../repository.ts";
import { report } from "../rule.ts";
import { unfinishedWork } from "./unfinished-work.ts";

test("a note to oneself is a breach in code and in pages", () => {
  const repository = new Repository({
    "packages/arch/src/status.ts": "f();\n// TODO: rollback",
    "README.md": "FIXME",
  });
  expect(report(unfinishedWork, repository)).toEqual([
    "packages/arch/src/status.ts:2 unfinished-work TODO is left behind",
    "README.md:1 unfinished-work FIXME is left behind",
  ]);
});

test("words that contain the letters are fine", () => {
  const repository = new Repository({ "a.ts": "const TODOS = 1; // mastodon, XXXL" });
  expect(report(unfinishedWork, repository)).toEqual([]);
});
