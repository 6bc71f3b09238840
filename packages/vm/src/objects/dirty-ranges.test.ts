import { describe, expect, it } from "vitest";
import { LETTERS, draw, erase, pagerScene } from "../../test/pager-scene.ts";
import { createSmallSystem } from "../../test/small-system.ts";
import { type DirtyRange, enumerateDirtyRanges } from "./dirty-ranges.ts";

const PAGES = new Set("DAda");
const ZEROES = new Set("~^");

/** The same as text, page by page: x dirty, 0 dirty and zero, and a bar where a run ends. */
function marked(ranges: readonly DirtyRange[], pageCount: number): string {
  const marks = Array.from({ length: pageCount }, () => "-");
  for (const { page, count, isZero } of ranges) {
    marks.fill(isZero ? "0" : "x", page, page + count);
    marks[page + count - 1] += "|";
  }
  return marks.join("");
}

/** Letter by letter, for a range. */
function expectedMarks(drawing: string, page: number, count: number): string {
  const kinds = [...drawing].map((letter, at) => {
    if (at < page || at >= page + count) return "-";
    if (PAGES.has(letter)) return "x";
    return ZEROES.has(letter) ? "0" : "-";
  });
  return kinds
    .map((kind, at) => (kind === "-" || kinds[at + 1] === kind ? kind : `${kind}|`))
    .join("");
}

describe("enumerateDirtyRanges", () => {
  it("lists runs of pages that are not clean, and apart from them runs of zero intervals (O-D6)", () => {
    const { node } = pagerScene("CDA~^D.DMc~d");
    expect(enumerateDirtyRanges(node, 0, 12)).toEqual([
      { page: 1, count: 2, isZero: false },
      { page: 3, count: 2, isZero: true },
      { page: 5, count: 1, isZero: false },
      { page: 7, count: 1, isZero: false },
      { page: 10, count: 1, isZero: true },
      { page: 11, count: 1, isZero: false },
    ]);
  });

  it("clips what crosses the range (O-D6)", () => {
    const { node } = pagerScene("~~~~DDDD");
    expect(enumerateDirtyRanges(node, 2, 4)).toEqual([
      { page: 2, count: 2, isZero: true },
      { page: 4, count: 2, isZero: false },
    ]);
    expect(enumerateDirtyRanges(node, 3, 0)).toEqual([]);
  });

  it("agrees with a scan of single letters for all drawings of three pages and all ranges (O-D6)", () => {
    const { system } = createSmallSystem();
    for (const a of LETTERS) {
      for (const b of LETTERS) {
        for (const c of LETTERS) {
          const drawing = a + b + c;
          const { node } = pagerScene(drawing, { system });
          for (const [page, count] of [
            [0, 3],
            [0, 2],
            [1, 2],
            [1, 1],
          ] as const) {
            const marks = marked(enumerateDirtyRanges(node, page, count), 3);
            expect([drawing, marks]).toEqual([drawing, expectedMarks(drawing, page, count)]);
          }
          expect(draw(node)).toBe(drawing);
          erase(node);
        }
      }
    }
  });

  it("still answers once detached (O-D6)", () => {
    const { node, source } = pagerScene("~D");
    source.detach();
    expect(enumerateDirtyRanges(node, 0, 2).length).toBe(2);
  });

  it("costs what is there, not what the object could hold (O-D6)", () => {
    const { node } = pagerScene("D");
    node.sizePages = 2 ** 51;
    expect(enumerateDirtyRanges(node, 0, node.sizePages)).toEqual([
      { page: 0, count: 1, isZero: false },
    ]);
  });
});
