import { AspaceKind, Status } from "@aspace/arch";
import { KINDS } from "./decode.ts";
import type { Operation } from "./operation.ts";
import type { Outcome } from "./outcome.ts";
import type { Resident } from "./resident.ts";
import type { World } from "./world.ts";

/** Cells of abstract state that count as coverage. */
export const STATE_CELLS = 4096;

const ASPACE_KINDS: readonly AspaceKind[] = [AspaceKind.USER, AspaceKind.KERNEL, AspaceKind.GUEST];

/**
 * Feedback that edges do not give: which kind of operation met which kind of state, and how it went.
 * Coarse on purpose: were every input new, the corpus would explode.
 *
 * ```
 *   bits 11..8 kind of operation   7..6 status   5..4 aspace
 *   3 splits   2 a large leaf was touched before   1..0 harvests that free: 0, 1, more
 * ```
 */
export class StateCells {
  readonly #cells: Uint8Array;

  constructor(cells: Uint8Array) {
    this.#cells = cells;
  }

  note(operation: Operation, worlds: readonly World[], outcomes: readonly Outcome[]): void {
    const kind = KINDS.indexOf(operation.kind);
    for (const [which, world] of worlds.entries()) {
      const { slot, status } = outcomes[which]!;
      const resident = slot < 0 ? null : world.residents[slot]!;
      const state = resident === null ? 0 : stateOf(resident);
      this.#cells[(kind << 8) | (statusClass(status) << 6) | state] = 1;
    }
  }
}

/** Skipped, done, refused for want of memory, refused otherwise. */
function statusClass(status: Status | null): number {
  if (status === null) return 0;
  if (status === Status.OK) return 1;
  return status === Status.NO_MEMORY ? 2 : 3;
}

function stateOf({ kind, splits, touchedLarge, freePasses }: Resident): number {
  const split = splits > 0 ? 8 : 0;
  const touched = touchedLarge ? 4 : 0;
  return (ASPACE_KINDS.indexOf(kind) << 4) | split | touched | Math.min(freePasses, 2);
}
