import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isInstalled, pnpm } from "./workspace.mjs";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "aspace-launch-"));
  mkdirSync(join(root, "node_modules/.pnpm"), { recursive: true });
  mkdirSync(join(root, "node_modules/.bin"));
  writeFileSync(join(root, "pnpm-lock.yaml"), "lock: 1");
  writeFileSync(join(root, "node_modules/.pnpm/lock.yaml"), "lock: 1");
  symlinkSync(process.execPath, join(root, "node_modules/.bin/node"));
});
afterEach(() => rmSync(root, { recursive: true }));

test("a finished install is left alone", () => {
  expect(isInstalled(root)).toBe(true);
});

test("an install is due when nothing is there, or the lockfile has moved on", () => {
  writeFileSync(join(root, "pnpm-lock.yaml"), "lock: 2");
  expect(isInstalled(root)).toBe(false);
  rmSync(join(root, "node_modules"), { recursive: true });
  expect(isInstalled(root)).toBe(false);
});

test("an install that was cut off before our Node arrived is due again", () => {
  rmSync(join(root, "node_modules/.bin/node"));
  symlinkSync("../node/bin/node", join(root, "node_modules/.bin/node"));
  expect(isInstalled(root)).toBe(false);
});

test("pnpm has the version that package.json names", () => {
  expect(pnpm("install")).toEqual([
    "npx",
    "--yes",
    "--prefer-offline",
    "--loglevel=error",
    expect.stringMatching(/^pnpm@\d+\.\d+\.\d+$/),
    "install",
  ]);
});
