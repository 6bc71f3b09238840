import { AspaceKind, Status } from "@aspace/arch";
import { KINDS } from "./decode.ts";
import type { Operation } from "./operation.ts";
import type { Outcome } from "./outcome.ts";
import type { Resident } from "./resident.ts";
import type { World } from "./world.ts";

/** Cells of abstract state that count as coverage. */
export const STATE_CELLS = 4096;
const SECOND_HALF = STATE_CELLS / 2;

const ASPACE_KINDS: readonly AspaceKind[] = [AspaceKind.USER, AspaceKind.KERNEL, AspaceKind.GUEST];

/**
 * Feedback that edges do not give: which kind of operation met which state, and how it went. Coarse on
 * purpose: were every input new, the corpus would explode.
 *
 * ```
 *               10..7 kind     6..5 status      4..3 aspace   2 split leaves   1 touched a large one   0 freed
 *   2048 plus   10..7 kind     6..3 kind of the operation on the aspace before     2..1 aspace   0 done
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
      if (resident === null) this.#cells[(kind << 7) | (statusClass(status) << 5)] = 1;
      else this.#noteResident(resident, kind, statusClass(status));
    }
  }

  #noteResident(resident: Resident, kind: number, status: number): void {
    const aspace = ASPACE_KINDS.indexOf(resident.kind);
    const split = resident.splits > 0 ? 4 : 0;
    const touched = resident.touchedLarge ? 2 : 0;
    const freed = resident.freePasses > 0 ? 1 : 0;
    this.#cells[(kind << 7) | (status << 5) | (aspace << 3) | split | touched | freed] = 1;
    const done = status === DONE ? 1 : 0;
    this.#cells[SECOND_HALF | (kind << 7) | (resident.lastKind << 3) | (aspace << 1) | done] = 1;
    resident.lastKind = kind;
  }
}

const DONE = 1;

/** Skipped, done, refused for want of memory, refused otherwise. */
function statusClass(status: Status | null): number {
  if (status === null) return 0;
  if (status === Status.OK) return DONE;
  return status === Status.NO_MEMORY ? 2 : 3;
}
