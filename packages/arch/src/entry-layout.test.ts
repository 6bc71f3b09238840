import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodeFields,
  describeEntry,
  encodeFields,
  fieldMask,
  fieldNamed,
  fieldValue,
  formatEntry,
  type BitField,
  type EntryHalves,
  type EntryLayout,
} from "./entry-layout.ts";

/** An entry as one number, to compare with arithmetic that knows nothing of halves. */
const whole = ({ lo, hi }: EntryHalves): bigint =>
  BigInt.asUintN(32, BigInt(lo)) + (BigInt.asUintN(32, BigInt(hi)) << 32n);

const ones = ({ bit, width }: BitField): bigint => ((1n << BigInt(width)) - 1n) << BigInt(bit);

const field = (name: string, bit: number, width: number): BitField => ({
  name,
  bit,
  width,
  meaning: name,
});

/** All 64 bits cut into fields of at most 52 bits, from the lowest up. */
const layouts: fc.Arbitrary<EntryLayout> = fc
  .array(fc.integer({ min: 1, max: 52 }), { minLength: 2, maxLength: 20 })
  .map((widths) => {
    const fields: BitField[] = [];
    let bit = 0;
    for (const width of [...widths, 52, 52]) {
      const cut = Math.min(width, 64 - bit);
      if (cut > 0) fields.push(field(`f${fields.length}`, bit, cut));
      bit += cut;
    }
    return { name: "random", source: "none", fields };
  });

/** A layout with a value for each field, often the extreme ones. */
const filled = layouts.chain((layout) =>
  fc
    .tuple(
      ...layout.fields.map(({ width }) =>
        fc.oneof(
          fc.constantFrom(0, 1, 2 ** width - 1),
          fc.maxSafeNat().map((n) => n % 2 ** width),
        ),
      ),
    )
    .map((values) => ({
      layout,
      values: Object.fromEntries(layout.fields.map(({ name }, i) => [name, values[i]!])),
    })),
);

const PTE: EntryLayout = {
  name: "PTE",
  source: "made up",
  fields: [
    field("P", 0, 1),
    field("flags", 1, 11),
    field("frame", 12, 40),
    field("soft", 52, 11),
    field("XD", 63, 1),
  ],
};

describe("laws over every cut of 64 bits", () => {
  test("S-14: what was encoded is decoded", () => {
    fc.assert(
      fc.property(filled, ({ layout, values }) => {
        const { lo, hi } = encodeFields(layout, values);
        expect(decodeFields(layout, lo, hi)).toEqual(values);
      }),
      { seed: 20_240_104 },
    );
  });

  test("S-13: an encoded entry is the sum of its fields, each shifted to its bit", () => {
    fc.assert(
      fc.property(filled, ({ layout, values }) => {
        const sum = layout.fields
          .map(({ name, bit }) => BigInt(values[name]!) << BigInt(bit))
          .reduce((total, part) => total + part, 0n);
        expect(whole(encodeFields(layout, values))).toBe(sum);
      }),
      { seed: 20_240_104 },
    );
  });

  test("S-15: a mask has ones in the named fields and nowhere else", () => {
    fc.assert(
      fc.property(layouts, fc.nat(), (layout, chosen) => {
        const fields = layout.fields.filter((_, i) => (chosen >> i) % 2 === 1);
        const mask = fieldMask(layout, ...fields.map(({ name }) => name));
        const bits = fields.map((each) => ones(each)).reduce((total, part) => total + part, 0n);
        expect(whole(mask)).toBe(bits);
      }),
      { seed: 20_240_104 },
    );
  });

  test("S-14: a field's value does not depend on the bits around it", () => {
    fc.assert(
      fc.property(layouts, fc.integer(), fc.integer(), (layout, lo, hi) => {
        for (const each of layout.fields) {
          const alone = (whole({ lo, hi }) & ones(each)) >> BigInt(each.bit);
          expect(BigInt(fieldValue(each, lo, hi))).toBe(alone);
        }
      }),
      { seed: 20_240_104 },
    );
  });
});

describe("by example", () => {
  test("S-13: a 40-bit frame lies in both halves, and halves are signed like words of RAM", () => {
    const entry = encodeFields(PTE, { P: 1, frame: 0xab_cdef_0123, XD: 1 });
    expect(formatEntry(entry.lo, entry.hi)).toBe("0x800abcdef0123001");
    expect(entry).toEqual({ lo: 0xf012_3001 | 0, hi: 0x800a_bcde | 0 });
    expect(fieldValue(fieldNamed(PTE, "frame"), entry.lo, entry.hi)).toBe(0xab_cdef_0123);
    expect(whole(encodeFields(PTE, { frame: 2 ** 40 - 1 }))).toBe(0x000f_ffff_ffff_f000n);
  });

  test("S-13: fields that are not named are zero", () => {
    expect(encodeFields(PTE, {})).toEqual({ lo: 0, hi: 0 });
    expect(fieldMask(PTE)).toEqual({ lo: 0, hi: 0 });
  });

  test("S-16: an entry prints as 16 digits and its non-zero fields", () => {
    const { lo, hi } = encodeFields(PTE, { P: 1, frame: 0x12_3456, XD: 1 });
    expect(describeEntry(PTE, lo, hi)).toBe("0x8000000123456001  P frame=0x123456 XD");
    expect(describeEntry(PTE, 0, 0)).toBe("0x0000000000000000  not present");
  });

  test.each([
    ["a value one too large", { frame: 2 ** 40 }],
    ["a negative value", { P: -1 }],
    ["a name nobody defined", { frmae: 1 }],
  ])("S-17: %s is our own mistake and throws", (_, values: Record<string, number>) => {
    expect(() => encodeFields(PTE, values)).toThrow(RangeError);
  });

  test("S-17: asking for an unknown field throws", () => {
    expect(() => fieldNamed(PTE, "G")).toThrow("PTE has no field G");
    expect(() => fieldMask(PTE, "P", "G")).toThrow(RangeError);
  });
});
