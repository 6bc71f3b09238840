import { describe, expect, it } from "vitest";
import { panicRule } from "../../test/bare-machine.ts";
import {
  anonymousNode,
  createSmallSystem,
  fillPage,
  pagerNode,
  run,
  valueAt,
} from "../../test/small-system.ts";
import { cloneOf, contents, frameAt, sharesAt } from "../../test/small-tree.ts";
import { CloneKind } from "./clone.ts";
import { compressPage } from "./compression.ts";
import type { CowNode } from "./cow-node.ts";
import { PageAccess } from "./lookup-cursor.ts";
import type { MemorySystem } from "./memory-system.ts";
import { pinRange } from "./pin.ts";
import { releaseAncestorEntry, releaseFrom, releaseShared } from "./release.ts";
import { resizeNode } from "./resize.ts";
import { EMPTY_SLOT, MARKER_SLOT } from "./slot.ts";
import { tearDownIfUnused } from "./teardown.ts";
import { validateSystem } from "./validate.ts";

/** Pages 1 to 6 of a node as they are, and a clone of all of it that wrote page 2. */
function snapshotOf(system: MemorySystem): { node: CowNode; clone: CowNode; hidden: CowNode } {
  const node = anonymousNode(system, 6);
  for (const page of [0, 1, 2, 3, 4, 5]) fillPage(node, page, page + 1);
  const clone = cloneOf(node);
  fillPage(clone, 2, 30);
  return { node, clone, hidden: clone.parent! };
}

function sharesOf(hidden: CowNode): (number | "gone")[] {
  return [0, 1, 2, 3, 4, 5].map((page) =>
    hidden.get(page) === EMPTY_SLOT ? "gone" : sharesAt(hidden, page),
  );
}

describe("releaseFrom", () => {
  it("frees what the node has and takes its shares back, from the page on (O-T18, P6)", () => {
    const { system } = createSmallSystem();
    const { node, clone, hidden } = snapshotOf(system);
    const { generation } = node.hierarchy;
    const live = system.pmm.liveCount;
    releaseFrom(clone, 2);
    expect(sharesOf(hidden)).toEqual([1, 1, 0, 0, 0, 0]);
    expect(clone.slots.populatedCount).toBe(0);
    expect(clone.parentLimit).toBe(2);
    expect(system.pmm.liveCount).toBe(live - 1);
    expect(node.hierarchy.generation).toBeGreaterThan(generation);
    expect(contents(clone)).toEqual([1, 2, 0, 0, 0, 0]);
    expect(contents(node)).toEqual([1, 2, 3, 4, 5, 6]);
    validateSystem(system, [node]);
  });

  it("frees what nobody sees any more, but not what an own page covered (O-T18, P6)", () => {
    const { system } = createSmallSystem();
    const { node, clone, hidden } = snapshotOf(system);
    releaseFrom(node, 1);
    expect(sharesOf(hidden)).toEqual([1, 0, "gone", 0, 0, 0]);
    releaseFrom(clone, 4);
    expect(sharesOf(hidden)).toEqual([1, 0, "gone", 0, "gone", "gone"]);
    validateSystem(system, [node]);
  });

  it("frees what a right child alone saw beyond the window of the left one (O-T18, P3)", () => {
    const { system } = createSmallSystem();
    const { node, clone, hidden } = snapshotOf(system);
    resizeNode(node, 1);
    expect(sharesOf(hidden)).toEqual([1, 0, "gone", 0, 0, 0]);
    releaseFrom(clone, 0);
    expect(sharesOf(hidden)).toEqual([0, "gone", "gone", "gone", "gone", "gone"]);
    validateSystem(system, [node]);
  });

  it("leaves alone what lies outside the node's window, and markers of hidden nodes (O-T18)", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 6);
    for (const page of [0, 1, 3, 4]) fillPage(node, page, page + 1);
    node.setSlot(2, MARKER_SLOT);
    const clone = cloneOf(node, { page: 1, count: 3 });
    const hidden = clone.parent!;
    releaseFrom(clone, 0);
    expect(hidden.get(2)).toBe(MARKER_SLOT);
    expect([0, 1, 3, 4].map((page) => sharesAt(hidden, page))).toEqual([0, 0, 0, 0]);
    validateSystem(system, [node]);
  });

  it("looks up no more once its window is closed, and takes nothing back twice (O-T18)", () => {
    const { system } = createSmallSystem();
    const { node, clone, hidden } = snapshotOf(system);
    const third = cloneOf(node);
    releaseFrom(clone, 3);
    releaseFrom(clone, 3);
    releaseFrom(clone, 1);
    expect(clone.parentLimit).toBe(1);
    expect(sharesOf(hidden)).toEqual([2, 1, 1, 1, 1, 1]);
    expect(contents(third)).toEqual([1, 2, 3, 4, 5, 6]);
    validateSystem(system, [node]);
  });

  it("never touches what a visible ancestor has (O-T18)", () => {
    const { system } = createSmallSystem();
    const root = pagerNode(system, 2);
    fillPage(root, 0, 7);
    const frame = frameAt(root, 0);
    const clone = cloneOf(root, { kind: CloneKind.SNAPSHOT_MODIFIED });
    releaseFrom(clone, 0);
    expect(frameAt(root, 0)).toBe(frame);
    expect(valueAt(clone, 0)).toBe(0);
    validateSystem(system, [root]);
  });

  it("frees compressed content too, shared or not (O-T18, P6)", () => {
    const { system } = createSmallSystem();
    const { node, clone, hidden } = snapshotOf(system);
    const compress = (owner: CowNode, page: number): void => {
      system.compressor.arm();
      compressPage(owner, page);
      system.compressor.disarm();
    };
    compress(hidden, 1);
    compress(clone, 2);
    expect(system.compressor.liveCount).toBe(2);
    releaseFrom(clone, 0);
    expect(sharesAt(hidden, 1)).toBe(0);
    expect(system.compressor.liveCount).toBe(1);
    releaseFrom(node, 0);
    expect(system.compressor.liveCount).toBe(0);
    validateSystem(system, [node]);
  });

  it("panics on a pinned page (O-T18, P15)", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 3);
    run(pinRange(node, 1, 1, PageAccess.WRITE));
    expect(panicRule(() => releaseFrom(node, 0))).toBe("P15");
    releaseFrom(node, 2);
  });
});

describe("releaseShared", () => {
  it("takes shares back in the range, and leaves own pages alone (O-T19)", () => {
    const { system } = createSmallSystem();
    const { node, clone, hidden } = snapshotOf(system);
    fillPage(clone, 3, 40);
    const { generation } = node.hierarchy;
    releaseShared(clone, 1, 5);
    expect(sharesOf(hidden)).toEqual([1, 0, 0, 0, 0, 1]);
    expect([valueAt(clone, 2), valueAt(clone, 3)]).toEqual([30, 40]);
    expect(clone.parentLimit).toBe(6);
    expect(node.hierarchy.generation).toBeGreaterThan(generation);
    // What the caller does then: nothing of it may show any more.
    for (const page of [1, 4]) clone.setSlot(page, MARKER_SLOT);
    validateSystem(system, [node]);
    tearDownIfUnused(clone);
    validateSystem(system, [node]);
  });

  it("frees what nobody else sees (O-T19, P6)", () => {
    const { system } = createSmallSystem();
    const { node, clone, hidden } = snapshotOf(system);
    tearDownIfUnused(cloneOf(node));
    releaseFrom(clone, 0);
    releaseShared(node, 2, 4);
    node.parentLimit = 2;
    expect(sharesOf(hidden)).toEqual([0, 0, "gone", "gone", 0, 0]);
  });
});

describe("releaseAncestorEntry", () => {
  it("counts one leaf less, or frees the entry with the last; markers stay (O-T19)", () => {
    const { system } = createSmallSystem();
    const { hidden } = snapshotOf(system);
    hidden.freeSlot(5, MARKER_SLOT);
    const { generation } = hidden.hierarchy;
    releaseAncestorEntry(hidden, 0);
    expect(hidden.hierarchy.generation).toBeGreaterThan(generation);
    releaseAncestorEntry(hidden, 2);
    releaseAncestorEntry(hidden, 5);
    expect([0, 1].map((page) => sharesAt(hidden, page))).toEqual([0, 1]);
    expect([hidden.get(2), hidden.get(5)]).toEqual([EMPTY_SLOT, MARKER_SLOT]);
  });
});
