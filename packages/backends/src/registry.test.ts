import { describe, expect, test } from "vitest";
import { BACKENDS, BACKEND_NAMES, findBackend } from "./index.ts";

describe("the registry", () => {
  test("has x86-64, x86-64-la57 and arm64, under names that differ (BK-1)", () => {
    expect(BACKEND_NAMES).toEqual(["x86-64", "x86-64-la57", "arm64"]);
    expect(new Set(BACKEND_NAMES).size).toBe(BACKENDS.length);
  });

  test("finds a backend by its exact name, and nothing by any other (BK-2)", () => {
    for (const backend of BACKENDS) expect(findBackend(backend.name)).toBe(backend);
    for (const name of ["", "x86", "ARM64", "arm64 "]) expect(findBackend(name)).toBeNull();
  });
});
