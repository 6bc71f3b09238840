import { describe, expect, it } from "vitest";
import { AllocationFailures } from "./allocation-failures.ts";

/** What the next attempts are told, f for failed. */
function attempts(failures: AllocationFailures, count: number): string {
  return Array.from({ length: count }, () => (failures.claims() ? "f" : ".")).join("");
}

describe("AllocationFailures", () => {
  it("fails nothing at first (O-M14)", () => {
    const failures = new AllocationFailures();
    expect(failures.isPending()).toBe(false);
    expect(attempts(failures, 5)).toBe(".....");
  });

  it.each([1, 2, 5])("fails attempt %i, once (O-M14)", (n) => {
    const failures = new AllocationFailures();
    failures.failAt(n);
    expect(failures.isPending()).toBe(true);
    expect(attempts(failures, 6)).toBe(`${".".repeat(n - 1)}f${".".repeat(6 - n)}`);
    expect(failures.isPending()).toBe(false);
  });

  it("fails everything until told otherwise (O-M14)", () => {
    const failures = new AllocationFailures();
    failures.failAlways();
    expect(attempts(failures, 3)).toBe("fff");
    expect(failures.isPending()).toBe(true);
    failures.failNever();
    expect(failures.isPending()).toBe(false);
    expect(attempts(failures, 3)).toBe("...");
  });

  it("forgets the plan before when it gets a new one (O-M14)", () => {
    const failures = new AllocationFailures();
    failures.failAlways();
    failures.failAt(2);
    expect(attempts(failures, 4)).toBe(".f..");
    failures.failAt(1);
    failures.failNever();
    expect(attempts(failures, 2)).toBe("..");
  });

  it.each([0, -1, 1.5, Number.NaN])("refuses to fail attempt %s (O-M14)", (n) => {
    expect(() => new AllocationFailures().failAt(n)).toThrow(RangeError);
  });
});
