import { Status } from "@aspace/arch";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  MAX_OBJECT_BYTES,
  addressRange,
  bytesOf,
  childRange,
  isInRange,
  pagesTouched,
  positionOf,
  roundSize,
  wholePages,
} from "./byte-range.ts";

const { INVALID_ARGS, OUT_OF_RANGE } = Status;
const PAGE = 4096n;
const TOP = (1n << 64n) - 1n;

/** Unsigned 64-bit numbers, most of them near a page or near the ends. */
const bytes = fc.oneof(
  fc.bigInt({ min: 0n, max: TOP }),
  fc.bigInt({ min: 0n, max: 3n * PAGE }),
  fc.bigInt({ min: TOP - 3n * PAGE, max: TOP }),
);

test("O-V14: an empty range at the very end is inside, and no end wraps around", () => {
  expect(isInRange(8192n, 0n, 2)).toBe(true);
  expect(isInRange(8193n, 0n, 2)).toBe(false);
  expect(isInRange(4096n, TOP, 2)).toBe(false);
  expect(pagesTouched(8192n, 0n, 2)).toEqual({ page: 2, count: 0 });
  expect(pagesTouched(8191n, 2n, 2)).toBe(OUT_OF_RANGE);
});

test("O-V14: a range touches exactly the pages that one of its bytes is in", () => {
  fc.assert(
    fc.property(bytes, bytes, fc.integer({ min: 0, max: 4 }), (offset, length, sizePages) => {
      const range = pagesTouched(offset, length, sizePages);
      const end = offset + length;
      if (end > bytesOf(sizePages)) return void expect(range).toBe(OUT_OF_RANGE);
      const pages = [0, 1, 2, 3].filter(
        (page) => length > 0n && offset < bytesOf(page + 1) && end > bytesOf(page),
      );
      const first = Number(offset / PAGE);
      expect(range).toEqual({ page: pages[0] ?? first, count: pages.length });
    }),
  );
});

test("O-V14: what must be made of whole pages is INVALID_ARGS before it is OUT_OF_RANGE", () => {
  fc.assert(
    fc.property(bytes, bytes, (offset, length) => {
      const isAligned = offset % PAGE === 0n && length % PAGE === 0n;
      const expected = isAligned ? pagesTouched(offset, length, 3) : INVALID_ARGS;
      expect(wholePages(offset, length, 3)).toEqual(expected);
    }),
  );
});

test("O-V14: a child begins at a page, and its size is rounded after that is checked", () => {
  expect(childRange(1n, TOP)).toBe(INVALID_ARGS);
  expect(childRange(PAGE, TOP)).toBe(OUT_OF_RANGE);
  expect(childRange(TOP - PAGE + 1n, MAX_OBJECT_BYTES)).toEqual({
    page: 2 ** 52 - 1,
    count: 0xf_ffff_ffff_ffe0,
  });
});

test("O-V14: sizes, positions and addresses of 64 bits are exact in page numbers", () => {
  fc.assert(
    fc.property(bytes, (offset) => {
      const { page, offsetBytes } = positionOf(offset, 0);
      expect(BigInt(page) * PAGE + BigInt(offsetBytes)).toBe(offset);
      expect(positionOf(offset % (4n * PAGE), 7).page).toBe(
        7 + Number((offset % (4n * PAGE)) / PAGE),
      );
      const rounded = roundSize(offset);
      if (offset > MAX_OBJECT_BYTES) expect(rounded).toBe(OUT_OF_RANGE);
      else expect(rounded).toEqual({ page: 0, count: Number((offset + PAGE - 1n) / PAGE) });
    }),
  );
  expect(addressRange(TOP - 2n * PAGE + 1n, PAGE)).toEqual({ page: 2 ** 52 - 2, count: 1 });
});

test("O-V24: bytes that are no unsigned 64-bit number are the caller's TypeScript error, not a status", () => {
  for (const wrong of [-1n, -PAGE, 1n << 64n]) {
    expect(() => isInRange(wrong, 0n, 2)).toThrow(RangeError);
    expect(() => isInRange(0n, wrong, 2)).toThrow(RangeError);
    expect(() => roundSize(wrong)).toThrow(RangeError);
    expect(() => childRange(wrong, 0n)).toThrow(RangeError);
    expect(() => addressRange(wrong, PAGE)).toThrow(RangeError);
    expect(() => addressRange(0n, wrong)).toThrow(RangeError);
    expect(() => wholePages(wrong, 0n, 2)).toThrow(RangeError);
    expect(() => wholePages(0n, wrong, 2)).toThrow(RangeError);
  }
});
