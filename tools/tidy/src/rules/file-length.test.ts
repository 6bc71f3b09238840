import { expect, test } from "vitest";
import { Repository } from "../repository.ts";
import { report } from "../rule.ts";
import { fileLength } from "./file-length.ts";

test("500 lines are a file, 501 are too many, and a test file may be longer", () => {
  const repository = new Repository({
    "long.ts": "f();\n".repeat(500),
    "longer.ts": "f();\n".repeat(501),
    "longer.test.ts": "f();\n".repeat(501),
  });
  expect(report(fileLength, repository)).toEqual([
    "longer.ts:501 file-length this one has 501 lines",
  ]);
});
