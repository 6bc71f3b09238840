import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

test("the walk imports nothing that writes entries (TY-9)", () => {
  const source = readFileSync(new URL("walk.ts", import.meta.url), "utf8");
  const imports = [...source.matchAll(/from "(.*)"/g)].map(([, from]) => from);
  expect(imports).toEqual(["@aspace/arch", "./fault.ts", "./registers.ts", "./variant.ts"]);
});
