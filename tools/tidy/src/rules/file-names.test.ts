import { expect, test } from "vitest";
import { Repository } from "../repository.ts";
import { report } from "../rule.ts";
import { fileNames } from "./file-names.ts";

test("a file or folder that could hold anything is a breach, wherever the word stands", () => {
  const paths = ["packages/arch/src/utils.ts", "a/test-helpers/x.md", "a/frame_manager.test.ts"];
  const repository = new Repository(Object.fromEntries(paths.map((path) => [path, ""])));
  expect(report(fileNames, repository)).toEqual([
    'packages/arch/src/utils.ts:1 file-names "utils" names no noun',
    'a/test-helpers/x.md:1 file-names "helpers" names no noun',
    'a/frame_manager.test.ts:1 file-names "manager" names no noun',
  ]);
});

test("the word inside another word is no breach", () => {
  expect(report(fileNames, new Repository({ "src/utility-bill.ts": "" }))).toEqual([]);
});
