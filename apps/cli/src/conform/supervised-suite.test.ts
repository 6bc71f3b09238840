import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Refusal } from "../refusal.ts";
import type { Request } from "./message.ts";
import { superviseSuite } from "./supervised-suite.ts";

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "aspace-backend-"));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** A request for P-M5 on one kind, on a backend with this source. */
function requestFor(name: string, source: string): Request {
  const file = join(folder, `${name}.mjs`);
  writeFileSync(file, source);
  return {
    job: "run",
    subject: { kind: "module", url: pathToFileURL(file).href, path: `./${name}.mjs` },
    quirks: [],
    properties: ["P-M5"],
    kinds: ["user"],
    seed: 1,
  };
}

const IMPATIENT = { loading: 1, property: 1 };
const ignore = (): void => {};

describe("a backend that does not come back", () => {
  test.each([
    ["from an endless loop", "for (;;);"],
    ["from a promise nobody keeps", "setInterval(() => {}, 1000); await new Promise(() => {});"],
    ["from its factory", "export default () => { for (;;); };"],
  ])("while it loads is refused: %s", async (name, source) => {
    const request = requestFor(name.replaceAll(" ", "-"), source);
    const suite = superviseSuite(request, ignore, IMPATIENT);
    await expect(suite).rejects.toThrow(Refusal);
    await expect(suite).rejects.toThrow(/did not finish within 1 s/);
  });

  test("from a property has failed it, and the rest is not run", async () => {
    const loop = `export default ({ backends }) => ({
      ...backends["x86-64"],
      boot() { for (;;); },
    });`;
    const request = { ...requestFor("loop", loop), kinds: ["user", "guest"] as const };
    const patience = { loading: 60, property: 1 };
    const { results, isComplete } = await superviseSuite(request, ignore, patience);
    expect(isComplete).toBe(false);
    expect(results).toMatchObject([
      {
        id: "P-M5",
        kind: "user",
        outcome: "failed",
        message: expect.stringContaining("did not finish"),
      },
    ]);
  });
});

describe("a backend that ends its process", () => {
  test("while it loads is refused", async () => {
    const suite = superviseSuite(requestFor("exit", "process.exit(0);"), ignore);
    await expect(suite).rejects.toThrow(/^\.\/exit\.mjs: .*ended the process/);
  });

  test("in a property has failed it", async () => {
    const source = `export default ({ backends }) => ({
      ...backends["x86-64"],
      boot() { process.exit(0); },
    });`;
    const { results, isComplete } = await superviseSuite(requestFor("quit", source), ignore);
    expect(isComplete).toBe(false);
    expect(results).toMatchObject([
      { outcome: "failed", message: expect.stringContaining("ended the process") },
    ]);
  });
});

test("progress names each case before it runs, and how many there are", async () => {
  const source = `export default ({ backends }) => backends["arm64"];`;
  const seen: string[] = [];
  const request: Request = { ...requestFor("same", source), kinds: ["user", "kernel"] };
  const outcome = await superviseSuite(request, ({ case: { id, kind }, finished, total }) => {
    seen.push(`${id} ${kind} ${finished}/${total}`);
  });
  expect(seen).toEqual(["P-M5 user 0/2", "P-M5 kernel 1/2"]);
  expect(outcome.isComplete).toBe(true);
});
