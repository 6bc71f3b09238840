import { expect, test } from "vitest";
import { comparePlainly, type ComparisonTracer } from "./plain-comparisons.ts";

function reporting(): never {
  throw new Error("called into the engine");
}

const tracer: ComparisonTracer = {
  traceNumberCmp: reporting,
  traceStrCmp: reporting,
  traceAndReturn: reporting,
};
comparePlainly(tracer);

test("plain comparisons give what the operators give, for every operator the engine rewrites", () => {
  for (const left of [-1, 0, 1, 2 ** 40, Number.NaN]) {
    const compare = (operator: string): boolean => tracer.traceNumberCmp(left, 1, operator, 0);
    expect(compare("===")).toBe(left === 1);
    expect(compare("!==")).toBe(left !== 1);
    expect(compare("==")).toBe(left === 1);
    expect(compare("!=")).toBe(left !== 1);
    expect(compare("<")).toBe(left < 1);
    expect(compare(">")).toBe(left > 1);
    expect(compare("<=")).toBe(left <= 1);
    expect(compare(">=")).toBe(left >= 1);
  }
  expect(() => tracer.traceNumberCmp(0, 1, "<=>", 0)).toThrow("unknown comparison");
});

test("plain comparisons of strings keep the difference between strict and loose", () => {
  expect(tracer.traceStrCmp("1", "1", "===", 0)).toBe(true);
  expect(tracer.traceStrCmp(1, "1", "===", 0)).toBe(false);
  expect(tracer.traceStrCmp(1, "1", "!==", 0)).toBe(true);
  expect(tracer.traceStrCmp(1, "1", "==", 0)).toBe(true);
  expect(tracer.traceStrCmp(1, "1", "!=", 0)).toBe(false);
});

test("a case label is the label itself", () => {
  expect(tracer.traceAndReturn("a", "b", 0)).toBe("b");
});
