import { expect, test } from "vitest";
import { frameAt, kindsOf, node, pagerRoot, slotsOf, valuesOf } from "../../test/shape-trees.ts";
import { createSmallSystem, fillPage } from "../../test/small-system.ts";
import type { CowNode } from "./cow-node.ts";
import { ZeroFork, forkZero } from "./fork.ts";
import { AnonymousReclaim, type MemorySystem } from "./memory-system.ts";
import { LazyPageRequest } from "./page-request.ts";
import { DirtyState } from "./pages.ts";
import { Queue } from "./page-queues.ts";
import { scanStep } from "./scanner.ts";

const NO_RECLAIM = { zeroForkPages: 9, reclaimPages: 0, minAge: 1 };
const NO_SCAN = { zeroForkPages: 0, reclaimPages: 9, minAge: 1 };

function freshZeroes(system: MemorySystem, sizePages: number): CowNode {
  const made = node(system, { sizePages });
  for (let page = 0; page < sizePages; page++) {
    forkZero(made, page, DirtyState.UNTRACKED, ZeroFork.SCAN, new LazyPageRequest());
  }
  return made;
}

test("O-S28, P11: fresh zero pages that are still zero become markers, the others are filed like any page", () => {
  const { system } = createSmallSystem();
  const anonymous = freshZeroes(system, 3);
  fillPage(anonymous, 1, 5);
  expect(scanStep(system, NO_RECLAIM)).toEqual({ deduplicated: 2, reclaimed: 0 });
  expect(kindsOf(anonymous)).toEqual(["marker", "page", "marker"]);
  expect(valuesOf(anonymous)).toEqual([0, 5, 0]);
  expect(system.queues.queueOf(frameAt(anonymous, 1))).toBe(Queue.ANONYMOUS);
  expect(scanStep(system, NO_RECLAIM)).toEqual({ deduplicated: 0, reclaimed: 0 });
});

test("O-S28: a step looks at no more fresh pages than it may, the eldest first", () => {
  const { system } = createSmallSystem();
  const anonymous = freshZeroes(system, 3);
  expect(scanStep(system, { ...NO_RECLAIM, zeroForkPages: 2 })).toEqual({
    deduplicated: 2,
    reclaimed: 0,
  });
  expect(kindsOf(anonymous)).toEqual(["marker", "marker", "page"]);
});

test("O-S28: pages are reclaimed when they are old enough, oldest first, up to the limit", () => {
  const { system } = createSmallSystem();
  const root = pagerRoot(system, 3, false);
  for (let page = 0; page < 3; page++) {
    fillPage(root, page, 1);
    scanStep(system, { ...NO_SCAN, minAge: 7 });
  }
  expect(scanStep(system, { ...NO_SCAN, minAge: 2, reclaimPages: 1 }).reclaimed).toBe(1);
  expect(kindsOf(root)).toEqual(["empty", "page", "page"]);
  system.queues.markAccessed(frameAt(root, 1));
  expect(scanStep(system, { ...NO_SCAN, minAge: 2 }).reclaimed).toBe(1);
  expect(kindsOf(root)).toEqual(["empty", "page", "empty"]);
});

test("O-S28: a page that nobody needs goes at once", () => {
  const { system } = createSmallSystem();
  const root = pagerRoot(system, 2, false);
  for (let page = 0; page < 2; page++) fillPage(root, page, 1);
  system.queues.move(frameAt(root, 1), Queue.DONT_NEED);
  expect(scanStep(system, { ...NO_SCAN, minAge: 7 }).reclaimed).toBe(1);
  expect(slotsOf(root)[1]).toBe("empty");
});

test("O-S28: a page that cannot go does not keep the step from those behind it", () => {
  const { system } = createSmallSystem();
  const root = pagerRoot(system, 2, false);
  for (let page = 0; page < 2; page++) fillPage(root, page, 1);
  system.pmm.pages.alwaysNeed[frameAt(root, 0)] = 1;
  system.queues.rotate();
  expect(scanStep(system, NO_SCAN).reclaimed).toBe(1);
  expect(kindsOf(root)).toEqual(["page", "empty"]);
  expect(scanStep(system, { ...NO_SCAN, minAge: 2 }).reclaimed).toBe(0);
});

test("O-S28: where anonymous pages are reclaimed a step arms the compressor and compresses old ones", () => {
  const { system } = createSmallSystem({ anonymousReclaim: AnonymousReclaim.ON });
  const anonymous = node(system, { sizePages: 1 });
  fillPage(anonymous, 0, 5);
  scanStep(system, NO_SCAN);
  expect(scanStep(system, NO_SCAN).reclaimed).toBe(1);
  expect([kindsOf(anonymous), valuesOf(anonymous)]).toEqual([["reference"], [5]]);
  expect(system.compressor.isArmed).toBe(true);
});

test("O-S28: elsewhere anonymous pages stay, and no frame is spent", () => {
  const { system } = createSmallSystem();
  const anonymous = node(system, { sizePages: 1 });
  fillPage(anonymous, 0, 5);
  system.queues.rotate();
  expect(scanStep(system, NO_SCAN).reclaimed).toBe(0);
  expect([kindsOf(anonymous), system.pmm.liveCount]).toEqual([["page"], 1]);
});

test("O-S28: without memory for a spare frame nothing is compressed", () => {
  const { system } = createSmallSystem({ anonymousReclaim: AnonymousReclaim.ON });
  const anonymous = node(system, { sizePages: 1 });
  fillPage(anonymous, 0, 5);
  system.queues.rotate();
  system.pmm.failures.failAlways();
  expect(scanStep(system, NO_SCAN).reclaimed).toBe(0);
  expect(kindsOf(anonymous)).toEqual(["page"]);
});

test("O-S28: every step is a generation", () => {
  const { system } = createSmallSystem();
  const before = system.queues.newestGeneration;
  scanStep(system, NO_SCAN);
  expect(system.queues.newestGeneration).toBe(before + 1);
});
