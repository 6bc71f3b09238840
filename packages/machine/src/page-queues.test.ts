import { FRAME_WORDS, NO_FRAME } from "@aspace/arch";
import { describe, expect, it } from "vitest";
import { fakeMachine, panicRule } from "../test/fake-mmu.ts";

describe("PageRecords", () => {
  it("knows a record for exactly the pages that are allocated (K-5)", () => {
    const { pages, tables } = fakeMachine();
    const page = pages.allocatePage();
    const frames = [page, page + 1, tables.allocate(), 3, 2 ** 35];
    expect(frames.map((pfn) => pages.hasRecord(pfn))).toEqual([true, false, false, false, false]);
    pages.freePage(page);
    expect(pages.hasRecord(page)).toBe(false);
  });

  it("answers NO_FRAME when no frame is left, and counts pages in use", () => {
    const { pages } = fakeMachine({ frameCount: 66 });
    expect([0, 1, 2].map(() => pages.allocatePage())).toEqual([64, 65, NO_FRAME]);
    expect(pages.live).toBe(2);
  });

  it("panics when a page is freed twice, or is a table (K-5)", () => {
    const { pages, tables } = fakeMachine();
    const page = pages.allocatePage();
    pages.freePage(page);
    expect(panicRule(() => pages.freePage(page))).toBe("K-5");
    expect(panicRule(() => pages.freePage(tables.allocate()))).toBe("K-5");
  });

  it("counts what is free, and gives pages in runs (K-26)", () => {
    const { pages } = fakeMachine({ frameCount: 72 });
    expect(pages.freeCount).toBe(8);
    expect(pages.allocatePage()).toBe(64);
    expect(pages.allocateRun(3, 4)).toBe(68);
    expect([67, 68, 70, 71].map((pfn) => pages.hasRecord(pfn))).toEqual([false, true, true, false]);
    expect([pages.live, pages.freeCount]).toEqual([4, 4]);
    expect(pages.allocateRun(4, 1)).toBe(NO_FRAME);
  });

  it("zeroes a page that was announced as written, and power-on zeroes it too (K-5, K-13)", () => {
    const machine = fakeMachine();
    const { pages, memory } = machine;
    const page = pages.allocatePage();
    const word = page * FRAME_WORDS + FRAME_WORDS - 1;
    pages.markWritten(page);
    memory.words[word] = 7;
    pages.zeroFrame(page);
    expect(memory.words[word]).toBe(0);
    memory.words[word] = 8;
    machine.reset();
    expect(memory.words[word]).toBe(0);
  });

  it("lets nobody zero or write a frame that is no page (K-5)", () => {
    const { pages, tables } = fakeMachine();
    for (const pfn of [tables.allocate(), 3, 200, 2 ** 35]) {
      expect(panicRule(() => pages.zeroFrame(pfn))).toBe("K-5");
      expect(panicRule(() => pages.markWritten(pfn))).toBe("K-5");
    }
  });

  it("keeps reports in order and forgets them on request (K-25)", () => {
    const { pages } = fakeMachine();
    const [first, second] = [pages.allocatePage(), pages.allocatePage()];
    for (let i = 0; i < 100; i++) pages.markAccessed(i % 3 === 0 ? first : second);
    expect(pages.reportCount).toBe(100);
    expect([0, 1, 2, 3].map((i) => pages.reportAt(i))).toEqual([first, second, second, first]);
    expect([pages.reportsOf(first), pages.reportsOf(second)]).toEqual([34, 66]);
    pages.clearReports();
    expect(pages.reportCount).toBe(0);
    expect(pages.reportsOf(first)).toBe(0);
    expect(() => pages.reportAt(0)).toThrow(RangeError);
  });

  it("panics about a report for a frame without a page record (P-H5)", () => {
    const { pages, tables } = fakeMachine();
    for (const pfn of [tables.allocate(), 3, 2 ** 35]) {
      expect(panicRule(() => pages.markAccessed(pfn))).toBe("P-H5");
    }
  });
});
