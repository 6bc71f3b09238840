import { expect, test } from "vitest";
import { Repository } from "../repository.ts";
import { report } from "../rule.ts";
import { machinePaths } from "./machine-paths.ts";

test("a home or work folder is a breach, quoted or bare", () => {
  const repository = new Repository({
    "a.ts": 'f();\nopen("/home/ada/x");',
    "b.md": "see /work/place",
    "c.jsonl": '{"stack":"at f (/root/x.ts:1:2)"}',
  });
  expect(report(machinePaths, repository)).toEqual([
    "a.ts:2 machine-paths /home/ada exists on one machine only",
    "b.md:1 machine-paths /work/place exists on one machine only",
    "c.jsonl:1 machine-paths /root/x.ts exists on one machine only",
  ]);
});

test("paths of the repository and of the web are fine", () => {
  const repository = new Repository({ "a.md": "src/home/x https://example.org/work/y ./work/z" });
  expect(report(machinePaths, repository)).toEqual([]);
});
