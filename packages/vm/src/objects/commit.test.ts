import { Status } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import * as content from "../../test/page-contents.ts";
import { Trap } from "../../test/page-contents.ts";
import { answer, supply } from "../../test/pager-answers.ts";
import {
  anonymousNode,
  createSmallSystem,
  fillPage,
  pagerNode,
  run,
  valueAt,
} from "../../test/small-system.ts";
import { isValue } from "./blocking.ts";
import { CloneKind, cloneNode } from "./clone.ts";
import { commitRange } from "./commit.ts";
import type { CowNode } from "./cow-node.ts";
import { complete } from "./driving.ts";
import { Queue } from "./page-queues.ts";
import { DirtyState } from "./pages.ts";
import { AllocationPolicy } from "./pmm.ts";
import { resizeNode } from "./resize.ts";
import { SlotKind, slotKind, slotPage } from "./slot.ts";
import { validateSystem } from "./validate.ts";

function values(node: CowNode): number[] {
  return Array.from({ length: node.sizePages }, (_, page) => valueAt(node, page));
}

/** The kinds of a node's slots: a page `P`, a marker `M`, an interval `Z`, a reference `R`, nothing `.`. */
function kinds(node: CowNode): string {
  const letters = { [SlotKind.EMPTY]: ".", [SlotKind.PAGE]: "P", [SlotKind.MARKER]: "M" };
  const others = { [SlotKind.REFERENCE]: "R", [SlotKind.ZERO_INTERVAL]: "Z" };
  const all: Record<number, string> = { ...letters, ...others };
  return Array.from({ length: node.sizePages }, (_, page) => all[slotKind(node.get(page))]).join(
    "",
  );
}

function clone(node: CowNode, kind: CloneKind): CowNode {
  const made = cloneNode(node, "owner", kind, 0, node.sizePages);
  if (!isValue(made)) throw new Error(`no clone: status ${made}`);
  return made;
}

/** Commits, and lists what it waited for. */
function commit(node: CowNode, page: number, count: number): { status: Status; waits: string[] } {
  const waits: string[] = [];
  const respond = answer(node);
  const status = complete(commitRange(node, page, count), (request) => {
    waits.push(request.describe());
    respond(request);
  });
  validateSystem(node.system, [node]);
  return { status, waits };
}

describe("commit of an anonymous node", () => {
  test("O-C14: puts a page of zeroes where nothing was, and only there", () => {
    const node = anonymousNode(createSmallSystem().system, 6);
    fillPage(node, 2, 5);
    expect(run(commitRange(node, 1, 3))).toBe(Status.OK);
    expect(kinds(node)).toBe(".PPP..");
    expect(values(node)).toEqual([0, 0, 5, 0, 0, 0]);
  });

  test("O-C14: of no pages does nothing", () => {
    const node = anonymousNode(createSmallSystem().system, 6);
    expect(run(commitRange(node, 6, 0))).toBe(Status.OK);
    expect(kinds(node)).toBe("......");
  });

  test("O-C14: files new pages as ordinary ones", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 1);
    expect(run(commitRange(node, 0, 1))).toBe(Status.OK);
    expect(system.queues.queueOf(slotPage(node.get(0)))).toBe(Queue.ANONYMOUS);
  });

  test("O-C14 P11: of a clone copies what it sees, and changes what nobody sees", () => {
    const { system } = createSmallSystem();
    const original = anonymousNode(system, 6);
    for (const page of [0, 1, 2]) fillPage(original, page, page + 10);
    content.compress(original, 1);
    content.marker(original, 4);
    const copy = clone(original, CloneKind.SNAPSHOT);
    fillPage(original, 2, 99);
    expect(run(commitRange(copy, 0, 6))).toBe(Status.OK);
    expect(kinds(copy)).toBe("PPPPPP");
    expect(values(copy)).toEqual([10, 11, 12, 0, 0, 0]);
    expect(values(original)).toEqual([10, 11, 99, 0, 0, 0]);
    validateSystem(system, [copy]);
  });

  test("O-C7 P21: that runs out of memory keeps what it has committed, and can go on", () => {
    for (let n = 1; n < 100; n++) {
      const { system } = createSmallSystem();
      const node = anonymousNode(system, 20);
      system.pmm.failures.failAt(n);
      const status = run(commitRange(node, 0, 20));
      if (system.pmm.failures.isPending()) {
        expect(n).toBeGreaterThan(20);
        break;
      }
      expect(status).toBe(Status.NO_MEMORY);
      expect(kinds(node)).toMatch(/^P*\.+$/);
      validateSystem(system, [node]);
      expect(run(commitRange(node, 0, 20))).toBe(Status.OK);
      expect(kinds(node)).toBe("P".repeat(20));
    }
  });

  test("O-C8 P21: waits for memory where that is allowed", () => {
    const { system } = createSmallSystem();
    const node = content.anonymous(content.nothing)(system, AllocationPolicy.CAN_WAIT);
    system.pmm.delays.failAt(3);
    expect(commit(node, 0, 8)).toEqual({ status: Status.OK, waits: ["MEMORY 0+0"] });
    expect(kinds(node)).toBe("PPPPPPPP");
  });
});

describe("commit in a pager's tree", () => {
  test("O-C9: asks for each whole run of absent pages in one request", () => {
    const root = pagerNode(createSmallSystem().system, 40);
    fillPage(root, 3, 4);
    content.marker(root, 30);
    expect(commit(root, 1, 38)).toEqual({
      status: Status.OK,
      waits: ["READ 1+2", "READ 4+26", "READ 31+8"],
    });
    expect(values(root).slice(28)).toEqual([29, 30, 0, 32, 33, 34, 35, 36, 37, 38, 39, 0]);
    expect(kinds(root)).toBe(`.${"P".repeat(38)}.`);
  });

  test("O-C14: of a clone asks the root and copies", () => {
    const root = pagerNode(createSmallSystem().system, 8);
    const copy = clone(root, CloneKind.SNAPSHOT_AT_LEAST_ON_WRITE);
    expect(commit(copy, 2, 4)).toEqual({ status: Status.OK, waits: ["READ 2+4"] });
    expect(kinds(copy)).toBe("..PPPP..");
    expect(values(copy)).toEqual([0, 0, 3, 4, 5, 6, 0, 0]);
  });

  test("O-C14 P16: keeps clean what is clean, and makes pages of markers clean", () => {
    const { system } = createSmallSystem();
    const root = content.pagerRoot(Trap.ON, content.marker)(system);
    fillPage(root, 3, 1);
    expect(run(commitRange(root, 2, 2))).toBe(Status.OK);
    const states = [2, 3].map((page) => system.pmm.pages.dirtyState[slotPage(root.get(page))]);
    expect(states).toEqual([DirtyState.CLEAN, DirtyState.CLEAN]);
  });

  test("O-C10: asks leave to make pages of intervals dirty where that is trapped", () => {
    const { system } = createSmallSystem();
    const root = content.pagerRoot(Trap.ON, content.interval)(system);
    content.interval(root, 3);
    expect(commit(root, 2, 2)).toEqual({ status: Status.OK, waits: ["DIRTY 2+2"] });
    expect(kinds(root)).toBe("..PP....");
  });

  test("O-C15: ends in OK when a shrink cuts off the rest during a wait", () => {
    const root = pagerNode(createSmallSystem().system, 8);
    fillPage(root, 0, 7);
    const status = complete(commitRange(root, 0, 8), () => {
      expect(resizeNode(root, 1)).toBe(Status.OK);
    });
    expect(status).toBe(Status.OK);
    expect(kinds(root)).toBe("P");
  });

  test("O-C15: goes on with what a shrink left during a wait", () => {
    const root = pagerNode(createSmallSystem().system, 8);
    const waits: string[] = [];
    const status = complete(commitRange(root, 1, 7), (request) => {
      waits.push(request.describe());
      if (root.sizePages === 8) expect(resizeNode(root, 5)).toBe(Status.OK);
      supply(root, request.page, 2);
      root.source!.onPagesSupplied(request.page, request.count);
    });
    expect(status).toBe(Status.OK);
    expect(waits).toEqual(["READ 1+7", "READ 3+2"]);
    expect(kinds(root)).toBe(".PPPP");
  });

  test("O-C15: ends in what a wait ends in, and keeps what it has", () => {
    const root = pagerNode(createSmallSystem().system, 8);
    supply(root, 0, 2);
    const status = complete(commitRange(root, 0, 8), (request) => {
      root.source!.onPagesFailed(request.page, 1, Status.IO);
    });
    expect(status).toBe(Status.IO);
    expect(kinds(root)).toBe("PP......");
  });

  test("O-C15: ends in BAD_STATE when the source is detached during a wait", () => {
    const root = pagerNode(createSmallSystem().system, 4);
    expect(complete(commitRange(root, 0, 4), () => root.source!.detach())).toBe(Status.BAD_STATE);
  });

  test("O-C15: ends in TIMED_OUT when nobody answers, and leaves no request behind", () => {
    const root = pagerNode(createSmallSystem().system, 4);
    expect(complete(commitRange(root, 0, 4), () => {})).toBe(Status.TIMED_OUT);
    expect(root.source!.outstanding(0)).toEqual([]);
  });

  test("O-C16: that is given up during a wait leaves no request behind", () => {
    const root = pagerNode(createSmallSystem().system, 4);
    const operation = commitRange(root, 0, 4);
    expect(operation.next().done).toBe(false);
    expect(root.source!.outstanding(0)).toHaveLength(1);
    operation.return(Status.CANCELED);
    expect(root.source!.outstanding(0)).toEqual([]);
  });
});
