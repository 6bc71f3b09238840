import { expect, test } from "vitest";
import { objectOn, recordMapping } from "../../test/recording-mapping.ts";
import {
  cloneOf,
  contiguousNode,
  frameAt,
  kindsOf,
  node,
  pagerRoot,
  pin,
  slotsOf,
  snapshotOf,
  valuesOf,
} from "../../test/shape-trees.ts";
import { createSmallSystem, fillPage, valueAt } from "../../test/small-system.ts";
import { CloneKind } from "./clone.ts";
import { beginCompression, finishCompression } from "./compression.ts";
import type { CowNode } from "./cow-node.ts";
import { changeDirtyState, markDirty } from "./dirty-state.ts";
import { AnonymousReclaim, type MemorySystem } from "./memory-system.ts";
import { changeHighPriorityCount } from "./memory-priority.ts";
import { DirtyState } from "./pages.ts";
import { Queue } from "./page-queues.ts";
import { HintAction, ReclaimResult, reclaimPage } from "./reclaim.ts";

const { KEPT, EVICTED, COMPRESSED } = ReclaimResult;
const { FOLLOW, IGNORE } = HintAction;

function reclaimingSystem(): MemorySystem {
  const { system } = createSmallSystem({ anonymousReclaim: AnonymousReclaim.ON });
  system.compressor.arm();
  return system;
}

function withPage(of: CowNode): CowNode {
  fillPage(of, 0, 5);
  return of;
}

test("O-S26, P1: a clean page is unmapped and evicted, and the pager is asked next time", () => {
  const system = reclaimingSystem();
  const root = withPage(pagerRoot(system, 1, true));
  const mapping = recordMapping(root);
  mapping.onEvent = () => expect(kindsOf(root)).toEqual(["page"]);
  const { generation } = root.hierarchy;
  expect(reclaimPage(system, frameAt(root, 0), FOLLOW)).toBe(EVICTED);
  expect([slotsOf(root), mapping.events, root.reclamationEvents]).toEqual([
    ["empty"],
    ["unmap 0+1"],
    1,
  ]);
  expect(root.hierarchy.generation).toBeGreaterThan(generation);
  system.compressor.disarm();
  expect(system.pmm.liveCount).toBe(0);
});

test("O-S26, P11: an anonymous page is compressed, also in a clone of a pager's object and in a hidden node", () => {
  const system = reclaimingSystem();
  const anonymous = withPage(node(system, { sizePages: 1 }));
  const clone = withPage(cloneOf(pagerRoot(system, 1, true), CloneKind.SNAPSHOT_AT_LEAST_ON_WRITE));
  const snapshot = snapshotOf(withPage(node(system, { sizePages: 1 })));
  for (const owner of [anonymous, clone, snapshot.parent!]) {
    const { generation } = owner.hierarchy;
    expect(reclaimPage(system, frameAt(owner, 0), FOLLOW)).toBe(COMPRESSED);
    expect([kindsOf(owner), owner.reclamationEvents]).toEqual([["reference"], 1]);
    expect(owner.hierarchy.generation).toBeGreaterThan(generation);
  }
  expect([anonymous, clone, snapshot].map((each) => valueAt(each, 0))).toEqual([5, 5, 5]);
});

test("O-S26: a compression that fails is no reclaim and no event", () => {
  const system = reclaimingSystem();
  const anonymous = withPage(node(system, { sizePages: 1 }));
  system.compressor.failures.failAlways();
  expect(reclaimPage(system, frameAt(anonymous, 0), FOLLOW)).toBe(KEPT);
  expect([valuesOf(anonymous), anonymous.reclamationEvents]).toEqual([[5], 0]);
});

const kept: readonly (readonly [string, (system: MemorySystem) => CowNode])[] = [
  ["of a node with high priority", (system) => prioritized(node(system, { sizePages: 1 }))],
  ["of a pager's root with high priority", (system) => prioritized(pagerRoot(system, 1, false))],
  ["that is dirty", (system) => dirtied(pagerRoot(system, 1, false))],
  ["that is awaiting clean", (system) => awaitingClean(pagerRoot(system, 1, false))],
  ["whose pager went away", (system) => orphaned(pagerRoot(system, 1, false))],
  ["that is always needed", (system) => needed(pagerRoot(system, 1, false))],
  [
    "of a discardable object",
    (system) => objectOn(node(system, { sizePages: 1 }), { isDiscardable: true }).node,
  ],
  ["without a spare frame", disarmed],
];

function prioritized(of: CowNode): CowNode {
  changeHighPriorityCount(of, 1);
  return of;
}

function dirtied(root: CowNode): CowNode {
  markDirty(withPage(root), 0);
  return root;
}

function awaitingClean(root: CowNode): CowNode {
  changeDirtyState(dirtied(root), 0, DirtyState.AWAITING_CLEAN);
  return root;
}

function orphaned(root: CowNode): CowNode {
  withPage(root).source!.onPagerClosed();
  return root;
}

function needed(root: CowNode): CowNode {
  root.system.pmm.pages.alwaysNeed[frameAt(withPage(root), 0)] = 1;
  return root;
}

function disarmed(system: MemorySystem): CowNode {
  system.compressor.disarm();
  return node(system, { sizePages: 1 });
}

test.for(kept)("O-S25, P16, P20: a page %s stays and counts as used", ([, make]) => {
  const system = reclaimingSystem();
  const owner = withPage(make(system));
  const frame = frameAt(owner, 0);
  const isAging = system.queues.queueOf(frame) === Queue.RECLAIM;
  if (isAging) system.queues.move(frame, Queue.DONT_NEED);
  const mapping = recordMapping(owner);
  expect(reclaimPage(system, frame, FOLLOW)).toBe(KEPT);
  expect([frameAt(owner, 0), mapping.events, owner.reclamationEvents]).toEqual([frame, [], 0]);
  if (isAging) expect(system.queues.queueOf(frame)).toBe(Queue.RECLAIM);
});

test("O-S25, P15: a pinned page stays, whatever its kind", () => {
  const system = reclaimingSystem();
  for (const owner of [node(system, { sizePages: 1 }), pagerRoot(system, 1, false)]) {
    pin(withPage(owner), 0);
    expect(reclaimPage(system, frameAt(owner, 0), IGNORE)).toBe(KEPT);
    expect(valuesOf(owner)).toEqual([5]);
  }
});

test("O-S25: contiguous pages stay", () => {
  const system = reclaimingSystem();
  const contiguous = contiguousNode(system, 1);
  expect(reclaimPage(system, frameAt(contiguous, 0), IGNORE)).toBe(KEPT);
});

test("O-S25: a page that is always needed goes when the hint is ignored; a dirty one does not", () => {
  const system = reclaimingSystem();
  const root = needed(pagerRoot(system, 1, false));
  expect(reclaimPage(system, frameAt(root, 0), IGNORE)).toBe(EVICTED);
  const dirty = dirtied(pagerRoot(system, 1, false));
  expect(reclaimPage(system, frameAt(dirty, 0), IGNORE)).toBe(KEPT);
});

test("O-S25: frames that are in no slot are left alone: free ones, the page of zeroes, one being compressed", () => {
  const system = reclaimingSystem();
  const anonymous = withPage(node(system, { sizePages: 1 }));
  const frame = frameAt(anonymous, 0);
  const compression = beginCompression(anonymous, 0)!;
  expect(reclaimPage(system, frame, FOLLOW)).toBe(KEPT);
  expect(finishCompression(compression)).toBe("compressed");
  expect(reclaimPage(system, frame, FOLLOW)).toBe(KEPT);
  expect(reclaimPage(system, system.pmm.zeroPage, FOLLOW)).toBe(KEPT);
});

test("O-S25: the lock of the hierarchy is free again afterwards", () => {
  const system = reclaimingSystem();
  const anonymous = withPage(node(system, { sizePages: 1 }));
  const mapping = recordMapping(anonymous);
  mapping.onEvent = () => anonymous.hierarchy.lock.assertHeld();
  reclaimPage(system, frameAt(anonymous, 0), FOLLOW);
  expect([mapping.events.length, anonymous.hierarchy.lock.isHeld]).toEqual([1, false]);
});
