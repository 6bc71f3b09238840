import {
  AspaceKind,
  MmuFlags,
  type MmuFlagSet,
  areMappableFlags,
  fieldMask,
  formatFlags,
} from "@aspace/arch";
import type { EntryFormat } from "@aspace/page-table";
import { describe, expect, test } from "vitest";
import { halves, whole } from "../test/tables.ts";
import { STAGE1_LEAVES, STAGE2_LEAVES, TABLE } from "./entry-layout.ts";
import { descriptorFormat } from "./format.ts";

const FEATURES = { physBits: 48 } as const;
const USER = descriptorFormat(AspaceKind.USER, FEATURES);
const KERNEL = descriptorFormat(AspaceKind.KERNEL, FEATURES);
const GUEST = descriptorFormat(AspaceKind.GUEST, FEATURES);

const FORMATS = [
  { name: "user", format: USER, leaves: STAGE1_LEAVES },
  { name: "kernel", format: KERNEL, leaves: STAGE1_LEAVES },
  { name: "guest", format: GUEST, leaves: STAGE2_LEAVES },
] as const;

const { USER: U, READ: R, WRITE: W, EXECUTE: X } = MmuFlags;
const { UNCACHED, UNCACHED_DEVICE: DEVICE, WRITE_COMBINING: WC } = MmuFlags;

const LEGAL_FLAGS = Array.from({ length: 128 }, (_, flags) => flags).filter(areMappableFlags);

const hex = (value: bigint): string => `0x${value.toString(16).padStart(16, "0")}`;

/** A whole leaf: attributes and frame. */
function leaf(format: EntryFormat, flags: MmuFlagSet, level: number, pfn: number): string {
  return hex(whole(format.leafBits(flags, level)) | (BigInt(pfn) << 12n));
}

describe("worked examples (P-M10)", () => {
  test.each([
    ["user R", USER, U | R, "0x0060000123456fcb"],
    ["user RW", USER, U | R | W, "0x0060000123456f4b"],
    ["user RX", USER, U | R | X, "0x0020000123456fcb"],
    ["user RWX", USER, U | R | W | X, "0x0020000123456f4b"],
    ["user RW WC", USER, U | R | W | WC, "0x0060000123456f4f"],
    ["user RW UNCACHED", USER, U | R | W | UNCACHED, "0x0060000123456c43"],
    ["user RW DEVICE", USER, U | R | W | DEVICE, "0x0060000123456c47"],
    ["kernel R", KERNEL, R, "0x006000012345678b"],
    ["kernel RW", KERNEL, R | W, "0x006000012345670b"],
    ["kernel RX", KERNEL, R | X, "0x004000012345678b"],
    ["kernel RWX", KERNEL, R | W | X, "0x004000012345670b"],
    ["stage 2 RW", GUEST, R | W, "0x00400001234567ff"],
    ["stage 2 RX DEVICE", GUEST, R | X | DEVICE, "0x0000000123456447"],
  ] as const)("a 4 KiB page at 0x123456000, %s, is %4$s", (_, format, flags, entry) => {
    expect(leaf(format, flags, 0, 0x123456)).toBe(entry);
  });

  test("user RW after a harvest has AF clear", () => {
    const { lo, hi } = USER.leafBits(U | R | W, 0);
    const harvested = { lo: lo & ~USER.leafAccessed.lo, hi: hi & ~USER.leafAccessed.hi };
    expect(hex(whole(harvested) | (0x123456n << 12n))).toBe("0x0060000123456b4b");
  });

  test("a kernel RW DEVICE 2 MiB block at 0xfe000000, and what it splits into", () => {
    const block = leaf(KERNEL, R | W | DEVICE, 1, 0xfe000);
    expect(block).toBe("0x00600000fe000405");
    const { lo, hi } = halves(BigInt(block));
    const bits = whole(KERNEL.splitBits(lo, hi, 1));
    expect(hex(bits | (0xfe000n << 12n))).toBe("0x00600000fe000407");
    expect(hex(bits | (0xfe001n << 12n))).toBe("0x00600000fe001407");
  });

  test("a stage 2 RWX 2 MiB block at 0x40000000", () => {
    expect(leaf(GUEST, R | W | X, 1, 0x40000)).toBe("0x00000000400007fd");
  });

  test("a table at 0x101000", () => {
    expect(hex(whole(USER.newTable) | (0x101n << 12n))).toBe("0x0080000000101003");
    expect(hex(whole(GUEST.newTable) | (0x101n << 12n))).toBe("0x0080000000101003");
  });
});

describe.each(FORMATS)("$name descriptors", ({ format, leaves }) => {
  const levels = leaves.map((_, level) => level);

  test.each(levels)(
    "query gives back the normalised flags, all legal ones, level %i (P-M2, G-5)",
    (level) => {
      for (const flags of LEGAL_FLAGS) {
        const { lo, hi } = format.leafBits(flags, level);
        const expected = format.capabilities.normalizeFlags(flags);
        expect(format.leafFlags(lo, hi, level), formatFlags(flags)).toBe(expected);
      }
    },
  );

  test.each(levels)("no reserved bit and no frame bit is set, level %i (P-R3)", (level) => {
    const layout = leaves[level]!;
    const reserved = layout.fields.filter(({ reserved: isReserved }) => isReserved === true);
    const names = ["OA", ...reserved.map(({ name }) => name)];
    const mask = whole(fieldMask(layout, ...names));
    for (const flags of LEGAL_FLAGS) {
      expect(whole(format.leafBits(flags, level)) & mask).toBe(0n);
    }
  });

  test.each(levels)("leaves are present, accessed, and told from tables, level %i", (level) => {
    const isLeaf = (lo: number): boolean => ((lo ^ format.leafFlip) & format.leafMask) !== 0;
    for (const flags of LEGAL_FLAGS) {
      const { lo } = format.leafBits(flags, level);
      expect(lo & format.presentLo).not.toBe(0);
      expect(lo & format.leafAccessed.lo).toBe(format.leafAccessed.lo);
      expect(level === 0 || isLeaf(lo)).toBe(true);
    }
    expect(isLeaf(format.newTable.lo)).toBe(false);
    expect(format.newTable.lo & format.presentLo).not.toBe(0);
  });

  test.each(levels)(
    "protect replaces all that permissions change, and nothing else, level %i",
    (level) => {
      const mask = whole(format.permissionBits(level));
      let changed = 0n;
      for (const from of LEGAL_FLAGS) {
        for (const to of LEGAL_FLAGS) {
          const sameMemory = ((from ^ to) & (MmuFlags.CACHE_MASK | MmuFlags.NS)) === 0;
          if (!sameMemory) continue;
          changed |= whole(format.leafBits(from, level)) ^ whole(format.leafBits(to, level));
        }
      }
      expect(changed & ~mask).toBe(0n);
    },
  );

  test("splitting keeps every attribute and the access flag, for all flags (P-B4)", () => {
    for (const level of levels.slice(1)) {
      for (const flags of LEGAL_FLAGS) {
        const { lo, hi } = format.leafBits(flags, level);
        const smaller = format.leafBits(flags, level - 1);
        expect(format.splitBits(lo, hi, level)).toEqual(smaller);
        const harvested = lo & ~format.leafAccessed.lo;
        const expected = { lo: smaller.lo & ~format.leafAccessed.lo, hi: smaller.hi };
        expect(format.splitBits(harvested, hi, level)).toEqual(expected);
      }
    }
  });

  test("the frame field has room for every legal frame and no other bit (P-M3)", () => {
    expect(format.frameBit).toBe(12);
    expect(format.frameBits).toBe(format.capabilities.physBits - 12);
  });
});

test("user leaves carry nG, kernel leaves are global (G-9)", () => {
  const { lo } = fieldMask(STAGE1_LEAVES[0]!, "nG");
  for (const flags of LEGAL_FLAGS) {
    expect(USER.leafBits(flags, 0).lo & lo).toBe(lo);
    expect(KERNEL.leafBits(flags, 0).lo & lo).toBe(0);
  }
});

test("tables carry no hierarchical attributes (G-9)", () => {
  const { lo, hi } = fieldMask(TABLE, "PXNTable", "UXNTable", "APTable", "NSTable");
  expect(USER.newTable.lo & lo).toBe(0);
  expect(USER.newTable.hi & hi).toBe(0);
});

test("hardware dirty tracking, guarded pages and the contiguous hint are never used (G-9)", () => {
  const { lo, hi } = fieldMask(STAGE1_LEAVES[0]!, "DBM", "GP", "Contiguous");
  for (const flags of LEGAL_FLAGS) {
    expect(USER.leafBits(flags, 0).lo & lo).toBe(0);
    expect(USER.leafBits(flags, 0).hi & hi).toBe(0);
  }
});

test("a machine with fewer address bits has a narrower frame field", () => {
  const narrow = descriptorFormat(AspaceKind.USER, { physBits: 40 });
  expect(narrow.frameBits).toBe(28);
  expect(narrow.capabilities.physBits).toBe(40);
});
