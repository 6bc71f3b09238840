import { Status } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { compress } from "../../test/page-contents.ts";
import { recordMapping } from "../../test/recording-mapping.ts";
import {
  cloneOf,
  contiguousNode,
  filled,
  firstWait,
  frameAt,
  kindsOf,
  node,
  pagerRoot,
  pin,
  slotsOf,
  snapshotOf,
  valuesOf,
} from "../../test/shape-trees.ts";
import { createSmallSystem, fillPage, run, valueAt } from "../../test/small-system.ts";
import { CloneKind } from "./clone.ts";
import { commitRange } from "./commit.ts";
import type { CowNode } from "./cow-node.ts";
import { changeDirtyState, markDirty } from "./dirty-state.ts";
import { DirtyState } from "./pages.ts";
import { RequestType } from "./page-request.ts";
import { resizeNode } from "./resize.ts";
import { AWAITING_CLEAN_INTERVAL_SLOT, DIRTY_INTERVAL_SLOT, MARKER_SLOT } from "./slot.ts";
import { tearDownIfUnused } from "./teardown.ts";
import { zeroPages, type ZeroProgress } from "./zero.ts";

const { SNAPSHOT_AT_LEAST_ON_WRITE, SNAPSHOT_MODIFIED } = CloneKind;

function zeroed(of: CowNode, page: number, count: number): number {
  const progress: ZeroProgress = { pages: 0 };
  expect(run(zeroPages(of, page, count, progress))).toBe(Status.OK);
  return progress.pages;
}

describe("contiguous nodes", () => {
  test("O-S4: pages are zeroed where they are, pinned or not", () => {
    const { system } = createSmallSystem();
    const contiguous = filled(contiguousNode(system, 3));
    pin(contiguous, 1);
    const before = slotsOf(contiguous);
    expect(zeroed(contiguous, 1, 2)).toBe(2);
    expect(slotsOf(contiguous)).toEqual(before);
    const areZero = [0, 1, 2].map((page) => system.pmm.isZero(frameAt(contiguous, page)));
    expect(areZero).toEqual([false, true, true]);
  });
});

/** A pager's root: clean, dirty, awaiting clean, marker, interval, interval awaiting clean, gap. */
function mixedRoot(trapsDirty: boolean): CowNode {
  const { system } = createSmallSystem();
  const root = pagerRoot(system, 7, trapsDirty);
  for (let page = 0; page < 3; page++) fillPage(root, page, page + 1);
  for (const page of [1, 2]) markDirty(root, page);
  changeDirtyState(root, 2, DirtyState.AWAITING_CLEAN);
  root.setSlot(3, MARKER_SLOT);
  root.setSlot(4, DIRTY_INTERVAL_SLOT);
  root.setSlot(5, AWAITING_CLEAN_INTERVAL_SLOT);
  return root;
}

describe("a pager's root", () => {
  test.for([true, false])(
    "O-S5, P16: every kind of content, with dirty pages trapped: %s",
    (trapsDirty) => {
      const root = mixedRoot(trapsDirty);
      const mapping = recordMapping(root);
      const { generation } = root.hierarchy;
      expect(zeroed(root, 0, 7)).toBe(7);
      const interval = "interval";
      expect(slotsOf(root)).toEqual([
        interval,
        interval,
        interval,
        "marker",
        interval,
        interval,
        interval,
      ]);
      expect(mapping.events).toEqual(["unmap 0+7"]);
      expect([root.modified, root.hierarchy.generation > generation]).toEqual([true, true]);
      expect(root.system.pmm.liveCount).toBe(0);
      expect(root.source!.outstanding(RequestType.DIRTY)).toEqual([]);
    },
  );

  test("O-S5: pages outside the range stay as they are", () => {
    const root = mixedRoot(false);
    const before = slotsOf(root);
    zeroed(root, 1, 1);
    expect(slotsOf(root)).toEqual(before.map((slot, page) => (page === 1 ? "interval" : slot)));
  });

  test("O-S5, P18: who waits to read a gap goes on, with zeroes", () => {
    const root = mixedRoot(false);
    const committing = commitRange(root, 6, 1);
    const wait = firstWait(committing);
    zeroed(root, 6, 1);
    expect([wait.isOutstanding, wait.status]).toEqual([false, Status.OK]);
    expect(committing.next(wait.status).value).toBe(Status.OK);
    expect(valueAt(root, 6)).toBe(0);
  });

  test("O-S5, P17: only gaps count towards a request for contents", () => {
    const { system } = createSmallSystem();
    const root = pagerRoot(system, 3, false);
    const wait = firstWait(commitRange(root, 0, 3));
    fillPage(root, 1, 1);
    root.source!.onPagesSupplied(1, 1);
    zeroed(root, 1, 1);
    zeroed(root, 0, 1);
    expect(root.source!.outstanding(RequestType.READ).map((request) => request.pending)).toEqual([
      1,
    ]);
    zeroed(root, 2, 1);
    expect(wait.isOutstanding).toBe(false);
  });

  test("O-S5, P15: a pinned page is made dirty and zeroed where it is", () => {
    const { system } = createSmallSystem();
    const root = filled(pagerRoot(system, 2, false));
    pin(root, 0);
    const frame = frameAt(root, 0);
    zeroed(root, 0, 2);
    expect([frameAt(root, 0), system.pmm.isZero(frame)]).toEqual([frame, true]);
    expect(system.pmm.pages.dirtyState[frame]).toBe(DirtyState.DIRTY);
    expect(kindsOf(root)).toEqual(["page", "interval"]);
  });

  test("O-S5, O-S9: a pinned page waits where dirty pages are trapped; pages before it are zero already", () => {
    const { system } = createSmallSystem();
    const root = filled(pagerRoot(system, 3, true));
    pin(root, 1);
    const mapping = recordMapping(root);
    const progress: ZeroProgress = { pages: 0 };
    const zeroing = zeroPages(root, 0, 3, progress);
    const wait = firstWait(zeroing);
    expect([wait.type, wait.page, wait.count]).toEqual([RequestType.DIRTY, 1, 1]);
    expect([progress.pages, root.modified]).toEqual([1, true]);
    expect(kindsOf(root)).toEqual(["interval", "page", "page"]);
    markDirty(root, 1);
    root.source!.onPagesDirtied(1, 1);
    expect(zeroing.next(wait.status).value).toBe(Status.OK);
    expect(progress.pages).toBe(3);
    expect(kindsOf(root)).toEqual(["interval", "page", "interval"]);
    expect(system.pmm.isZero(frameAt(root, 1))).toBe(true);
    expect(mapping.events).toEqual(["unmap 0+3", "unmap 1+2"]);
  });

  test("O-S9: a shrink during the wait for a dirty page ends zeroing with OUT_OF_RANGE", () => {
    const { system } = createSmallSystem();
    const root = filled(pagerRoot(system, 3, true));
    pin(root, 0);
    const progress: ZeroProgress = { pages: 0 };
    const zeroing = zeroPages(root, 0, 3, progress);
    firstWait(zeroing);
    resizeNode(root, 2);
    expect(zeroing.next(Status.OK).value).toBe(Status.OUT_OF_RANGE);
    expect([progress.pages, kindsOf(root)]).toEqual([0, ["page", "page"]]);
  });

  test("O-S5, O-S9, P21: without slot memory for a gap what is done stays", () => {
    const { system } = createSmallSystem();
    const root = pagerRoot(system, 40, false);
    const progress: ZeroProgress = { pages: 0 };
    system.pmm.failures.failAt(2);
    expect(run(zeroPages(root, 8, 30, progress))).toBe(Status.NO_MEMORY);
    expect(progress.pages).toBe(8);
    expect([root.slots.populatedCount, slotsOf(root)[15], slotsOf(root)[16]]).toEqual([
      8,
      "interval",
      "empty",
    ]);
    root.slots.validate();
  });

  test("O-S5: after a detach zeroing still makes intervals", () => {
    const { system } = createSmallSystem();
    const root = pagerRoot(system, 1, true);
    root.source!.detach();
    zeroed(root, 0, 1);
    expect(slotsOf(root)).toEqual(["interval"]);
  });
});

describe("anonymous nodes", () => {
  test("O-S6: without an ancestor zeroing is a decommit: markers and references go too", () => {
    const { system } = createSmallSystem();
    const anonymous = node(system, { sizePages: 3 });
    fillPage(anonymous, 0, 1);
    compress(anonymous, 0);
    fillPage(anonymous, 1, 2);
    anonymous.setSlot(2, MARKER_SLOT);
    expect(zeroed(anonymous, 0, 3)).toBe(3);
    expect([
      anonymous.slots.populatedCount,
      system.pmm.liveCount,
      system.compressor.liveCount,
    ]).toEqual([0, 0, 0]);
    expect(anonymous.modified).toBe(false);
  });

  test("O-S6, P15: pinned pages are zeroed where they are, others go", () => {
    const { system } = createSmallSystem();
    const anonymous = filled(node(system, { sizePages: 3 }));
    pin(anonymous, 1);
    const frame = frameAt(anonymous, 1);
    expect(zeroed(anonymous, 0, 3)).toBe(3);
    expect(kindsOf(anonymous)).toEqual(["empty", "page", "empty"]);
    expect([frameAt(anonymous, 1), system.pmm.isZero(frame)]).toEqual([frame, true]);
  });

  test("O-S9: a range that is not inside is OUT_OF_RANGE", () => {
    const { system } = createSmallSystem();
    const anonymous = filled(node(system, { sizePages: 2 }));
    const progress: ZeroProgress = { pages: 7 };
    expect(run(zeroPages(anonymous, 1, 2, progress))).toBe(Status.OUT_OF_RANGE);
    expect([progress.pages, anonymous.slots.populatedCount]).toEqual([0, 2]);
  });
});

/**
 *     page      0    1    2    3    4    5        (5 is beyond the window)
 *     hidden    A    B    .    M    C
 *     clone     .    P    P    .    .    P
 */
function snapshotTree(): { original: CowNode; clone: CowNode; hidden: CowNode } {
  const { system } = createSmallSystem();
  const original = node(system, { sizePages: 5 });
  for (const page of [0, 1, 4]) fillPage(original, page, page + 1);
  original.setSlot(3, MARKER_SLOT);
  const clone = snapshotOf(original, 0, 6);
  for (const page of [1, 2, 5]) fillPage(clone, page, 10 + page);
  return { original, clone, hidden: clone.parent! };
}

describe("snapshots", () => {
  test("O-S8, P10: inside the window content above leaves a marker, everything else nothing", () => {
    const { original, clone } = snapshotTree();
    const mapping = recordMapping(clone);
    expect(zeroed(clone, 0, 4)).toBe(4);
    expect(kindsOf(clone)).toEqual(["marker", "marker", "empty", "empty", "empty", "page"]);
    expect(clone.parentLimit).toBe(5);
    expect(valuesOf(clone)).toEqual([0, 0, 0, 0, 5, 15]);
    expect(valuesOf(original)).toEqual([1, 2, 0, 0, 5]);
    expect(mapping.events).toEqual(["unmap 0+4"]);
  });

  test("O-S8, P6: only what was seen through an empty slot is given up", () => {
    const { clone, hidden } = snapshotTree();
    const before = [0, 1, 4].map((page) => hidden.shareCountOf(hidden.get(page)));
    zeroed(clone, 0, 4);
    const after = [0, 1, 4].map((page) => hidden.shareCountOf(hidden.get(page)));
    expect([before, after]).toEqual([
      [1, 0, 1],
      [0, 0, 1],
    ]);
  });

  test("O-S8, P1: what nobody else sees goes with the share", () => {
    const { original, clone, hidden } = snapshotTree();
    zeroed(original, 0, 1);
    zeroed(clone, 0, 1);
    expect(kindsOf(hidden)[0]).toBe("empty");
  });

  test("O-S7, P6, P10: up to the end of the window the window closes, and the shares are given up", () => {
    const { original, clone, hidden } = snapshotTree();
    const { generation } = clone.hierarchy;
    expect(zeroed(clone, 3, 3)).toBe(3);
    expect([clone.parentLimit, clone.slots.populatedCount]).toEqual([3, 2]);
    expect(clone.hierarchy.generation).toBeGreaterThan(generation);
    expect(hidden.shareCountOf(hidden.get(4))).toBe(0);
    expect(valuesOf(clone)).toEqual([1, 11, 12, 0, 0, 0]);
    expect(valuesOf(original)).toEqual([1, 2, 0, 0, 5]);
  });

  test("O-S7: a range that begins where the window ends, or ends before it does, leaves the window alone", () => {
    const { clone } = snapshotTree();
    zeroed(clone, 5, 1);
    expect([clone.parentLimit, kindsOf(clone)[5]]).toEqual([5, "empty"]);
    zeroed(clone, 3, 1);
    expect(clone.parentLimit).toBe(5);
  });

  test("O-S7, P15: closing the window keeps pinned pages, and their content becomes zero", () => {
    const { clone } = snapshotTree();
    pin(clone, 4);
    const frame = frameAt(clone, 4);
    zeroed(clone, 0, 6);
    expect(kindsOf(clone)).toEqual(["empty", "empty", "empty", "empty", "page", "empty"]);
    expect([frameAt(clone, 4), valueAt(clone, 4)]).toEqual([frame, 0]);
  });

  test("O-S8: a compressed page of an ancestor is content, a compressed page of the node goes", () => {
    const { clone, hidden } = snapshotTree();
    compress(hidden, 0);
    compress(clone, 1);
    zeroed(clone, 0, 2);
    expect(kindsOf(clone).slice(0, 2)).toEqual(["marker", "marker"]);
    expect(hidden.shareCountOf(hidden.get(0))).toBe(0);
    expect(clone.system.compressor.liveCount).toBe(1);
  });

  test("O-S8, P9: a marker two levels up ends the search for content", () => {
    const { clone } = snapshotTree();
    zeroed(clone, 0, 1);
    const grandchild = snapshotOf(clone);
    zeroed(grandchild, 0, 1);
    expect(kindsOf(grandchild)[0]).toBe("empty");
    expect(valueAt(grandchild, 0)).toBe(0);
  });

  test("O-S8, P12: what was zeroed stays zero when the other side goes and the nodes merge", () => {
    const { original, clone } = snapshotTree();
    zeroed(clone, 0, 4);
    tearDownIfUnused(original);
    expect(valuesOf(clone)).toEqual([0, 0, 0, 0, 5, 15]);
    tearDownIfUnused(clone);
    expect(clone.system.pmm.liveCount).toBe(0);
  });

  test("O-S9, P21: without slot memory for a marker what is done stays, and says so", () => {
    const { system } = createSmallSystem();
    const original = node(system, { sizePages: 40 });
    for (const page of [2, 20, 39]) fillPage(original, page, 1);
    const clone = snapshotOf(original);
    const progress: ZeroProgress = { pages: 0 };
    system.pmm.failures.failAt(2);
    expect(run(zeroPages(clone, 0, 39, progress))).toBe(Status.NO_MEMORY);
    expect(progress.pages).toBe(20);
    expect([valueAt(clone, 2), valueAt(clone, 20), valueAt(original, 2)]).toEqual([0, 1, 1]);
    expect(run(zeroPages(clone, 0, 39, progress))).toBe(Status.OK);
    expect([progress.pages, valueAt(clone, 20), valueAt(clone, 39)]).toEqual([39, 0, 1]);
  });

  test("O-S6, P10: zeroing never waits for frames: markers need none", () => {
    const { clone } = snapshotTree();
    clone.system.pmm.setLow(true);
    clone.system.pmm.delays.failAlways();
    zeroed(clone, 0, 4);
    expect(valuesOf(clone).slice(0, 4)).toEqual([0, 0, 0, 0]);
  });
});

describe("clones in a pager's tree", () => {
  test.for([
    ["page", (root: CowNode) => fillPage(root, 1, 5)],
    ["marker", (root: CowNode) => root.setSlot(1, MARKER_SLOT)],
    ["interval", (root: CowNode) => root.setSlot(1, DIRTY_INTERVAL_SLOT)],
    ["gap", () => {}],
  ] as const)(
    "O-S8, P10: over a %s of the root a marker is left, and later contents do not show",
    ([, fill]) => {
      const { system } = createSmallSystem();
      const root = pagerRoot(system, 3, false);
      fill(root);
      const clone = cloneOf(root, SNAPSHOT_AT_LEAST_ON_WRITE);
      const before = slotsOf(root);
      expect(zeroed(clone, 1, 1)).toBe(1);
      expect(slotsOf(clone)).toEqual(["empty", "marker", "empty"]);
      expect(slotsOf(root)).toEqual(before);
      fillPage(root, 1, 9);
      expect(valueAt(clone, 1)).toBe(0);
    },
  );

  test("O-S8: an own page becomes a marker without a wait, a pinned one is zeroed where it is", () => {
    const { system } = createSmallSystem();
    const root = pagerRoot(system, 3, true);
    for (const page of [0, 1]) fillPage(root, page, 5);
    const clone = cloneOf(root, SNAPSHOT_AT_LEAST_ON_WRITE);
    for (const page of [0, 1]) fillPage(clone, page, 6);
    pin(clone, 0);
    expect(zeroed(clone, 0, 2)).toBe(2);
    expect(kindsOf(clone)).toEqual(["page", "marker", "empty"]);
    expect(valuesOf(clone)).toEqual([0, 0, 0]);
    expect(clone.modified).toBe(false);
  });

  test("O-S7: up to the end of the window the window closes, and the root keeps its pages", () => {
    const { system } = createSmallSystem();
    const root = pagerRoot(system, 3, false);
    fillPage(root, 1, 5);
    const clone = cloneOf(root, SNAPSHOT_AT_LEAST_ON_WRITE, 0, 5);
    const { generation } = clone.hierarchy;
    expect(zeroed(clone, 1, 3)).toBe(3);
    expect(clone.hierarchy.generation).toBeGreaterThan(generation);
    expect([clone.parentLimit, clone.slots.populatedCount, valueAt(root, 1)]).toEqual([1, 0, 5]);
  });

  test("O-S8: under a hidden node a gap of the root needs a marker too, but not beyond the hidden window", () => {
    const { system } = createSmallSystem();
    const root = pagerRoot(system, 2, false);
    const clone = cloneOf(root, SNAPSHOT_AT_LEAST_ON_WRITE, 0, 4);
    const sibling = cloneOf(clone, SNAPSHOT_MODIFIED);
    expect(sibling.parent!.isHidden).toBe(true);
    zeroed(sibling, 1, 2);
    expect(slotsOf(sibling)).toEqual(["empty", "marker", "empty", "empty"]);
    fillPage(root, 1, 9);
    expect([valueAt(sibling, 1), valueAt(clone, 1)]).toEqual([0, 9]);
  });

  test("O-S8: the clone of a clone does not follow its visible parent any more", () => {
    const { system } = createSmallSystem();
    const root = pagerRoot(system, 2, false);
    const clone = cloneOf(root, SNAPSHOT_AT_LEAST_ON_WRITE);
    fillPage(root, 0, 1);
    fillPage(clone, 0, 2);
    const grandchild = cloneOf(clone, SNAPSHOT_AT_LEAST_ON_WRITE, 0, 4);
    expect(grandchild.parent).toBe(clone);
    zeroed(grandchild, 1, 1);
    expect(grandchild.parentLimit).toBe(1);
    zeroed(grandchild, 0, 1);
    fillPage(clone, 0, 7);
    expect(valuesOf(grandchild)).toEqual([0, 0, 0, 0]);
  });

  test("O-S9, P21: without slot memory for the marker nothing has changed", () => {
    const { system } = createSmallSystem();
    const root = pagerRoot(system, 2, false);
    fillPage(root, 0, 5);
    const clone = cloneOf(root, SNAPSHOT_AT_LEAST_ON_WRITE);
    system.pmm.failures.failAlways();
    const progress: ZeroProgress = { pages: 0 };
    expect(run(zeroPages(clone, 0, 1, progress))).toBe(Status.NO_MEMORY);
    expect([progress.pages, valueAt(clone, 0)]).toEqual([0, 5]);
    clone.slots.validate();
  });
});
