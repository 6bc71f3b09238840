import { Status } from "@aspace/arch";
import { KINDS } from "./kind-table.ts";
import type { Operation } from "./operation.ts";
import type { Outcome } from "./outcome.ts";
import type { Resident } from "./resident.ts";

/** Cells of abstract state that count as coverage. */
export const STATE_CELLS = 4096;
const CELL_MASK = STATE_CELLS - 1;

/**
 * Feedback that edges do not give: which kind of operation met which kind of object, and how it went. Coarse on
 * purpose: were every input new, the corpus would explode.
 *
 * ```
 *   11..6 kind   5..4 status   3 under a pager   2 has siblings   1 looks or is looked at   0 a slice or reference
 * ```
 */
export class StateCells {
  readonly #cells: Uint8Array;

  constructor(cells: Uint8Array) {
    this.#cells = cells;
  }

  note(operation: Operation, { done, status, resident }: Outcome): void {
    const kind = KINDS.indexOf(operation.kind);
    const how = done === null ? SKIPPED : statusClass(status);
    this.#cells[
      ((kind << 6) | (how << 4) | (resident === null ? 0 : traits(resident))) & CELL_MASK
    ] = 1;
  }
}

const SKIPPED = 0;

/** Done, waits, refused. */
function statusClass(status: Status): number {
  if (status === Status.OK) return 1;
  return status === Status.SHOULD_WAIT ? 2 : 3;
}

function traits({ model: { node, use } }: Resident): number {
  const isUnderPager = node.isUnderPager ? 8 : 0;
  const hasSiblings = node.siblings.size > 1 ? 4 : 0;
  const isLinked = node.lookers.size > 0 || node.window !== null ? 2 : 0;
  return isUnderPager | hasSiblings | isLinked | (use === "owner" ? 0 : 1);
}
