import type { Status } from "@aspace/arch";
import type { ModelObject } from "./model-object.ts";

/** Where an operation waits for a pager. */
export interface Wait {
  readonly kind: "wait";
  readonly ask: "read" | "dirty";
  readonly object: ModelObject;
  readonly page: number;
}

/** Where an operation may need memory. Goes on with OK, fails with NO_MEMORY, or begins again after a wait for memory. */
export interface Need {
  readonly kind: "need";
  /** Whether it may be told to wait. */
  readonly patience: "waits" | "fails";
}

/** What a need is answered when memory was waited for: look at everything again. */
export const AGAIN = "again";

/** An operation of the model: it yields where the real one may stop. */
export type Steps<T> = Generator<Wait | Need, T, Status | typeof AGAIN>;

const NO_STOPS: readonly Need[] = [];

/** An operation that stops nowhere. */
export function* finished<T>(value: T): Steps<T> {
  yield* NO_STOPS;
  return value;
}
