import { type Status, statusName } from "@aspace/arch";

/** What a property throws when something it demands does not hold. */
export class PropertyFailure extends Error {
  /** The broken rule, when it is another one than the property's own. */
  readonly rule: string | null;

  constructor(message: string, rule: string | null = null) {
    super(message);
    this.name = "PropertyFailure";
    this.rule = rule;
  }
}

/** Two values must be equal. */
export function checkEqual(
  what: string,
  expected: number | string | boolean,
  seen: number | string | boolean,
): void {
  if (expected === seen) return;
  throw new PropertyFailure(`${what}: expected ${String(expected)}, seen ${String(seen)}`);
}

export function checkStatus(what: string, expected: Status, seen: Status): void {
  checkEqual(what, statusName(expected), statusName(seen));
}

/** Something must hold; `what` says it. */
export function checkThat(what: string, holds: boolean): void {
  if (!holds) throw new PropertyFailure(`expected ${what}`);
}

/** The defect that `action` has must be detected: a `KernelPanic`, from whichever copy of the class. */
export function checkPanics(what: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    if (error instanceof Error && error.name === "KernelPanic") return;
    throw new PropertyFailure(`${what}: expected a KernelPanic, seen ${String(error)}`);
  }
  throw new PropertyFailure(`${what}: expected a KernelPanic, seen a normal return`);
}
