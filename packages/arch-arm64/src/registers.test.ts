import { expect, test } from "vitest";
import { whole } from "../test/tables.ts";
import {
  HCR_GUEST,
  HCR_HOST,
  MAIR_VALUE,
  encodeTtbr,
  encodeVttbr,
  translationControls,
} from "./registers.ts";

const TBI0 = 1n << 37n;
const hex = (value: bigint): string => `0x${value.toString(16).padStart(16, "0")}`;

test("with 40-bit addresses TCR_EL1 has Zircon's values, except that TBI0 stays off (G-6)", () => {
  const { tcrUser, tcrKernelOnly } = translationControls({ physBits: 40 });
  expect(hex(whole(tcrUser) | TBI0)).toBe("0x00000032b5103510");
  expect(hex(whole(tcrKernelOnly))).toBe("0x00000012b5503590");
});

test("the default 48-bit addresses change IPS and PS alone (G-6)", () => {
  const { tcrUser, tcrKernelOnly, vtcr } = translationControls({ physBits: 48 });
  expect(hex(whole(tcrUser))).toBe("0x00000015b5103510");
  expect(hex(whole(tcrKernelOnly))).toBe("0x00000015b5503590");
  expect(hex(whole(vtcr))).toBe("0x000000008005355c");
});

test.each([
  [32, 0n],
  [36, 1n],
  [40, 2n],
  [42, 3n],
  [44, 4n],
  [48, 5n],
] as const)("%i address bits are IPS and PS %i", (physBits, code) => {
  const { tcrUser, vtcr } = translationControls({ physBits });
  expect((whole(tcrUser) >> 32n) & 7n).toBe(code);
  expect((whole(vtcr) >> 16n) & 7n).toBe(code);
});

test("TTBRs carry the ASID in 63:48 and the root in 47:1 (G-7)", () => {
  expect(hex(whole(encodeTtbr(2, 0x100)))).toBe("0x0002000000100000");
  expect(hex(whole(encodeTtbr(0xffff, 0xf_ffff_ffff)))).toBe("0xfffffffffffff000");
  expect(hex(whole(encodeVttbr(255, 0x100)))).toBe("0x00ff000000100000");
});

test("MAIR_EL1 holds the four policies' types and zeroes (G-8)", () => {
  expect(hex(whole(MAIR_VALUE))).toBe("0x0000000044ff0400");
});

test("HCR_EL2.VM says whether a guest runs", () => {
  expect(hex(whole(HCR_HOST))).toBe("0x0000000080000000");
  expect(hex(whole(HCR_GUEST))).toBe("0x0000000080000001");
});
