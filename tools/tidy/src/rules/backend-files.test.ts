import { expect, test } from "vitest";
import { Repository } from "../repository.ts";
import { report } from "../rule.ts";
import { backendFiles } from "./backend-files.ts";

const ALWAYS = ["index.ts", "format.ts", "walk.ts", "fault.ts"];

function backend(name: string, names: readonly string[]): Record<string, string> {
  const manifest = { name: `@aspace/${name}`, private: name === "arch-tiny" };
  return {
    [`packages/${name}/package.json`]: JSON.stringify(manifest),
    ...Object.fromEntries(names.map((file) => [`packages/${name}/src/${file}`, ""])),
  };
}

test("a file of one published backend is owed by the other, tests apart", () => {
  const repository = new Repository({
    ...backend("arch-a", [...ALWAYS, "tlb.ts", "tlb.test.ts"]),
    ...backend("arch-b", ALWAYS),
    ...backend("arch-tiny", ALWAYS),
  });
  expect(report(backendFiles, repository)).toEqual([
    "packages/arch-b/src/tlb.ts:1 backend-files is missing; the other backends have it",
  ]);
});

test("even a made-up backend has a format, a walk and a fault code", () => {
  const repository = new Repository(backend("arch-tiny", ["index.ts", "format.ts"]));
  expect(report(backendFiles, repository)).toHaveLength(2);
});

test("the conformance suite is no backend", () => {
  expect(report(backendFiles, new Repository(backend("arch-conformance", [])))).toEqual([]);
});
