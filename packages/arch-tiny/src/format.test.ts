import { AspaceKind, MmuFlags, areMappableFlags, formatEntry } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { LEAF_ENTRY, TABLE_ENTRY } from "./entry-layout.ts";
import { formatsOf } from "./format.ts";
import { RELAXED, STRICT } from "./variant.ts";

const KINDS = Object.values(AspaceKind);
const VARIANTS = [RELAXED, STRICT];
const LEGAL = Array.from({ length: 128 }, (_, flags) => flags).filter(areMappableFlags);
const { READ, WRITE, EXECUTE, USER, UNCACHED, UNCACHED_DEVICE, WRITE_COMBINING } = MmuFlags;

describe("the entry layouts", () => {
  test.each([LEAF_ENTRY, TABLE_ENTRY])(
    "%# covers 64 bits without gap or overlap (TY-1)",
    (layout) => {
      let next = 0;
      for (const { bit, width } of layout.fields) {
        expect(bit).toBe(next);
        next += width;
      }
      expect(next).toBe(64);
    },
  );
});

describe("leaves", () => {
  const user = formatsOf(RELAXED).user;
  const leaf = (flags: number): string => {
    const { lo, hi } = user.leafBits(flags, 0);
    return formatEntry(lo, hi);
  };

  test("have the bits of the table in SPEC.md (TY-2)", () => {
    expect(leaf(READ)).toBe("0x0000000000000003");
    expect(leaf(READ | WRITE | USER)).toBe("0x0000000000000017");
    expect(leaf(READ | EXECUTE | USER)).toBe("0x000000000000001b");
    expect(leaf(READ | WRITE_COMBINING)).toBe("0x0000000000000103");
    expect(leaf(READ | UNCACHED_DEVICE)).toBe("0x0000000000000203");
    expect(leaf(READ | UNCACHED)).toBe("0x0000000000000303");
  });

  test("are global in the kernel and start accessed where software marks them (TY-2, TY-6)", () => {
    expect(formatsOf(RELAXED).kernel.leafBits(READ, 0).lo).toBe(0x83);
    expect(formatsOf(STRICT).kernel.leafBits(READ, 0).lo).toBe(0xa3);
  });

  test("give back the flags they were made from, normalised (TY-2)", () => {
    for (const variant of VARIANTS) {
      for (const kind of KINDS) {
        const format = formatsOf(variant)[kind];
        for (const flags of LEGAL) {
          const { lo, hi } = format.leafBits(flags, 0);
          expect(format.leafFlags(lo, hi, 0)).toBe(format.capabilities.normalizeFlags(flags));
        }
      }
    }
  });

  test("keep all their bits in a split, frame aside (TY-5)", () => {
    const { lo, hi } = user.splitBits(0x1240_037b | 0, 0x12, 2);
    expect(formatEntry(lo, hi)).toBe("0x000000000000037b");
  });
});
