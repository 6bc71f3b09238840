import {
  ACCESS_KINDS,
  Access,
  FRAME_WORDS,
  GUEST_TAGS,
  MemoryType,
  NO_FRAME,
  type PhysicalMemory,
  type Walk,
  emptyWalk,
} from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { FaultCause, faultCode } from "./fault.ts";
import { KERNEL_BASE } from "./geometry.ts";
import { RELAXED, STRICT, type TinyVariant } from "./variant.ts";
import { TinyMmu } from "./walk.ts";

/*
 * The tables of every test, written by hand; a page number is its four octal digits.
 *
 *   root = frame 1    [3] -> frame 2    [1] -> frame 3    [4] -> frame 4    [7] = the entry under test
 *   so page 0o3147 is what level 0 says; levels 1 and 2 are tried by putting a leaf further up.
 */
const PAGE = 0o3147;

function tables(): PhysicalMemory {
  const words = new Int32Array(8 * FRAME_WORDS);
  const memory = { words, frameCount: 8 };
  set(memory, 1, 3, 0x0002_0001);
  set(memory, 2, 1, 0x0003_0001);
  set(memory, 3, 4, 0x0004_0001);
  return memory;
}

function set(memory: PhysicalMemory, table: number, index: number, lo: number, hi = 0): void {
  memory.words[table * FRAME_WORDS + 2 * index] = lo;
  memory.words[table * FRAME_WORDS + 2 * index + 1] = hi;
}

function mmuOf(memory: PhysicalMemory, variant: TinyVariant, tag = 1): TinyMmu {
  const mmu = new TinyMmu(memory, variant);
  mmu.load({ lowerRoot: 1, upperRoot: 1, tag });
  return mmu;
}

function inspect(mmu: TinyMmu, vpn: number, access: Access = Access.USER_READ): Walk {
  const out = emptyWalk();
  mmu.inspect(vpn, access, out);
  return out;
}

describe("a walk", () => {
  test("reads one octal digit of the page number at each level (TY-1)", () => {
    const memory = tables();
    set(memory, 4, 7, 0x5678_0033, 0x12);
    const walk = inspect(mmuOf(memory, RELAXED), PAGE);
    expect(walk).toMatchObject({
      fault: 0,
      present: true,
      pfn: 0x125678,
      leafPages: 0,
      level: 0,
      entry: 4 * FRAME_WORDS + 14,
    });
  });

  test("ends at a large leaf, whose frame it counts on from (TY-1)", () => {
    const memory = tables();
    set(memory, 3, 4, 0x1238_0033);
    expect(inspect(mmuOf(memory, RELAXED), PAGE)).toMatchObject({ pfn: 0x123f, leafPages: 3 });
    set(memory, 2, 1, 0x1240_0033);
    expect(inspect(mmuOf(memory, RELAXED), PAGE)).toMatchObject({ pfn: 0x1267, leafPages: 6 });
  });

  test("takes the other root in the upper half, and neither in between (TY-1)", () => {
    const memory = tables();
    set(memory, 4, 7, 0x0005_0033);
    const mmu = new TinyMmu(memory, RELAXED);
    mmu.load({ lowerRoot: NO_FRAME, upperRoot: 1, tag: 0 });
    const top = 3;
    const read = Access.KERNEL_READ;
    expect(inspect(mmu, KERNEL_BASE + PAGE, read)).toMatchObject({ present: true, pfn: 5 });
    expect(inspect(mmu, PAGE, read).fault).toBe(faultCode(FaultCause.ABSENT, top, read));
    for (const vpn of [4096, KERNEL_BASE - 1]) {
      expect(inspect(mmu, vpn, read).fault).toBe(faultCode(FaultCause.ADDRESS, top, read));
    }
  });

  test.each([
    ["a hole at the root", 1, 3, 0, 0, FaultCause.ABSENT, 3],
    ["a hole at level 0", 4, 7, 0, 0, FaultCause.ABSENT, 0],
    ["a leaf at the root", 1, 3, 0x0000_0003, 0, FaultCause.MALFORMED, 3],
    ["a table at level 0", 4, 7, 0x0005_0001, 0, FaultCause.MALFORMED, 0],
    ["a table with a low reserved bit", 2, 1, 0x0003_0011, 0, FaultCause.MALFORMED, 2],
    ["a table with a high reserved bit", 2, 1, 0x0003_0001, 0x100, FaultCause.MALFORMED, 2],
    ["a leaf with a low reserved bit", 4, 7, 0x0005_0403, 0, FaultCause.MALFORMED, 0],
    ["a leaf with a high reserved bit", 4, 7, 0x0005_0003, -(2 ** 31), FaultCause.MALFORMED, 0],
    ["a large leaf at an unaligned frame", 3, 4, 0x0009_0003, 0, FaultCause.MALFORMED, 1],
    ["a table outside RAM", 3, 4, 0x0100_0001, 0, FaultCause.MALFORMED, 0],
  ] as const)("faults on %s (TY-1)", (_, table, index, lo, hi, cause, level) => {
    const memory = tables();
    set(memory, table, index, lo, hi);
    const walk = inspect(mmuOf(memory, RELAXED), PAGE);
    expect(walk.fault).toBe(faultCode(cause, level, Access.USER_READ));
    expect(walk.present).toBe(false);
  });

  test("ignores the software mark of a table entry (TY-6)", () => {
    const memory = tables();
    set(memory, 2, 1, 0x0003_0001, -(2 ** 31));
    set(memory, 4, 7, 0x0005_0033);
    expect(inspect(mmuOf(memory, RELAXED), PAGE).present).toBe(true);
  });

  test.each([
    ["a kernel page, read-only", 0x23, 0b001_001_000],
    ["a kernel page, all rights", 0x2f, 0b111_111_000],
    ["a user page, read-only", 0x33, 0b001_000_001],
    ["a user page, writable", 0x37, 0b011_000_011],
    ["a user page, executable", 0x3b, 0b001_000_101],
    ["a user page, all rights", 0x3f, 0b011_000_111],
  ])("allows %s exactly what TY-3 says", (_, lo, allowed) => {
    const memory = tables();
    set(memory, 4, 7, 0x0005_0000 | lo);
    const mmu = mmuOf(memory, RELAXED);
    for (let kind = 0; kind < ACCESS_KINDS; kind++) {
      const walk = inspect(mmu, PAGE, kind as Access);
      expect(walk.allowed).toBe(allowed);
      const denied = faultCode(FaultCause.DENIED, 0, kind as Access);
      expect(walk.fault).toBe(((allowed >> kind) & 1) === 1 ? 0 : denied);
    }
  });

  test("asks a guest's page nothing but W and X (TY-3)", () => {
    const memory = tables();
    set(memory, 4, 7, 0x0005_0027);
    const walk = inspect(mmuOf(memory, RELAXED, GUEST_TAGS + 1), PAGE);
    expect(walk.allowed).toBe(0b011_011_011);
  });

  test("reads the memory type from bits 9:8 (TY-2)", () => {
    const memory = tables();
    const types = [0x000, 0x100, 0x200, 0x300].map((bits) => {
      set(memory, 4, 7, 0x0005_0023 | bits);
      return inspect(mmuOf(memory, RELAXED), PAGE).memoryType;
    });
    const { WRITE_BACK, WRITE_COMBINING, DEVICE, UNCACHED } = MemoryType;
    expect(types).toEqual([WRITE_BACK, WRITE_COMBINING, DEVICE, UNCACHED]);
  });
});

const walkOnce = (memory: PhysicalMemory, variant: TinyVariant, access: Access): Walk => {
  const out = emptyWalk();
  mmuOf(memory, variant).walk(PAGE, access, null, out);
  return out;
};
const leafOf = (memory: PhysicalMemory): number => memory.words[4 * FRAME_WORDS + 14]!;

describe("accessed and dirty bits", () => {
  test("are set by a walk that succeeds, dirty only by a write (TY-6)", () => {
    const memory = tables();
    set(memory, 4, 7, 0x0005_0017);
    expect(walkOnce(memory, RELAXED, Access.USER_READ)).toMatchObject({
      accessed: true,
      dirty: false,
    });
    expect(leafOf(memory)).toBe(0x0005_0037);
    expect(walkOnce(memory, RELAXED, Access.USER_WRITE)).toMatchObject({ dirty: true });
    expect(leafOf(memory)).toBe(0x0005_0077);
  });

  test("stay as they are when the access is denied, or only inspected (TY-6)", () => {
    const memory = tables();
    set(memory, 4, 7, 0x0005_0017);
    walkOnce(memory, RELAXED, Access.KERNEL_READ);
    inspect(mmuOf(memory, RELAXED), PAGE);
    expect(leafOf(memory)).toBe(0x0005_0017);
  });

  test("are software's in the strict variant: a clear one faults, before rights (TY-6)", () => {
    const memory = tables();
    set(memory, 4, 7, 0x0005_0013);
    const walk = walkOnce(memory, STRICT, Access.USER_WRITE);
    expect(walk.fault).toBe(faultCode(FaultCause.UNTOUCHED, 0, Access.USER_WRITE));
    expect(walk.present).toBe(false);
    expect(leafOf(memory)).toBe(0x0005_0013);
  });
});
