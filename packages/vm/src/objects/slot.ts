import { KernelPanic, formatAddress, type Pfn } from "@aspace/arch";

/**
 * What a page list holds for one page, as one int32 so that lists of pages are plain arrays:
 *
 *     31                                3 2     0
 *     |  frame, handle or interval kind  | kind |
 */
export type Slot = number;

export const SlotKind = {
  /** Nothing here: the parent is asked, then it is zero or, under a pager, absent. */
  EMPTY: 0,
  /** A frame that belongs to this list. */
  PAGE: 1,
  /** Zero, said explicitly: the parent is not asked. */
  MARKER: 2,
  /** Compressed content. */
  REFERENCE: 3,
  /** Zero that the kernel made and the pager has not stored yet. */
  ZERO_INTERVAL: 4,
} as const;
export type SlotKind = (typeof SlotKind)[keyof typeof SlotKind];

const KIND_BITS = 3;
const KIND_MASK = (1 << KIND_BITS) - 1;
/** Frames and handles are below this: 28 bits and no sign. */
const PAYLOAD_LIMIT = 2 ** (31 - KIND_BITS);

export const EMPTY_SLOT: Slot = SlotKind.EMPTY;
export const MARKER_SLOT: Slot = SlotKind.MARKER;
/** A page of a zero interval that nobody writes back at the moment. */
export const DIRTY_INTERVAL_SLOT: Slot = SlotKind.ZERO_INTERVAL;
/** A page of a zero interval whose writeback has begun and not ended. */
export const AWAITING_CLEAN_INTERVAL_SLOT: Slot = (1 << KIND_BITS) | SlotKind.ZERO_INTERVAL;

export function slotKind(slot: Slot): SlotKind {
  return (slot & KIND_MASK) as SlotKind;
}

/** The slot that holds a frame of RAM. */
export function pageSlot(pfn: Pfn): Slot {
  return encode(pfn, SlotKind.PAGE);
}

/** The frame a slot holds. Panics with P4 unless it is a PAGE. */
export function slotPage(slot: Slot): Pfn {
  return payload(slot, SlotKind.PAGE);
}

/** The slot that holds compressed content, by the compressor's handle. */
export function referenceSlot(handle: number): Slot {
  return encode(handle, SlotKind.REFERENCE);
}

/** The compressor's handle in a slot. Panics with P4 unless it is a REFERENCE. */
export function slotReference(slot: Slot): number {
  return payload(slot, SlotKind.REFERENCE);
}

/** Whether the page is part of a zero interval, awaiting clean or not. */
export function isInterval(slot: Slot): boolean {
  return slotKind(slot) === SlotKind.ZERO_INTERVAL;
}

/** How dumps and messages print a slot: `page 0x41000`, `marker`. */
export function describeSlot(slot: Slot): string {
  switch (slotKind(slot)) {
    case SlotKind.EMPTY:
      return "empty";
    case SlotKind.PAGE:
      return `page ${formatAddress(slotPage(slot))}`;
    case SlotKind.MARKER:
      return "marker";
    case SlotKind.REFERENCE:
      return `reference ${slotReference(slot)}`;
    case SlotKind.ZERO_INTERVAL:
      return slot === DIRTY_INTERVAL_SLOT ? "interval" : "interval awaiting clean";
  }
}

function encode(value: number, kind: SlotKind): Slot {
  if (!(value >= 0 && value < PAYLOAD_LIMIT)) {
    throw new KernelPanic("P4", `${value} does not fit into a slot`);
  }
  return (value << KIND_BITS) | kind;
}

function payload(slot: Slot, kind: SlotKind): number {
  if (slotKind(slot) !== kind) {
    throw new KernelPanic("P4", `a slot is used as kind ${kind}, but holds ${describeSlot(slot)}`);
  }
  return slot >>> KIND_BITS;
}
