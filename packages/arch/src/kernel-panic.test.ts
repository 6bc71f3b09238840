import { expect, test } from "vitest";
import { KernelPanic } from "./kernel-panic.ts";

test("S-6: a panic is an error that names the broken rule", () => {
  const panic = new KernelPanic("P-T3", "a root points at a free frame");
  expect(panic).toBeInstanceOf(Error);
  expect(panic.rule).toBe("P-T3");
  expect(String(panic)).toBe("KernelPanic: P-T3: a root points at a free frame");
});
