import { type EntryLayout, decodeFields, encodeFields, fieldMask, formatEntry } from "@aspace/arch";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ENTRY_LAYOUTS } from "./entry-layout.ts";
import { REGISTER_LAYOUTS } from "./registers.ts";

const LAYOUTS = [...ENTRY_LAYOUTS, ...REGISTER_LAYOUTS];

/** Any value for each field of a layout. */
function fieldValues(layout: EntryLayout): fc.Arbitrary<Record<string, number>> {
  return fc.record(
    Object.fromEntries(
      layout.fields.map(({ name, width }) => [name, fc.integer({ min: 0, max: 2 ** width - 1 })]),
    ),
  );
}

describe.each(LAYOUTS)("$name", (layout) => {
  test("the fields tile 64 bits from bit 0 up, without gap or overlap (G-4)", () => {
    let next = 0;
    for (const field of layout.fields) {
      expect(field.bit, field.name).toBe(next);
      expect(field.width).toBeGreaterThan(0);
      next += field.width;
    }
    expect(next).toBe(64);
  });

  test("no two fields share a name", () => {
    const names = layout.fields.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  test("the masks of all fields are disjoint and together all ones", () => {
    const all = layout.fields.map(({ name }) => fieldMask(layout, name));
    expect(all.reduce((sum, { lo }) => sum ^ lo, 0)).toBe(-1);
    expect(all.reduce((sum, { hi }) => sum ^ hi, 0)).toBe(-1);
  });

  test("decoding gives back what was encoded, for any field values", () => {
    fc.assert(
      fc.property(fieldValues(layout), (values) => {
        const { lo, hi } = encodeFields(layout, values);
        expect(decodeFields(layout, lo, hi)).toEqual(values);
      }),
    );
  });

  test("encoding gives back what was decoded, for any 64 bits", () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), (lo, hi) => {
        const again = encodeFields(layout, decodeFields(layout, lo, hi));
        expect(formatEntry(again.lo, again.hi)).toBe(formatEntry(lo, hi));
      }),
    );
  });
});
