import { Access, GUEST_TAGS, KernelPanic, NO_FAULT } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import {
  ADDRESS_SIZE,
  BLOCK,
  EXTERNAL_ABORT,
  HIGH_VPN,
  PAGE,
  PLAIN,
  TCR_48,
  TRANSLATION,
  Tables,
  VPN,
  bit,
  pathTo,
  stage1Tables,
  status,
  tableAt,
} from "../test/tables.ts";

const LEVEL_0 = { present: false, entry: -1, level: 3 };

describe("ranges and halves (G-12)", () => {
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
    "%s turns EL0 accesses to its half into level 0 translation faults, also on a hit (G-23)",
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
