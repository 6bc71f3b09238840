import { expect, test } from "vitest";
import { NativeReference, compilerVersion } from "./native-reference.ts";
import { ROWS } from "./row.ts";

const compiler = compilerVersion();
if (compiler === null) console.log("not tested here: the native reference, because there is no cc");

test("the native reference builds and answers every case that a row names", async () => {
  if (compiler === null) return;
  const reference = new NativeReference();
  try {
    for (const name of new Set(ROWS.map((row) => row.reference))) {
      const nanoseconds = await reference.read(name, 1);
      expect(nanoseconds, name).toBeGreaterThan(0);
      expect(nanoseconds, name).toBeLessThan(1e6);
    }
  } finally {
    reference.close();
  }
});

test("a reference that ends early is an error, not a figure", async () => {
  if (compiler === null) return;
  const reference = new NativeReference();
  try {
    await expect(reference.read("map-range", 0)).rejects.toThrow("ended early");
  } finally {
    reference.close();
  }
});
