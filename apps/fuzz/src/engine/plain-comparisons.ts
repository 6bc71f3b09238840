/**
 * Comparisons as plain JavaScript, for code under test.
 *
 * The engine's instrumentation turns each comparison with a literal into a call that reports both
 * operands to native code, about 33 ns each, so that the mutator can guess magic values. Inputs of
 * our targets are fixed records whose every value decodes to something: there is nothing to guess.
 */

export interface ComparisonTracer {
  traceNumberCmp: (left: number, right: number, operator: string, id: number) => boolean;
  traceStrCmp: (left: unknown, right: unknown, operator: string, id: number) => boolean;
  traceAndReturn: (current: unknown, target: unknown, id: number) => unknown;
}

/** Replaces the reporting comparisons of `tracer` by plain ones. */
export function comparePlainly(tracer: ComparisonTracer): void {
  tracer.traceNumberCmp = compareNumbers;
  tracer.traceStrCmp = compareStrings;
  tracer.traceAndReturn = caseLabel;
}

function compareNumbers(left: number, right: number, operator: string): boolean {
  switch (operator) {
    case "===":
      return left === right;
    case "!==":
      return left !== right;
    case "<":
      return left < right;
    case ">":
      return left > right;
    case "<=":
      return left <= right;
    case ">=":
      return left >= right;
    default:
      return compareLoosely(left, right, operator);
  }
}

function compareStrings(left: unknown, right: unknown, operator: string): boolean {
  if (operator === "===") return left === right;
  if (operator === "!==") return left !== right;
  return compareLoosely(left, right, operator);
}

/** The engine rewrites `==` too; code that uses it (`x == null` aside) keeps its meaning. */
function compareLoosely(left: unknown, right: unknown, operator: string): boolean {
  if (operator === "==") return left == right;
  if (operator === "!=") return left != right;
  throw new Error(`unknown comparison ${operator}`);
}

function caseLabel(_current: unknown, target: unknown): unknown {
  return target;
}
