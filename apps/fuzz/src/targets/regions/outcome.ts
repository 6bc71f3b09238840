import { KernelPanic, Status, statusName } from "@aspace/arch";
import type { ModelMapping } from "./model/model-region.ts";
import type { SituationCounts } from "./situations.ts";
import type { World } from "./world.ts";

/** Pages of a mapping that must be mapped where their object has them. */
export interface MappedPart {
  readonly mapping: ModelMapping;
  readonly from: number;
  readonly count: number;
}

/** What an operation did, for the trace and for the comparison between architectures. */
export interface Outcome {
  /** Null: the operation named nothing that there is. SHOULD_WAIT when it blocked. */
  status: Status | null;
  /** Two architectures may differ in the status. */
  gated: boolean;
  /** Which aspace's pages it may have changed; -1 for any of them. */
  aspace: number;
  /** Pages that it has mapped in advance. */
  readonly mapped: MappedPart[];
}

/** Where an operation runs, and where it leaves what it did. */
export interface Stage {
  readonly world: World;
  readonly situations: SituationCounts;
  readonly outcome: Outcome;
  /** Number of the operation, from 1; what it writes. */
  serial: number;
}

/** Throws STATUS unless the kernel answered what the model says. */
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

/** Whether the answer is for want of memory, and may be; then other worlds may go another way. */
export function lacks({ world }: Stage, seen: Status): boolean {
  const isLacking = seen === Status.NO_MEMORY && world.mayLackMemory;
  if (isLacking) world.hasLacked = true;
  return isLacking;
}

/** How most blocking operations settle. */
export const sameStatus =
  (what: string) =>
  (real: Status, expected: Status): Status => {
    expectAnswer(what, expected, real);
    return real;
  };
