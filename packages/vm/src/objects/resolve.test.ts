import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anonymousNode, createSmallSystem, fillPage, pagerNode } from "../../test/small-system.ts";
import { cloneOf } from "../../test/small-tree.ts";
import { CloneKind } from "./clone.ts";
import type { CowNode } from "./cow-node.ts";
import { Resolution, nextHeld, resolve } from "./resolve.ts";
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

describe("nextHeld", () => {
  it("finds the first page that a node has itself or in hidden ancestors, through all windows (O-T2)", () => {
    const window = fc.record({ page: fc.nat(24), count: fc.integer({ min: 1, max: 40 }) });
    const writes = fc.array(fc.record({ depth: fc.nat(3), page: fc.nat(39) }), { maxLength: 12 });
    const windows = fc.array(window, { minLength: 1, maxLength: 3 });
    const { system, machine } = createSmallSystem();
    fc.assert(
      fc.property(windows, writes, fc.nat(39), (each, written, from) => {
        machine.reset();
        system.reset();
        let leaf = anonymousNode(system, 40);
        const write = (depth: number): void => {
          for (const { depth: at, page } of written) {
            if (at === depth && page < leaf.sizePages) fillPage(leaf, page, 1);
          }
        };
        write(0);
        each.forEach((range, index) => {
          leaf = cloneOf(leaf, range);
          write(index + 1);
        });
        let expected = from;
        while (expected < leaf.sizePages && found(leaf, expected)[2] === EMPTY_SLOT) {
          expected++;
        }
        if (from <= leaf.sizePages) expect(nextHeld(leaf, from, leaf.sizePages)).toBe(expected);
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  it("passes over what only visible ancestors have (O-T2)", () => {
    const { system } = createSmallSystem();
    const root = pagerNode(system, 6);
    for (const page of [0, 1, 2]) fillPage(root, page, page);
    const clone = cloneOf(root, { kind: CloneKind.SNAPSHOT_MODIFIED });
    fillPage(clone, 3, 3);
    expect(nextHeld(clone, 0, 6)).toBe(3);
    const sibling = cloneOf(clone, { kind: CloneKind.SNAPSHOT_MODIFIED });
    expect(nextHeld(sibling, 0, 6)).toBe(3);
    expect(nextHeld(sibling, 4, 6)).toBe(6);
    expect(nextHeld(sibling, 0, 2)).toBe(2);
  });
});
