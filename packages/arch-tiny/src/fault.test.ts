import { Access, FaultFlags } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { FaultCause, describeFault, faultCode, faultFlags } from "./fault.ts";

describe("fault codes", () => {
  test("say what was tried (TY-4)", () => {
    const flagsOf = (access: Access): number => faultFlags(faultCode(FaultCause.DENIED, 0, access));
    expect(flagsOf(Access.USER_READ)).toBe(FaultFlags.USER);
    expect(flagsOf(Access.KERNEL_WRITE)).toBe(FaultFlags.WRITE);
    expect(flagsOf(Access.USER_FETCH)).toBe(FaultFlags.USER | FaultFlags.INSTRUCTION);
    expect(flagsOf(Access.COPY_WRITE)).toBe(FaultFlags.WRITE);
  });

  test("say what stopped the walk (TY-4)", () => {
    const flagsOf = (cause: FaultCause): number =>
      faultFlags(faultCode(cause, 3, Access.KERNEL_READ));
    expect(flagsOf(FaultCause.ABSENT)).toBe(FaultFlags.NOT_PRESENT);
    expect(flagsOf(FaultCause.UNTOUCHED)).toBe(FaultFlags.ACCESS);
    expect(flagsOf(FaultCause.DENIED)).toBe(0);
    expect(flagsOf(FaultCause.ADDRESS)).toBe(FaultFlags.FATAL);
    expect(flagsOf(FaultCause.MALFORMED)).toBe(FaultFlags.FATAL);
  });

  test("read as words (TY-4)", () => {
    const code = faultCode(FaultCause.UNTOUCHED, 2, Access.USER_WRITE);
    expect(describeFault(code)).toBe("untouched at level 2 (user write)");
  });
});
