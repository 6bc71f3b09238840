import { KernelPanic, type Pfn } from "@aspace/arch";
import {
  DIRTY_INTERVAL_SLOT,
  DirtyState,
  SlotKind,
  slotKind,
  slotPage,
  slotReference,
  type CowNode,
  type MemorySystem,
  type Slot,
} from "@aspace/vm";
import { Dirt } from "./model/cell.ts";
import { PAGE_SIZE, STRETCHES, ZERO, stretchStart, type PageValue } from "./model/page-value.ts";
import type { Holds, SeenPage } from "./model/steps.ts";

/** Where the real nodes have what is seen at a page. */
export interface Place {
  readonly node: CowNode;
  readonly page: number;
  readonly slot: Slot;
}

/** How closely content is looked at: all bytes, or both ends of each stretch. */
export const Look = { ALL: "all", TELLING: "telling" } as const;
export type Look = (typeof Look)[keyof typeof Look];

const DIRT: Readonly<Record<DirtyState, Dirt>> = {
  [DirtyState.UNTRACKED]: Dirt.UNTRACKED,
  [DirtyState.CLEAN]: Dirt.CLEAN,
  [DirtyState.DIRTY]: Dirt.DIRTY,
  [DirtyState.AWAITING_CLEAN]: Dirt.AWAITING_CLEAN,
};

/**
 * Looks at real nodes without changing anything: not through the operations that are judged, but through
 * slots, links and RAM. The walk up the tree is its own.
 */
export class Onlooker {
  private readonly system: MemorySystem;
  private readonly bytes: Uint8Array;
  /** Where compressed content is unpacked; no object has it. */
  private readonly desk: Pfn;

  constructor(system: MemorySystem, desk: Pfn) {
    const { words } = system.pmm.memory;
    this.system = system;
    this.bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
    this.desk = desk;
  }

  /** The first populated slot on the way up, else the last one. */
  find(node: CowNode, page: number): Place {
    let at = node;
    let offset = page;
    while (slotKind(at.get(offset)) === SlotKind.EMPTY) {
      if (at.parent === null || offset >= at.parentLimit) break;
      offset += at.parentOffset;
      at = at.parent;
    }
    return { node: at, page: offset, slot: at.get(offset) };
  }

  /** What a node has and shows at a page. */
  see(node: CowNode, page: number): SeenPage {
    const place = this.find(node, page);
    const own = node.get(page);
    const seen = {
      own: holdsOf(own),
      shown: holdsOf(place.slot),
      value: this.valueOf(place),
      dirt: Dirt.UNTRACKED,
      pins: 0,
    };
    if (slotKind(own) === SlotKind.ZERO_INTERVAL) return { ...seen, dirt: intervalDirt(own) };
    if (slotKind(own) !== SlotKind.PAGE) return seen;
    const { pages } = this.system.pmm;
    const frame = slotPage(own);
    const dirt = DIRT[pages.dirtyState[frame]! as DirtyState];
    return { ...seen, dirt, pins: pages.pinCount[frame]! };
  }

  /** The content of a place, or null when only a pager knows. Throws P9 when no program can have written it. */
  valueOf({ node, slot }: Place, look: Look = Look.TELLING): PageValue | null {
    const isAbsent = slotKind(slot) === SlotKind.EMPTY && node.source !== null;
    return isAbsent ? null : this.valueInSlot(slot, look);
  }

  /** The content of a slot by itself, where nothing is zero. */
  valueInSlot(slot: Slot, look: Look = Look.TELLING): PageValue {
    const kind = slotKind(slot);
    if (kind === SlotKind.PAGE) return this.valueIn(slotPage(slot), look);
    if (kind === SlotKind.REFERENCE) return this.valueIn(this.unpacked(slotReference(slot)), look);
    return ZERO;
  }

  private valueIn(frame: Pfn, look: Look): PageValue {
    const start = frame * PAGE_SIZE;
    let value = ZERO;
    for (let stretch = 0; stretch < STRETCHES; stretch++) {
      const from = start + stretchStart(stretch);
      const last = start + stretchStart(stretch + 1) - 1;
      const byte = this.bytes[from]!;
      value |= byte << (stretch * 8);
      let at = look === Look.TELLING ? last : from;
      while (at <= last && this.bytes[at] === byte) at++;
      if (at > last) continue;
      throw new KernelPanic("P9", `byte ${at - start} of a page was never written like that`);
    }
    return value;
  }

  /** The frame that has compressed content, be it the desk. */
  private unpacked(handle: number): Pfn {
    const { compressor, pmm } = this.system;
    if (compressor.isTemporary(handle)) return compressor.temporaryPage();
    compressor.decompressInto(handle, this.desk);
    pmm.pages.shareCount[this.desk] = 0;
    return this.desk;
  }
}

function holdsOf(slot: Slot): Holds {
  switch (slotKind(slot)) {
    case SlotKind.PAGE:
      return "page";
    case SlotKind.REFERENCE:
      return "compressed";
    case SlotKind.MARKER:
      return "marker";
    case SlotKind.ZERO_INTERVAL:
      return "interval";
    case SlotKind.EMPTY:
      return "nothing";
  }
}

function intervalDirt(slot: Slot): Dirt {
  return slot === DIRTY_INTERVAL_SLOT ? Dirt.DIRTY : Dirt.AWAITING_CLEAN;
}
