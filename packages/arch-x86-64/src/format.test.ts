import { MMU_FLAG_WORDS, MmuFlags, areMappableFlags, formatEntry } from "@aspace/arch";
import type { EntryFormat } from "@aspace/page-table";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { eptFormat, eptFormatMisreadingAccessed, pagingFormat } from "./format.ts";
import type { X86Features } from "./registers.ts";

const FEATURES: X86Features = { levels: 4, physBits: 46, page1Gb: true };
const USER = pagingFormat("user", FEATURES);
const KERNEL = pagingFormat("kernel", FEATURES);
const GUEST = eptFormat(FEATURES);
const FORMATS = [USER, KERNEL, GUEST];
const LEVELS = [0, 1, 2];
const LEGAL_FLAGS = Array.from({ length: MMU_FLAG_WORDS }, (_, flags) => flags).filter(
  areMappableFlags,
);

const { READ, WRITE, EXECUTE, CACHED, UNCACHED, UNCACHED_DEVICE, WRITE_COMBINING } = MmuFlags;
const RW = READ | WRITE;

/** The entry that the engine would write: attributes with a physical address. */
function leaf(format: EntryFormat, address: number, flags: number, level: number): string {
  const { lo, hi } = format.leafBits(flags, level);
  return formatEntry(lo | (address | 0), hi | Math.floor(address / 2 ** 32));
}

/** Bit 7 and 12 apart, an attribute word as the PTE at the same address would have it. */
function split(format: EntryFormat, entry: bigint, level: number): string {
  const bits = format.splitBits(Number(entry & 0xffff_ffffn) | 0, Number(entry >> 32n) | 0, level);
  return formatEntry(bits.lo, bits.hi);
}

describe("X-3: the entries that are written (P-M10)", () => {
  test("X-3: user and kernel pages, bit by bit", () => {
    const pa = 0x1_2345_6000;
    const user = MmuFlags.USER;
    expect(leaf(USER, pa, user | RW, 0)).toBe("0x8000000123456007");
    expect(leaf(USER, pa, user | READ, 0)).toBe("0x8000000123456005");
    expect(leaf(USER, pa, user | READ | EXECUTE, 0)).toBe("0x0000000123456005");
    expect(leaf(USER, pa, user | RW | UNCACHED, 0)).toBe("0x800000012345601f");
    expect(leaf(USER, pa, user | RW | WRITE_COMBINING, 0)).toBe("0x800000012345609f");
    expect(leaf(KERNEL, pa, RW, 0)).toBe("0x8000000123456103");
    expect(leaf(KERNEL, pa, READ | EXECUTE, 0)).toBe("0x0000000123456101");
  });

  test("X-3: large leaves, bit by bit", () => {
    expect(leaf(KERNEL, 0xc000_0000, RW | WRITE_COMBINING, 1)).toBe("0x80000000c000119b");
    expect(leaf(USER, 0x1_4000_0000, MmuFlags.USER | RW, 2)).toBe("0x8000000140000087");
  });

  test("X-3: guest entries, bit by bit", () => {
    expect(leaf(GUEST, 0x1234_5000, RW | EXECUTE, 0)).toBe("0x0000000012345037");
    expect(leaf(GUEST, 0x1234_5000, READ | UNCACHED, 0)).toBe("0x0000000012345001");
    expect(leaf(GUEST, 0x4000_0000, RW | EXECUTE, 1)).toBe("0x00000000400000b7");
  });

  test("X-3: a table entry allows everything and is not accessed", () => {
    for (const format of FORMATS) expect(format.newTable).toEqual({ lo: 7, hi: 0 });
  });

  test("X-3: the kernel's root slot is built once; users and guests have none", () => {
    expect(KERNEL.prebuilt).toEqual({ first: 511, count: 1 });
    expect(KERNEL.capabilities.prebuiltTables).toBe(1);
    for (const format of [USER, GUEST]) {
      expect(format.prebuilt.count).toBe(0);
      expect(format.capabilities.prebuiltTables).toBe(0);
    }
  });

  test("X-3: query reads back normalizeFlags of what was written, for all flags and levels (P-M2)", () => {
    for (const format of FORMATS) {
      for (const level of LEVELS) {
        for (const flags of LEGAL_FLAGS) {
          const { lo, hi } = format.leafBits(flags, level);
          expect(format.leafFlags(lo, hi, level)).toBe(format.capabilities.normalizeFlags(flags));
        }
      }
    }
  });

  test("X-3: protect replaces the permissions and nothing else", () => {
    const permissions = MmuFlags.USER | MmuFlags.RWX_MASK;
    for (const format of FORMATS) {
      for (const level of LEVELS) {
        const mask = format.permissionBits(level);
        for (const flags of LEGAL_FLAGS) {
          const bits = format.leafBits(flags, level);
          const other = format.leafBits((flags & ~permissions) | READ, level);
          expect(bits.lo & ~mask.lo).toBe(other.lo & ~mask.lo);
          expect(bits.hi & ~mask.hi).toBe(other.hi & ~mask.hi);
        }
      }
    }
  });

  test("X-4: normalizeFlags keeps one uncached type, drops NS, and USER for guests", () => {
    const normalize = USER.capabilities.normalizeFlags;
    expect(normalize(RW | UNCACHED_DEVICE | MmuFlags.USER | MmuFlags.NS)).toBe(
      RW | UNCACHED | MmuFlags.USER,
    );
    expect(normalize(RW | CACHED)).toBe(RW | CACHED);
    expect(normalize(RW | WRITE_COMBINING)).toBe(RW | WRITE_COMBINING);
    expect(GUEST.capabilities.normalizeFlags(RW | MmuFlags.USER | UNCACHED_DEVICE)).toBe(
      RW | UNCACHED,
    );
  });

  test("X-4: a PAT index that no policy asks for reads as the policy of its type, or uncached", () => {
    const policies = Array.from({ length: 8 }, (_, index) => {
      const pteBits = ((index & 3) << 3) | ((index & 4) << 5);
      return USER.leafFlags(1 | pteBits, 0, 0) & MmuFlags.CACHE_MASK;
    });
    expect(policies).toEqual([
      CACHED,
      UNCACHED,
      UNCACHED,
      UNCACHED,
      CACHED,
      UNCACHED,
      UNCACHED,
      WRITE_COMBINING,
    ]);
  });

  test("X-2: without 1 GiB pages the top leaf level is the PD", () => {
    const features = { ...FEATURES, page1Gb: false };
    for (const format of [pagingFormat("user", features), eptFormat(features)]) {
      expect(format.topLeafLevel).toBe(1);
      expect(format.capabilities.leafShifts).toEqual([12, 21]);
    }
  });

  test("X-1: LA57 adds a level to user and kernel tables, not to EPT", () => {
    const features: X86Features = { ...FEATURES, levels: 5 };
    expect(pagingFormat("user", features).levels).toBe(5);
    expect(pagingFormat("kernel", features).levels).toBe(5);
    expect(eptFormat(features).levels).toBe(4);
  });
});

describe("X-5: splitting a large leaf", () => {
  test("X-5: PS goes, then PAT moves from bit 12 to bit 7 (P-B4)", () => {
    expect(split(KERNEL, 0x8000_0000_c000_119bn, 1)).toBe("0x800000000000019b");
    expect(split(KERNEL, 0x8000_0000_c000_018bn, 1)).toBe("0x800000000000010b");
  });

  test("X-5: A, D and everything else survive; 1 GiB splits into leaves that keep PS and PAT", () => {
    expect(split(USER, 0x8000_0001_4000_00e7n, 2)).toBe("0x80000000000000e7");
    expect(split(USER, 0x8000_0001_4000_10ffn, 2)).toBe("0x80000000000010ff");
    expect(split(USER, 0x8000_0001_4000_00e7n, 1)).toBe("0x8000000000000067");
  });

  test("X-5: a guest's PTE has no PS", () => {
    expect(split(GUEST, 0x0000_0000_4000_00b7n, 1)).toBe("0x0000000000000037");
    expect(split(GUEST, 0x0000_0000_4000_00b7n, 2)).toBe("0x00000000000000b7");
  });

  test("X-5: the smaller leaf equals the one that would be mapped, with A and D of the larger", () => {
    const accessedDirty = 0x60;
    for (const [format, kept] of [
      [USER, accessedDirty],
      [KERNEL, accessedDirty],
      [GUEST, 0],
    ] as const) {
      fc.assert(
        fc.property(
          fc.constantFrom(...LEGAL_FLAGS),
          fc.constantFrom(1, 2),
          fc.integer({ min: 0, max: 2 ** 16 - 1 }),
          (flags, level, frame) => {
            const large = format.leafBits(flags, level);
            const small = format.leafBits(flags, level - 1);
            const lo = large.lo | kept | (frame << 30);
            const bits = format.splitBits(lo, large.hi | (frame >>> 2), level);
            expect(bits).toEqual({ lo: small.lo | kept, hi: small.hi });
          },
        ),
      );
    }
  });
});

describe("X-20: the misread accessed bit", () => {
  test("H11: EPT has no accessed bits, so the guest format names none", () => {
    expect(GUEST.leafAccessed).toEqual({ lo: 0, hi: 0 });
    expect(GUEST.tableAccessed).toEqual({ lo: 0, hi: 0 });
    expect(GUEST.capabilities.accessedBit).toBe(false);
    expect(GUEST.capabilities.nonTerminalAccessed).toBe("none");
  });

  test("H11: the defective format takes the memory type of write-back for accessed", () => {
    const wrong = eptFormatMisreadingAccessed(FEATURES);
    expect(wrong.leafBits(READ, 0).lo & wrong.leafAccessed.lo).not.toBe(0);
    expect(wrong.newTable.lo & wrong.tableAccessed.lo).toBe(0);
    expect(wrong.capabilities.accessedBit).toBe(true);
  });
});
