import { ALL_ACCESSES, Access, KernelPanic, MemoryType, NO_FAULT, type Walk } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { type Tables, bit, stage2Tables, tableAt } from "../test/tables.ts";

const AF = bit(10);
const READ_WRITE = 3n << 6n;
const PLAIN = AF | READ_WRITE;
const PAGE = 3n;
const BLOCK = 1n;
const VTCR = 0x8005_355cn;

/** IPA 0x8_c765_4000 of 36 bits: L1 35, L2 59, L3 84. */
const VPN = 35 * 2 ** 18 + 59 * 512 + 84;

/** A path through frames 1, 3, 4. */
function pathTo(tables: Tables, leaf = (0x123456n << 12n) | PLAIN | PAGE): Tables {
  tables.set(1, 35, tableAt(3));
  tables.set(3, 59, tableAt(4));
  tables.set(4, 84, leaf);
  return tables;
}

const status = (walk: Walk): number => walk.fault & 0x3f;
const TRANSLATION = 0b000100;

describe("stage 2 walks (G-14)", () => {
  test("start at level 1 of a 64-entry root", () => {
    expect(pathTo(stage2Tables()).walk(VPN, Access.USER_READ)).toMatchObject({
      fault: NO_FAULT,
      present: true,
      pfn: 0x123456,
      leafPages: 0,
      level: 0,
      entry: 4 * 1024 + 2 * 84,
      global: false,
    });
  });

  test("find 2 MiB and 1 GiB blocks", () => {
    const tables = pathTo(stage2Tables());
    tables.set(3, 59, (7n << 21n) | PLAIN | BLOCK);
    expect(tables.walk(VPN, Access.USER_READ)).toMatchObject({ pfn: 7 * 512 + 84, leafPages: 9 });
    tables.set(1, 35, (7n << 30n) | PLAIN | BLOCK);
    const expected = { pfn: 7 * 2 ** 18 + 59 * 512 + 84, leafPages: 18 };
    expect(tables.walk(VPN, Access.USER_READ)).toMatchObject(expected);
  });

  test("fault with the level, marked as stage 2, alike in all modes", () => {
    const tables = pathTo(stage2Tables());
    for (const [level, frame, index] of [
      [3, 4, 84],
      [2, 3, 59],
      [1, 1, 35],
    ] as const) {
      tables.set(frame, index, 0n);
      for (const access of ALL_ACCESSES) {
        const walk = tables.walk(VPN, access);
        const fetch = access % 3 === 2;
        const write = access % 3 === 1;
        const esr = (fetch ? 0x8200_0000 : 0x9200_0000) + (write ? 0x40 : 0) + TRANSLATION + level;
        expect(walk.fault).toBe(2 ** 32 + esr);
      }
    }
  });

  test.each([
    ["first page beyond the 36 bits", 2 ** 24],
    ["the host's kernel half", 2 ** 52 - 1],
  ])("%s: translation fault, level 0, whatever the start level", (_, vpn) => {
    const walk = stage2Tables().walk(vpn, Access.USER_READ);
    expect(walk.fault).toBe(2 ** 32 + 0x9200_0000 + TRANSLATION);
    expect(walk).toMatchObject({ present: false, entry: -1, level: 3 });
  });

  test("the page encoding 01 at level 3 is reserved", () => {
    const tables = pathTo(stage2Tables(), (9n << 12n) | PLAIN | BLOCK);
    expect(status(tables.walk(VPN, Access.USER_READ))).toBe(TRANSLATION | 3);
  });

  test("AF = 0 is an access flag fault before any permission", () => {
    const tables = pathTo(stage2Tables(), (9n << 12n) | PAGE);
    const walk = tables.walk(VPN, Access.USER_WRITE);
    expect(status(walk)).toBe(0b001011);
    expect(walk.present).toBe(false);
  });

  test("a denied access is a permission fault of the leaf's level, also on a hit", () => {
    const tables = pathTo(stage2Tables(), (9n << 12n) | AF | bit(6) | PAGE);
    expect(status(tables.walk(VPN, Access.USER_WRITE))).toBe(0b001111);
    expect(tables.mmu.deniedFault(VPN, Access.USER_WRITE, 0)).toBe(
      tables.walk(VPN, Access.USER_WRITE).fault,
    );
  });

  test("PS bounds the output address", () => {
    const tables = pathTo(stage2Tables(VTCR & ~(7n << 16n)), bit(32) | PLAIN | PAGE);
    expect(status(tables.walk(VPN, Access.USER_READ))).toBe(0b000011);
  });

  test("a table outside RAM is an external abort", () => {
    const tables = pathTo(stage2Tables());
    tables.set(3, 59, tableAt(64));
    expect(status(tables.walk(VPN, Access.USER_READ))).toBe(0b010111);
  });
});

describe("VTCR_EL2 (G-14)", () => {
  /** SL0 and the address bits it can be used with: up to 16 root tables in a row. */
  const STARTS = [
    { sl0: 0, level: 2, min: 22, max: 34 },
    { sl0: 1, level: 1, min: 31, max: 43 },
    { sl0: 2, level: 0, min: 40, max: 48 },
  ] as const;

  test.each(STARTS)("SL0 $sl0 starts at level $level for $min to $max address bits", (start) => {
    for (let bits = 16; bits <= 52; bits++) {
      const vtcr = (VTCR & ~0xffn) | BigInt(64 - bits) | (BigInt(start.sl0) << 6n);
      const walk = stage2Tables(vtcr).walk(2 ** (bits - 12) - 1, Access.USER_READ);
      const legal = bits >= start.min && bits <= start.max;
      expect(status(walk), `${bits} bits`).toBe(TRANSLATION | (legal ? start.level : 0));
      const entries = 2 ** (bits - (39 - 9 * start.level));
      expect(walk.entry).toBe(legal ? 1024 + 2 * (entries - 1) : -1);
    }
  });

  test("a root of several tables counts as several root frames", () => {
    const { mmu } = stage2Tables((VTCR & ~0xffn) | BigInt(64 - 41) | (1n << 6n));
    expect(mmu.rootPfns()).toEqual([1, 2, 3, 4]);
  });

  test("SL0 = 3 needs a feature the model does not have: nothing translates", () => {
    const tables = stage2Tables((VTCR & ~0xffn) | 28n | (3n << 6n));
    expect(status(tables.walk(0, Access.USER_READ))).toBe(TRANSLATION);
  });

  test("another granule is refused (G-2)", () => {
    expect(() => stage2Tables(VTCR | bit(14))).toThrow(KernelPanic);
  });

  test("HA and HD update AF and S2AP[1] (G-17)", () => {
    const clean = (9n << 12n) | PAGE | bit(6) | bit(51);
    const tables = pathTo(stage2Tables(VTCR | bit(21) | bit(22)), clean);
    expect(tables.mmu.tracksDirty).toBe(true);
    expect(tables.walk(VPN, Access.USER_READ)).toMatchObject({ fault: 0, dirty: false });
    expect(tables.get(4, 84)).toBe(clean | AF);
    expect(tables.walk(VPN, Access.USER_WRITE)).toMatchObject({ fault: 0, dirty: true });
    expect(tables.get(4, 84)).toBe(clean | AF | bit(7));
  });
});

describe("stage 2 memory types (G-18)", () => {
  const { WRITE_BACK, UNCACHED, DEVICE, WRITE_COMBINING, OTHER } = MemoryType;
  const BY_MEM_ATTR: Readonly<Record<number, MemoryType>> = {
    0b0000: UNCACHED,
    0b0001: DEVICE,
    0b0101: WRITE_COMBINING,
    0b1111: WRITE_BACK,
  };

  test.each(Array.from({ length: 16 }, (_, memAttr) => memAttr))(
    "MemAttr %i, by shareability",
    (memAttr) => {
      for (let sh = 0; sh < 4; sh++) {
        const attributes = (BigInt(memAttr) << 2n) | (BigInt(sh) << 8n);
        const tables = pathTo(stage2Tables(), (9n << 12n) | PLAIN | PAGE | attributes);
        const type = BY_MEM_ATTR[memAttr] ?? OTHER;
        const expected = type === WRITE_BACK && sh !== 3 ? OTHER : type;
        expect(tables.walk(VPN, Access.USER_READ).memoryType).toBe(expected);
      }
    },
  );
});
