import { NO_FRAME, type Pfn, type TableFrames } from "@aspace/arch";

/**
 * Tables taken from the allocator before an edit starts, so that the edit itself cannot fail. This
 * is why a failed map has nothing to roll back: it never began.
 */
export class TableReserve {
  readonly #tables: TableFrames;
  readonly #stack: Pfn[] = [];

  constructor(tables: TableFrames) {
    this.#tables = tables;
  }

  /** Takes exactly `count` frames, or none and answers false. */
  take(count: number): boolean {
    const got = this.takeUpTo(count);
    if (got === count) return true;
    this.giveBack();
    return false;
  }

  /** Takes frames until `count` or the first refusal; answers how many. */
  takeUpTo(count: number): number {
    for (let taken = 0; taken < count; taken++) {
      const pfn = this.#tables.allocate();
      if (pfn === NO_FRAME) return taken;
      this.#stack.push(pfn);
    }
    if (count > 1) this.#stack.reverse();
    return count;
  }

  /** The next reserved frame, in allocation order, or NO_FRAME. */
  next(): Pfn {
    return this.#stack.pop() ?? NO_FRAME;
  }

  /** Whether a frame is left. */
  hasNext(): boolean {
    return this.#stack.length > 0;
  }

  /** Frees what was not used. */
  giveBack(): void {
    while (this.#stack.length > 0) this.#tables.free(this.#stack.pop()!);
  }
}
