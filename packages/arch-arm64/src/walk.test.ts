import {
  ALL_ACCESSES,
  Access,
  GUEST_TAGS,
  KernelPanic,
  MemoryType,
  NO_FAULT,
  type Walk,
  type WalkCache,
  accessName,
} from "@aspace/arch";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TCR_48, Tables, bit, stage1Tables, tableAt } from "../test/tables.ts";

const AF = bit(10);
/** EL0 and EL1 may read and write. */
const PLAIN = AF | bit(6);
const BLOCK = 1n;
const PAGE = 3n;

/** VA 0x123456789000: L0 36, L1 209, L2 179, L3 393. */
const VPN = 0x123456789;
const HIGH_VPN = 2 ** 52 - 2 ** 36 + VPN;

/** A path for `VPN` through frames 1 (TTBR0) or 2 (TTBR1), 3, 4, 5 to frame 0x123456. */
function pathTo(tables: Tables, leaf = (0x123456n << 12n) | PLAIN | PAGE): Tables {
  tables.set(1, 36, tableAt(3));
  tables.set(2, 36, tableAt(3));
  tables.set(3, 209, tableAt(4));
  tables.set(4, 179, tableAt(5));
  tables.set(5, 393, leaf);
  return tables;
}

const status = (walk: Walk): number => walk.fault & 0x3f;
const TRANSLATION = 0b000100;
const ADDRESS_SIZE = 0b000000;
const ACCESS_FLAG = 0b001000;
const EXTERNAL_ABORT = 0b010100;

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

describe("ranges and halves (G-12)", () => {
  const LEVEL_0 = { present: false, entry: -1, level: 3 };

  test.each([
    ["first page above the low half", 2 ** 36],
    ["last page below the high half", 2 ** 52 - 2 ** 36 - 1],
    ["bit 55 set alone", 2 ** 43],
    ["a tag byte without TBI", 2 ** 44],
  ])("%s: translation fault, level 0", (_, vpn) => {
    const walk = stage1Tables().walk(vpn, Access.USER_READ);
    expect(status(walk)).toBe(TRANSLATION);
    expect(walk).toMatchObject(LEVEL_0);
  });

  test("T0SZ = 17 puts the upper half of the entries out of reach", () => {
    const tables = pathTo(stage1Tables((TCR_48 & ~0x3fn) | 17n));
    tables.set(1, 256, tableAt(3));
    expect(tables.walk(VPN, Access.USER_READ).fault).toBe(NO_FAULT);
    expect(status(tables.walk(2 ** 35, Access.USER_READ))).toBe(TRANSLATION);
    expect(status(tables.walk(2 ** 35 - 1, Access.USER_READ))).toBe(TRANSLATION);
    expect(tables.walk(2 ** 35 - 1, Access.USER_READ).entry).toBe(1024 + 2 * 255);
  });

  test.each(Array.from({ length: 27 }, (_, index) => 22 + index))(
    "%i address bits start at the level of the manual's table, in both halves",
    (bits) => {
      const startLevel = bits >= 40 ? 0 : bits >= 31 ? 1 : 2;
      const size = BigInt(64 - bits);
      const tables = stage1Tables((TCR_48 & ~0x3f_003fn) | size | (size << 16n));
      const last = 2 ** (bits - 12) - 1;
      const rootEntries = 2 ** (bits - (39 - 9 * startLevel));
      for (const [root, vpn] of [
        [1, last],
        [2, 2 ** 52 - 1],
      ] as const) {
        const walk = tables.walk(vpn, Access.USER_READ);
        expect(status(walk)).toBe(TRANSLATION | startLevel);
        expect(walk.entry).toBe(root * 1024 + 2 * (rootEntries - 1));
      }
      expect(tables.walk(2 ** 52 - last - 1, Access.USER_READ).entry).toBe(2 * 1024);
      expect(tables.walk(last + 1, Access.USER_READ)).toMatchObject(LEVEL_0);
      expect(tables.walk(2 ** 52 - last - 2, Access.USER_READ)).toMatchObject(LEVEL_0);
    },
  );

  test.each([0, 15, 43, 63])("T0SZ = %i is out of bounds: nothing translates there", (t0sz) => {
    const tables = pathTo(stage1Tables((TCR_48 & ~0x3fn) | BigInt(t0sz)));
    expect(status(tables.walk(VPN, Access.USER_READ))).toBe(TRANSLATION);
    expect(tables.walk(HIGH_VPN, Access.USER_READ).fault).toBe(NO_FAULT);
  });

  test("a short root may start inside a frame, aligned to its own size", () => {
    // 36 bits: a root of 64 entries, 512 bytes, so that address bits 8:1 do not count.
    const tables = stage1Tables((TCR_48 & ~0x3fn) | 28n);
    tables.write("TTBR0_EL1", 0x0002_0000_0000_1a3en);
    tables.set(1, 0xa00 / 8 + 5, (9n << 30n) | PLAIN | BLOCK);
    expect(tables.walk(5 * 2 ** 18, Access.USER_READ)).toMatchObject({
      fault: NO_FAULT,
      pfn: 9 * 2 ** 18,
    });
  });

  test.each([
    ["EPD0", 7, VPN, HIGH_VPN],
    ["EPD1", 23, HIGH_VPN, VPN],
  ])("%s closes its half and no other", (_, position, closed, open) => {
    const tables = pathTo(stage1Tables(TCR_48 | bit(position)));
    expect(status(tables.walk(closed, Access.USER_READ))).toBe(TRANSLATION);
    expect(tables.walk(closed, Access.USER_READ)).toMatchObject(LEVEL_0);
    expect(tables.walk(open, Access.USER_READ).fault).toBe(NO_FAULT);
  });

  test("TBI ignores the top byte and lets bit 55 select the half", () => {
    const tag = 0x5a * 2 ** 44;
    const both = pathTo(stage1Tables(TCR_48 | bit(37) | bit(38)));
    expect(both.walk(tag + VPN, Access.USER_READ)).toMatchObject({ fault: 0, pfn: 0x123456 });
    const highInTag = tag + 2 ** 44 - 2 ** 36 + VPN;
    expect(both.walk(highInTag, Access.USER_READ)).toMatchObject({ fault: 0, pfn: 0x123456 });
    expect(both.walk(tag + 2 ** 44 - 2 ** 36, Access.USER_READ).entry).toBe(2 * 1024);
    for (const gap of [2 ** 36, 2 ** 43, 2 ** 44 - 2 ** 36 - 1]) {
      expect(both.walk(tag + gap, Access.USER_READ)).toMatchObject(LEVEL_0);
    }
    const lowOnly = pathTo(stage1Tables(TCR_48 | bit(37)));
    expect(lowOnly.walk(tag + VPN, Access.USER_READ).fault).toBe(NO_FAULT);
    expect(status(lowOnly.walk(highInTag, Access.USER_READ))).toBe(TRANSLATION);
  });

  test.each([
    ["E0PD0", 55, VPN, HIGH_VPN],
    ["E0PD1", 56, HIGH_VPN, VPN],
  ])(
    "%s turns EL0 accesses to its half into level 0 translation faults",
    (_, position, closed, open) => {
      const tables = pathTo(stage1Tables(TCR_48 | bit(position)));
      for (const access of [Access.USER_READ, Access.USER_WRITE, Access.USER_FETCH]) {
        const walk = tables.walk(closed, access);
        expect(status(walk)).toBe(TRANSLATION);
        expect(walk).toMatchObject(LEVEL_0);
        expect(tables.mmu.deniedFault(closed, access, 0) & 0x3f).toBe(TRANSLATION);
      }
      expect(tables.walk(closed, Access.COPY_READ)).toMatchObject({ fault: NO_FAULT });
      expect(tables.walk(closed, Access.COPY_READ).allowed & 0b111).toBe(0);
      expect(tables.walk(open, Access.USER_READ).fault).toBe(NO_FAULT);
    },
  );

  test("a faulting walk takes back what an earlier one left in its result", () => {
    const tables = pathTo(stage1Tables());
    const out = tables.walk(VPN, Access.USER_READ);
    for (const vpn of [VPN + 1, 2 ** 36]) {
      expect(out).toMatchObject({ present: true, fault: NO_FAULT });
      tables.mmu.walk(vpn, Access.USER_READ, null, out);
      expect(status(out) & 0b111100).toBe(TRANSLATION);
      expect(out).toMatchObject({ present: false, allowed: 0 });
      tables.mmu.walk(VPN, Access.USER_READ, null, out);
    }
  });

  test("in reset state nothing translates and no root register counts", () => {
    const tables = new Tables();
    for (const vpn of [0, VPN, HIGH_VPN, 2 ** 52 - 1]) {
      expect(status(tables.walk(vpn, Access.KERNEL_READ))).toBe(TRANSLATION);
    }
    expect(tables.mmu.rootPfns()).toEqual([]);
  });
});

describe("address size faults and external aborts (G-16)", () => {
  /** IPS, and the lowest address bit beyond it. */
  const SIZES = [
    [0, 32],
    [1, 36],
    [2, 40],
    [3, 42],
    [4, 44],
  ] as const;

  test.each(SIZES)(
    "IPS %i: address bit %i set is a fault of the level it is found at",
    (ips, size) => {
      const tcr = (TCR_48 & ~(7n << 32n)) | (BigInt(ips) << 32n);
      const far = bit(size);
      for (const [level, frame, index] of [
        [0, 1, 36],
        [1, 3, 209],
        [2, 4, 179],
      ] as const) {
        const tables = pathTo(stage1Tables(tcr));
        tables.set(frame, index, tables.get(frame, index) | far);
        const walk = tables.walk(VPN, Access.USER_READ);
        expect(status(walk)).toBe(ADDRESS_SIZE | level);
        expect(walk).toMatchObject({ present: false, level: 3 - level });
      }
      const page = pathTo(stage1Tables(tcr), far | PLAIN | PAGE);
      expect(status(page.walk(VPN, Access.USER_READ))).toBe(ADDRESS_SIZE | 3);
      const block = pathTo(stage1Tables(tcr));
      block.set(4, 179, far | PLAIN | BLOCK);
      expect(status(block.walk(VPN, Access.USER_READ))).toBe(ADDRESS_SIZE | 2);
      const root = pathTo(stage1Tables(tcr));
      root.write("TTBR0_EL1", 0x0002_0000_0000_1000n | far);
      expect(status(root.walk(VPN, Access.USER_READ))).toBe(ADDRESS_SIZE);
      expect(root.walk(VPN, Access.USER_READ).entry).toBe(-1);
    },
  );

  test.each(SIZES)("IPS %i: the highest frame below bit %i is no fault", (ips, size) => {
    const tcr = (TCR_48 & ~(7n << 32n)) | (BigInt(ips) << 32n);
    const leaf = ((bit(size) - 1n) & ~0xfffn) | PLAIN | PAGE;
    const walk = pathTo(stage1Tables(tcr), leaf).walk(VPN, Access.USER_READ);
    expect(walk).toMatchObject({ fault: NO_FAULT, pfn: 2 ** (size - 12) - 1 });
  });

  test.each([5, 6, 7])("IPS %i: no 48-bit address is too large", (ips) => {
    const tcr = (TCR_48 & ~(7n << 32n)) | (BigInt(ips) << 32n);
    const leaf = (0xf_ffff_ffffn << 12n) | PLAIN | PAGE;
    expect(pathTo(stage1Tables(tcr), leaf).walk(VPN, Access.USER_READ).fault).toBe(NO_FAULT);
  });

  test("a reserved type beats the address size", () => {
    const tcr = TCR_48 & ~(7n << 32n);
    const tables = pathTo(stage1Tables(tcr), bit(40) | PLAIN | BLOCK);
    expect(status(tables.walk(VPN, Access.USER_READ))).toBe(TRANSLATION | 3);
  });

  test.each([
    [1, 1, 36],
    [2, 3, 209],
    [3, 4, 179],
  ])(
    "a level %i table outside RAM is an external abort on that level's look-up",
    (level, frame, index) => {
      for (const far of [64, 0x10_0000, 0x8000_0000, 0xf_ffff_ffff]) {
        const tables = pathTo(stage1Tables());
        tables.set(frame, index, tableAt(far));
        const walk = tables.walk(VPN, Access.USER_READ);
        expect(status(walk), String(far)).toBe(EXTERNAL_ABORT | level);
        expect(walk).toMatchObject({ present: false, entry: -1, level: 3 - level });
      }
    },
  );

  test("a root outside RAM is an external abort at the start level", () => {
    const tables = stage1Tables();
    tables.write("TTBR0_EL1", 0x0002_0000_0004_0000n);
    expect(status(tables.walk(VPN, Access.USER_READ))).toBe(EXTERNAL_ABORT);
    tables.write("TCR_EL1", (TCR_48 & ~0x3fn) | 25n);
    expect(status(tables.walk(0, Access.USER_READ))).toBe(EXTERNAL_ABORT | 1);
  });

  test("a leaf outside RAM is no fault of the walk", () => {
    const tables = pathTo(stage1Tables(), tableAt(0xffff_ffff) | PLAIN);
    expect(tables.walk(VPN, Access.USER_READ).pfn).toBe(0xffff_ffff);
  });
});

describe("access flag and dirty state (G-17)", () => {
  const HA = bit(39);
  const HD = bit(40);
  const DBM = bit(51);
  const READ_ONLY = bit(7);
  const leaf = (bits: bigint): bigint => (9n << 12n) | bit(6) | PAGE | bits;

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

describe("memory types (G-18)", () => {
  const { WRITE_BACK, UNCACHED, DEVICE, WRITE_COMBINING, OTHER } = MemoryType;

  test.each([
    [0x00, [UNCACHED, UNCACHED, UNCACHED, UNCACHED]],
    [0x04, [DEVICE, DEVICE, DEVICE, DEVICE]],
    [0x44, [WRITE_COMBINING, WRITE_COMBINING, WRITE_COMBINING, WRITE_COMBINING]],
    [0xff, [OTHER, OTHER, OTHER, WRITE_BACK]],
    [0xbb, [OTHER, OTHER, OTHER, OTHER]],
    [0x0c, [OTHER, OTHER, OTHER, OTHER]],
  ])("MAIR byte %i, by shareability, in each of the eight slots", (byte, bySharing) => {
    for (let slot = 0; slot < 8; slot++) {
      const tables = stage1Tables();
      tables.write("MAIR_EL1", 0x1122_3355_6677_8899n);
      tables.write("MAIR_EL1", BigInt(byte) << BigInt(8 * slot));
      for (let sh = 0; sh < 4; sh++) {
        const attributes = (BigInt(slot) << 2n) | (BigInt(sh) << 8n);
        pathTo(tables, (9n << 12n) | PLAIN | PAGE | attributes);
        expect(tables.walk(VPN, Access.USER_READ).memoryType).toBe(bySharing[sh]);
      }
    }
  });
});

describe("tags and roots (G-7)", () => {
  test("A1 says which TTBR the ASID comes from, AS how wide it is", () => {
    const tables = stage1Tables();
    tables.write("TTBR0_EL1", 0x1234_0000_0000_1000n);
    tables.write("TTBR1_EL1", 0xabcd_0000_0000_2000n);
    expect(tables.mmu.tag).toBe(0x1234);
    tables.write("TCR_EL1", TCR_48 | bit(22));
    expect(tables.mmu.tag).toBe(0xabcd);
    tables.write("TCR_EL1", (TCR_48 & ~bit(36)) | bit(22));
    expect(tables.mmu.tag).toBe(0xcd);
  });

  test("the roots are those of the open halves", () => {
    const tables = stage1Tables();
    expect(tables.mmu.rootPfns()).toEqual([1, 2]);
    tables.write("TCR_EL1", TCR_48 | bit(7));
    expect(tables.mmu.rootPfns()).toEqual([2]);
  });

  test("registers read back what was written", () => {
    const tables = stage1Tables();
    expect(tables.mmu.read("TTBR0_EL1")).toEqual({ lo: 0x1000, hi: 0x20000 });
  });

  test.each([
    ["TG0 64 KiB", TCR_48 | bit(14)],
    ["TG0 16 KiB", TCR_48 | bit(15)],
    ["TG1 16 KiB", (TCR_48 & ~(3n << 30n)) | bit(30)],
    ["LPA2", TCR_48 | bit(59)],
  ])("%s is refused, not misread (G-2)", (_, tcr) => {
    expect(() => stage1Tables(tcr)).toThrow(KernelPanic);
  });

  test("a guest's tag is its VMID above GUEST_TAGS", () => {
    const tables = stage1Tables();
    tables.write("VTCR_EL2", 0x8005_355cn);
    tables.write("VTTBR_EL2", 0x0107_0000_0000_3000n);
    tables.write("HCR_EL2", 1n);
    expect(tables.mmu.tag).toBe(GUEST_TAGS + 7);
    expect(tables.mmu.rootPfns()).toEqual([3]);
    tables.write("VTCR_EL2", 0x8005_355cn | bit(19));
    expect(tables.mmu.tag).toBe(GUEST_TAGS + 0x107);
    tables.write("HCR_EL2", 0n);
    expect(tables.mmu.tag).toBe(2);
  });
});

describe("denied hits", () => {
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

/** Keeps every step, like a CPU that was never told to forget. */
class KeptSteps implements WalkCache {
  level = 0;
  table = 0;
  rights = 0;
  readonly steps: { tag: number; base: number; level: number; table: number; rights: number }[] =
    [];

  find(tag: number, vpn: number): boolean {
    const covering = this.steps.filter(
      (step) => step.tag === tag && step.base === Math.floor(vpn / 512 ** (step.level + 1)),
    );
    const deepest = covering.toSorted((a, b) => a.level - b.level)[0];
    if (deepest === undefined) return false;
    ({ level: this.level, table: this.table, rights: this.rights } = deepest);
    return true;
  }

  fill(tag: number, vpn: number, level: number, table: number, rights: number): void {
    this.steps.push({ tag, base: Math.floor(vpn / 512 ** (level + 1)), level, table, rights });
  }
}

describe("walk caches (G-19)", () => {
  test("each table passed is remembered with the rights above it, under the tag", () => {
    const tables = pathTo(stage1Tables());
    tables.set(3, 209, tableAt(4, bit(61)));
    tables.set(4, 179, tableAt(5, bit(59)));
    const cache = new KeptSteps();
    tables.walk(VPN, Access.COPY_READ, cache);
    expect(cache.steps.map(({ tag, level, table, rights }) => [tag, level, table, rights])).toEqual(
      [
        [2, 2, 3, 0],
        [2, 1, 4, 0b0100],
        [2, 0, 5, 0b0101],
      ],
    );
  });

  test("a walk from the cache reads only below the cached table", () => {
    const tables = pathTo(stage1Tables());
    const cache = new KeptSteps();
    const cold = tables.walk(VPN, Access.USER_READ, cache);
    tables.set(1, 36, 0n);
    tables.set(3, 209, 0n);
    tables.set(4, 179, 0n);
    expect(tables.walk(VPN, Access.USER_READ, cache)).toEqual(cold);
    expect(status(tables.walk(VPN, Access.USER_READ))).toBe(TRANSLATION);
  });

  test("nothing is remembered of descriptors that fault; tables before them are", () => {
    const fills = (change: (tables: Tables) => void): number[] => {
      const tables = pathTo(stage1Tables(TCR_48 & ~(7n << 32n)));
      change(tables);
      const cache = new KeptSteps();
      tables.walk(VPN, Access.USER_READ, cache);
      return cache.steps.map(({ table }) => table);
    };
    expect(fills((tables) => tables.set(4, 179, 0n))).toEqual([3, 4]);
    expect(fills((tables) => tables.set(4, 179, tableAt(5, bit(40))))).toEqual([3, 4]);
    expect(fills((tables) => tables.set(4, 179, tableAt(64)))).toEqual([3, 4]);
    expect(fills((tables) => tables.set(5, 393, (9n << 12n) | PAGE))).toEqual([3, 4, 5]);
    expect(fills((tables) => tables.set(1, 36, PLAIN | BLOCK))).toEqual([]);
  });

  /** Random descriptors that lead somewhere more often than not. */
  const descriptor = fc
    .record({
      type: fc.constantFrom(0n, 1n, 3n, 3n, 3n),
      frame: fc.integer({ min: 1, max: 70 }),
      low: fc.integer({ min: 0, max: 0x3ff }),
      high: fc.integer({ min: 0, max: 0x7fff }),
    })
    .map(
      ({ type, frame, low, high }) =>
        type | (BigInt(frame) << 12n) | (BigInt(low) << 2n) | (BigInt(high) << 49n),
    );

  test("a walk with a cache answers like a cold one, for any tables and accesses", () => {
    const entries = fc.array(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.nat(3), descriptor), {
      minLength: 8,
      maxLength: 24,
    });
    const accesses = fc.array(
      fc.tuple(
        fc.array(fc.nat(3), { minLength: 4, maxLength: 4 }),
        fc.constantFrom(...ALL_ACCESSES),
        fc.constantFrom(0, 2 ** 52 - 2 ** 36),
      ),
      { minLength: 1, maxLength: 12 },
    );
    fc.assert(
      fc.property(entries, accesses, (written, made) => {
        const tables = stage1Tables();
        for (const [frame, index, entry] of written) tables.set(frame, index, entry);
        const cache = new KeptSteps();
        for (const [[a, b, c, d], access, half] of made) {
          const vpn = half + a! * 2 ** 27 + b! * 2 ** 18 + c! * 512 + d!;
          const cold = tables.walk(vpn, access);
          const warm = tables.walk(vpn, access, cache);
          expect(warm.fault).toBe(cold.fault);
          if (cold.present) expect(warm).toEqual(cold);
        }
      }),
      { numRuns: 300 },
    );
  });
});
