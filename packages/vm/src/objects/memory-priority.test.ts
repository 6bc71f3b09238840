import { Status } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { panicRule } from "../../test/bare-machine.ts";
import * as content from "../../test/page-contents.ts";
import { answer, supply } from "../../test/pager-answers.ts";
import {
  anonymousNode,
  createSmallSystem,
  fillPage,
  pagerNode,
  run,
} from "../../test/small-system.ts";
import { isValue } from "./blocking.ts";
import { CloneKind, cloneNode } from "./clone.ts";
import type { CowNode } from "./cow-node.ts";
import { complete } from "./driving.ts";
import { PageAccess } from "./lookup-cursor.ts";
import { AnonymousReclaim } from "./memory-system.ts";
import { changeHighPriorityCount, commitHighPriorityPages } from "./memory-priority.ts";
import { Queue } from "./page-queues.ts";
import { pinRange } from "./pin.ts";
import { AllocationPolicy } from "./pmm.ts";
import { SlotKind, slotKind, slotPage } from "./slot.ts";
import { validateSystem } from "./validate.ts";

function clone(node: CowNode, kind: CloneKind): CowNode {
  const made = cloneNode(node, "owner", kind, 0, node.sizePages);
  if (!isValue(made)) throw new Error(`no clone: status ${made}`);
  return made;
}

function queueAt(node: CowNode, page: number): Queue {
  return node.system.queues.queueOf(slotPage(node.get(page)));
}

/** The priority counts from a node up to its root. */
function counts(node: CowNode): number[] {
  const all: number[] = [];
  for (let at: CowNode | null = node; at !== null; at = at.parent) all.push(at.highPriorityCount);
  return all;
}

describe("the high priority count", () => {
  test("O-C29 P20: moves pages out of the reclaimable queues and back, but for pinned ones", () => {
    const { system } = createSmallSystem({ anonymousReclaim: AnonymousReclaim.ON });
    const node = anonymousNode(system, 40);
    for (const page of [0, 20, 39]) fillPage(node, page, 1);
    content.marker(node, 5);
    expect(run(pinRange(node, 20, 1, PageAccess.READ))).toBe(Status.OK);
    changeHighPriorityCount(node, 2);
    const pages = [0, 20, 39];
    const { HIGH_PRIORITY, RECLAIM, WIRED } = Queue;
    expect(pages.map((page) => queueAt(node, page))).toEqual([HIGH_PRIORITY, WIRED, HIGH_PRIORITY]);
    changeHighPriorityCount(node, -1);
    expect(pages.map((page) => queueAt(node, page))).toEqual([HIGH_PRIORITY, WIRED, HIGH_PRIORITY]);
    changeHighPriorityCount(node, -1);
    expect(pages.map((page) => queueAt(node, page))).toEqual([RECLAIM, WIRED, RECLAIM]);
  });

  test("O-C29 P20: counts once in the parent for each child that has any, all the way up", () => {
    const { system } = createSmallSystem({ anonymousReclaim: AnonymousReclaim.ON });
    const one = anonymousNode(system, 4);
    fillPage(one, 0, 1);
    const two = clone(one, CloneKind.SNAPSHOT);
    const three = clone(two, CloneKind.SNAPSHOT);
    changeHighPriorityCount(three, 2);
    expect(counts(three)).toEqual([2, 1, 1]);
    expect(queueAt(one.parent!, 0)).toBe(Queue.HIGH_PRIORITY);
    changeHighPriorityCount(two, 1);
    changeHighPriorityCount(one, 3);
    expect([counts(one), counts(two), counts(three)]).toEqual([
      [3, 2],
      [1, 2, 2],
      [2, 2, 2],
    ]);
    changeHighPriorityCount(three, -2);
    expect(counts(three)).toEqual([0, 1, 2]);
    changeHighPriorityCount(two, -1);
    changeHighPriorityCount(one, -3);
    expect([counts(one), counts(three)]).toEqual([
      [0, 0],
      [0, 0, 0],
    ]);
    expect(queueAt(one.parent!, 0)).toBe(Queue.RECLAIM);
    validateSystem(system, [one]);
  });

  test("O-C29 P20: keeps a pager's clean pages, seen through a clone or not", () => {
    const root = pagerNode(createSmallSystem().system, 2);
    supply(root, 0, 1);
    const child = clone(root, CloneKind.SNAPSHOT_AT_LEAST_ON_WRITE);
    changeHighPriorityCount(child, 1);
    expect(queueAt(root, 0)).toBe(Queue.HIGH_PRIORITY);
    supply(root, 1, 1);
    expect(queueAt(root, 1)).toBe(Queue.HIGH_PRIORITY);
    changeHighPriorityCount(child, -1);
    expect(queueAt(root, 0)).toBe(Queue.RECLAIM);
  });

  test("P20: panics below 0", () => {
    const node = anonymousNode(createSmallSystem().system, 1);
    changeHighPriorityCount(node, 1);
    expect(panicRule(() => changeHighPriorityCount(node, -2))).toBe("P20");
  });

  test("O-C29: by nothing changes nothing", () => {
    const node = anonymousNode(createSmallSystem().system, 1);
    changeHighPriorityCount(node, 0);
    expect(node.highPriorityCount).toBe(0);
  });
});

/** A sparse node that is far larger than any walk page by page could be. */
function compressed(policy: AllocationPolicy): CowNode {
  const node = content.anonymous(content.reference)(createSmallSystem().system, policy);
  node.sizePages = 2 ** 45;
  for (const page of [7, 2 ** 40]) content.reference(node, page);
  return node;
}

function kindsAt(node: CowNode, pages: number[]): SlotKind[] {
  return pages.map((page) => slotKind(node.get(page)));
}

describe("committing high priority pages", () => {
  test("O-C30 P11: decompresses what is compressed, and makes no pages of zeroes", () => {
    const node = compressed(AllocationPolicy.NEVER_WAITS);
    changeHighPriorityCount(node, 1);
    run(commitHighPriorityPages(node, 0, node.sizePages));
    const { PAGE } = SlotKind;
    expect(kindsAt(node, [content.PAGE, 7, 2 ** 40])).toEqual([PAGE, PAGE, PAGE]);
    expect(node.slots.populatedCount).toBe(3);
    validateSystem(node.system, [node]);
  });

  test("O-C30: does nothing without high priority", () => {
    const node = compressed(AllocationPolicy.NEVER_WAITS);
    run(commitHighPriorityPages(node, 0, node.sizePages));
    expect(kindsAt(node, [content.PAGE])).toEqual([SlotKind.REFERENCE]);
    const root = pagerNode(createSmallSystem().system, 2);
    run(commitHighPriorityPages(root, 0, 2));
  });

  test("O-C30: passes over what there is no memory for", () => {
    const node = compressed(AllocationPolicy.NEVER_WAITS);
    changeHighPriorityCount(node, 1);
    node.system.pmm.failures.failAt(2);
    run(commitHighPriorityPages(node, 0, node.sizePages));
    const { PAGE, REFERENCE } = SlotKind;
    expect(kindsAt(node, [content.PAGE, 7, 2 ** 40])).toEqual([PAGE, REFERENCE, PAGE]);
  });

  test("O-C30: waits for memory where that is allowed", () => {
    const node = compressed(AllocationPolicy.CAN_WAIT);
    changeHighPriorityCount(node, 1);
    node.system.pmm.delays.failAt(2);
    const waits: string[] = [];
    complete(commitHighPriorityPages(node, 0, node.sizePages), (request) => {
      waits.push(request.describe());
      answer(node)(request);
    });
    expect(waits).toEqual(["MEMORY 0+0"]);
    expect(kindsAt(node, [7])).toEqual([SlotKind.PAGE]);
  });

  test("O-C30: reads in a pager's pages, which are not always needed for that", () => {
    const root = pagerNode(createSmallSystem().system, 6);
    content.marker(root, 2);
    const child = clone(root, CloneKind.SNAPSHOT_AT_LEAST_ON_WRITE);
    changeHighPriorityCount(child, 1);
    const waits: string[] = [];
    complete(commitHighPriorityPages(child, 1, 4), (request) => {
      waits.push(request.describe());
      answer(child)(request);
    });
    expect(waits).toEqual(["READ 1+1", "READ 3+2"]);
    expect(root.system.pmm.pages.alwaysNeed[slotPage(root.get(3))]).toBe(0);
    expect(child.slots.populatedCount).toBe(0);
    expect(queueAt(root, 3)).toBe(Queue.HIGH_PRIORITY);
  });
});
