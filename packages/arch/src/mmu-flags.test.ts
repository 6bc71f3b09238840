import { expect, test } from "vitest";
import { MMU_FLAG_WORDS, MmuFlags, areMappableFlags, formatFlags } from "./mmu-flags.ts";

test("S-7: flags have the numbers of the contract", () => {
  expect(MmuFlags).toEqual({
    CACHED: 0,
    UNCACHED: 1,
    UNCACHED_DEVICE: 2,
    WRITE_COMBINING: 3,
    CACHE_MASK: 3,
    USER: 1 << 2,
    READ: 1 << 3,
    WRITE: 1 << 4,
    EXECUTE: 1 << 5,
    RWX_MASK: 0x38,
    NS: 1 << 6,
    INVALID: 1 << 7,
  });
});

test("S-8: a flag word can be mapped iff READ is set and neither INVALID nor a bit beyond", () => {
  for (let flags = 0; flags < MMU_FLAG_WORDS; flags++) {
    const readable = Math.floor(flags / 8) % 2 === 1;
    expect(areMappableFlags(flags), `flags ${flags}`).toBe(readable && flags < 128);
  }
});

test.each([0x108, 8 + 2 ** 32, -8, -120, Number.NaN, Number.POSITIVE_INFINITY])(
  "S-8: %d is no flag word",
  (flags) => expect(areMappableFlags(flags)).toBe(false),
);

test("S-9: flags print as listings do, and no two words alike", () => {
  const { READ, WRITE, EXECUTE, USER, NS, UNCACHED_DEVICE, UNCACHED } = MmuFlags;
  expect(formatFlags(0)).toBe("----");
  expect(formatFlags(READ | WRITE | USER)).toBe("urw-");
  expect(formatFlags(READ | EXECUTE | UNCACHED_DEVICE)).toBe("-r-x device");
  expect(formatFlags(READ | NS | UNCACHED)).toBe("-r-- uncached non-secure");
  const printed = Array.from({ length: MmuFlags.INVALID }, (_, flags) => formatFlags(flags));
  expect(new Set(printed).size).toBe(MmuFlags.INVALID);
});
