import { Status, VPN_LIMIT } from "@aspace/arch";
import { expect, test } from "vitest";
import { compress } from "../../test/page-contents.ts";
import { recordMapping } from "../../test/recording-mapping.ts";
import {
  cloneOf,
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
import { createSmallSystem, fillPage, run } from "../../test/small-system.ts";
import { CloneKind } from "./clone.ts";
import { commitRange } from "./commit.ts";
import type { CowNode } from "./cow-node.ts";
import { changeDirtyState, markDirty } from "./dirty-state.ts";
import { DirtyState } from "./pages.ts";
import { RequestType } from "./page-request.ts";
import { HintAction, ReclaimResult, reclaimPage } from "./reclaim.ts";
import { resizeNode } from "./resize.ts";
import { DIRTY_INTERVAL_SLOT, MARKER_SLOT } from "./slot.ts";
import { tearDownIfUnused } from "./teardown.ts";
import { writeBytes } from "./transfer.ts";

test("O-S10: the same size changes nothing, whatever is pinned", () => {
  const { system } = createSmallSystem();
  const root = pagerRoot(system, 1, false);
  fillPage(root, 0, 5);
  pin(root, 0);
  expect(resizeNode(root, 1)).toBe(Status.OK);
  expect(valuesOf(root)).toEqual([5]);
  expect(root.modified).toBe(false);
});

test("O-S10, P15, P21: a pinned page in the tail keeps all of it, one before the tail does not", () => {
  const { system } = createSmallSystem();
  const anonymous = node(system, { sizePages: 4 });
  for (let page = 0; page < 4; page++) fillPage(anonymous, page, page + 1);
  pin(anonymous, 1);
  const mapping = recordMapping(anonymous);
  const before = slotsOf(anonymous);
  expect(resizeNode(anonymous, 1)).toBe(Status.BAD_STATE);
  expect(slotsOf(anonymous)).toEqual(before);
  expect(mapping.events).toEqual([]);
  expect(resizeNode(anonymous, 2)).toBe(Status.OK);
  expect(valuesOf(anonymous)).toEqual([1, 2]);
});

test("O-S10, P21: a growth must end at an address counted from the root", () => {
  const { system } = createSmallSystem();
  const original = node(system, { sizePages: 4 });
  const clone = snapshotOf(original, 3, 1);
  expect(resizeNode(clone, VPN_LIMIT - 3)).toBe(Status.INVALID_ARGS);
  expect(clone.sizePages).toBe(1);
  expect(resizeNode(clone, VPN_LIMIT - 4)).toBe(Status.OK);
  expect(resizeNode(original, VPN_LIMIT)).toBe(Status.INVALID_ARGS);
});

test("O-S10, O-S13, P21: without slot memory for the whole interval a pager's root does not grow", () => {
  const { system } = createSmallSystem();
  const root = pagerRoot(system, 2, false);
  for (const attempt of [1, 2, 3]) {
    system.pmm.failures.failAt(attempt);
    expect(resizeNode(root, 48)).toBe(Status.NO_MEMORY);
    expect([root.sizePages, root.slots.populatedCount]).toEqual([2, 0]);
    expect(root.modified).toBe(false);
    root.slots.validate();
  }
  system.pmm.failures.failAt(4);
  expect(resizeNode(root, 48)).toBe(Status.OK);
});

test("O-S11, P1: a shrink unmaps the tail, then frees pages and references in it", () => {
  const { system } = createSmallSystem();
  const anonymous = node(system, { sizePages: 3 });
  for (let page = 0; page < 3; page++) fillPage(anonymous, page, page + 1);
  compress(anonymous, 2);
  const mapping = recordMapping(anonymous);
  mapping.onEvent = () => expect(kindsOf(anonymous)).toEqual(["page", "page", "reference"]);
  expect(resizeNode(anonymous, 1)).toBe(Status.OK);
  expect(mapping.events).toEqual(["unmap 1+2"]);
  expect([system.pmm.liveCount, system.compressor.liveCount]).toEqual([1, 0]);
});

test("O-S11, P12: what was cut off is zero when it grows back, and is unmapped again", () => {
  const { system } = createSmallSystem();
  const anonymous = node(system, { sizePages: 3 });
  for (let page = 0; page < 3; page++) fillPage(anonymous, page, page + 1);
  resizeNode(anonymous, 1);
  const mapping = recordMapping(anonymous);
  resizeNode(anonymous, 4);
  expect(mapping.events).toEqual(["unmap 1+3"]);
  expect(valuesOf(anonymous)).toEqual([1, 0, 0, 0]);
});

test("O-S11, P10, P12: a snapshot that shrinks and grows back does not see again what it shared", () => {
  const { system } = createSmallSystem();
  const original = node(system, { sizePages: 3 });
  for (let page = 0; page < 3; page++) fillPage(original, page, page + 1);
  const clone = snapshotOf(original);
  resizeNode(clone, 1);
  resizeNode(clone, 3);
  expect(valuesOf(clone)).toEqual([1, 0, 0]);
  expect(valuesOf(original)).toEqual([1, 2, 3]);
});

test("O-S11, P6, P10: a share that a shrink gives up is the other's alone, and goes with it", () => {
  const { system } = createSmallSystem();
  const original = node(system, { sizePages: 2 });
  fillPage(original, 1, 7);
  const clone = snapshotOf(original);
  resizeNode(original, 1);
  expect(valuesOf(clone)).toEqual([0, 7]);
  const hidden = clone.parent!;
  expect(hidden.shareCountOf(hidden.get(1))).toBe(0);
  resizeNode(clone, 0);
  expect(system.pmm.liveCount).toBe(0);
});

test("O-S11, P12: children of a pager's object do not see beyond its smallest size, whatever their offset", () => {
  const { system } = createSmallSystem();
  const root = pagerRoot(system, 4, false);
  for (let page = 0; page < 4; page++) fillPage(root, page, page + 1);
  const aligned = cloneOf(root, CloneKind.SNAPSHOT_AT_LEAST_ON_WRITE);
  const shifted = cloneOf(root, CloneKind.SNAPSHOT_AT_LEAST_ON_WRITE, 1, 3);
  const beyond = cloneOf(root, CloneKind.SNAPSHOT_AT_LEAST_ON_WRITE, 3, 1);
  const told = recordMapping(shifted);
  resizeNode(root, 2);
  expect(told.events).toEqual(["unmap 1+2"]);
  resizeNode(root, 4);
  for (const page of [2, 3]) run(writeBytes(root, { page, offsetBytes: 0 }, Uint8Array.of(9)));
  expect(valuesOf(root)).toEqual([1, 2, 9, 9]);
  expect([valuesOf(aligned), valuesOf(shifted), valuesOf(beyond)]).toEqual([
    [1, 2, 0, 0],
    [2, 0, 0],
    [0],
  ]);
  expect([aligned, shifted, beyond].map((child) => child.parentLimit)).toEqual([2, 1, 0]);
});

test("O-S11: a growth gives children nothing new", () => {
  const { system } = createSmallSystem();
  const root = pagerRoot(system, 1, false);
  const clone = cloneOf(root, CloneKind.SNAPSHOT_AT_LEAST_ON_WRITE, 0, 2);
  resizeNode(root, 2);
  expect(clone.parentLimit).toBe(1);
});

/** A pager's root: dirty, clean, awaiting clean, marker, interval, gap. */
function mixedRoot(trapsDirty: boolean): CowNode {
  const { system } = createSmallSystem();
  const root = pagerRoot(system, 6, trapsDirty);
  for (let page = 0; page < 3; page++) fillPage(root, page, 1);
  markDirty(root, 0);
  markDirty(root, 2);
  changeDirtyState(root, 2, DirtyState.AWAITING_CLEAN);
  root.setSlot(3, MARKER_SLOT);
  root.setSlot(4, DIRTY_INTERVAL_SLOT);
  return root;
}

test.for([1, 2, 3, 4])(
  "O-S12, P18: who waits to write page %i of the tail goes on and is out of range",
  (page) => {
    const root = mixedRoot(true);
    const writing = writeBytes(root, { page, offsetBytes: 0 }, Uint8Array.of(1));
    const wait = firstWait(writing);
    expect(wait.type).toBe(RequestType.DIRTY);
    expect(resizeNode(root, 1)).toBe(Status.OK);
    expect([wait.isOutstanding, wait.status]).toEqual([false, Status.OK]);
    expect(writing.next(wait.status).value).toEqual({ status: Status.OUT_OF_RANGE, bytes: 0 });
  },
);

test("O-S12, P18: who waits to read a gap of the tail goes on; a commit ends there with OK", () => {
  const root = mixedRoot(false);
  const committing = commitRange(root, 5, 1);
  const wait = firstWait(committing);
  expect(resizeNode(root, 5)).toBe(Status.OK);
  expect([wait.isOutstanding, wait.status]).toEqual([false, Status.OK]);
  expect(committing.next(wait.status).value).toBe(Status.OK);
});

test("O-S12, P17: a request that is partly in the tail waits for the rest", () => {
  const { system } = createSmallSystem();
  const root = pagerRoot(system, 4, false);
  const wait = firstWait(commitRange(root, 0, 4));
  resizeNode(root, 1);
  expect(wait.isOutstanding).toBe(true);
  root.source!.onPagesSupplied(0, 1);
  expect(wait.isOutstanding).toBe(false);
});

test("O-S12, P18: pages that came before count once: READ over present pages, DIRTY over dirty ones is not ended again", () => {
  const { system } = createSmallSystem();
  const root = pagerRoot(system, 4, true);
  const read = firstWait(commitRange(root, 0, 4));
  fillPage(root, 3, 1);
  root.source!.onPagesSupplied(3, 1);
  resizeNode(root, 2);
  expect(read.isOutstanding).toBe(true);
  expect(root.source!.outstanding(RequestType.READ).map((request) => request.pending)).toEqual([2]);
});

test("O-S12: a dirty page in the tail does not end waits to dirty others", () => {
  const { system } = createSmallSystem();
  const root = pagerRoot(system, 3, true);
  for (let page = 0; page < 3; page++) fillPage(root, page, 1);
  const wait = firstWait(writeBytes(root, { page: 0, offsetBytes: 0 }, new Uint8Array(3 * 4096)));
  markDirty(root, 2);
  root.source!.onPagesDirtied(2, 1);
  resizeNode(root, 2);
  expect(wait.isOutstanding).toBe(true);
  expect(root.source!.outstanding(RequestType.DIRTY).map((request) => request.pending)).toEqual([
    2,
  ]);
});

test("O-S12, P18: who waits to write a page that was evicted meanwhile goes on too", () => {
  const { system } = createSmallSystem();
  const root = pagerRoot(system, 2, true);
  fillPage(root, 1, 1);
  const wait = firstWait(writeBytes(root, { page: 1, offsetBytes: 0 }, Uint8Array.of(1)));
  expect(reclaimPage(system, frameAt(root, 1), HintAction.FOLLOW)).toBe(ReclaimResult.EVICTED);
  resizeNode(root, 1);
  expect([wait.isOutstanding, wait.status]).toEqual([false, Status.OK]);
});

test("O-S13: a pager's root grows by a dirty interval, and the pager is not asked for it", () => {
  const { system } = createSmallSystem();
  const root = pagerRoot(system, 1, false);
  const mapping = recordMapping(root);
  expect(resizeNode(root, 3)).toBe(Status.OK);
  expect(slotsOf(root)).toEqual(["empty", "interval", "interval"]);
  expect(mapping.events).toEqual(["unmap 1+2"]);
  expect(run(commitRange(root, 1, 2))).toBe(Status.OK);
});

test("O-S11, O-S13: a shrink through an interval keeps what lies before it", () => {
  const { system } = createSmallSystem();
  const root = pagerRoot(system, 1, false);
  resizeNode(root, 4);
  resizeNode(root, 2);
  expect(slotsOf(root)).toEqual(["empty", "interval"]);
});

test("O-S14: a resize marks a pager's root modified, no other node; the generation moves", () => {
  const { system } = createSmallSystem();
  for (const sizePages of [1, 3]) {
    const root = pagerRoot(system, 2, false);
    const { generation } = root.hierarchy;
    resizeNode(root, sizePages);
    expect(root.modified).toBe(true);
    expect(root.hierarchy.generation).toBeGreaterThan(generation);
    const clone = cloneOf(root, CloneKind.SNAPSHOT_AT_LEAST_ON_WRITE);
    resizeNode(clone, 5);
    expect(clone.modified).toBe(false);
  }
});

test("O-S11, P1: a shrink to nothing in the middle of a chain of snapshots loses and leaks nothing", () => {
  const { system } = createSmallSystem();
  const first = node(system, { sizePages: 3 });
  for (let page = 0; page < 3; page++) fillPage(first, page, page + 1);
  const second = snapshotOf(first);
  fillPage(second, 0, 10);
  const third = snapshotOf(second);
  fillPage(third, 1, 20);
  resizeNode(second, 0);
  expect([valuesOf(first), valuesOf(third)]).toEqual([
    [1, 2, 3],
    [10, 20, 3],
  ]);
  for (const each of [second, first, third]) tearDownIfUnused(each);
  expect(system.pmm.liveCount).toBe(0);
});
