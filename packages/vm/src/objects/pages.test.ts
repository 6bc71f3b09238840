import { describe, expect, it } from "vitest";
import { panicRule } from "../../test/bare-machine.ts";
import type { CowNode } from "./cow-node.ts";
import { DirtyState, PageState, Pages } from "./pages.ts";

/** Pages keep nodes without looking into them. */
const NODE = { id: 1 } as CowNode;
const BLANK = [PageState.FREE, 0, DirtyState.UNTRACKED, 0, 0, 0, null, 0];

function record(pages: Pages, pfn: number): readonly unknown[] {
  const { state, pinCount, dirtyState, alwaysNeed, shareCount, queue, node, offset } = pages;
  return [state, pinCount, dirtyState, alwaysNeed, shareCount, queue, node, offset].map(
    (array) => array[pfn],
  );
}

function scribble(pages: Pages, pfn: number): void {
  const { pinCount, dirtyState, alwaysNeed, shareCount, queue } = pages;
  for (const array of [pinCount, dirtyState, alwaysNeed, shareCount, queue]) array[pfn] = 3;
  pages.node[pfn] = NODE;
  pages.offset[pfn] = 2 ** 52 - 1;
}

describe("Pages", () => {
  it("O-M4: has a blank record for every frame, and offsets of 52 bits", () => {
    const pages = new Pages(3);
    expect([0, 1, 2].map((pfn) => record(pages, pfn))).toEqual([BLANK, BLANK, BLANK]);
    pages.open(1, PageState.ALLOC);
    scribble(pages, 1);
    expect(record(pages, 1)).toEqual([PageState.ALLOC, 3, 3, 3, 3, 3, NODE, 2 ** 52 - 1]);
  });

  it("O-M4: blanks the record of a frame that becomes free, and no other", () => {
    const pages = new Pages(3);
    for (const pfn of [0, 1, 2]) {
      pages.open(pfn, PageState.OBJECT);
      scribble(pages, pfn);
    }
    const before = record(pages, 0);
    pages.close(1);
    expect([0, 1, 2].map((pfn) => record(pages, pfn))).toEqual([before, BLANK, before]);
  });

  it("O-M13: reset blanks whatever was used", () => {
    const pages = new Pages(6);
    for (const pfn of [4, 1]) {
      pages.open(pfn, PageState.WIRED);
      scribble(pages, pfn);
    }
    pages.reset();
    for (let pfn = 0; pfn < 6; pfn++) expect(record(pages, pfn)).toEqual(BLANK);
    expect(pages.countOf(PageState.WIRED)).toBe(0);
    pages.open(5, PageState.WIRED);
    expect(pages.countOf(PageState.WIRED)).toBe(1);
  });

  it("P1: panics when a frame is opened twice, and knows how many are used for what", () => {
    const pages = new Pages(4);
    pages.open(3, PageState.ALLOC);
    pages.open(0, PageState.ALLOC);
    pages.open(2, PageState.OBJECT);
    expect(pages.countOf(PageState.ALLOC)).toBe(2);
    expect(pages.countOf(PageState.OBJECT)).toBe(1);
    expect(panicRule(() => pages.open(3, PageState.OBJECT))).toBe("P1");
    expect(panicRule(() => pages.assertState(4, PageState.FREE))).toBe("P1");
    expect(() => pages.assertState(3, PageState.OBJECT)).toThrow(
      /^P1: frame 0x3000 should be in an object, but is allocated$/,
    );
  });
});
