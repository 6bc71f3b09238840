import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { aspace } from "../child-command.ts";

interface Report {
  readonly schemaVersion: number;
  readonly arch: string;
  readonly quirks: readonly string[];
  readonly passed: number;
  readonly failed: number;
  readonly notApplicable: number;
  readonly complete: boolean;
  readonly results: readonly { id: string; kind: string; outcome: string; reason?: string }[];
}

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "aspace-conform-"));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function writeModule(name: string, source: string): string {
  const path = join(folder, name);
  writeFileSync(path, source);
  return path;
}

describe("conform on a registered backend", () => {
  test("--json prints one document with every result, and exit status 0 when none failed", async () => {
    const { status, stdout } = await aspace([
      "conform",
      "--arch",
      "arm64",
      "--property",
      "P-M5,P-P7",
      "--json",
    ]);
    const report = JSON.parse(stdout) as Report;
    expect(report).toMatchObject({ schemaVersion: 1, arch: "arm64", failed: 0, complete: true });
    expect(report.passed + report.notApplicable).toBe(report.results.length);
    expect(report.results.filter(({ id }) => id === "P-M5").map(({ kind }) => kind)).toEqual([
      "user",
      "kernel",
      "guest",
    ]);
    const excluded = report.results.filter(({ outcome }) => outcome === "not-applicable");
    expect(excluded.length).toBeGreaterThan(0);
    for (const { reason } of excluded) expect(reason).toMatch(/\w/);
    expect(status).toBe(0);
  });

  test("a quirk, by id or name in any case, fails a property and exits 1", async () => {
    const rest = ["--property", "p-p1", "--kind", "user"];
    const [byId, byName] = await Promise.all([
      aspace(["conform", "--arch", "X86-64", "--quirk", "h8", ...rest]),
      aspace(["conform", "--arch", "x86-64", "--quirk", "Protect-ORs-attributes", ...rest]),
    ]);
    expect(byId).toEqual(byName);
    expect(byId.status).toBe(1);
    expect(byId.stdout).toContain("with H8 switched on");
    expect(byId.stdout).toMatch(/^x P-P1 on user: /m);
    expect(byId.stdout).toContain("0 passed, 1 failed, 0 not applicable");
  });

  test("--list prints properties and quirks and runs nothing", async () => {
    const { status, stdout } = await aspace(["conform", "--arch", "x86-64", "--list"]);
    expect(stdout).toMatch(/^ +P-M5 +user kernel guest +\w/m);
    expect(stdout).toMatch(/^ +H5 +upgrade-without-break: /m);
    expect(stdout).not.toContain("passed");
    expect(status).toBe(0);
  });

  test.each([
    ["an unknown backend", ["--arch", "vax"], /unknown architecture 'vax'.*x86-64.*arm64/],
    ["an unknown quirk", ["--arch", "arm64", "--quirk", "H99"], /'H99' on arm64.*H5 \(/],
    ["a quirk of another backend", ["--arch", "arm64", "--quirk", "H14"], /'H14' on arm64/],
    ["an unknown property", ["--arch", "arm64", "--property", "P-Z1"], /'P-Z1'.*P-M5/],
    ["no backend", [], /--arch NAME or --backend FILE/],
    ["two backends", ["--arch", "arm64", "--backend", "x.mjs"], /--backend.*cannot be used/],
    ["a file that is not there", ["--backend", "nowhere.mjs"], /nowhere\.mjs.*no such file/],
  ])("%s is one line and exit status 2", async (_, args, message) => {
    const { status, stdout, stderr } = await aspace(["conform", ...args]);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^aspace: [^\n]+\n$/);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  });
});

describe("conform on a module from outside", () => {
  test("one that wraps a built-in backend is tested like it; what it prints goes to stderr", async () => {
    const path = writeModule(
      "mine.mjs",
      `console.log("hello from the module");
       export default ({ backends }) => ({ ...backends["x86-64"], name: "mine" });`,
    );
    const { status, stdout, stderr } = await aspace([
      "conform",
      "--backend",
      path,
      "--property",
      "P-M5",
      "--json",
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ arch: "mine", passed: 3, failed: 0 });
    expect(stderr).toContain("hello from the module");
    expect(status).toBe(0);
  });

  test("one that throws in an operation fails the property", async () => {
    const path = writeModule(
      "throws.mjs",
      `export default ({ backends }) => ({
         ...backends["arm64"],
         boot() { throw new TypeError("not today"); },
       });`,
    );
    const { status, stdout, stderr } = await aspace([
      "conform",
      "--backend",
      path,
      "--property",
      "P-M5",
      "--kind",
      "user",
    ]);
    expect(stdout).toContain("not today");
    expect(stdout).not.toMatch(/^ +at /m);
    expect({ status, stderr }).toEqual({ status: 1, stderr: "" });
  });

  test.each([
    [
      "that throws",
      `throw new Error("no licence\\nfor this");`,
      /does not load: Error: no licence$/,
    ],
    ["that is no JavaScript", `export default {`, /does not load: SyntaxError: /],
    ["whose factory throws", `export default () => { throw 42; };`, /does not load: 42/],
    ["without a default export", `export const x = 1;`, /not an Architecture/],
    ["of another shape", `export default { name: "x" };`, /not an Architecture/],
    ["that makes nothing", `export default () => {};`, /not an Architecture/],
    ["that imports what is not there", `import "./gone.mjs";`, /does not load: .*gone\.mjs/],
  ])("one %s is one line and exit status 2", async (name, source, message) => {
    const path = writeModule(`${name.replaceAll(" ", "-")}.mjs`, source);
    const { status, stdout, stderr } = await aspace(["conform", "--backend", path]);
    expect(stderr.trimEnd()).toMatch(message);
    expect(stderr).toMatch(/^aspace: [^\n]+\n$/);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  });
});
