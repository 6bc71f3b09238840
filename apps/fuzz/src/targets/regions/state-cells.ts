import { Status } from "@aspace/arch";
import { KINDS } from "./kind-table.ts";
import type { Operation } from "./operation.ts";
import type { Outcome } from "./outcome.ts";
import type { Census } from "./situations.ts";

/** Cells of abstract state that count as coverage. */
export const STATE_CELLS = 4096;
const SECOND_HALF = STATE_CELLS / 2;

/**
 * Feedback that edges do not give: which kind of operation met which state, and how it went. Coarse on purpose: were
 * every input new, the corpus would explode.
 *
 * ```
 *               10..5 kind   4..2 status   1..0 none, one, several mappings, or one that was cut
 *   2048 plus   10..5 kind   4 done   3 sub-regions   2 high priority   1 somebody waits   0 several protections
 * ```
 */
export class StateCells {
  readonly #cells: Uint8Array;

  constructor(cells: Uint8Array) {
    this.#cells = cells;
  }

  note(operation: Operation, { status }: Outcome, before: Census): void {
    const kind = KINDS.indexOf(operation.kind) << 5;
    const { mappings, runs, deep, high, waiting } = before;
    this.#cells[kind | (statusClass(status) << 2) | Math.min(mappings, 3)] = 1;
    const traits =
      (status === Status.OK ? 16 : 0) |
      (deep > 0 ? 8 : 0) |
      (high > 0 ? 4 : 0) |
      (waiting > 0 ? 2 : 0) |
      (runs > mappings ? 1 : 0);
    this.#cells[SECOND_HALF | kind | traits] = 1;
  }
}

/** Skipped, done, waits, and the reasons why not. */
function statusClass(status: Status | null): number {
  switch (status) {
    case null:
      return 0;
    case Status.OK:
      return 1;
    case Status.SHOULD_WAIT:
      return 2;
    case Status.NO_MEMORY:
      return 3;
    case Status.ACCESS_DENIED:
      return 4;
    case Status.INVALID_ARGS:
    case Status.OUT_OF_RANGE:
      return 5;
    case Status.NOT_FOUND:
      return 6;
    default:
      return 7;
  }
}
