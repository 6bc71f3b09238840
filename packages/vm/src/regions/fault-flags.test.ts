import { FaultFlags } from "@aspace/arch";
import { expect, test } from "vitest";
import { PageFaultFlag, formatFault, pageFaultFlags } from "./fault-flags.ts";

const { WRITE, USER, GUEST, INSTRUCTION, NOT_PRESENT, HW_FAULT, SW_FAULT, ACCESS } = PageFaultFlag;

test("A-7: fault flags have the numbers of the contract", () => {
  expect([WRITE, USER, GUEST, INSTRUCTION, NOT_PRESENT, HW_FAULT, SW_FAULT, ACCESS]).toEqual([
    1, 2, 4, 8, 16, 32, 64, 128,
  ]);
  expect(Object.keys(PageFaultFlag)).toHaveLength(8);
});

test("A-7: what an architecture says is said by name, and FATAL is nobody's", () => {
  for (const name of ["WRITE", "USER", "INSTRUCTION", "NOT_PRESENT", "ACCESS"] as const) {
    expect(pageFaultFlags(FaultFlags[name]), name).toBe(PageFaultFlag[name]);
  }
  expect(pageFaultFlags(FaultFlags.FATAL)).toBe(0);
  expect(pageFaultFlags(FaultFlags.WRITE | FaultFlags.USER | FaultFlags.FATAL)).toBe(WRITE | USER);
});

test("M-18: a fault prints in four letters", () => {
  expect(formatFault(0)).toBe("rsdp");
  expect(formatFault(WRITE | USER)).toBe("wudp");
  expect(formatFault(GUEST | INSTRUCTION | NOT_PRESENT)).toBe("rgin");
  expect(formatFault(USER | GUEST | HW_FAULT | SW_FAULT | ACCESS)).toBe("rudp");
});
