import { MMU_FLAG_WORDS, MmuFlags } from "@aspace/arch";
import { expect, test } from "vitest";
import { VmarFlags, allowsMmuFlags, canMapFlags } from "./vmar-flags.ts";

const { CAN_MAP_READ, CAN_MAP_WRITE, CAN_MAP_EXECUTE, CAN_RWX } = VmarFlags;

test("V-1: flags have the numbers of the contract", () => {
  const names = Object.keys(VmarFlags).filter((name) => name !== "CAN_RWX");
  expect(names.map((name) => [name, Math.log2(VmarFlags[name as keyof typeof VmarFlags])])).toEqual(
    [
      ["COMPACT", 0],
      ["SPECIFIC", 1],
      ["SPECIFIC_OVERWRITE", 2],
      ["CAN_MAP_SPECIFIC", 3],
      ["CAN_MAP_READ", 4],
      ["CAN_MAP_WRITE", 5],
      ["CAN_MAP_EXECUTE", 6],
      ["REQUIRE_NON_RESIZABLE", 7],
      ["ALLOW_FAULTS", 8],
      ["OFFSET_IS_UPPER_LIMIT", 9],
      ["DEBUG_DYNAMIC_KERNEL_MAPPING", 10],
    ],
  );
  expect(CAN_RWX).toBe(CAN_MAP_READ + CAN_MAP_WRITE + CAN_MAP_EXECUTE);
});

test("M-5 V-3: each permission needs its own CAN_MAP bit, and nothing else matters", () => {
  for (let mmuFlags = 0; mmuFlags < MMU_FLAG_WORDS; mmuFlags++) {
    const needs = (permission: number, bit: number): number =>
      (mmuFlags & permission) === 0 ? 0 : bit;
    const needed =
      needs(MmuFlags.READ, CAN_MAP_READ) +
      needs(MmuFlags.WRITE, CAN_MAP_WRITE) +
      needs(MmuFlags.EXECUTE, CAN_MAP_EXECUTE);
    expect(canMapFlags(mmuFlags)).toBe(needed);
    for (let flags = 0; flags < 0x800; flags += 0x10) {
      expect(allowsMmuFlags(flags, mmuFlags)).toBe((flags & needed) === needed);
    }
  }
});
