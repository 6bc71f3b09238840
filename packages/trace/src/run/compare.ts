import type { Expectation, Seen } from "../format/expectation.ts";
import { canonicalHex, type Data } from "../format/values.ts";
import { arrayOf } from "./bytes.ts";

/** Something was expected, and something else was seen. */
export interface Mismatch {
  /** Field of `expect`. */
  readonly field: keyof Expectation;
  readonly expected: unknown;
  /** Undefined: the operation answers no such thing. */
  readonly seen: unknown;
}

/** The first field in which an operation did not do what was expected; null when it did. */
export function compare(expected: Expectation, seen: Seen): Mismatch | null {
  for (const field of Object.keys(expected) as (keyof Expectation)[]) {
    const isMet =
      field === "bytes"
        ? areSameBytes(expected.bytes!, seen.bytes)
        : covers(seen[field], expected[field]);
    if (!isMet) return { field, expected: expected[field], seen: seen[field] };
  }
  return null;
}

function areSameBytes(expected: Data, seen: Data | undefined): boolean {
  if (seen === undefined) return false;
  const [left, right] = [arrayOf(expected), arrayOf(seen)];
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}

/** Whether what was seen has at least the expected fields; lists must be equal. */
function covers(seen: unknown, expected: unknown): boolean {
  if (Array.isArray(expected)) {
    if (!Array.isArray(seen) || seen.length !== expected.length) return false;
    return expected.every((item, at) => covers(seen[at], item));
  }
  if (typeof expected !== "object" || expected === null) return leaf(seen) === leaf(expected);
  if (typeof seen !== "object" || seen === null) return false;
  const fields = seen as Readonly<Record<string, unknown>>;
  return Object.entries(expected).every(([field, value]) => covers(fields[field], value));
}

/** Numbers in one form, whether they were written as numbers or as text. */
function leaf(value: unknown): unknown {
  const isNumber = typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
  const isText = typeof value === "string" && /^0[xX][\da-fA-F]+$/.test(value);
  return isNumber || isText ? canonicalHex(value) : value;
}
