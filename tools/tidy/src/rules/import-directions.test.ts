import { expect, test } from "vitest";
import { Repository } from "../repository.ts";
import { report } from "../rule.ts";
import { importDirections } from "./import-directions.ts";

function breaches(files: Record<string, string>): string[] {
  const folders = [...new Set(Object.keys(files).map((p) => p.split("/").slice(0, 2).join("/")))];
  const neighbours = ["packages/arch", "packages/machine", "packages/arch-tiny", "apps/fuzz"];
  const manifests = [...new Set([...folders, ...neighbours])].map((folder) => [
    `${folder}/package.json`,
    JSON.stringify({
      name: `@aspace/${folder.split("/")[1]}`,
      private: folder === "packages/arch-tiny",
    }),
  ]);
  return report(importDirections, new Repository({ ...Object.fromEntries(manifests), ...files }));
}

test("a downward import is fine, an upward one is not", () => {
  expect(
    breaches({
      "packages/machine/src/cpu.ts": 'import { type Vpn } from "@aspace/arch";',
      "packages/arch/src/status.ts": '\nimport { Cpu } from "@aspace/machine";',
    }),
  ).toEqual([
    "packages/arch/src/status.ts:2 import-directions imports @aspace/machine against the directions",
  ]);
});

test("one backend never imports another, in whatever words", () => {
  const words = ['import "X";', 'export * from "X";', 'import("X");', 'type T = import("X").T;'];
  for (const text of words.map((word) => word.replace("X", "@aspace/arch-tiny")))
    expect(breaches({ "packages/arch-riscv64/src/walk.ts": text })).toEqual([
      "packages/arch-riscv64/src/walk.ts:1 import-directions imports @aspace/arch-tiny against the directions",
    ]);
});

test("a backend uses the machine in its tests only", () => {
  const text = 'import { Cpu } from "@aspace/machine";';
  expect(breaches({ "packages/arch-tiny/src/walk.test.ts": text })).toEqual([]);
  expect(breaches({ "packages/arch-tiny/src/walk.ts": text })).toHaveLength(1);
});

test("the suite does not know the backends it tests, its own tests do", () => {
  const text = 'import { tiny } from "@aspace/arch-tiny";';
  expect(breaches({ "packages/arch-conformance/src/suite.ts": text })).toHaveLength(1);
  expect(breaches({ "packages/arch-conformance/src/suite.test.ts": text })).toEqual([]);
});

test("packages never import apps, apps may import packages and apps", () => {
  const text = 'import { campaign } from "@aspace/fuzz";';
  expect(breaches({ "packages/machine/src/cpu.ts": text })).toHaveLength(1);
  expect(breaches({ "apps/cli/src/main.ts": text })).toEqual([]);
});

test("what is published imports only what is published", () => {
  const text = 'import { tiny } from "@aspace/arch-tiny";';
  expect(breaches({ "packages/backends/src/registry.ts": text })).toEqual([
    "packages/backends/src/registry.ts:1 import-directions imports @aspace/arch-tiny, which is never published",
  ]);
});

test("a package imports nothing from a registry or from Node, except in tests", () => {
  expect(breaches({ "packages/arch/src/a.ts": 'import fs from "node:fs";' })).toHaveLength(1);
  expect(breaches({ "packages/arch/src/a.ts": 'import fc from "fast-check";' })).toHaveLength(1);
  expect(breaches({ "packages/arch/src/a.test.ts": 'import fc from "fast-check";' })).toEqual([]);
});

test("the one package that reads files of others may use the one schema library, and no other", () => {
  const text = 'import * as v from "valibot";';
  expect(breaches({ "packages/trace/src/field.ts": text })).toEqual([]);
  expect(breaches({ "packages/vm/src/field.ts": text })).toHaveLength(1);
  expect(breaches({ "packages/trace/src/field.ts": 'import z from "zod";' })).toHaveLength(1);
});

test("nobody reaches into another member's folder", () => {
  expect(
    breaches({ "packages/machine/src/a.test.ts": 'import "../../arch/src/status.ts";' }),
  ).toHaveLength(1);
  expect(breaches({ "packages/machine/src/a.ts": 'import "@aspace/arch/src/x.ts";' })).toHaveLength(
    1,
  );
  expect(breaches({ "packages/machine/src/a/b.ts": 'import "../c.ts";' })).toEqual([]);
});

test("a member that stands nowhere in the directions is a breach", () => {
  expect(breaches({ "packages/nowhere/src/index.ts": "" })).toEqual([
    "packages/nowhere/package.json:1 import-directions has no row in the import directions",
  ]);
});
