import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MmuFlags } from "@aspace/arch";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { aspace, type Outcome } from "../child-command.ts";

const { USER, READ, WRITE } = MmuFlags;

/** Pages are mapped, and one loses its write permission; with hazard H8 the old bit stays in the entry (P-M2). */
function traceWith(quirks: readonly string[], pages = 12): string {
  const header = { format: "aspace-arch-trace", version: 1, arches: ["x86-64", "arm64"], quirks };
  const world = { cpus: 2, tableFrames: 64, aspaces: ["user", "guest"], checkEvery: 64 };
  const map = { pfn: 0x210, pattern: "consecutive", flags: USER | READ | WRITE, action: "error" };
  const lines = [
    { ...header, ...world },
    ...Array.from({ length: pages }, (_, number) => ({ kind: "map", ...page(number), ...map })),
    { kind: "protect", ...page(3), permissions: USER | READ, enlarge: "yes" },
    { kind: "unmap", ...page(3), enlarge: "yes" },
  ];
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

/** One of the pages, as operations name it. */
const page = (number: number): object => ({ aspace: 0, page: 0x1f0 + number, count: 1 });

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "aspace-minimize-"));
  writeFileSync(join(folder, "broken.jsonl"), traceWith(["H8"]));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

const minimize = (...args: string[]): Promise<Outcome> =>
  aspace(["minimize", ...args], { cwd: folder });

describe("minimize of one trace", () => {
  test("prints the operations that are left, and writes them beside it; exit status 1", async () => {
    const { status, stdout, stderr } = await minimize("broken.jsonl");
    expect(stdout).toMatch(/^ +1 +OK +map aspace=0 page=0x0 count=1 .* flags=urw- /m);
    expect(stdout).toMatch(/^ +2 +OK +protect aspace=0 page=0x0 count=1 permissions=ur--/m);
    expect(stdout).toMatch(/^x P-M2 broken by protect on x86-64$/m);
    expect(stdout).toMatch(
      /^2 of 14 operations are enough \(\d+ runs\), in broken\.minimized\.jsonl$/m,
    );
    expect(stderr).toBe("minimising broken.jsonl; Ctrl-C keeps the smallest so far\n");
    expect(status).toBe(1);
    const again = await aspace(["replay", "broken.minimized.jsonl"], { cwd: folder });
    expect(again.stdout).toMatch(/^x P-M2 broken by protect on x86-64$/m);
    expect(readFileSync(join(folder, "broken.jsonl"), "utf8")).toBe(traceWith(["H8"]));
  });

  test("--json prints one document with the result", async () => {
    const { status, stdout } = await minimize("broken.jsonl", "--json");
    const document = JSON.parse(stdout) as { minimized: { trace: object[] }[] };
    expect(document).toMatchObject({
      schemaVersion: 1,
      failing: 1,
      interrupted: false,
      minimized: [
        {
          outcome: "minimised",
          file: "broken.minimized.jsonl",
          operations: 2,
          from: 14,
          complete: true,
        },
      ],
    });
    expect(document.minimized[0]!.trace).toHaveLength(4);
    expect(status).toBe(1);
  });

  test("with few runs says that there may be a smaller one, and never replaces a smaller one (F-16)", async () => {
    await minimize("broken.jsonl");
    const smallest = readFileSync(join(folder, "broken.minimized.jsonl"), "utf8");
    const { stdout } = await minimize("broken.jsonl", "--runs", "3");
    expect(stdout).toContain("there may be a smaller one");
    expect(readFileSync(join(folder, "broken.minimized.jsonl"), "utf8")).toBe(smallest);
  });

  test("one that does not fail says so, and writes nothing; exit status 0", async () => {
    writeFileSync(join(folder, "fine.jsonl"), traceWith([]));
    const { status, stdout } = await minimize("fine.jsonl");
    expect(stdout).toBe("+ fine.jsonl: does not fail any more\n");
    expect(readdirSync(folder).toSorted()).toEqual(["broken.jsonl", "fine.jsonl"]);
    expect(status).toBe(0);
  });

  test("of noise, cut short or of another version is one line that names the file; exit status 2", async () => {
    const damaged = [
      "\u0000\u0001",
      "",
      traceWith(["H8"]).slice(0, 400),
      traceWith([]).replace('"version":1', '"version":2'),
    ];
    for (const text of damaged) {
      writeFileSync(join(folder, "damaged.jsonl"), text);
      const { status, stdout, stderr } = await minimize("damaged.jsonl");
      expect(stderr).toMatch(/^aspace: [^\n]*damaged\.jsonl[^\n]*line \d[^\n]*\n$/);
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    }
  });
});

test("Ctrl-C ends it with 130 and keeps the smallest so far", async () => {
  writeFileSync(join(folder, "long.jsonl"), traceWith(["H8"], 400));
  let isSent = false;
  const { status, stdout, stderr } = await aspace(["minimize", "long.jsonl", "--json"], {
    cwd: folder,
    onStderr(text) {
      if (isSent || !text.includes("minimising")) return null;
      isSent = true;
      return "SIGINT";
    },
  });
  expect(stderr).toContain("aspace: stopping; the smallest so far is kept");
  expect(JSON.parse(stdout)).toMatchObject({
    interrupted: true,
    minimized: [{ from: 402, complete: false }],
  });
  const kept = await aspace(["replay", "long.minimized.jsonl"], { cwd: folder });
  expect(kept.stdout).toMatch(/^x P-M2 broken by protect on /m);
  expect(status).toBe(130);
});

describe("minimize of a folder", () => {
  test("prints a line for each; one that cannot be read is named and hides no other; exit status 2", async () => {
    mkdirSync(join(folder, "both"));
    writeFileSync(join(folder, "both", "a.jsonl"), "");
    writeFileSync(join(folder, "both", "b.jsonl"), traceWith(["H8"]));
    const { status, stdout, stderr } = await minimize("both");
    expect(stderr).toMatch(/^aspace: [^\n]*a\.jsonl[^\n]*\nminimising both\/b\.jsonl; [^\n]*\n$/);
    expect(stdout).toMatch(
      /^x both\/b\.jsonl: 2 of 14 operations are enough .* in both\/b\.minimized\.jsonl\n$/,
    );
    expect(status).toBe(2);
  });

  test("of a campaign's finding makes minimized.jsonl in it", async () => {
    const { stdout } = await aspace(
      ["fuzz", "arch", "--runs", "1", "--seed", "1", "--quirk", "H8", "--out", "out", "--json"],
      { cwd: folder },
    );
    const { findings } = JSON.parse(stdout) as {
      findings: { directory: string; minimized: { operations: number } }[];
    };
    const { directory, minimized } = findings[0]!;
    const path = join(directory, "minimized.jsonl");
    const written = readFileSync(path, "utf8");
    expect(written.trimEnd().split("\n")).toHaveLength(minimized.operations + 2);
    rmSync(path);
    expect((await minimize(directory)).status).toBe(1);
    expect(readFileSync(path, "utf8")).toBe(written);
  });
});
