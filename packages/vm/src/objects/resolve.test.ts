import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anonymousNode, createSmallSystem, fillPage, pagerNode } from "../../test/small-system.ts";
import { cloneOf } from "../../test/small-tree.ts";
import { CloneKind } from "./clone.ts";
import type { CowNode } from "./cow-node.ts";
import { Resolution, forEachHeld, nextHeld, resolve } from "./resolve.ts";
import { EMPTY_SLOT, MARKER_SLOT, type Slot } from "./slot.ts";

/** What a node sees at a page: whose it is, by id, at which page there, and the slot. */
function found(node: CowNode, page: number): [owner: number, page: number, slot: Slot] {
  const resolution = resolve(node, page, new Resolution(node));
  return [resolution.node.id, resolution.page, resolution.slot];
}

describe("resolve", () => {
  it("finds the nearest entry on the way to the root, in the owner's pages (O-T1)", () => {
    const { system } = createSmallSystem();
    const first = anonymousNode(system, 8);
    fillPage(first, 5, 1);
    fillPage(first, 6, 2);
    const second = cloneOf(first, { page: 2, count: 6 });
    fillPage(second, 4, 3);
    const third = cloneOf(second, { page: 1, count: 5 });
    const oldest = first.parent!;
    const middle = second.parent!;
    expect(found(third, 2)).toEqual([oldest.id, 5, oldest.get(5)]);
    expect(found(third, 3)).toEqual([middle.id, 4, middle.get(4)]);
    expect(found(first, 6)).toEqual([oldest.id, 6, oldest.get(6)]);
    fillPage(third, 2, 4);
    expect(found(third, 2)).toEqual([third.id, 2, third.get(2)]);
  });

  it("stops at a marker, which is an answer (O-T1)", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 2);
    fillPage(node, 0, 1);
    const clone = cloneOf(node);
    node.parent!.setShareCountOf(node.parent!.get(0), 0);
    clone.setSlot(0, MARKER_SLOT);
    expect(found(clone, 0)).toEqual([clone.id, 0, MARKER_SLOT]);
  });

  it("does not look past the end of a window, also not of one further up (O-T1)", () => {
    const { system } = createSmallSystem();
    const root = pagerNode(system, 6);
    for (const page of [0, 1, 2, 3, 4, 5]) fillPage(root, page, page);
    const clone = cloneOf(root, { kind: CloneKind.SNAPSHOT_MODIFIED, page: 1, count: 4 });
    fillPage(clone, 3, 9);
    const sibling = cloneOf(clone, { kind: CloneKind.SNAPSHOT_MODIFIED, page: 1, count: 6 });
    expect(found(sibling, 1)).toEqual([root.id, 3, root.get(3)]);
    expect(found(sibling, 2)).toEqual([clone.parent!.id, 3, clone.parent!.get(3)]);
    // Page 4 of the clone does not exist, so what the root has there is not seen.
    expect(found(sibling, 3)).toEqual([sibling.id, 3, EMPTY_SLOT]);
    const beyond = cloneOf(root, { kind: CloneKind.SNAPSHOT_MODIFIED, page: 4, count: 4 });
    expect(found(beyond, 1)).toEqual([root.id, 5, root.get(5)]);
    expect(found(beyond, 2)).toEqual([beyond.id, 2, beyond.get(2)]);
  });

  it("ends, for what nobody has, at the last node asked, whose source knows more (O-T1)", () => {
    const { system } = createSmallSystem();
    const root = pagerNode(system, 6);
    const clone = cloneOf(root, { kind: CloneKind.SNAPSHOT_AT_LEAST_ON_WRITE, page: 2, count: 4 });
    expect(found(clone, 1)).toEqual([root.id, 3, EMPTY_SLOT]);
    expect(found(root, 5)).toEqual([root.id, 5, EMPTY_SLOT]);
  });
});

const MOST_PAGES = 40;
const pageOf = fc.nat(MOST_PAGES - 1);
const windows = fc.array(
  fc.record({ page: fc.nat(24), count: fc.integer({ min: 1, max: MOST_PAGES }) }),
  { minLength: 1, maxLength: 3 },
);
const writes = fc.array(fc.record({ depth: fc.nat(3), page: pageOf }), { maxLength: 12 });
const small = createSmallSystem();

/** The last of a chain of clones with these windows, each written where `written` says. */
function leafOf(
  ranges: readonly { readonly page: number; readonly count: number }[],
  written: readonly { readonly depth: number; readonly page: number }[],
): CowNode {
  small.machine.reset();
  small.system.reset();
  let leaf = anonymousNode(small.system, MOST_PAGES);
  const write = (depth: number): void => {
    for (const { depth: at, page } of written) {
      if (at === depth && page < leaf.sizePages) fillPage(leaf, page, 1);
    }
  };
  write(0);
  for (const [index, range] of ranges.entries()) {
    leaf = cloneOf(leaf, range);
    write(index + 1);
  }
  return leaf;
}

/** Pages of `[from, end)` at which a node of an anonymous tree shows an entry. */
function heldPages(node: CowNode, from: number, end: number): number[] {
  const pages = Array.from({ length: Math.max(end - from, 0) }, (_, index) => from + index);
  return pages.filter((page) => found(node, page)[2] !== EMPTY_SLOT);
}

describe("what a node holds, itself or in hidden ancestors", () => {
  it("is found page after page, through all windows (O-T2)", () => {
    fc.assert(
      fc.property(windows, writes, pageOf, (ranges, written, from) => {
        const leaf = leafOf(ranges, written);
        const end = leaf.sizePages;
        fc.pre(from <= end);
        expect(nextHeld(leaf, from, end)).toBe(heldPages(leaf, from, end)[0] ?? end);
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  it("is visited entry by entry, each once and where it lies (O-T2)", () => {
    fc.assert(
      fc.property(windows, writes, pageOf, pageOf, (ranges, written, from, to) => {
        const leaf = leafOf(ranges, written);
        const end = Math.min(to, leaf.sizePages);
        const visited: number[] = [];
        forEachHeld(leaf, from, end, (owner, ownerPage, page) => {
          visited.push(page);
          expect(found(leaf, page)).toEqual([owner.id, ownerPage, owner.get(ownerPage)]);
        });
        expect(visited.toSorted((a, b) => a - b)).toEqual(heldPages(leaf, from, end));
      }),
      { numRuns: 300, seed: 2 },
    );
  });

  it("may be emptied by the visit, which does not uncover what lies behind (O-T2)", () => {
    const leaf = leafOf(
      [{ page: 0, count: 20 }],
      [0, 1].flatMap((depth) => [0, 3, 17].map((page) => ({ depth, page }))),
    );
    const visited: number[] = [];
    forEachHeld(leaf, 0, 20, (owner, ownerPage, page) => {
      expect(owner.id).toBe(leaf.id);
      owner.freeSlot(ownerPage, EMPTY_SLOT);
      visited.push(page);
    });
    expect(visited).toEqual([0, 3, 17]);
  });

  it("is not what only visible ancestors have (O-T2)", () => {
    const { system } = createSmallSystem();
    const root = pagerNode(system, 6);
    for (const page of [0, 1, 2]) fillPage(root, page, page);
    const clone = cloneOf(root, { kind: CloneKind.SNAPSHOT_MODIFIED });
    fillPage(clone, 3, 3);
    const sibling = cloneOf(clone, { kind: CloneKind.SNAPSHOT_MODIFIED });
    for (const each of [clone, sibling]) {
      const visited: number[] = [];
      forEachHeld(each, 0, 6, (_owner, _ownerPage, page) => visited.push(page));
      expect(visited).toEqual([3]);
      expect(nextHeld(each, 0, 6)).toBe(3);
    }
    expect(nextHeld(sibling, 4, 6)).toBe(6);
    expect(nextHeld(sibling, 0, 2)).toBe(2);
  });
});
