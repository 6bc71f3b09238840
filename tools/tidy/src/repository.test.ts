import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readRepository } from "./repository.ts";

test("the tree is read whole, without what tools made, and only text is read as text", () => {
  const root = mkdtempSync(join(tmpdir(), "aspace-tidy-"));
  const write = (path: string, text: string): void => {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  write("packages/arch/package.json", '{ "name": "@aspace/arch", "private": true }');
  write("packages/arch/src/index.ts", "f();");
  write("packages/arch/dist/index.js", "f();");
  write("packages/arch/node_modules/x/index.js", "f();");
  write(".ci/run", "npm test");
  write("apps/fuzz/corpus/2ef7bde608ce5404e97d5f042f95f89f1c232871", "\u0000");
  const repository = readRepository(root);
  rmSync(root, { recursive: true });

  expect([...repository.files]).toEqual([
    [".ci/run", "npm test"],
    ["apps/fuzz/corpus/2ef7bde608ce5404e97d5f042f95f89f1c232871", undefined],
    ["packages/arch/package.json", expect.any(String)],
    ["packages/arch/src/index.ts", "f();"],
  ]);
  expect(repository.members).toEqual([
    { folder: "packages/arch", name: "@aspace/arch", isPrivate: true },
  ]);
  expect(repository.sources.map((source) => source.path)).toEqual(["packages/arch/src/index.ts"]);
});
