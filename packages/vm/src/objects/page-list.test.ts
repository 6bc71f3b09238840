import { VPN_LIMIT } from "@aspace/arch";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { panicRule } from "../../test/bare-machine.ts";
import { AllocationFailures } from "./allocation-failures.ts";
import { PageList } from "./page-list.ts";
import { EMPTY_SLOT, MARKER_SLOT, pageSlot, type Slot } from "./slot.ts";

/** Pages that share slot memory. */
const CHUNK = 16;
const FAR = VPN_LIMIT - CHUNK;

function listOf(...pages: readonly number[]): PageList {
  const list = new PageList(new AllocationFailures());
  for (const page of pages) list.set(page, MARKER_SLOT);
  return list;
}

/** Populated pages in ascending order, as a walk finds them. */
function walk(list: PageList, limit: number = VPN_LIMIT): number[] {
  const found: number[] = [];
  for (let page = list.nextPopulated(0, limit); page < limit;) {
    found.push(page);
    page = list.nextPopulated(page + 1, limit);
  }
  return found;
}

describe("PageList", () => {
  it("O-M2: is Empty everywhere at first, up to the last page there is", () => {
    const list = listOf();
    expect([0, 1, 2 ** 40, VPN_LIMIT - 1].map((page) => list.get(page))).toEqual([0, 0, 0, 0]);
    expect(list.populatedCount).toBe(0);
    expect(list.nextPopulated(0, VPN_LIMIT)).toBe(VPN_LIMIT);
    expect(list.nextEmpty(5, VPN_LIMIT)).toBe(5);
  });

  it("O-M2: holds a slot for a page until another one replaces it", () => {
    const list = listOf();
    list.set(VPN_LIMIT - 1, pageSlot(9));
    list.set(3, pageSlot(1));
    list.set(3, pageSlot(2));
    expect([list.get(3), list.get(VPN_LIMIT - 1)]).toEqual([pageSlot(2), pageSlot(9)]);
    expect(list.populatedCount).toBe(2);
    expect(list.take(3)).toBe(pageSlot(2));
    expect(list.take(3)).toBe(EMPTY_SLOT);
    expect([list.get(3), list.populatedCount]).toEqual([EMPTY_SLOT, 1]);
  });

  it("O-M2: finds populated pages on both sides of where slot memory ends", () => {
    const list = listOf(CHUNK - 1, CHUNK, 5 * CHUNK, FAR);
    expect(walk(list)).toEqual([CHUNK - 1, CHUNK, 5 * CHUNK, FAR]);
    expect(list.nextPopulated(CHUNK + 1, 5 * CHUNK)).toBe(5 * CHUNK);
    expect(list.nextPopulated(CHUNK + 1, 5 * CHUNK + 1)).toBe(5 * CHUNK);
    expect(list.nextPopulated(CHUNK + 1, CHUNK + 2)).toBe(CHUNK + 2);
  });

  it("O-M2: finds the end of a run, within and across slot memory", () => {
    const list = listOf(...Array.from({ length: 2 * CHUNK }, (_, i) => CHUNK + i));
    expect(list.nextEmpty(CHUNK - 1, 100)).toBe(CHUNK - 1);
    expect(list.nextEmpty(CHUNK, 100)).toBe(3 * CHUNK);
    expect(list.nextEmpty(CHUNK, 3 * CHUNK)).toBe(3 * CHUNK);
    expect(list.nextEmpty(CHUNK, 20)).toBe(20);
    list.set(2 * CHUNK, EMPTY_SLOT);
    expect(list.nextEmpty(CHUNK, 100)).toBe(2 * CHUNK);
  });

  it("O-M3: asks for slot memory once for pages that share it, and only in reserve", () => {
    const failures = new AllocationFailures();
    const list = new PageList(failures);
    expect(list.reserve(3)).toBe(true);
    failures.failAlways();
    expect(list.reserve(CHUNK - 1)).toBe(true);
    expect(list.reserve(CHUNK)).toBe(false);
    expect(list.reserve(2)).toBe(true);
    list.set(CHUNK, MARKER_SLOT);
    expect(list.get(CHUNK)).toBe(MARKER_SLOT);
    expect(list.reserve(CHUNK + 1)).toBe(true);
  });

  it("O-M3: a refused reserve changes nothing, and asking again may succeed", () => {
    const failures = new AllocationFailures();
    const list = new PageList(failures);
    failures.failAt(1);
    expect(list.reserve(3)).toBe(false);
    failures.failAt(1);
    expect(list.reserve(3)).toBe(false);
    expect([list.populatedCount, list.nextPopulated(0, 100)]).toEqual([0, 100]);
    expect(list.reserve(3)).toBe(true);
  });

  it("O-M3: what was reserved looks Empty and goes back with an Empty slot", () => {
    const failures = new AllocationFailures();
    const list = new PageList(failures);
    for (const page of [0, CHUNK, 2 * CHUNK]) list.reserve(page);
    list.set(3 * CHUNK, MARKER_SLOT);
    expect([list.populatedCount, list.nextPopulated(0, 100)]).toEqual([1, 3 * CHUNK]);
    expect(list.nextEmpty(0, 100)).toBe(0);
    list.set(5, EMPTY_SLOT);
    failures.failAlways();
    expect([0, CHUNK, 2 * CHUNK].map((page) => list.reserve(page))).toEqual([false, true, true]);
    list.validate();
  });

  it("O-M3: there is slot memory for 2^21 adjacent pages of a list, and no more", () => {
    const limit = 2 ** 21;
    const list = listOf();
    for (let page = 0; page < limit; page += CHUNK) list.set(page, MARKER_SLOT);
    expect([list.reserve(limit - 1), list.reserve(limit), list.reserve(FAR)]).toEqual([
      true,
      false,
      false,
    ]);
    list.set(CHUNK, EMPTY_SLOT);
    expect([list.reserve(FAR), list.reserve(limit)]).toEqual([true, false]);
  });

  it("O-M3: slot memory goes when the last slot in it is emptied", () => {
    const failures = new AllocationFailures();
    const list = new PageList(failures);
    list.set(0, MARKER_SLOT);
    list.set(1, MARKER_SLOT);
    list.take(0);
    failures.failAlways();
    expect(list.reserve(0)).toBe(true);
    list.set(1, EMPTY_SLOT);
    expect(list.reserve(0)).toBe(false);
  });

  it.each([-1, VPN_LIMIT, Number.NaN])("P4: panics when page %s is populated", (page) => {
    expect(panicRule(() => listOf().set(page, MARKER_SLOT))).toBe("P4");
    expect(panicRule(() => listOf().reserve(page))).toBe("P4");
  });

  it("law: O-M2 the list is a map from pages to slots, in every order of calls", () => {
    // Around ends of slot memory and at both ends of the offsets; few enough that calls meet.
    const page = fc.oneof(
      fc.nat(3 * CHUNK),
      fc.nat(CHUNK).map((offset) => 2 ** 40 - 8 + offset),
      fc.nat(CHUNK - 1).map((offset) => FAR + offset),
    );
    const slot = fc.constantFrom(EMPTY_SLOT, MARKER_SLOT, pageSlot(1), pageSlot(2 ** 21));
    const call = fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant("set"), page, slot }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("take", "reserve"), page }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("find"), page, count: fc.nat(50) }) },
    );
    fc.assert(
      fc.property(fc.array(call, { maxLength: 120 }), (calls) => {
        const list = new PageList(new AllocationFailures());
        const model = new Map<number, Slot>();
        for (const each of calls) {
          expect(list.get(each.page)).toBe(model.get(each.page) ?? EMPTY_SLOT);
          if ("slot" in each) {
            list.set(each.page, each.slot);
            put(model, each.page, each.slot);
          } else if ("count" in each) {
            const limit = Math.min(each.page + each.count, VPN_LIMIT);
            const pages = Array.from({ length: limit - each.page }, (_, i) => each.page + i);
            const populated = pages.find((candidate) => model.has(candidate)) ?? limit;
            const empty = pages.find((candidate) => !model.has(candidate)) ?? limit;
            expect(list.nextPopulated(each.page, limit)).toBe(populated);
            expect(list.nextEmpty(each.page, limit)).toBe(empty);
          } else if (each.kind === "take") {
            expect(list.take(each.page)).toBe(model.get(each.page) ?? EMPTY_SLOT);
            model.delete(each.page);
          } else {
            expect(list.reserve(each.page)).toBe(true);
          }
          list.validate();
          expect(list.populatedCount).toBe(model.size);
        }
        expect(walk(list)).toEqual([...model.keys()].toSorted((a, b) => a - b));
      }),
    );
  });

  it("O-M2: every set of populated pages around an end of slot memory is found from every start", () => {
    const first = CHUNK - 3;
    const pages = Array.from({ length: 6 }, (_, i) => first + i);
    for (let set = 0; set < 2 ** pages.length; set++) {
      const populated = pages.filter((_, bit) => (set & (1 << bit)) !== 0);
      const list = listOf(...populated);
      for (const from of [0, ...pages]) {
        for (const limit of [...pages, first + pages.length, 3 * CHUNK].filter(
          (end) => end >= from,
        )) {
          const inRange = populated.filter((page) => page >= from && page < limit);
          let empty = from;
          while (empty < limit && populated.includes(empty)) empty++;
          expect(list.nextPopulated(from, limit)).toBe(inRange[0] ?? limit);
          expect(list.nextEmpty(from, limit)).toBe(empty);
        }
      }
    }
  });
});

function put(model: Map<number, Slot>, page: number, slot: Slot): void {
  if (slot === EMPTY_SLOT) model.delete(page);
  else model.set(page, slot);
}
