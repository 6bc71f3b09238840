import { FaultFlags, NO_FAULT } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import {
  EPT_MISCONFIGURATION,
  EptViolation,
  NON_CANONICAL,
  PageFault,
  describeFault,
  eptViolation,
  faultFlags,
  pageFault,
} from "./fault.ts";

const { WRITE, USER, INSTRUCTION, NOT_PRESENT, FATAL } = FaultFlags;

const rights = (bits: number): number => bits << EptViolation.RIGHTS_SHIFT;

describe("X-11: fault codes", () => {
  test("X-11: every fault has a code of its own, and none is 0", () => {
    const codes = [NON_CANONICAL, pageFault(0), eptViolation(0), EPT_MISCONFIGURATION];
    expect(new Set(codes).size).toBe(codes.length);
    expect(codes).not.toContain(NO_FAULT);
    expect(pageFault(0x7)).toBe(0x000e_0007);
  });

  test("X-11: the handler's flags are the error code's bits", () => {
    expect(faultFlags(NO_FAULT)).toBe(0);
    expect(faultFlags(pageFault(0))).toBe(NOT_PRESENT);
    expect(faultFlags(pageFault(PageFault.P))).toBe(0);
    expect(faultFlags(pageFault(PageFault.WR))).toBe(NOT_PRESENT | WRITE);
    expect(faultFlags(pageFault(PageFault.P | PageFault.US | PageFault.WR))).toBe(USER | WRITE);
    expect(faultFlags(pageFault(PageFault.US | PageFault.ID))).toBe(
      NOT_PRESENT | USER | INSTRUCTION,
    );
  });

  test("X-11: what no mapping can cure is fatal", () => {
    expect(faultFlags(pageFault(PageFault.P | PageFault.RSVD))).toBe(FATAL);
    const protectionKey = 0x20;
    expect(faultFlags(pageFault(PageFault.P | protectionKey)) & FATAL).toBe(FATAL);
    expect(faultFlags(NON_CANONICAL)).toBe(FATAL);
    expect(faultFlags(EPT_MISCONFIGURATION)).toBe(FATAL);
  });

  test("X-12: an EPT violation without any right is an absent page", () => {
    expect(faultFlags(eptViolation(EptViolation.READ))).toBe(NOT_PRESENT);
    expect(faultFlags(eptViolation(EptViolation.WRITE | rights(5)))).toBe(WRITE);
    expect(faultFlags(eptViolation(EptViolation.FETCH | rights(3)))).toBe(INSTRUCTION);
  });

  test("X-11: codes print in words", () => {
    expect(describeFault(NO_FAULT)).toBe("no fault");
    expect(describeFault(pageFault(0x7))).toBe("#PF error 0x7 (user write, present)");
    expect(describeFault(pageFault(0x10))).toBe("#PF error 0x10 (kernel fetch, not present)");
    expect(describeFault(pageFault(0xd))).toBe("#PF error 0xd (user read, present, reserved bit)");
    expect(describeFault(NON_CANONICAL)).toBe("#GP error 0x0 (non-canonical address)");
    expect(describeFault(eptViolation(0x1aa))).toBe(
      "EPT violation 0x1aa (guest write, present r-x)",
    );
    expect(describeFault(eptViolation(0x184))).toBe(
      "EPT violation 0x184 (guest fetch, not present)",
    );
    expect(describeFault(EPT_MISCONFIGURATION)).toBe("EPT misconfiguration");
    expect(describeFault(0x7f_0000)).toBe("unknown fault 0x7f0000");
  });
});
