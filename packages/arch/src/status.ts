/**
 * Results that a caller can cause, with Zircon's names and numbers (zircon/errors.h). What only our
 * own bug can cause is a `KernelPanic` instead.
 */
export const Status = {
  OK: 0,
  NOT_SUPPORTED: -2,
  NO_RESOURCES: -3,
  NO_MEMORY: -4,
  INVALID_ARGS: -10,
  OUT_OF_RANGE: -14,
  BUFFER_TOO_SMALL: -15,
  BAD_STATE: -20,
  TIMED_OUT: -21,
  SHOULD_WAIT: -22,
  CANCELED: -23,
  NOT_FOUND: -25,
  ALREADY_EXISTS: -26,
  UNAVAILABLE: -28,
  ACCESS_DENIED: -30,
  IO: -40,
  IO_DATA_INTEGRITY: -42,
  NO_SPACE: -54,
} as const;

export type Status = (typeof Status)[keyof typeof Status];

const NAMES: ReadonlyMap<Status, string> = new Map(
  Object.entries(Status).map(([name, value]) => [value, name]),
);

/** The name of a status, as findings and dumps print it. */
export function statusName(status: Status): string {
  return NAMES.get(status) ?? `status ${String(status)}`;
}
