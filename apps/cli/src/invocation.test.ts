import { expect, test } from "vitest";
import { commandLine } from "./invocation.ts";

test("words that a shell would take apart are quoted", () => {
  const line = commandLine("replay", "my findings/it's $HOME", "--out=a/b-c.d");
  expect(line).toBe(String.raw`aspace replay 'my findings/it'\''s $HOME' --out=a/b-c.d`);
});
