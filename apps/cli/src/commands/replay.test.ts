import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MmuFlags } from "@aspace/arch";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { aspace } from "../child-command.ts";

const { USER, READ, WRITE } = MmuFlags;

/** A page loses its write permission; with hazard H8 the old bit stays in the entry (P-M2). */
function traceWith(quirks: readonly string[]): string {
  const header = { format: "aspace-arch-trace", version: 1, arches: ["x86-64"], quirks };
  const world = { cpus: 1, tableFrames: 64, aspaces: ["user"], checkEvery: 1 };
  const page = { aspace: 0, page: 0x1f0, count: 1 };
  const map = { kind: "map", ...page, pfn: 0x400, pattern: "consecutive", action: "error" };
  const lines = [
    { ...header, ...world },
    { ...map, flags: USER | READ | WRITE, seen: ["OK"] },
    { kind: "protect", ...page, permissions: USER | READ, enlarge: "yes", seen: ["OK"] },
  ];
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "aspace-replay-"));
  mkdirSync(join(folder, "both"));
  writeFileSync(join(folder, "both", "broken.jsonl"), traceWith(["H8"]));
  writeFileSync(join(folder, "both", "fine.jsonl"), traceWith([]));
  writeFileSync(join(folder, "future.jsonl"), traceWith([]).replace('"version":1', '"version":2'));
  writeFileSync(join(folder, "noise.jsonl"), "\u0000\u0001");
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("replay of one trace", () => {
  test("prints the operations with their answers and the broken rule; exit status 1", async () => {
    const { status, stdout, stderr } = await aspace(["replay", "both/broken.jsonl"], {
      cwd: folder,
    });
    expect(stdout).toMatch(/^ +1 +OK +map aspace=0 page=0x1f0 count=1 pfn=0x400 [^#]*flags=urw- /m);
    expect(stdout).toMatch(/^ +2 +OK +protect .*permissions=ur--/m);
    expect(stdout).toMatch(/^x P-M2 broken by protect on x86-64$/m);
    expect({ status, stderr }).toEqual({ status: 1, stderr: "" });
  });

  test("of memory objects finds its target by its first line", async () => {
    const created = { type: "anonymous", pages: 2, sizing: "fixed", patience: "waits", pager: 0 };
    const world = {
      frames: 320,
      anonymousReclaim: "off",
      mappings: "always",
      objects: [created],
      checkEvery: 1,
    };
    const header = { format: "aspace-objects-trace", version: 1, ...world };
    const write = { kind: "write", object: 0, offset: 0, length: 4096 };
    const lines = [header, write, { kind: "decommit", object: 0, offset: 1, length: 4096 }];
    const trace = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
    writeFileSync(join(folder, "objects.jsonl"), trace);
    const { status, stdout } = await aspace(["replay", "objects.jsonl"], { cwd: folder });
    expect(stdout).toContain("objects anonymous 2 fixed waits 0");
    expect(stdout).toContain("No check failed.");
    expect(status).toBe(0);
  });

  test("one in which nothing fails says so; exit status 0", async () => {
    const { status, stdout } = await aspace(["replay", "both/fine.jsonl"], { cwd: folder });
    expect(stdout).toContain("No check failed.");
    expect(stdout).toMatch(/^ +2 +OK +protect /m);
    expect(status).toBe(0);
  });

  test("of another version or of noise is one line that names the file; exit status 2", async () => {
    for (const file of ["future.jsonl", "noise.jsonl"]) {
      const { status, stdout, stderr } = await aspace(["replay", file], { cwd: folder });
      expect(stderr).toMatch(new RegExp(`^aspace: [^\\n]*${file}[^\\n]*line 1[^\\n]*\\n$`));
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    }
  });
});

describe("replay of a folder", () => {
  test("prints a line for each and the total; exit status 1 when one fails", async () => {
    const { status, stdout } = await aspace(["replay", "both"], { cwd: folder });
    expect(stdout).toMatch(/^x both\/broken.jsonl: P-M2 broken by protect on x86-64$/m);
    expect(stdout).toMatch(/^\+ both\/fine.jsonl: passed$/m);
    expect(stdout).toContain("2 runs replayed, 1 failing");
    expect(status).toBe(1);
  });

  test("--json prints one document with everything", async () => {
    const { status, stdout } = await aspace(["replay", "both", "--json"], { cwd: folder });
    expect(JSON.parse(stdout)).toMatchObject({
      schemaVersion: 1,
      failing: 1,
      replays: [
        { path: "both/broken.jsonl", outcome: "reproduced", failure: { rule: "P-M2" } },
        { path: "both/fine.jsonl", outcome: "passed", failure: null },
      ],
    });
    expect(status).toBe(1);
  });

  test("one that cannot be read is named and does not hide the others; exit status 2", async () => {
    mkdirSync(join(folder, "mixed"));
    writeFileSync(join(folder, "mixed", "a.jsonl"), "");
    writeFileSync(join(folder, "mixed", "b.jsonl"), traceWith(["H8"]));
    const { status, stdout, stderr } = await aspace(["replay", "mixed"], { cwd: folder });
    expect(stderr).toMatch(/^aspace: [^\n]*a\.jsonl[^\n]*\n$/);
    expect(stdout).toContain("x mixed/b.jsonl: P-M2");
    expect(stdout).toContain("1 run replayed, 1 failing");
    expect(status).toBe(2);
  });
});
