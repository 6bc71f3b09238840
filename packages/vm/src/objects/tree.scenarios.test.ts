import { Status } from "@aspace/arch";
import { describe, expect, it } from "vitest";
import {
  anonymousNode,
  createSmallSystem,
  fillPage,
  pagerNode,
  run,
  valueAt,
} from "../../test/small-system.ts";
import { chargedPages, cloneOf, contents, frameAt } from "../../test/small-tree.ts";
import { CloneKind, cloneNode } from "./clone.ts";
import { commitRange } from "./commit.ts";
import { compressPage } from "./compression.ts";
import { decommitRange } from "./decommit.ts";
import { changeHighPriorityCount } from "./memory-priority.ts";
import { resizeNode } from "./resize.ts";
import { SlotKind, slotKind } from "./slot.ts";
import { takePages } from "./take.ts";
import { tearDownIfUnused } from "./teardown.ts";
import { validateSystem } from "./validate.ts";
import { zeroPages } from "./zero.ts";

const { SNAPSHOT_AT_LEAST_ON_WRITE, SNAPSHOT_MODIFIED } = CloneKind;

describe("histories worth telling", () => {
  it("windows that overlap in part, do not meet, and begin behind the end (P5, P6, P9)", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 6);
    for (let page = 0; page < 6; page++) fillPage(node, page, page + 1);
    const low = cloneOf(node, { page: 0, count: 4 });
    const high = cloneOf(node, { page: 2, count: 6 });
    const beyond = cloneOf(node, { page: 9, count: 2 });
    expect(system.pmm.liveCount).toBe(6);
    fillPage(low, 3, 40);
    fillPage(high, 1, 50);
    fillPage(node, 3, 60);
    // Three wrote what was one page, and two copies were made: the last took the original.
    expect(system.pmm.liveCount).toBe(8);
    expect([node, low, high, beyond].map(contents)).toEqual([
      [1, 2, 3, 60, 5, 6],
      [1, 2, 3, 40],
      [3, 50, 5, 6, 0, 0],
      [0, 0],
    ]);
    validateSystem(system, [node]);
    tearDownIfUnused(node);
    expect(contents(low)).toEqual([1, 2, 3, 40]);
    expect(contents(high)).toEqual([3, 50, 5, 6, 0, 0]);
    validateSystem(system, [low]);
    tearDownIfUnused(beyond);
    tearDownIfUnused(low);
    tearDownIfUnused(high);
    validateSystem(system, []);
  });

  it("snapshot, shrink the original, grow it, read the clone (P10, P12)", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 4);
    for (let page = 0; page < 4; page++) fillPage(node, page, page + 1);
    const clone = cloneOf(node);
    resizeNode(node, 1);
    resizeNode(node, 4);
    expect(contents(node)).toEqual([1, 0, 0, 0]);
    expect(contents(clone)).toEqual([1, 2, 3, 4]);
    const later = cloneOf(node);
    fillPage(clone, 2, 30);
    expect(contents(later)).toEqual([1, 0, 0, 0]);
    validateSystem(system, [node]);
  });

  it("a snapshot of a snapshot outlives the one in the middle (P9, P11)", () => {
    const { system } = createSmallSystem();
    const first = anonymousNode(system, 3);
    for (let page = 0; page < 3; page++) fillPage(first, page, page + 1);
    const middle = cloneOf(first);
    fillPage(middle, 1, 20);
    const last = cloneOf(middle);
    fillPage(middle, 2, 30);
    tearDownIfUnused(middle);
    expect(contents(last)).toEqual([1, 20, 3]);
    expect(contents(first)).toEqual([1, 2, 3]);
    expect(system.pmm.liveCount).toBe(4);
    validateSystem(system, [first]);
  });

  it("zero the tail of a clone, then end its sibling: nothing of the tail is left (P3, P9)", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 4);
    for (let page = 0; page < 4; page++) fillPage(node, page, page + 1);
    const clone = cloneOf(node);
    run(zeroPages(clone, 2, 2, { pages: 0 }));
    expect(clone.parentLimit).toBe(2);
    tearDownIfUnused(node);
    expect(contents(clone)).toEqual([1, 2, 0, 0]);
    expect(system.pmm.liveCount).toBe(2);
    validateSystem(system, [clone]);
  });

  it("committing a clone of zeroes costs the clone alone (P8, P11)", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 2);
    const clone = cloneOf(node);
    run(commitRange(clone, 0, 2));
    expect([chargedPages(node), chargedPages(clone)]).toEqual([0, 2]);
    expect(contents(clone)).toEqual([0, 0]);
    validateSystem(system, [node]);
  });

  it("compress a page in a hidden node, then write it from both sides (P6, P9, P11)", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 1);
    fillPage(node, 0, 7);
    const clone = cloneOf(node);
    system.compressor.arm();
    compressPage(node.parent!, 0);
    expect([chargedPages(node), chargedPages(clone)]).toEqual([1, 0]);
    fillPage(clone, 0, 8);
    expect(slotKind(node.parent!.get(0))).toBe(SlotKind.PAGE);
    const original = frameAt(node.parent!, 0);
    fillPage(node, 0, 9);
    expect(frameAt(node, 0)).toBe(original);
    expect([valueAt(node, 0), valueAt(clone, 0)]).toEqual([9, 8]);
    expect(system.compressor.liveCount).toBe(0);
    validateSystem(system, [node]);
  });

  it("after the last sibling is gone what a parent forbade works again (O-T22)", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 2);
    fillPage(node, 0, 7);
    const clone = cloneOf(node);
    expect(decommitRange(node, 0, 2)).toBe(Status.NOT_SUPPORTED);
    expect(takePages(node, 0, 2)).toBe(Status.BAD_STATE);
    tearDownIfUnused(clone);
    expect(decommitRange(node, 0, 2)).toBe(Status.OK);
    expect(contents(node)).toEqual([0, 0]);
  });

  it("a pager's clone of a clone, with content in the middle and without (P9)", () => {
    const { system } = createSmallSystem();
    const root = pagerNode(system, 2);
    fillPage(root, 0, 1);
    fillPage(root, 1, 2);
    const kind = SNAPSHOT_AT_LEAST_ON_WRITE;
    const middle = cloneOf(root, { kind });
    const without = cloneOf(middle, { kind });
    fillPage(middle, 0, 10);
    const withContent = cloneOf(middle, { kind });
    fillPage(root, 1, 20);
    fillPage(middle, 0, 11);
    expect(contents(without)).toEqual([1, 20]);
    expect(contents(withContent)).toEqual([11, 20]);
    validateSystem(system, [root]);
    tearDownIfUnused(without);
    tearDownIfUnused(withContent);
    validateSystem(system, []);
  });

  it("SNAPSHOT_MODIFIED over a lazy clone freezes what that has written, and nothing else (P9, P10)", () => {
    const { system } = createSmallSystem();
    const root = pagerNode(system, 3);
    for (let page = 0; page < 3; page++) fillPage(root, page, page + 1);
    const lazy = cloneOf(root, { kind: SNAPSHOT_AT_LEAST_ON_WRITE });
    fillPage(lazy, 0, 10);
    const first = cloneOf(lazy, { kind: SNAPSHOT_MODIFIED });
    fillPage(lazy, 0, 11);
    const second = cloneOf(lazy, { kind: SNAPSHOT_AT_LEAST_ON_WRITE });
    fillPage(lazy, 1, 12);
    fillPage(root, 1, 13);
    expect([lazy, first, second].map(contents)).toEqual([
      [11, 12, 3],
      [10, 13, 3],
      [11, 13, 3],
    ]);
    validateSystem(system, [root]);
    tearDownIfUnused(lazy);
    expect([first, second].map(contents)).toEqual([
      [10, 13, 3],
      [11, 13, 3],
    ]);
    validateSystem(system, [root]);
  });

  it("the snapshot of an important object is not important, its past is (P20)", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 1);
    changeHighPriorityCount(node, 1);
    const clone = cloneOf(node);
    const past = node.parent!;
    expect([node, clone, past].map((each) => each.highPriorityCount)).toEqual([1, 0, 1]);
    changeHighPriorityCount(clone, 3);
    expect(past.highPriorityCount).toBe(2);
    changeHighPriorityCount(node, -1);
    tearDownIfUnused(node);
    expect(clone.highPriorityCount).toBe(3);
    validateSystem(system, [clone]);
  });

  it("a clone that nobody could make leaves no trace, in a pager's tree either (P21)", () => {
    const { system } = createSmallSystem();
    const lazy = cloneOf(pagerNode(system, 2), { kind: SNAPSHOT_AT_LEAST_ON_WRITE });
    fillPage(lazy, 0, 10);
    for (const attempt of [1, 2]) {
      system.pmm.failures.failAt(attempt);
      expect(cloneNode(lazy, "owner", SNAPSHOT_MODIFIED, 0, 2)).toBe(Status.NO_MEMORY);
      expect(lazy.parent!.isHidden).toBe(false);
      validateSystem(system, [lazy]);
    }
  });
});
