import type { Status } from "@aspace/arch";
import type { LazyPageRequest } from "./page-request.ts";

/**
 * An operation that may have to wait for a pager or for memory. It yields the request it waits for,
 * with no lock held, and is resumed with the wait's status. After OK it looks at everything again:
 * while it waited the object may have shrunk, lost its source or been written.
 */
export type Blocking<T> = Generator<LazyPageRequest, T, Status>;

/** A value, or the status that says why there is none. Statuses are numbers, the values never. */
export type Result<T extends object> = T | Status;

/** Whether a result is a value. */
export function isValue<T extends object>(result: Result<T>): result is T {
  return typeof result !== "number";
}

const NO_WAITS: readonly LazyPageRequest[] = [];

/** An operation that ends at once. */
export function* finished<T>(value: T): Blocking<T> {
  yield* NO_WAITS;
  return value;
}
