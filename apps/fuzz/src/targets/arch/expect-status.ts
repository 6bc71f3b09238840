import { KernelPanic, statusName, type Status } from "@aspace/arch";

/** Throws `rule` unless the backend answered what the reference model says. */
export function expectStatus(rule: string, what: string, expected: Status, seen: Status): void {
  if (expected === seen) return;
  throw new KernelPanic(
    rule,
    `${what} answered ${statusName(seen)}, expected ${statusName(expected)}`,
  );
}
