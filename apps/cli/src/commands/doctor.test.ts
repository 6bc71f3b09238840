import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { aspace } from "../child-command.ts";

interface Report {
  schemaVersion: number;
  canRun: boolean;
  checks: { id: string; state: string; need: string; detail: string; remedy: string | null }[];
}

test("doctor --json prints one document and says by its status whether the main job can run", async () => {
  const { status, stdout, stderr } = await aspace(["doctor", "--json"]);
  const report = JSON.parse(stdout) as Report;
  expect(stderr).toBe("");
  expect(report.schemaVersion).toBe(1);
  expect(report.checks.map(({ id }) => id)).toEqual(
    expect.arrayContaining(["node", "engine", "disk", "qemu-x86-64", "browser", "c-compiler"]),
  );
  const missing = report.checks.filter(
    ({ need, state }) => need === "required" && state === "missing",
  );
  expect(report.canRun).toBe(missing.length === 0);
  expect(status).toBe(report.canRun ? 0 : 3);
});

test("doctor says how to get each thing that is missing, and that the rest is optional", async () => {
  const empty = mkdtempSync(join(tmpdir(), "aspace-path-"));
  try {
    const { status, stdout } = await aspace(["doctor"], { env: { PATH: empty } });
    expect(stdout).toMatch(/absent +QEMU x86-64 +not on the PATH/);
    expect(stdout).toContain("apt-get install qemu-system-x86");
    expect(stdout).toContain("apt-get install chromium");
    expect(status).toBe(0);
    expect(stdout).not.toContain("\u001b");
  } finally {
    rmSync(empty, { recursive: true });
  }
});
