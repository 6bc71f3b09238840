import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { aspace } from "../child-command.ts";

const HEADER = { format: "aspace-trace", version: 1 };
const CREATE = { op: "vmo.create", as: "a", size: "0x2000", note: "two pages" };
const WRITE = { op: "vmo.write", vmo: "a", offset: 0, data: "aabb" };

const FILES: Readonly<Record<string, readonly object[]>> = {
  "fine.jsonl": [HEADER, CREATE, WRITE, { op: "vmo.dump", vmo: "a", expect: { status: "OK" } }],
  "wrong.jsonl": [HEADER, CREATE, { ...WRITE, expect: { value: 3 } }, { op: "validate" }],
  "waits.jsonl": [
    HEADER,
    { op: "pager.create", as: "p" },
    { op: "pager.create-vmo", as: "f", pager: "p", size: 4096 },
    { op: "vmo.read", vmo: "f", offset: 0, length: 1, thread: "t" },
    { op: "vmo.read", vmo: "f", offset: 0, length: 1 },
  ],
  "panics.jsonl": [HEADER, CREATE, { op: "vmo.unpin", vmo: "a", offset: 0, length: 4096 }],
  "future.jsonl": [{ ...HEADER, version: 2 }],
  "unknown.jsonl": [HEADER, { op: "vmo.grow", vmo: "a" }],
  "nonsense.jsonl": [HEADER, CREATE, { op: "vmo.dump", vmo: "b" }],
};

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "aspace-run-"));
  for (const [file, lines] of Object.entries(FILES)) {
    writeFileSync(join(folder, file), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  }
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("run", () => {
  test("prints each operation with its answer, notes and dumps; exit status 0", async () => {
    const { status, stdout, stderr } = await aspace(["run", "fine.jsonl", "--arch", "arm64"], {
      cwd: folder,
    });
    expect(stdout).toMatch(/^ +two pages$/m);
    expect(stdout).toMatch(/^ +1 +OK +vmo\.create as=a size=0x2000$/m);
    expect(stdout).toMatch(/^ +2 +OK +vmo\.write vmo=a offset=0x0 data=aabb -> value 0x2$/m);
    expect(stdout).toMatch(/^ +object 1 "a": 2 pages of node 1$/m);
    expect(stdout).toContain("+ 3 operations went as expected.");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });

  test("ends at the first failed expectation, with line, expected and seen; exit status 1", async () => {
    const { status, stdout } = await aspace(["run", "wrong.jsonl", "--arch", "x86-64"], {
      cwd: folder,
    });
    expect(stdout).toMatch(/^x line 3, vmo\.write: expected value 3, seen 0x2$/m);
    expect(stdout).not.toContain("validate");
    expect(status).toBe(1);
  });

  test("says when an operation waits and nobody is named for it", async () => {
    const { status, stdout } = await aspace(["run", "waits.jsonl", "--arch", "x86-64"], {
      cwd: folder,
    });
    expect(stdout).toMatch(/^ +3 +waits \(READ\) +vmo\.read .*thread=t$/m);
    expect(stdout).toMatch(
      /^x line 5, vmo\.read: expected no wait without a thread's name, seen READ$/m,
    );
    expect(status).toBe(1);
  });

  test("says what a panic says", async () => {
    const { status, stdout } = await aspace(["run", "panics.jsonl", "--arch", "x86-64"], {
      cwd: folder,
    });
    expect(stdout).toMatch(/^ +2 +panic \(P15\) +vmo\.unpin /m);
    expect(stdout).toMatch(/^x line 3, vmo\.unpin: expected no panic, seen P15 \(P15: .+\)$/m);
    expect(status).toBe(1);
  });

  test("--until stops early, and what comes later cannot fail", async () => {
    const args = ["run", "wrong.jsonl", "--arch", "x86-64", "--until", "1"];
    const { status, stdout } = await aspace(args, { cwd: folder });
    expect(stdout).toContain("1 operation went as expected.");
    expect(status).toBe(0);
  });

  test("--json prints one document with everything", async () => {
    const args = ["run", "wrong.jsonl", "--arch", "x86-64", "--json"];
    const { status, stdout } = await aspace(args, { cwd: folder });
    expect(JSON.parse(stdout)).toEqual({
      schemaVersion: 1,
      path: "wrong.jsonl",
      arch: "x86-64",
      operations: [
        { line: 2, operation: CREATE, seen: { status: "OK" } },
        {
          line: 3,
          operation: { ...WRITE, offset: "0x0", expect: { value: 3 } },
          seen: { status: "OK", value: "0x2" },
        },
      ],
      failure: { line: 3, field: "value", expected: 3, seen: "0x2", message: null },
    });
    expect(status).toBe(1);
  });

  test("--quirk switches a defect on, which a probe for it sees; exit status 1", async () => {
    const trace = fileURLToPath(
      new URL("../../../../packages/trace/traces/t8-quirk-probes.jsonl", import.meta.url),
    );
    const args = ["run", trace, "--arch", "arm64", "--quirk", "Q-1"];
    const { status, stdout } = await aspace(args);
    expect(stdout).toMatch(/^x line \d+, cpu\.try: expected fault write,user,present, seen none$/m);
    expect(status).toBe(1);
  });

  test("plays a committed trace in both fault modes, with every check after each operation", async () => {
    const trace = fileURLToPath(
      new URL("../../../../packages/trace/traces/one-store.jsonl", import.meta.url),
    );
    for (const mode of ["upgrade", "legacy"]) {
      const args = ["run", trace, "--arch", "x86-64", "--fault-mode", mode, "--validate"];
      expect(await aspace(args)).toMatchObject({ status: 0, stderr: "" });
    }
  });
});

describe("a trace that cannot be played is one line that names the file and the place; exit status 2", () => {
  test.each([
    ["future.jsonl", "line 1: version: expected 1, found 2"],
    ["unknown.jsonl", 'line 2: op: expected an operation of vmo.create, .*, found "vmo.grow"'],
    ["nonsense.jsonl", "line 3: vmo: nothing is named 'b' here"],
    ["nowhere.jsonl", "cannot be read: .*ENOENT.*"],
  ])("%s", async (file, message) => {
    const { status, stdout, stderr } = await aspace(["run", file, "--arch", "x86-64"], {
      cwd: folder,
    });
    expect(stderr).toMatch(new RegExp(`^aspace: ${file}: ${message}\\n$`));
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  });

  test.each([
    ["no architecture", ["run", "fine.jsonl"], /--arch/],
    ["an unknown one", ["run", "fine.jsonl", "--arch", "vax"], /unknown architecture 'vax'/],
    ["no operations", ["run", "fine.jsonl", "--arch", "arm64", "--until", "0"], /--until.*'0'/],
  ])("so is %s", async (_, args, message) => {
    const { status, stdout, stderr } = await aspace(args, { cwd: folder });
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^aspace: [^\n]+\n$/);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  });
});
