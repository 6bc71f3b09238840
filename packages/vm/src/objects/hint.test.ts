import { Status } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import * as content from "../../test/page-contents.ts";
import { Trap } from "../../test/page-contents.ts";
import { answer, supply } from "../../test/pager-answers.ts";
import { createSmallSystem, fillPage, pagerNode, run, valueAt } from "../../test/small-system.ts";
import { isValue } from "./blocking.ts";
import { CloneKind, cloneNode } from "./clone.ts";
import type { CowNode } from "./cow-node.ts";
import { complete } from "./driving.ts";
import { hintAlwaysNeed, hintDontNeed } from "./hint.ts";
import { PageAccess } from "./lookup-cursor.ts";
import { changeHighPriorityCount } from "./memory-priority.ts";
import { AnonymousReclaim } from "./memory-system.ts";
import { Queue } from "./page-queues.ts";
import { pinRange } from "./pin.ts";
import { resizeNode } from "./resize.ts";
import { SlotKind, slotKind, slotPage } from "./slot.ts";
import { validateSystem } from "./validate.ts";

/** The letter of each page's queue; `.` where the node has no page. */
function queuesOf(node: CowNode): string {
  const letters: Record<number, string> = {
    [Queue.RECLAIM]: "r",
    [Queue.DONT_NEED]: "N",
    [Queue.WIRED]: "w",
    [Queue.PAGER_BACKED_DIRTY]: "d",
    [Queue.HIGH_PRIORITY]: "h",
    [Queue.ANONYMOUS]: "a",
  };
  return letterOf(node, (frame) => letters[node.system.queues.queueOf(frame)]!);
}

function alwaysNeeded(node: CowNode): string {
  return letterOf(node, (frame) => (node.system.pmm.pages.alwaysNeed[frame] === 1 ? "A" : "-"));
}

function letterOf(node: CowNode, letter: (frame: number) => string): string {
  return Array.from({ length: node.sizePages }, (_, page) => {
    const slot = node.get(page);
    return slotKind(slot) === SlotKind.PAGE ? letter(slotPage(slot)) : ".";
  }).join("");
}

function cloneOf(root: CowNode): CowNode {
  const made = cloneNode(root, "owner", CloneKind.SNAPSHOT_AT_LEAST_ON_WRITE, 1, root.sizePages);
  if (!isValue(made)) throw new Error(`no clone: status ${made}`);
  return made;
}

/** Pages: clean, dirty, pinned, awaiting clean, a marker, an interval, nothing, clean. */
function mixed(): CowNode {
  const root = content.pagerRoot(Trap.OFF, content.nothing)(createSmallSystem().system);
  const fills = [
    content.cleanPage,
    content.dirtyPage,
    content.cleanPage,
    content.awaitingCleanPage,
  ];
  fills.push(content.marker, content.interval, content.nothing, content.cleanPage);
  fills.forEach((fill, page) => fill(root, page));
  expect(run(pinRange(root, 2, 1, PageAccess.READ))).toBe(Status.OK);
  return root;
}

describe("the hint DONT_NEED", () => {
  test("O-C26: moves pages that are clean and unpinned, and asks for nothing", () => {
    const root = mixed();
    hintDontNeed(root, 0, 8);
    expect(queuesOf(root)).toBe("Ndwd...N");
    validateSystem(root.system, [root]);
  });

  test("O-C26: moves nothing outside its range, and may be about nothing", () => {
    const root = mixed();
    hintDontNeed(root, 1, 6);
    hintDontNeed(root, 8, 0);
    expect(queuesOf(root)).toBe("rdwd...r");
  });

  test("O-C26: moves nothing of high priority (P20)", () => {
    const root = mixed();
    changeHighPriorityCount(root, 1);
    hintDontNeed(root, 0, 8);
    expect(queuesOf(root)).toBe("hdwd...h");
  });

  test("O-C26: on a clone moves what it sees of the root, not what is its own", () => {
    const { system } = createSmallSystem({ anonymousReclaim: AnonymousReclaim.ON });
    const root = pagerNode(system, 6);
    supply(root, 0, 6);
    const child = cloneOf(root);
    fillPage(child, 1, 9);
    system.queues.rotate();
    hintDontNeed(child, 0, 3);
    expect(queuesOf(root)).toBe("rNrNrr");
    expect(queuesOf(child)).toBe(".r....");
    const { newestGeneration } = system.queues;
    expect(newestGeneration - system.queues.generationOf(slotPage(child.get(1)))).toBe(1);
    validateSystem(root.system, [root]);
  });

  test("O-C26: passes quickly over what a large node does not have", () => {
    const root = pagerNode(createSmallSystem().system, 2 ** 45);
    supply(root, 2 ** 40, 1);
    hintDontNeed(root, 0, 2 ** 45);
    expect(root.system.queues.countOf(Queue.DONT_NEED)).toBe(1);
  });

  test("O-C26: leaves it marked that a page is always needed", () => {
    const root = pagerNode(createSmallSystem().system, 2);
    supply(root, 0, 2);
    expect(run(hintAlwaysNeed(root, 0, 1))).toBe(Status.OK);
    hintDontNeed(root, 0, 2);
    expect(alwaysNeeded(root)).toBe("A-");
    expect(queuesOf(root)).toBe("NN");
  });
});

function hint(node: CowNode, page: number, count: number): string[] {
  const waits: string[] = [];
  const respond = answer(node);
  const status = complete(hintAlwaysNeed(node, page, count), (request) => {
    waits.push(request.describe());
    respond(request);
  });
  expect(status).toBe(Status.OK);
  validateSystem(node.system, [node]);
  return waits;
}

describe("the hint ALWAYS_NEED", () => {
  test("O-C9: asks for each whole run of absent pages in one request", () => {
    const root = pagerNode(createSmallSystem().system, 40);
    supply(root, 20, 1);
    content.marker(root, 30);
    expect(hint(root, 1, 38)).toEqual(["READ 1+19", "READ 21+9", "READ 31+8"]);
    expect(alwaysNeeded(root)).toBe(`.${"A".repeat(29)}.${"A".repeat(8)}.`);
  });

  test("O-C27: makes no pages of zeroes and no copies", () => {
    const root = pagerNode(createSmallSystem().system, 4);
    content.marker(root, 1);
    content.interval(root, 2);
    const child = cloneOf(root);
    expect(hint(child, 0, 4)).toEqual(["READ 3+1"]);
    expect(child.slots.populatedCount).toBe(0);
    expect(alwaysNeeded(root)).toBe("...A");
  });

  test("O-C27: on a clone marks what it sees of the root, not what is its own", () => {
    const root = pagerNode(createSmallSystem().system, 4);
    supply(root, 0, 4);
    const child = cloneOf(root);
    fillPage(child, 1, 9);
    expect(hint(child, 0, 4)).toEqual([]);
    expect(alwaysNeeded(root)).toBe("-A-A");
    expect(alwaysNeeded(child)).toBe(".-..");
  });

  test("O-C27: counts as use, so that it takes a DONT_NEED back", () => {
    const root = pagerNode(createSmallSystem().system, 2);
    supply(root, 0, 2);
    hintDontNeed(root, 0, 2);
    expect(hint(root, 1, 1)).toEqual([]);
    expect(queuesOf(root)).toBe("Nr");
  });

  test("O-C28: passes over a page that cannot be had and goes on with the next", () => {
    const root = pagerNode(createSmallSystem().system, 4);
    const waits: string[] = [];
    const status = complete(hintAlwaysNeed(root, 0, 4), (request) => {
      waits.push(request.describe());
      if (request.page < 2) root.source!.onPagesFailed(request.page, 1, Status.IO);
      else supply(root, request.page, request.count);
    });
    expect(status).toBe(Status.OK);
    expect(waits).toEqual(["READ 0+4", "READ 1+3", "READ 2+2"]);
    expect([0, 1, 2, 3].map((page) => valueAt(root, page))).toEqual([0, 0, 3, 4]);
  });

  test("O-C28: ends in OK when the source is detached or the rest cut off during a wait", () => {
    const root = pagerNode(createSmallSystem().system, 4);
    expect(complete(hintAlwaysNeed(root, 0, 4), () => root.source!.detach())).toBe(Status.OK);
    const other = pagerNode(createSmallSystem().system, 4);
    const shrink = (): unknown => resizeNode(other, 0);
    expect(complete(hintAlwaysNeed(other, 0, 4), shrink)).toBe(Status.OK);
  });

  test("O-C16: that is given up during a wait leaves no request behind", () => {
    const root = pagerNode(createSmallSystem().system, 4);
    const operation = hintAlwaysNeed(root, 0, 4);
    expect(operation.next().done).toBe(false);
    operation.return(Status.CANCELED);
    expect(root.source!.outstanding(0)).toEqual([]);
  });
});
