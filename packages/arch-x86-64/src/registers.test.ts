import { formatEntry } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { Cr3Flush, Cr4, IA32_PAT, encodeCr3, encodeEptp, kernelControls } from "./registers.ts";

const print = ({ lo, hi }: { lo: number; hi: number }): string => formatEntry(lo, hi);

const cr4 = (levels: 4 | 5): number => kernelControls({ levels, physBits: 46, page1Gb: true }).cr4;

describe("X-13: control registers", () => {
  test("X-13: CR3 holds root and PCID, and bit 63 keeps what is cached", () => {
    expect(print(encodeCr3(0x100, 1, Cr3Flush.KEEP))).toBe("0x8000000000100001");
    expect(print(encodeCr3(0x100, 1, Cr3Flush.FLUSH))).toBe("0x0000000000100001");
    expect(print(encodeCr3(2 ** 34 - 1, 4095, Cr3Flush.FLUSH))).toBe("0x00003fffffffffff");
  });

  test("X-13: EPTP asks for write-back tables, four levels, no accessed bits", () => {
    expect(print(encodeEptp(0x100))).toBe("0x000000000010001e");
    expect(print(encodeEptp(2 ** 28 + 1))).toBe("0x000001000000101e");
  });

  test("X-14: IA32_PAT is WB, WT, UC-, UC, WB, WT, UC-, WC", () => {
    expect(print(IA32_PAT)).toBe("0x0107040600070406");
  });

  test("X-1: CR4.LA57 is set on a machine with five levels only", () => {
    expect(cr4(4) & Cr4.LA57).toBe(0);
    expect(cr4(5) & Cr4.LA57).toBe(Cr4.LA57);
  });
});
