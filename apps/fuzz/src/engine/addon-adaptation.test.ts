import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { adaptAddon, NotAdaptable } from "./addon-adaptation.ts";

const require = createRequire(createRequire(import.meta.url).resolve("@jazzer.js/core"));
const prebuilds = join(dirname(require.resolve("@jazzer.js/fuzzer/package.json")), "prebuilds");
const addon = readFileSync(join(prebuilds, "fuzzer-linux-x64.node"));

function differences(a: Uint8Array, b: Uint8Array): number[] {
  return [...a.keys()].filter((index) => a[index] !== b[index]);
}

describe("the adaptation of the engine's addon", () => {
  test("changes exactly eight bytes of the shipped file and leaves the original alone", () => {
    const before = createHash("sha256").update(addon).digest("hex");
    expect(before).toMatch(/^59ffc0d2/);
    const adapted = adaptAddon(addon);
    expect(adapted.length).toBe(addon.length);
    expect(differences(addon, adapted)).toHaveLength(8);
    expect(createHash("sha256").update(addon).digest("hex")).toBe(before);
  });

  test("changes linking tables only: code and data stay as they were", () => {
    const codeStart = 0x11000; // .init, .plt and .text come after all tables touched
    const adapted = adaptAddon(addon);
    expect(differences(addon, adapted).every((offset) => offset < codeStart)).toBe(true);
  });

  test("refuses a file that it has adapted already", () => {
    expect(() => adaptAddon(adaptAddon(addon))).toThrow(NotAdaptable);
  });

  test("refuses addons of other systems", () => {
    for (const name of ["linux-arm64", "darwin-x64", "win32-x64"]) {
      const other = readFileSync(join(prebuilds, `fuzzer-${name}.node`));
      expect(() => adaptAddon(other), name).toThrow(NotAdaptable);
    }
  });

  test("refuses a file cut short anywhere instead of failing in the middle", () => {
    for (let length = 0; length < addon.length; length += 40_009) {
      expect(() => adaptAddon(addon.subarray(0, length)), `${length} bytes`).toThrow(NotAdaptable);
    }
  });

  test("refuses a file whose imports carry other names", () => {
    const renamed = Buffer.from(addon);
    renamed.write("__isoc99_", renamed.indexOf("__isoc23_strtoul\0"));
    expect(() => adaptAddon(renamed)).toThrow(/__isoc23_strtoul is not imported/);
  });
});
