import { describe, expect, it } from "vitest";
import { frameWith } from "../../test/pager-scene.ts";
import { createSmallSystem } from "../../test/small-system.ts";
import { EMPTY_SLOT, MARKER_SLOT, pageSlot, referenceSlot } from "./slot.ts";
import { SpliceList } from "./splice-list.ts";

describe("SpliceList", () => {
  it("keeps contents by position, and hands them out once (O-D1)", () => {
    const { system } = createSmallSystem();
    const list = new SpliceList(system, 4);
    const page = pageSlot(frameWith(system, 1));
    list.put(1, page);
    list.put(3, MARKER_SLOT);
    expect([0, 1, 2, 3].map((at) => list.get(at))).toEqual([
      EMPTY_SLOT,
      page,
      EMPTY_SLOT,
      MARKER_SLOT,
    ]);
    expect([list.nextPopulated(0), list.nextPopulated(2), list.nextPopulated(4)]).toEqual([
      1, 3, 4,
    ]);
    expect(list.take(1)).toBe(page);
    expect(list.take(1)).toBe(EMPTY_SLOT);
  });

  it("frees what it still has, pages and references alike (O-D1, P1)", () => {
    const { system } = createSmallSystem();
    const { pmm, compressor } = system;
    const list = new SpliceList(system, 2 ** 40);
    const frame = frameWith(system, 1);
    list.put(7, referenceSlot(compressor.compress(frame)));
    list.put(2 ** 40 - 1, pageSlot(frame));
    list.put(8, MARKER_SLOT);
    list.free();
    expect([pmm.liveCount, compressor.liveCount]).toEqual([0, 0]);
    expect(list.nextPopulated(0)).toBe(list.count);
    list.free();
  });

  it("panics when a position is taken or not there (P1)", () => {
    const list = new SpliceList(createSmallSystem().system, 2);
    list.put(0, MARKER_SLOT);
    expect(() => list.put(0, MARKER_SLOT)).toThrow(/^P1: position 0 of 2/);
    expect(() => list.put(2, MARKER_SLOT)).toThrow(/^P1: position 2 of 2/);
  });
});
