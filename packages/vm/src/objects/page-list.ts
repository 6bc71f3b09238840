import { KernelPanic, VPN_LIMIT } from "@aspace/arch";
import type { AllocationFailures } from "./allocation-failures.ts";
import { EMPTY_SLOT, type Slot } from "./slot.ts";

/** Slots in a chunk, the unit in which slot memory comes. */
const CHUNK_PAGES = 16;

/**
 * Chunks that a list may reserve: slots for as many pages as a machine can have frames. It ends what
 * would populate each page of an astronomic object, such as a dirty interval over all of it.
 */
const MAX_CHUNKS = 2 ** 17;

/** The slots of the pages `[first, first + CHUNK_PAGES)`. */
interface Chunk {
  /** A multiple of CHUNK_PAGES. */
  readonly first: number;
  readonly slots: Int32Array;
  /** Slots that are not Empty. 0 only for a chunk that was reserved and not filled yet. */
  populated: number;
}

/**
 * What an object has for each of its pages, sparse: memory for what is there, whatever the size.
 *
 *     pages    0      16      32 ...                2^40
 *     chunks   [x.x.....]     [....x...]  (nothing)  [x.......]      x populated, . Empty
 *
 * Invariant: chunks ascend by their first page and do not overlap.
 */
export class PageList {
  private readonly slotMemory: AllocationFailures;
  private readonly chunks: Chunk[] = [];
  /** Where the last lookup ended: pages are mostly visited in order. */
  private lastIndex = 0;
  private populated = 0;

  constructor(slotMemory: AllocationFailures) {
    this.slotMemory = slotMemory;
  }

  /** Slots that are not Empty. */
  get populatedCount(): number {
    return this.populated;
  }

  get(page: number): Slot {
    const chunk = this.chunks[this.indexFrom(page)];
    return chunk === undefined || chunk.first > page
      ? EMPTY_SLOT
      : chunk.slots[page - chunk.first]!;
  }

  /**
   * Makes sure that there is slot memory for a page; false when there is none to have. The only call
   * that fails. Memory that turns out not to be needed goes back with `set(page, EMPTY_SLOT)`.
   */
  reserve(page: number): boolean {
    const index = this.indexFrom(page);
    if (this.holds(index, page)) return true;
    if (this.chunks.length >= MAX_CHUNKS || this.slotMemory.claims()) return false;
    this.insertChunk(index, page);
    return true;
  }

  /** Never fails: slot memory that was not reserved comes silently, and goes when nothing is left in it. */
  set(page: number, slot: Slot): void {
    const index = this.indexFrom(page);
    if (!this.holds(index, page)) {
      if (slot === EMPTY_SLOT) return;
      this.insertChunk(index, page);
    }
    const chunk = this.chunks[index]!;
    const at = page - chunk.first;
    const change = Number(slot !== EMPTY_SLOT) - Number(chunk.slots[at] !== EMPTY_SLOT);
    chunk.slots[at] = slot;
    chunk.populated += change;
    this.populated += change;
    if (chunk.populated === 0) this.chunks.splice(index, 1);
  }

  /** What is in a slot, which becomes Empty. */
  take(page: number): Slot {
    const slot = this.get(page);
    if (slot !== EMPTY_SLOT) this.set(page, EMPTY_SLOT);
    return slot;
  }

  /** The first page in `[from, limit)` whose slot is not Empty, else `limit`. */
  nextPopulated(from: number, limit: number): number {
    let page = from;
    for (let index = this.indexFrom(from); index < this.chunks.length; index++) {
      const { first, slots } = this.chunks[index]!;
      page = Math.max(page, first);
      for (; page < first + CHUNK_PAGES; page++) {
        if (page >= limit) return limit;
        if (slots[page - first] !== EMPTY_SLOT) return page;
      }
    }
    return limit;
  }

  /** The first page in `[from, limit)` whose slot is Empty, else `limit`. */
  nextEmpty(from: number, limit: number): number {
    let page = from;
    for (let index = this.indexFrom(from); this.holds(index, page); index++) {
      const { first, slots } = this.chunks[index]!;
      for (; page < first + CHUNK_PAGES; page++) {
        if (page >= limit) return limit;
        if (slots[page - first] === EMPTY_SLOT) return page;
      }
    }
    return page;
  }

  /** Recounts from scratch; panics with O-M3. */
  validate(): void {
    let end = 0;
    let populated = 0;
    for (const chunk of this.chunks) {
      const count = chunk.slots.reduce((sum, slot) => sum + Number(slot !== EMPTY_SLOT), 0);
      if (chunk.first < end || chunk.first % CHUNK_PAGES !== 0 || chunk.populated !== count) {
        throw new KernelPanic(
          "O-M3",
          `the slots from page ${chunk.first} are misplaced or miscounted`,
        );
      }
      end = chunk.first + CHUNK_PAGES;
      populated += count;
    }
    if (populated !== this.populated) {
      throw new KernelPanic(
        "O-M3",
        `${this.populated} slots are counted, but ${populated} are populated`,
      );
    }
  }

  /** Whether the chunk at an index has the page's slot. */
  private holds(index: number, page: number): boolean {
    const chunk = this.chunks[index];
    return chunk !== undefined && chunk.first <= page && page < chunk.first + CHUNK_PAGES;
  }

  /** Index of the first chunk that ends after the page: it holds the page, or it is where its chunk would go. */
  private indexFrom(page: number): number {
    const { chunks } = this;
    if (this.holds(this.lastIndex, page)) return this.lastIndex;
    let low = 0;
    let high = chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (chunks[middle]!.first + CHUNK_PAGES > page) high = middle;
      else low = middle + 1;
    }
    this.lastIndex = low;
    return low;
  }

  private insertChunk(index: number, page: number): void {
    if (!(page >= 0 && page < VPN_LIMIT)) throw new KernelPanic("P4", `there is no page ${page}`);
    const chunk = {
      first: page - (page % CHUNK_PAGES),
      slots: new Int32Array(CHUNK_PAGES),
      populated: 0,
    };
    this.chunks.splice(index, 0, chunk);
  }
}
