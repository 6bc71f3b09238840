import { expect, test } from "vitest";
import { byteSize, compact, count, counted, duration } from "./quantity.ts";

test("count groups digits and keeps all of them", () => {
  expect(count(0)).toBe("0");
  expect(count(1_234_567.4)).toBe("1,234,567");
});

test("counted puts the noun in its number", () => {
  expect(counted(1, "run")).toBe("1 run");
  expect(counted(0, "run")).toBe("0 runs");
  expect(counted(2, "process", "processes")).toBe("2 processes");
});

test("compact has three digits on both sides of each magnitude", () => {
  expect([0, 999, 1000, 45_231, 999_499, 999_500, 1_230_000].map(compact)).toEqual([
    "0",
    "999",
    "1.00k",
    "45.2k",
    "999k",
    "1.00M",
    "1.23M",
  ]);
});

test("byteSize changes its unit at powers of 1024", () => {
  expect([0, 1023, 1024, 2 ** 20].map(byteSize)).toEqual([
    "0 bytes",
    "1023 bytes",
    "1.0 KiB",
    "1.0 MiB",
  ]);
});

test("duration says minutes from two minutes on, hours from two hours on", () => {
  expect([0.4, 119, 120, 7199, 7200, 90_000].map(duration)).toEqual([
    "0 s",
    "119 s",
    "2 min 00 s",
    "119 min 59 s",
    "2 h 00 min",
    "25 h 00 min",
  ]);
});
