import { expect, test } from "vitest";
import { marksFor } from "./marks.ts";

test("marks are ASCII unless the locale is UTF-8, with setlocale's precedence", () => {
  expect(marksFor({}).good).toBe("+");
  expect(marksFor({ LANG: "en_US.UTF-8" }).good).toBe("✓");
  expect(marksFor({ LANG: "en_US.UTF-8", LC_ALL: "C" }).good).toBe("+");
  expect(marksFor({ LANG: "C", LC_CTYPE: "de_DE.utf8" }).good).toBe("✓");
  expect(marksFor({ LANG: "C.UTF-8", LC_ALL: "" }).good).toBe("✓");
});
