import { expect, test } from "vitest";
import { Status, statusName } from "./status.ts";

test("S-5: statuses have Zircon's numbers", () => {
  expect(Status).toEqual({
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
  });
});

test("S-5: each status has its own name, an unknown number is printed as such", () => {
  for (const [name, status] of Object.entries(Status)) expect(statusName(status)).toBe(name);
  expect(statusName(-99 as Status)).toBe("status -99");
});
