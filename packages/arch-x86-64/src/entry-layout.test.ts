import {
  decodeFields,
  describeEntry,
  encodeFields,
  fieldMask,
  type EntryLayout,
} from "@aspace/arch";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { eptLayouts, layoutOf, pagingLayouts } from "./entry-layout.ts";

const WIDTHS = Array.from({ length: 52 - 36 + 1 }, (_, index) => 36 + index);

const layoutsFor = (physBits: number): EntryLayout[] =>
  [pagingLayouts(physBits), eptLayouts(physBits)].flatMap(({ topTable, table, leaves }) => [
    topTable,
    table,
    ...leaves,
  ]);

const ALL_LAYOUTS = WIDTHS.flatMap(layoutsFor);
const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

describe("X-2: entry layouts", () => {
  test("X-2: fields tile the 64 bits without gap or overlap, for every MAXPHYADDR", () => {
    for (const layout of ALL_LAYOUTS) {
      let next = 0;
      for (const field of layout.fields) {
        expect(field.bit, `${layout.name}.${field.name}`).toBe(next);
        expect(field.width).toBeGreaterThan(0);
        next += field.width;
      }
      expect(next, layout.name).toBe(64);
    }
  });

  test("X-2: a field name means one field of its layout", () => {
    for (const { fields } of ALL_LAYOUTS) {
      expect(new Set(fields.map(({ name }) => name)).size).toBe(fields.length);
    }
  });

  test("X-2: decoding every field and encoding it again gives the entry back", () => {
    fc.assert(
      fc.property(fc.constantFrom(...ALL_LAYOUTS), word, word, (layout, lo, hi) => {
        expect(encodeFields(layout, decodeFields(layout, lo, hi))).toEqual({ lo, hi });
      }),
    );
  });

  test("X-2: frame masks of the three leaf sizes with 52 address bits", () => {
    const [pte, pde, pdpte] = pagingLayouts(52).leaves;
    expect(fieldMask(pte, "frame")).toEqual({ lo: 0xffff_f000 | 0, hi: 0x000f_ffff });
    expect(fieldMask(pde, "frame2M")).toEqual({ lo: 0xffe0_0000 | 0, hi: 0x000f_ffff });
    expect(fieldMask(pdpte, "frame1G")).toEqual({ lo: 0xc000_0000 | 0, hi: 0x000f_ffff });
  });

  test("X-2: bit 7 is PAT in a PTE, PS at levels 1 and 2, reserved above", () => {
    const paging = pagingLayouts(46);
    for (const lo of [0x07, 0x87]) {
      expect(layoutOf(paging, 0, lo)).toBe(paging.leaves[0]);
      expect(layoutOf(paging, 3, lo)).toBe(paging.topTable);
      expect(layoutOf(paging, 4, lo)).toBe(paging.topTable);
    }
    expect(layoutOf(paging, 1, 0x07)).toBe(paging.table);
    expect(layoutOf(paging, 2, 0x07)).toBe(paging.table);
    expect(layoutOf(paging, 1, 0x87)).toBe(paging.leaves[1]);
    expect(layoutOf(paging, 2, 0x87)).toBe(paging.leaves[2]);
  });

  test("X-2: an entry prints with the manual's names", () => {
    const [pte, pde] = pagingLayouts(46).leaves;
    expect(describeEntry(pte, 0x2345_6067, 0x8000_0001 | 0)).toBe(
      "0x8000000123456067  P RW US A D frame=0x123456 XD",
    );
    expect(describeEntry(pde, 0xc000_119b | 0, 0x8000_0000 | 0)).toBe(
      "0x80000000c000119b  P RW PWT PCD PS G PAT frame2M=0x600 XD",
    );
    expect(describeEntry(eptLayouts(46).leaves[0], 0x1234_5037, 0)).toBe(
      "0x0000000012345037  R W X MT=0x6 frame=0x12345",
    );
  });
});
