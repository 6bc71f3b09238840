import { Access, FaultFlags } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { FaultCause, describeFault, faultCode, faultFlags } from "./fault.ts";

const flagsOfAccess = (access: Access): number =>
  faultFlags(faultCode(FaultCause.DENIED, 0, access));

const flagsOfCause = (cause: FaultCause): number =>
  faultFlags(faultCode(cause, 3, Access.KERNEL_READ));

describe("fault codes", () => {
  test("say what was tried (TY-4)", () => {
    expect(flagsOfAccess(Access.USER_READ)).toBe(FaultFlags.USER);
    expect(flagsOfAccess(Access.KERNEL_WRITE)).toBe(FaultFlags.WRITE);
    expect(flagsOfAccess(Access.USER_FETCH)).toBe(FaultFlags.USER | FaultFlags.INSTRUCTION);
    expect(flagsOfAccess(Access.COPY_WRITE)).toBe(FaultFlags.WRITE);
  });

  test("say what stopped the walk (TY-4)", () => {
    expect(flagsOfCause(FaultCause.ABSENT)).toBe(FaultFlags.NOT_PRESENT);
    expect(flagsOfCause(FaultCause.UNTOUCHED)).toBe(FaultFlags.ACCESS);
    expect(flagsOfCause(FaultCause.DENIED)).toBe(0);
    expect(flagsOfCause(FaultCause.ADDRESS)).toBe(FaultFlags.FATAL);
    expect(flagsOfCause(FaultCause.MALFORMED)).toBe(FaultFlags.FATAL);
  });

  test("read as words (TY-4)", () => {
    const code = faultCode(FaultCause.UNTOUCHED, 2, Access.USER_WRITE);
    expect(describeFault(code)).toBe("untouched at level 2 (user write)");
  });
});
