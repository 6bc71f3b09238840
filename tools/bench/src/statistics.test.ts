import { expect, test } from "vitest";
import { agree, median } from "./statistics.ts";

test("the median is the middle value, or between the middle two", () => {
  expect(median([5])).toBe(5);
  expect(median([9, 1, 5])).toBe(5);
  expect(median([10, 9, 1, 2])).toBe(5.5);
  expect(() => median([])).toThrow(RangeError);
});

test("readings agree up to a fifth of the smaller, in either order", () => {
  expect(agree(1, 1.2)).toBe(true);
  expect(agree(1.2, 1)).toBe(true);
  expect(agree(1, 1.21)).toBe(false);
  expect(agree(1.21, 1)).toBe(false);
});
