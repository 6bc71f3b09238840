import { expect, test } from "vitest";
import { Repository } from "../repository.ts";
import { report } from "../rule.ts";
import { memberPages } from "./member-pages.ts";

test("a package owes a README and a SPEC, an app a README, and an empty page is none", () => {
  const repository = new Repository({
    "packages/arch/package.json": '{ "name": "@aspace/arch" }',
    "packages/arch/README.md": "# arch",
    "packages/machine/package.json": '{ "name": "@aspace/machine" }',
    "packages/machine/README.md": "\n",
    "packages/machine/SPEC.md": "# Rules",
    "apps/cli/package.json": '{ "name": "@aspace/cli" }',
  });
  expect(report(memberPages, repository)).toEqual([
    "packages/arch/SPEC.md:1 member-pages is missing or empty",
    "packages/machine/README.md:1 member-pages is missing or empty",
    "apps/cli/README.md:1 member-pages is missing or empty",
  ]);
});
