import { describe, expect, it } from "vitest";
import { LETTERS, draw, erase, pagerScene, values } from "../../test/pager-scene.ts";
import { createSmallSystem } from "../../test/small-system.ts";
import { markDirty } from "./dirty-state.ts";
import { WritebackKind, writebackBegin, writebackEnd } from "./writeback.ts";

const { PAGES, ZEROES } = WritebackKind;

/** What becomes of each letter; those that are not listed stay. */
type Changes = Readonly<Record<string, string>>;
const BEGIN_PAGES: Changes = { D: "A", "~": "^" };
const BEGIN_ZEROES: Changes = { "~": "^" };
const END: Changes = { A: "C", a: "c", "^": "." };

type Node = ReturnType<typeof pagerScene>["node"];
const OPERATIONS: readonly [string, Changes, (node: Node, page: number, count: number) => void][] =
  [
    [
      "beginning to store pages",
      BEGIN_PAGES,
      (node, page, count) => writebackBegin(node, page, count, PAGES),
    ],
    [
      "beginning to store zeroes",
      BEGIN_ZEROES,
      (node, page, count) => writebackBegin(node, page, count, ZEROES),
    ],
    ["ending", END, writebackEnd],
  ];

describe("writeback", () => {
  it.each(OPERATIONS)(
    "when %s changes what its table says, for all drawings of three pages and all ranges (O-D7, O-D8, P16)",
    (_name, changes, operation) => {
      const { system } = createSmallSystem();
      for (const a of LETTERS) {
        for (const b of LETTERS) {
          for (const c of LETTERS) {
            for (const [page, count] of [
              [0, 3],
              [0, 2],
              [1, 1],
            ] as const) {
              const before = a + b + c;
              const { node } = pagerScene(before, { system });
              const expected = [...before].map((letter, at) =>
                at < page || at >= page + count ? letter : (changes[letter] ?? letter),
              );
              operation(node, page, count);
              expect([before, draw(node)]).toEqual([before, expected.join("")]);
              erase(node);
            }
          }
        }
      }
    },
  );

  it("takes write permission from the whole range when it begins, dirty or not (O-D7, P14)", () => {
    const { node, told } = pagerScene("C..dDM");
    writebackBegin(node, 1, 4, PAGES);
    expect(told).toEqual(["remove write 1+4"]);
    writebackBegin(node, 0, 6, ZEROES);
    expect(told.slice(1)).toEqual(["remove write 0+6"]);
  });

  it("takes zeroes that are stored out of the mappings, and pages not (O-D8, P13)", () => {
    const { node, told } = pagerScene("A^^A~a");
    writebackEnd(node, 0, 6);
    expect(draw(node)).toBe("C..C~c");
    expect(told).toEqual(["unmap 1+1", "unmap 2+1"]);
  });

  it("leaves dirty what was written while it went on (O-D7, O-D8, P16)", () => {
    const { node } = pagerScene("DD~");
    writebackBegin(node, 0, 3, PAGES);
    markDirty(node, 1);
    expect(draw(node)).toBe("AD^");
    writebackEnd(node, 0, 3);
    expect(draw(node)).toBe("CD.");
  });

  it("leaves dirty what is pinned when it begins, since nobody notices a write to it (O-D7)", () => {
    const { node } = pagerScene("dD");
    writebackBegin(node, 0, 2, PAGES);
    writebackEnd(node, 0, 2);
    expect(draw(node)).toBe("dC");
  });

  it("changes no contents, and works on when detached (O-D7, O-D8, P11)", () => {
    const { node, source } = pagerScene("CDAda");
    const before = values(node);
    source.detach();
    writebackBegin(node, 0, 5, PAGES);
    writebackEnd(node, 0, 5);
    expect(values(node)).toEqual(before);
    expect(draw(node)).toBe("CCCdc");
  });
});
