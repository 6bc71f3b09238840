import { ALL_ACCESSES, Access, type Capabilities, MemoryType, MmuFlags } from "@aspace/arch";
import { tiny } from "@aspace/arch-tiny";
import { describe, expect, test } from "vitest";
import { expectedMemoryType, permits, permittedAccesses } from "./effective-permissions.ts";
import { RO, RW, RWX, RX } from "./touch.ts";

const stage1: Capabilities = tiny.aspaces.user.capabilities;
const stage2: Capabilities = tiny.aspaces.guest.capabilities;
const { USER } = MmuFlags;

describe("the permission table (P-M2)", () => {
  test.each([
    ["kernel r", RO, 0b001_001_000],
    ["kernel rw", RW, 0b011_011_000],
    ["kernel rx", RX, 0b101_101_000],
    ["kernel rwx", RWX, 0b111_111_000],
    ["user r", RO | USER, 0b001_000_001],
    ["user rw", RW | USER, 0b011_000_011],
    ["user rx", RX | USER, 0b001_000_101],
    ["user rwx", RWX | USER, 0b011_000_111],
    ["no flags", 0, 0],
  ])("of %s", (_, flags, mask) => {
    expect(permittedAccesses(flags, stage1)).toBe(mask);
  });

  test("knows no modes in a second stage", () => {
    for (const user of [0, USER]) {
      expect(permittedAccesses(RW | user, stage2)).toBe(0b011_011_011);
      expect(permittedAccesses(RX | user, stage2)).toBe(0b101_101_101);
    }
  });

  test("answers for one access what the mask says", () => {
    for (const access of ALL_ACCESSES) {
      const mask = permittedAccesses(RW | USER, stage1);
      expect(permits(RW | USER, stage1, access)).toBe(((mask >> access) & 1) === 1);
    }
    expect(permits(RWX | USER, stage1, Access.COPY_FETCH)).toBe(false);
  });
});

test("the memory type is the normalised policy's (P-M10)", () => {
  const types = [0, 1, 2, 3].map((policy) => expectedMemoryType(RO | policy, stage1));
  const { WRITE_BACK, UNCACHED, DEVICE, WRITE_COMBINING } = MemoryType;
  expect(types).toEqual([WRITE_BACK, UNCACHED, DEVICE, WRITE_COMBINING]);
  const merges: Capabilities = {
    ...stage1,
    normalizeFlags: (flags) => flags & ~MmuFlags.CACHE_MASK,
  };
  expect(expectedMemoryType(RO | MmuFlags.WRITE_COMBINING, merges)).toBe(WRITE_BACK);
});
