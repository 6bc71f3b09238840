import { ALL_ACCESSES, Access, MemoryType, NO_FAULT, accessName } from "@aspace/arch";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ACCESS_FLAG,
  AF,
  BLOCK,
  HIGH_VPN,
  PAGE,
  PLAIN,
  TCR_48,
  TRANSLATION,
  VPN,
  bit,
  pathTo,
  stage1Tables,
  status,
  tableAt,
} from "../test/tables.ts";

describe("a walk that succeeds (G-10)", () => {
  test.each([
    ["low half, TTBR0", VPN],
    ["high half, TTBR1", HIGH_VPN],
  ])("%s: frame, level and entry of the worked example", (_, vpn) => {
    const walk = pathTo(stage1Tables()).walk(vpn, Access.USER_READ);
    expect(walk).toMatchObject({
      fault: NO_FAULT,
      present: true,
      pfn: 0x123456,
      leafPages: 0,
      level: 0,
      entry: 5 * 1024 + 2 * 393,
      accessed: true,
      memoryType: MemoryType.UNCACHED,
    });
  });

  test.each([
    ["2 MiB block at level 2", 9, 1],
    ["1 GiB block at level 1", 18, 2],
  ])("%s gives the very page asked for", (_, leafPages, level) => {
    const tables = pathTo(stage1Tables());
    const first = 0x2_4000_0000 - (0x2_4000_0000 % 2 ** leafPages);
    const leaf = (BigInt(first) << 12n) | PLAIN | BLOCK;
    if (level === 1) tables.set(4, 179, leaf);
    else tables.set(3, 209, leaf);
    const walk = tables.walk(VPN, Access.USER_WRITE);
    expect(walk).toMatchObject({ fault: NO_FAULT, leafPages, level });
    expect(walk.pfn).toBe(first + (VPN % 2 ** leafPages));
  });

  test("address bits below a block's size do not count", () => {
    const tables = pathTo(stage1Tables());
    tables.set(4, 179, (0x40000n << 12n) | PLAIN | BLOCK | (0x1ffn << 12n));
    for (const place of [0, VPN % 512, 511]) {
      const vpn = VPN - (VPN % 512) + place;
      expect(tables.walk(vpn, Access.USER_READ).pfn).toBe(0x40000 + place);
    }
  });

  test("frames up to 2^36 - 1 are reported exactly", () => {
    const leaf = (0xf_ffff_ffffn << 12n) | PLAIN | PAGE;
    expect(pathTo(stage1Tables(), leaf).walk(VPN, Access.USER_READ).pfn).toBe(2 ** 36 - 1);
  });

  test("nG = 0 makes a translation global, in either half", () => {
    const tables = pathTo(stage1Tables());
    expect(tables.walk(VPN, Access.USER_READ).global).toBe(true);
    tables.set(5, 393, tables.get(5, 393) | bit(11));
    expect(tables.walk(VPN, Access.USER_READ).global).toBe(false);
    expect(tables.walk(HIGH_VPN, Access.USER_READ).global).toBe(false);
  });

  test("bits that hardware ignores change nothing, nor does the contiguous hint (G-15)", () => {
    const tables = pathTo(stage1Tables());
    const plain = tables.walk(VPN, Access.USER_READ);
    const ignored = [5, 50, 51, 52, 55, 56, 57, 58, 59, 60, 61, 62, 63];
    for (const position of ignored) {
      const entry = (0x123456n << 12n) | PLAIN | PAGE | bit(position);
      expect(pathTo(tables, entry).walk(VPN, Access.USER_READ), String(position)).toEqual(plain);
    }
    for (const position of [2, 7, 10, 11, 50, 54, 55, 58, 63]) {
      tables.set(3, 209, tableAt(4, bit(position)));
      expect(tables.walk(VPN, Access.USER_READ), String(position)).toEqual(plain);
    }
  });
});

describe("translation faults (G-11)", () => {
  test.each([
    [0, 1, 36],
    [1, 3, 209],
    [2, 4, 179],
    [3, 5, 393],
  ])("bit 0 clear at level %i, whatever the other bits", (level, frame, index) => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), (bits) => {
        const tables = pathTo(stage1Tables());
        tables.set(frame, index, bits << 1n);
        const walk = tables.walk(VPN, Access.USER_READ);
        expect(status(walk)).toBe(TRANSLATION | level);
        expect(walk).toMatchObject({ present: false, level: 3 - level });
        expect(walk.entry).toBe(frame * 1024 + 2 * index);
      }),
      { numRuns: 20 },
    );
  });

  test.each([
    ["block encoding at level 0", 0, 1, 36],
    ["block encoding at level 3", 3, 5, 393],
  ])("%s is reserved", (_, level, frame, index) => {
    const tables = pathTo(stage1Tables());
    tables.set(frame, index, (9n << 12n) | PLAIN | BLOCK);
    expect(status(tables.walk(VPN, Access.USER_READ))).toBe(TRANSLATION | level);
  });

  test("each kind of access reports its own class and WnR", () => {
    const tables = stage1Tables();
    const syndromes = [0x920, 0x920, 0x820, 0x960, 0x960, 0x860, 0x960, 0x960, 0x860];
    for (const access of ALL_ACCESSES) {
      const writes = access % 3 === 1 ? 0x40 : 0;
      const expected = syndromes[access]! * 2 ** 20 + (writes | TRANSLATION);
      expect(tables.walk(VPN, access).fault, accessName(access)).toBe(expected);
    }
  });
});

/** A page at frame 9 for EL0 and EL1, without AF. */
const leaf = (bits: bigint): bigint => (9n << 12n) | bit(6) | PAGE | bits;

describe("access flag and dirty state (G-17)", () => {
  const HA = bit(39);
  const HD = bit(40);
  const DBM = bit(51);
  const READ_ONLY = bit(7);
  test.each([
    ["page", 3],
    ["2 MiB block", 2],
    ["1 GiB block", 1],
  ])(
    "AF = 0 in a %s is an access flag fault of level %i, not present in a TLB's sense",
    (_, level) => {
      const tables = pathTo(stage1Tables(), leaf(0n));
      if (level === 2) tables.set(4, 179, bit(6) | BLOCK);
      if (level === 1) tables.set(3, 209, bit(6) | BLOCK);
      const walk = tables.walk(VPN, Access.USER_READ);
      expect(status(walk)).toBe(ACCESS_FLAG | level);
      expect(walk).toMatchObject({ present: false, accessed: false, level: 3 - level });
    },
  );

  test("the access flag beats the permissions", () => {
    const tables = pathTo(stage1Tables(), leaf(READ_ONLY));
    expect(status(tables.walk(VPN, Access.USER_WRITE))).toBe(ACCESS_FLAG | 3);
  });

  test("HA sets AF on an allowed access, and only then", () => {
    const tables = pathTo(stage1Tables(TCR_48 | HA), leaf(READ_ONLY));
    expect(status(tables.walk(VPN, Access.USER_WRITE))).toBe(0b001111);
    expect(tables.get(5, 393)).toBe(leaf(READ_ONLY));
    expect(tables.walk(VPN, Access.USER_READ)).toMatchObject({ fault: 0, accessed: true });
    expect(tables.get(5, 393)).toBe(leaf(READ_ONLY | AF));
  });

  test("inspect reports AF as it is and writes nothing", () => {
    const tables = pathTo(stage1Tables(TCR_48 | HA | HD), leaf(READ_ONLY | DBM));
    const before = tables.memory.words.slice();
    expect(tables.inspect(VPN, Access.USER_WRITE)).toMatchObject({
      fault: NO_FAULT,
      present: true,
      accessed: false,
      dirty: false,
    });
    expect(tables.memory.words).toEqual(before);
    const off = pathTo(stage1Tables(), leaf(0n));
    expect(status(off.inspect(VPN, Access.USER_READ))).toBe(ACCESS_FLAG | 3);
  });

  test("HD makes a DBM page writable and clears AP[2] at the first write", () => {
    const tables = pathTo(stage1Tables(TCR_48 | HA | HD), leaf(READ_ONLY | DBM | AF));
    expect(tables.mmu.tracksDirty).toBe(true);
    expect(tables.walk(VPN, Access.USER_READ)).toMatchObject({ fault: 0, dirty: false });
    expect(tables.get(5, 393)).toBe(leaf(READ_ONLY | DBM | AF));
    expect(tables.walk(VPN, Access.USER_WRITE)).toMatchObject({ fault: 0, dirty: true });
    expect(tables.get(5, 393)).toBe(leaf(DBM | AF));
  });

  test("HD changes nothing without DBM, without HA, or below a read-only table", () => {
    const plain = pathTo(stage1Tables(TCR_48 | HA | HD), leaf(READ_ONLY | AF));
    expect(status(plain.walk(VPN, Access.USER_WRITE))).toBe(0b001111);
    const noHa = pathTo(stage1Tables(TCR_48 | HD), leaf(READ_ONLY | DBM | AF));
    expect(noHa.mmu.tracksDirty).toBe(false);
    expect(status(noHa.walk(VPN, Access.USER_WRITE))).toBe(0b001111);
    const readOnlyTable = pathTo(stage1Tables(TCR_48 | HA | HD), leaf(READ_ONLY | DBM | AF));
    readOnlyTable.set(3, 209, tableAt(4, bit(62)));
    expect(status(readOnlyTable.walk(VPN, Access.USER_WRITE))).toBe(0b001111);
    expect(readOnlyTable.get(5, 393)).toBe(leaf(READ_ONLY | DBM | AF));
  });

  test("a writable-clean page counts as writable for the implicit PXN", () => {
    const tables = pathTo(stage1Tables(TCR_48 | HA | HD), leaf(READ_ONLY | DBM | AF));
    expect(status(tables.walk(VPN, Access.KERNEL_FETCH))).toBe(0b001111);
  });
});

describe("denied hits (G-23)", () => {
  test.each([0, 1, 2])(
    "a hit on a leaf at level %i that is denied is a permission fault there",
    (level) => {
      const { mmu } = stage1Tables();
      expect(mmu.deniedFault(VPN, Access.USER_WRITE, level)).toBe(
        0x9200_0040 + 0b001100 + 3 - level,
      );
    },
  );

  test("a permission fault evicts nothing", () => {
    expect(stage1Tables().mmu.faultEvicts).toBe(false);
  });
});
