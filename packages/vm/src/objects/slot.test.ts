import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { panicRule } from "../../test/bare-machine.ts";
import {
  AWAITING_CLEAN_INTERVAL_SLOT,
  DIRTY_INTERVAL_SLOT,
  EMPTY_SLOT,
  MARKER_SLOT,
  SlotKind,
  describeSlot,
  isInterval,
  pageSlot,
  referenceSlot,
  slotKind,
  slotPage,
  slotReference,
} from "./slot.ts";

const PAYLOAD_LIMIT = 2 ** 28;

describe("Slot", () => {
  it("O-M1: has one kind, and the five bare values are told apart", () => {
    const slots = [EMPTY_SLOT, MARKER_SLOT, DIRTY_INTERVAL_SLOT, AWAITING_CLEAN_INTERVAL_SLOT];
    expect(slots.map(slotKind)).toEqual([
      SlotKind.EMPTY,
      SlotKind.MARKER,
      SlotKind.ZERO_INTERVAL,
      SlotKind.ZERO_INTERVAL,
    ]);
    expect(new Set([...slots, pageSlot(0), referenceSlot(0)]).size).toBe(6);
    expect([...slots, pageSlot(1)].map(isInterval)).toEqual([false, false, true, true, false]);
  });

  it("O-M1: gives back the frame or handle that it was made of, as an int32", () => {
    fc.assert(
      fc.property(fc.nat(PAYLOAD_LIMIT - 1), (payload) => {
        const [page, reference] = [pageSlot(payload), referenceSlot(payload)];
        expect([page | 0, reference | 0]).toEqual([page, reference]);
        expect([slotKind(page), slotPage(page)]).toEqual([SlotKind.PAGE, payload]);
        expect([slotKind(reference), slotReference(reference)]).toEqual([
          SlotKind.REFERENCE,
          payload,
        ]);
      }),
      { examples: [[0], [PAYLOAD_LIMIT - 1]] },
    );
  });

  it.each([-1, PAYLOAD_LIMIT, 2 ** 32, Number.NaN])(
    "P4: panics when %s is put into a slot",
    (payload) => {
      expect(panicRule(() => pageSlot(payload))).toBe("P4");
      expect(panicRule(() => referenceSlot(payload))).toBe("P4");
    },
  );

  it("P4: panics when a slot is used as a kind that it is not", () => {
    const others = [EMPTY_SLOT, MARKER_SLOT, DIRTY_INTERVAL_SLOT, AWAITING_CLEAN_INTERVAL_SLOT];
    for (const slot of [...others, referenceSlot(7)]) {
      expect(panicRule(() => slotPage(slot))).toBe("P4");
    }
    for (const slot of [...others, pageSlot(7)]) {
      expect(panicRule(() => slotReference(slot))).toBe("P4");
    }
  });

  it("O-M1: prints what it holds", () => {
    expect(describeSlot(EMPTY_SLOT)).toBe("empty");
    expect(describeSlot(pageSlot(0x41))).toBe("page 0x41000");
    expect(describeSlot(MARKER_SLOT)).toBe("marker");
    expect(describeSlot(referenceSlot(12))).toBe("reference 12");
    expect(describeSlot(DIRTY_INTERVAL_SLOT)).toBe("interval");
    expect(describeSlot(AWAITING_CLEAN_INTERVAL_SLOT)).toBe("interval awaiting clean");
  });
});
