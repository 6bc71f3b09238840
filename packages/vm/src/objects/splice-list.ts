import { KernelPanic } from "@aspace/arch";
import type { MemorySystem } from "./memory-system.ts";
import { PageList } from "./page-list.ts";
import { EMPTY_SLOT, type Slot, SlotKind, slotKind, slotPage, slotReference } from "./slot.ts";

/**
 * Contents on their way from one object to another: what `takePages` took out, by position, and
 * `supplyPages` puts in. It owns what its slots hold; its frames are ALLOC, in no slot of a node and in no
 * queue.
 *
 *     object A   [P0] [  ] [M] [P1]  ── take ──▶  list  [P0] [  ] [M] [P1]  ── supply ──▶  object B
 *     position                                           0    1    2    3
 */
export class SpliceList {
  readonly system: MemorySystem;
  /** Positions, in pages; empty ones count. */
  readonly count: number;
  private readonly slots: PageList;

  constructor(system: MemorySystem, count: number) {
    this.system = system;
    this.count = count;
    this.slots = new PageList(system.pmm.failures);
  }

  get(position: number): Slot {
    return this.slots.get(position);
  }

  /**
   * Hands something over to the list. Never fails. Panics with P1 when the position has something already.
   */
  put(position: number, slot: Slot): void {
    if (position >= this.count || this.slots.get(position) !== EMPTY_SLOT) {
      throw new KernelPanic(
        "P1",
        `position ${position} of ${this.count} in a splice list is not free`,
      );
    }
    this.slots.set(position, slot);
  }

  /** What is at a position, which belongs to the caller from now on. */
  take(position: number): Slot {
    return this.slots.take(position);
  }

  /** The first position in `[from, count)` that is not empty, else `count`. */
  nextPopulated(from: number): number {
    return this.slots.nextPopulated(from, this.count);
  }

  /** Frees whatever the list still owns. */
  free(): void {
    for (let at = this.nextPopulated(0); at < this.count; at = this.nextPopulated(at + 1)) {
      freeContent(this.system, this.take(at));
    }
  }
}

/** Frees what a slot that is in no node owns. */
export function freeContent({ pmm, compressor }: MemorySystem, slot: Slot): void {
  if (slotKind(slot) === SlotKind.PAGE) pmm.free(slotPage(slot));
  else if (slotKind(slot) === SlotKind.REFERENCE) compressor.free(slotReference(slot));
}
