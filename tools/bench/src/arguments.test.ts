import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { BadUsage, USAGE, parseArguments } from "./arguments.ts";

describe("arguments", () => {
  test("nothing means every group, for people", () => {
    expect(parseArguments([])).toEqual({ only: null, json: false, help: false });
  });

  test("a group and JSON", () => {
    expect(parseArguments(["--json", "--only", "bulk"])).toMatchObject({
      only: "bulk",
      json: true,
    });
  });

  test.each([
    [["--only", "bulky"], "there is no group bulky; there are bulk, single, query, walk, load"],
    [["--only"], "argument missing"],
    [["--fast"], "Unknown option '--fast'"],
    [["bulk"], "Unexpected argument 'bulk'"],
  ])("%j is refused with one line that says why", (words, why) => {
    expect(() => parseArguments(words)).toThrow(BadUsage);
    expect(() => parseArguments(words)).toThrow(why);
    expect(() => parseArguments(words)).toThrow(/^[^\n]+$/);
  });
});

describe("the command", () => {
  const main = join(import.meta.dirname, "main.ts");
  const run = (...words: string[]): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(process.execPath, [main, ...words], { encoding: "utf8" });

  test("prints its usage", () => {
    expect(run("--help")).toMatchObject({ status: 0, stdout: USAGE, stderr: "" });
  });

  test("refuses bad usage with status 2 and one line", () => {
    const { status, stdout, stderr } = run("--only", "nothing");
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/^bench: there is no group nothing; .*\n$/);
  });
});
