import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FailurePlan } from "./failure-plan.ts";

const attempts = (plan: FailurePlan, count: number): boolean[] =>
  Array.from({ length: count }, () => plan.claims());

describe("FailurePlan", () => {
  it("fails nothing at first", () => {
    const plan = new FailurePlan();
    expect(attempts(plan, 5)).not.toContain(true);
    expect(plan.isPending()).toBe(false);
  });

  it("fails exactly the n-th attempt from now, for every n (K-12)", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.nat(10), (n, before) => {
        const plan = new FailurePlan();
        attempts(plan, before);
        plan.failAt(n);
        expect(plan.isPending()).toBe(true);
        const results = attempts(plan, 25);
        expect(results.indexOf(true)).toBe(n - 1);
        expect(results.lastIndexOf(true)).toBe(n - 1);
        expect(plan.isPending()).toBe(false);
      }),
    );
  });

  it("fails always until told not to (K-12)", () => {
    const plan = new FailurePlan();
    plan.failAlways();
    expect(attempts(plan, 4)).toEqual([true, true, true, true]);
    expect(plan.isPending()).toBe(true);
    plan.failNever();
    expect(attempts(plan, 4)).not.toContain(true);
  });

  it("replaces one plan by the next (K-12)", () => {
    const plan = new FailurePlan();
    plan.failAlways();
    plan.failAt(2);
    expect(attempts(plan, 4)).toEqual([false, true, false, false]);
  });

  it.each([0, -1, 1.5])("has no %s-th attempt", (n) => {
    expect(() => new FailurePlan().failAt(n)).toThrow(RangeError);
  });
});
