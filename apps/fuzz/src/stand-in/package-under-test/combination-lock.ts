/**
 * A stand-in for a package under test: a lock with a wheel for each byte. It is wrong on purpose:
 * turned to 0x61 0x73 0x70 it opens although the last wheel was never turned.
 */
export type LockState = "closed" | "first" | "second" | "open";

const FIRST = 0x61;
const SECOND = 0x73;
const THIRD = 0x70;

/** State after turning one wheel to `value`. */
export function turn(state: LockState, value: number): LockState {
  if (state === "closed") return value === FIRST ? "first" : "closed";
  if (state === "first") return value === SECOND ? "second" : "closed";
  if (state === "second") return value === THIRD ? "open" : "closed";
  return "open";
}

/** A wheel that sticks: an ordinary exception inside the code under test. */
export function force(value: number): void {
  if (value === 0xff) throw new RangeError(`the wheel has no position ${value}`);
}
