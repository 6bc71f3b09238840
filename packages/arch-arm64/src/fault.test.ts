import { ALL_ACCESSES, Access, FaultFlags, isFetchAccess, isWriteAccess } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import {
  FaultStatus,
  STAGE1_SYNDROMES,
  STAGE2_SYNDROMES,
  atLevel,
  composeFault,
  describeFault,
  faultFlags,
  faultLevel,
  faultStatus,
} from "./fault.ts";

const { WRITE, USER, INSTRUCTION, NOT_PRESENT, ACCESS, FATAL } = FaultFlags;

const stage1 = (access: Access, status: number): number =>
  composeFault(STAGE1_SYNDROMES, access, status);
const stage2 = (access: Access, status: number): number =>
  composeFault(STAGE2_SYNDROMES, access, status);

describe("syndromes (G-20)", () => {
  test.each([
    [Access.USER_READ, "92000007"],
    [Access.USER_WRITE, "92000047"],
    [Access.USER_FETCH, "82000007"],
    [Access.KERNEL_READ, "96000007"],
    [Access.KERNEL_WRITE, "96000047"],
    [Access.KERNEL_FETCH, "86000007"],
    [Access.COPY_READ, "96000007"],
    [Access.COPY_WRITE, "96000047"],
    [Access.COPY_FETCH, "86000007"],
  ] as const)("access %i to an absent page is ESR_EL1 0x%s", (access, esr) => {
    expect(stage1(access, FaultStatus.TRANSLATION | 3).toString(16)).toBe(esr);
  });

  test("a guest's faults come from a lower exception level whatever its mode, and are marked", () => {
    for (const access of ALL_ACCESSES) {
      const esr = isFetchAccess(access)
        ? 0x8200000d
        : isWriteAccess(access)
          ? 0x9200004d
          : 0x9200000d;
      expect(stage2(access, FaultStatus.PERMISSION | 1)).toBe(2 ** 32 + esr);
    }
  });

  test("the status and the level can be read back, for every status", () => {
    for (const access of ALL_ACCESSES) {
      for (let status = 0; status < 64; status++) {
        expect(faultStatus(stage1(access, status))).toBe(status);
        expect(faultLevel(stage2(access, status))).toBe(status & 3);
      }
    }
  });

  test("levels are counted from the root of a 48-bit range (G-3)", () => {
    expect([0, 1, 2, 3].map((level) => atLevel(FaultStatus.TRANSLATION, level))).toEqual([
      0b000111, 0b000110, 0b000101, 0b000100,
    ]);
  });
});

describe("what the fault handler is told (G-21)", () => {
  test.each([
    ["user write, absent", stage1(Access.USER_WRITE, 0b000111), USER | WRITE | NOT_PRESENT],
    ["user fetch, absent", stage1(Access.USER_FETCH, 0b000110), USER | INSTRUCTION | NOT_PRESENT],
    ["user read, access flag", stage1(Access.USER_READ, 0b001011), USER | ACCESS],
    ["user write, denied", stage1(Access.USER_WRITE, 0b001111), USER | WRITE],
    ["copy write, absent", stage1(Access.COPY_WRITE, 0b000111), WRITE | NOT_PRESENT],
    ["kernel read, denied", stage1(Access.KERNEL_READ, 0b001111), 0],
    ["kernel fetch, denied", stage1(Access.KERNEL_FETCH, 0b001111), INSTRUCTION],
    ["guest write, absent", stage2(Access.USER_WRITE, 0b000110), WRITE | NOT_PRESENT],
    ["guest fetch, access flag", stage2(Access.KERNEL_FETCH, 0b001011), INSTRUCTION | ACCESS],
    ["address size", stage1(Access.USER_READ, 0b000011), USER | FATAL],
    ["external abort on walk", stage1(Access.USER_READ, 0b010111), USER | FATAL],
    ["external abort", stage1(Access.USER_READ, 0b010000), USER | FATAL],
    ["alignment", stage1(Access.USER_READ, 0b100001), USER | FATAL],
    ["TLB conflict", stage1(Access.USER_READ, 0b110000), USER | FATAL],
    ["atomic update", stage1(Access.USER_READ, 0b110001), USER | FATAL],
  ] as const)("%s", (_, code, flags) => {
    expect(faultFlags(code)).toBe(flags);
  });

  test("cache maintenance reports WnR but counts as a read", () => {
    const cacheMaintenance = stage1(Access.USER_WRITE, 0b000111) + 2 ** 8;
    expect(faultFlags(cacheMaintenance)).toBe(USER | NOT_PRESENT);
  });
});

describe("codes in words (G-22)", () => {
  test.each([
    [
      stage1(Access.USER_WRITE, 0b001111),
      "ESR_EL1 0x9200004f (permission fault, level 3; EL0 write)",
    ],
    [
      stage1(Access.COPY_READ, 0b000101),
      "ESR_EL1 0x96000005 (translation fault, level 1; EL1 read)",
    ],
    [
      stage1(Access.USER_FETCH, 0b001010),
      "ESR_EL1 0x8200000a (access flag fault, level 2; EL0 fetch)",
    ],
    [
      stage2(Access.USER_READ, 0b000100),
      "ESR_EL2 0x92000004 (translation fault, level 0; guest read)",
    ],
    [
      stage1(Access.USER_READ, 0b000000),
      "ESR_EL1 0x92000000 (address size fault, level 0; EL0 read)",
    ],
    [
      stage1(Access.USER_READ, 0b010110),
      "ESR_EL1 0x92000016 (external abort on walk, level 2; EL0 read)",
    ],
    [stage1(Access.USER_READ, 0b010000), "ESR_EL1 0x92000010 (external abort; EL0 read)"],
    [stage1(Access.USER_READ, 0b100001), "ESR_EL1 0x92000021 (alignment fault; EL0 read)"],
    [stage1(Access.USER_READ, 0b110000), "ESR_EL1 0x92000030 (TLB conflict; EL0 read)"],
    [
      stage1(Access.USER_READ, 0b110001),
      "ESR_EL1 0x92000031 (unsupported atomic hardware update; EL0 read)",
    ],
    [stage1(Access.USER_READ, 0b111111), "ESR_EL1 0x9200003f (fault status 0x3f; EL0 read)"],
  ])("%#: %s", (code, words) => {
    expect(describeFault(code)).toBe(words);
  });
});
