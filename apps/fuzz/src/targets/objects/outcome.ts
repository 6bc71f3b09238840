import { KernelPanic, statusName, type Status } from "@aspace/arch";
import type { Operation } from "./operation.ts";
import type { Resident } from "./resident.ts";
import type { SituationCounts } from "./situations.ts";
import type { World } from "./world.ts";

/** What an operation did. */
export interface Outcome {
  /** The operation with the slots that it really used; null when it named nothing alive and was skipped. */
  done: Operation | null;
  /** SHOULD_WAIT when it blocked. */
  status: Status;
  /** The object that it was about, if any. */
  resident: Resident | null;
}

/** Where an operation runs, and where it leaves what it did. */
export interface Stage {
  readonly world: World;
  readonly situations: SituationCounts;
  readonly outcome: Outcome;
  /** Number of the operation, from 1. */
  serial: number;
}

/** Throws STATUS unless the real object answered what the model says. */
export function expectAnswer(what: string, expected: Status, seen: Status): void {
  if (expected === seen) return;
  throw new KernelPanic(
    "STATUS",
    `${what} answered ${statusName(seen)}, expected ${statusName(expected)}`,
  );
}

/** Throws a rule unless it holds. */
export function expectThat(holds: boolean, rule: string, message: () => string): void {
  if (!holds) throw new KernelPanic(rule, message());
}
