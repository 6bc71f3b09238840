import { expect, test } from "vitest";
import { paragraph } from "./paragraph.ts";

test("lines break between words and continue at the indent, within the columns", () => {
  const text = paragraph("one two three four five", { indent: 2, columns: 11 });
  expect(text).toBe("one two\n  three\n  four five");
});

test("a word that does not fit stays whole; without a limit nothing breaks", () => {
  expect(paragraph("a 0123456789abc b", { indent: 1, columns: 8 })).toBe("a\n 0123456789abc\n b");
  const long = "word ".repeat(100).trim();
  expect(paragraph(long, { indent: 4, columns: Number.POSITIVE_INFINITY })).toBe(long);
});
