import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { aspace } from "./child-command.ts";

describe("help", () => {
  test("aspace alone prints help with examples first, on stdout, and exits 0", async () => {
    const { status, stdout, stderr } = await aspace([]);
    expect(status).toBe(0);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^Examples:\n {2}aspace fuzz arch --time 60\n/);
    for (const command of ["fuzz", "replay", "minimize", "conform", "backends", "doctor", "help"]) {
      expect(stdout).toMatch(new RegExp(`^  ${command} `, "m"));
    }
  });

  test("help COMMAND and COMMAND --help print the same page", async () => {
    const [topic, flag] = await Promise.all([aspace(["help", "fuzz"]), aspace(["fuzz", "--help"])]);
    expect(topic).toEqual(flag);
    expect(topic.status).toBe(0);
    expect(topic.stdout).toContain("--quirk");
  });

  test("help exit-status explains every exit status", async () => {
    const { status, stdout } = await aspace(["help", "exit-status"]);
    expect(status).toBe(0);
    for (const value of [0, 1, 2, 3, 70, 130]) {
      expect(stdout).toMatch(new RegExp(`^ +${value} +\\w`, "m"));
    }
  });

  test("examples are what one types where one is: under npm they begin with npm", async () => {
    const { stdout } = await aspace(["--help"], { env: { npm_package_name: "aspace-workspace" } });
    expect(stdout).toContain("npm run -s aspace -- fuzz arch --time 60");
  });

  test("--version prints the version and nothing else", async () => {
    const { status, stdout, stderr } = await aspace(["--version"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe("bad usage is one line on stderr that names what was expected, and exit status 2", () => {
  const cases: readonly (readonly [name: string, args: string[], message: RegExp])[] = [
    ["an unknown command", ["fuz"], /unknown command 'fuz'.*fuzz/],
    ["an unknown flag", ["fuzz", "arch", "--tme", "3"], /unknown option '--tme'.*--time/],
    ["an unknown help topic", ["help", "nix"], /no help on 'nix'; there is: .*exit-status/],
    ["no target", ["fuzz"], /missing required argument 'target'/],
    ["an unknown target", ["fuzz", "disk"], /unknown target 'disk'; there is: arch/],
    ["two targets", ["fuzz", "arch", "vm"], /too many arguments/],
    ["a time in words", ["fuzz", "arch", "--time", "soon"], /--time.*'soon'.*number from 1/],
    ["a time of nothing", ["fuzz", "arch", "--time", "0"], /--time.*'0'.*number from 1/],
    ["half a run", ["fuzz", "arch", "--runs", "0.5"], /--runs.*'0.5'.*whole number/],
    ["two limits", ["fuzz", "arch", "--time", "1", "--runs", "1"], /--runs.*cannot be.*--time/],
    ["a negative seed", ["fuzz", "arch", "--seed", "-1"], /--seed.*'-1'.*number from 1/],
    ["no workers", ["fuzz", "arch", "--workers", "0"], /--workers.*'0'.*number from 1/],
    ["a flag without its value", ["fuzz", "arch", "--out"], /--out.*argument missing/],
    ["an empty name", ["fuzz", "arch", "--arch", "x86-64,"], /--arch.*separated by commas/],
    ["an unknown kind", ["conform", "--arch", "arm64", "--kind", "root"], /--kind.*user/],
    ["a path that is not there", ["replay", "nowhere"], /nowhere/],
  ];

  test.each(cases)("%s", async (_, args, message) => {
    const { status, stdout, stderr } = await aspace(args);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^aspace: [^\n]+\n$/);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  });
});

/** Runs `aspace backends --json` in a shell, with `rest` behind it. */
function inShell(rest: string): Promise<{ status: number; stderr: string }> {
  const main = fileURLToPath(new URL("./main.ts", import.meta.url));
  const script = `"$0" "$1" backends --json ${rest}; exit "\${PIPESTATUS[0]}"`;
  return new Promise((resolve) => {
    execFile("bash", ["-c", script, process.execPath, main], (error, _, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code), stderr });
    });
  });
}

describe("a stdout that breaks", () => {
  test("because its reader has seen enough is no error", async () => {
    expect(await inShell("| true")).toEqual({ status: 0, stderr: "" });
  });

  test.runIf(existsSync("/dev/full"))(
    "because the disk is full is one line, status 3",
    async () => {
      const { status, stderr } = await inShell("> /dev/full");
      expect(stderr).toMatch(/^aspace: the result cannot be written: [^\n]+\n$/);
      expect(status).toBe(3);
    },
  );
});
