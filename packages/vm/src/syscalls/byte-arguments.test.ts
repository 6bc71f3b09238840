import { VPN_LIMIT } from "@aspace/arch";
import { expect, test } from "vitest";
import { PAGE, WRAP } from "../../test/call-situation.ts";
import { UNALIGNED_OFFSET } from "../regions/region-creation.ts";
import { pageOffset, pagesIn, wrappedPagesIn } from "./byte-arguments.ts";

test("V-3 V-10 I-38: lengths round up to pages, and the last ones wrap to none or fit nowhere", () => {
  const cases = [0n, 1n, PAGE, PAGE + 1n, WRAP - PAGE, WRAP - PAGE + 1n, WRAP - 1n];
  const last = VPN_LIMIT - 1;
  expect(cases.map(pagesIn)).toEqual([0, 1, 1, 2, last, VPN_LIMIT, VPN_LIMIT]);
  expect(cases.map(wrappedPagesIn)).toEqual([0, 1, 1, 2, last, 0, 0]);
});

test("V-3 V-4: an offset is a page, or stands for an unaligned one", () => {
  const cases = [0n, 1n, PAGE - 1n, PAGE, WRAP - PAGE, WRAP - 1n];
  const none = UNALIGNED_OFFSET;
  expect(cases.map(pageOffset)).toEqual([0, none, none, 1, VPN_LIMIT - 1, none]);
});

test("I-38: what is no unsigned 64-bit number is the caller's bug", () => {
  for (const argument of [-1n, WRAP]) {
    for (const convert of [pagesIn, wrappedPagesIn, pageOffset]) {
      expect(() => convert(argument)).toThrow(RangeError);
    }
  }
});
