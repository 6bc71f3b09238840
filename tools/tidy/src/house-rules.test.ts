import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { HOUSE_RULES } from "./house-rules.ts";
import { readRepository } from "./repository.ts";
import { report } from "./rule.ts";

const repository = readRepository(fileURLToPath(new URL("../../..", import.meta.url)));

describe("this repository keeps the house rules", () => {
  test.each(HOUSE_RULES)("$id: $says", (rule) => {
    expect(report(rule, repository).join("\n")).toBe("");
  });
});

test("the tree was found: its packages, their sources and pages are all there to be judged", () => {
  expect(repository.members.map((member) => member.name)).toContain("@aspace/arch");
  expect(repository.sources.map((source) => source.path)).toContain("packages/arch/src/index.ts");
  expect([...repository.files.keys()]).toContain("CONTRIBUTING.md");
});

test("every rule file is in the list of house rules, under its own name, and has a test", () => {
  const files = readdirSync(new URL("rules", import.meta.url));
  const ids = HOUSE_RULES.map((rule) => rule.id).toSorted();
  const ending = (suffix: string): string[] =>
    files.filter((file) => file.endsWith(suffix)).map((file) => file.slice(0, -suffix.length));
  expect(ending(".test.ts").toSorted()).toEqual(ids);
  expect(files.filter((file) => !file.endsWith(".test.ts")).toSorted()).toEqual(
    ids.map((id) => `${id}.ts`),
  );
});
