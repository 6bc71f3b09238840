import fc from "fast-check";
import { expect, test } from "vitest";
import {
  FRAME_WORDS,
  NO_FRAME,
  PAGE_BYTES,
  PAGE_SHIFT,
  VPN_LIMIT,
  formatAddress,
} from "./units.ts";

test("S-1: a page is 4 KiB and a frame holds it as 32-bit words", () => {
  expect(PAGE_BYTES).toBe(2 ** PAGE_SHIFT);
  expect(FRAME_WORDS * 4).toBe(PAGE_BYTES);
});

test("S-1: page numbers of 64-bit addresses, and one past the last, are exact integers", () => {
  expect(VPN_LIMIT * PAGE_BYTES).toBe(2 ** 64);
  expect(Number.isSafeInteger(VPN_LIMIT)).toBe(true);
  expect(VPN_LIMIT - 1).not.toBe(VPN_LIMIT);
});

test("S-2: no frame is not a frame number", () => {
  expect(NO_FRAME).toBeLessThan(0);
});

test("S-3: a page number prints as the byte address it stands for", () => {
  expect(formatAddress(0)).toBe("0x0000");
  expect(formatAddress(0x200)).toBe("0x200000");
  expect(formatAddress(VPN_LIMIT - 1)).toBe("0xfffffffffffff000");
  fc.assert(
    fc.property(fc.nat(), fc.nat(2 ** 20), (low, high) => {
      const page = low + high * 2 ** 31;
      expect(BigInt(formatAddress(page))).toBe(BigInt(page) * 4096n);
    }),
    { seed: 20_240_104 },
  );
});
