import { NO_FRAME, Status, type Pfn } from "@aspace/arch";
import { describe, expect, it } from "vitest";
import {
  anonymousNode,
  createSmallSystem,
  fillPage,
  pagerNode,
  valueAt,
} from "../../test/small-system.ts";
import { cloneOf, contents, frameAt, sharesAt, watch } from "../../test/small-tree.ts";
import { CloneKind } from "./clone.ts";
import { CowNode, NodeKind, Visibility } from "./cow-node.ts";
import { ZeroFork, forkPage, forkZero } from "./fork.ts";
import { Hierarchy } from "./hierarchy.ts";
import { changeHighPriorityCount } from "./memory-priority.ts";
import { AnonymousReclaim, type MemorySystem } from "./memory-system.ts";
import { LazyPageRequest } from "./page-request.ts";
import { Queue } from "./page-queues.ts";
import { DirtyState } from "./pages.ts";
import { AllocationPolicy } from "./pmm.ts";
import { Resolution, resolve } from "./resolve.ts";
import { EMPTY_SLOT, MARKER_SLOT } from "./slot.ts";
import { validateSystem } from "./validate.ts";

const { UNTRACKED, CLEAN } = DirtyState;

function fork(leaf: CowNode, page: number, request = new LazyPageRequest()): Pfn | Status {
  return forkPage(leaf, page, resolve(leaf, page, new Resolution(leaf)), request);
}

/** A node with 7 at page 1, and a clone of it from page 1 on. */
function snapshotOf(system: MemorySystem): { node: CowNode; clone: CowNode; hidden: CowNode } {
  const node = anonymousNode(system, 3);
  fillPage(node, 1, 7);
  const clone = cloneOf(node, { page: 1, count: 2 });
  return { node, clone, hidden: clone.parent! };
}

/** An empty node whose allocations wait when memory is low. */
function patientNode(system: MemorySystem): CowNode {
  return new CowNode({
    system,
    hierarchy: new Hierarchy(system.locks),
    kind: NodeKind.ANONYMOUS,
    sizePages: 3,
    policy: AllocationPolicy.CAN_WAIT,
    visibility: Visibility.VISIBLE,
  });
}

function zero(node: CowNode, zeroFork: ZeroFork = ZeroFork.SCAN): Pfn | Status {
  const dirtyState = node.isDirtyTracked ? CLEAN : UNTRACKED;
  return forkZero(node, 1, dirtyState, zeroFork, new LazyPageRequest());
}

describe("forkPage", () => {
  it("copies a page of a hidden node that others see too, and unmaps the old one (O-T11)", () => {
    const { system } = createSmallSystem();
    const { node, clone, hidden } = snapshotOf(system);
    const [ofNode, ofClone] = [watch(node), watch(clone)];
    const frame = fork(clone, 0);
    expect(frame).toBe(frameAt(clone, 0));
    expect(frame).not.toBe(frameAt(hidden, 1));
    expect(sharesAt(hidden, 1)).toBe(0);
    expect(contents(clone)).toEqual([7, 0]);
    expect(ofClone.told).toEqual(["unmap 0+1"]);
    expect(ofNode.told).toEqual([]);
    validateSystem(system, [node]);
  });

  it("moves a page of a hidden node that nobody else sees: same frame, no unmap, no allocation (O-T10)", () => {
    const { system } = createSmallSystem();
    const { node, clone, hidden } = snapshotOf(system);
    fork(clone, 0);
    const frame = frameAt(hidden, 1);
    const ofNode = watch(node);
    const freeBefore = system.pmm.freeCount;
    expect(fork(node, 1)).toBe(frame);
    expect(frameAt(node, 1)).toBe(frame);
    expect(hidden.get(1)).toBe(EMPTY_SLOT);
    expect(ofNode.told).toEqual([]);
    expect(system.pmm.freeCount).toBe(freeBefore);
    validateSystem(system, [node]);
  });

  it("copies a page of a visible owner, which keeps it, and unmaps it in all that look through (O-T12)", () => {
    const { system } = createSmallSystem();
    const root = pagerNode(system, 4);
    fillPage(root, 2, 9);
    const kind = CloneKind.SNAPSHOT_AT_LEAST_ON_WRITE;
    const clone = cloneOf(root, { kind, page: 1, count: 3 });
    fillPage(clone, 2, 5);
    const grandchild = cloneOf(clone, { kind, page: 1, count: 2 });
    expect(grandchild.parent === clone).toBe(true);
    const [ofRoot, ofClone, ofGrandchild] = [watch(root), watch(clone), watch(grandchild)];
    const frame = fork(clone, 1);
    expect(frame).not.toBe(frameAt(root, 2));
    expect([valueAt(root, 2), valueAt(clone, 1), valueAt(grandchild, 0)]).toEqual([9, 9, 9]);
    expect(ofRoot.told).toEqual([]);
    expect(ofClone.told).toEqual(["unmap 1+1"]);
    expect(ofGrandchild.told).toEqual(["unmap 0+1"]);
    validateSystem(system, [root]);
  });

  it("keeps the queue of a page that it moves, unless the priority differs (O-T10, P20)", () => {
    const { system } = createSmallSystem({ anonymousReclaim: AnonymousReclaim.ON });
    const { node, clone, hidden } = snapshotOf(system);
    const { queues } = system;
    const frame = frameAt(hidden, 1);
    queues.move(frame, Queue.ANONYMOUS_ZERO_FORK);
    fork(clone, 0);
    fork(node, 1);
    expect(queues.queueOf(frame)).toBe(Queue.ANONYMOUS_ZERO_FORK);

    const other = snapshotOf(system);
    changeHighPriorityCount(other.node, 1);
    const kept = frameAt(other.hidden, 1);
    expect(queues.queueOf(kept)).toBe(Queue.HIGH_PRIORITY);
    fork(other.node, 1);
    fork(other.clone, 0);
    expect(frameAt(other.clone, 0)).toBe(kept);
    expect(queues.queueOf(kept)).toBe(Queue.RECLAIM);
    validateSystem(system, [node, other.node]);
  });

  it("marks the page that it copies as used (O-T11)", () => {
    const { system } = createSmallSystem();
    const { queues } = system;
    const root = pagerNode(system, 2);
    fillPage(root, 0, 9);
    const clone = cloneOf(root, { kind: CloneKind.SNAPSHOT_MODIFIED });
    queues.rotate();
    const { newestGeneration } = queues;
    expect(queues.generationOf(frameAt(root, 0))).toBe(newestGeneration - 1);
    fork(clone, 0);
    expect(queues.generationOf(frameAt(root, 0))).toBe(newestGeneration);
  });

  it("changes nothing when there is no slot memory or no frame (O-T13, P21)", () => {
    const { system } = createSmallSystem();
    const { node, clone, hidden } = snapshotOf(system);
    const log = watch(clone);
    // Twice the frame: slot memory went back, and has to be asked for again.
    for (const attempt of [1, 2, 2]) {
      system.pmm.failures.failAt(attempt);
      expect(fork(clone, 0)).toBe(Status.NO_MEMORY);
      expect(system.pmm.failures.isPending()).toBe(false);
      expect(clone.get(0)).toBe(EMPTY_SLOT);
      expect(clone.slots.populatedCount).toBe(0);
      clone.slots.validate();
      expect(sharesAt(hidden, 1)).toBe(1);
    }
    expect(log.told).toEqual([]);
    validateSystem(system, [node]);
  });

  it("needs no frame to move a page, but slot memory (O-T10, P21)", () => {
    const { system } = createSmallSystem();
    const { node, clone, hidden } = snapshotOf(system);
    fork(clone, 0);
    system.pmm.failures.failAt(1);
    expect(fork(node, 1)).toBe(Status.NO_MEMORY);
    expect(hidden.get(1)).not.toBe(EMPTY_SLOT);
    system.pmm.failures.failAt(2);
    expect(fork(node, 1)).toBe(frameAt(node, 1));
    expect(system.pmm.failures.isPending()).toBe(true);
    validateSystem(system, [node]);
  });

  it("waits for memory where that is allowed, and has changed nothing (O-T13)", () => {
    const { system } = createSmallSystem();
    const node = patientNode(system);
    fillPage(node, 1, 7);
    const clone = cloneOf(node);
    const request = new LazyPageRequest();
    system.pmm.setLow(true);
    expect(fork(clone, 1, request)).toBe(Status.SHOULD_WAIT);
    expect(request.isOutstanding).toBe(true);
    expect(sharesAt(clone.parent!, 1)).toBe(1);
    system.pmm.setLow(false);
    expect(request.status).toBe(Status.OK);
    expect(fork(clone, 1, request)).toBe(frameAt(clone, 1));
    validateSystem(system, [node]);
  });
});

describe("forkZero", () => {
  it("makes a page of zeroes, whatever the frame held before, and unmaps the page (O-T14)", () => {
    const { system } = createSmallSystem({ frames: 4 });
    const old = anonymousNode(system, 3);
    for (const page of [0, 1, 2]) fillPage(old, page, 99);
    for (const page of [0, 1, 2]) old.freeSlot(page, EMPTY_SLOT);
    const node = anonymousNode(system, 3);
    const log = watch(node);
    const frame = zero(node);
    expect(frame).toBe(frameAt(node, 1));
    expect(system.pmm.isZero(frame)).toBe(true);
    expect(log.told).toEqual(["unmap 1+1"]);
    validateSystem(system, [node]);
  });

  it("replaces a marker, and leaves it when there is no frame (O-T14, P21)", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 3);
    node.setSlot(1, MARKER_SLOT);
    system.pmm.failures.failAt(1);
    expect(zero(node)).toBe(Status.NO_MEMORY);
    expect(node.get(1)).toBe(MARKER_SLOT);
    expect(zero(node)).toBe(frameAt(node, 1));
    validateSystem(system, [node]);
  });

  it("changes nothing when there is no slot memory or no frame (O-T13, P21)", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 3);
    const log = watch(node);
    for (const attempt of [1, 2, 2]) {
      system.pmm.failures.failAt(attempt);
      expect(zero(node)).toBe(Status.NO_MEMORY);
      expect(system.pmm.failures.isPending()).toBe(false);
      node.slots.validate();
    }
    expect(node.slots.populatedCount).toBe(0);
    expect(log.told).toEqual([]);
    validateSystem(system, [node]);
  });

  it("waits for memory where that is allowed (O-T13)", () => {
    const { system } = createSmallSystem();
    const node = patientNode(system);
    const request = new LazyPageRequest();
    system.pmm.setLow(true);
    expect(forkZero(node, 1, UNTRACKED, ZeroFork.SCAN, request)).toBe(Status.SHOULD_WAIT);
    expect(request.isOutstanding).toBe(true);
    request.cancel();
    expect(node.get(1)).toBe(EMPTY_SLOT);
  });

  it("files new zero pages where they are looked at again, unless they are to stay (O-T15, P2)", () => {
    const { system } = createSmallSystem();
    const queueOf = (node: CowNode): Queue => system.queues.queueOf(frameAt(node, 1));
    const [scanned, ordinary, important] = [3, 3, 3].map((size) => anonymousNode(system, size));
    changeHighPriorityCount(important!, 1);
    const root = pagerNode(system, 3);
    expect(zero(scanned!)).not.toBe(NO_FRAME);
    zero(ordinary!, ZeroFork.ORDINARY);
    zero(important!);
    zero(root);
    expect([scanned!, ordinary!, important!, root].map(queueOf)).toEqual([
      Queue.ANONYMOUS_ZERO_FORK,
      Queue.ANONYMOUS,
      Queue.ANONYMOUS,
      Queue.RECLAIM,
    ]);
    expect(system.pmm.pages.dirtyState[frameAt(root, 1)]).toBe(CLEAN);
    validateSystem(system, [scanned!, ordinary!, important!, root]);
  });
});
