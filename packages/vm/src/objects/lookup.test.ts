import { Status } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import * as content from "../../test/page-contents.ts";
import { anonymousNode, createSmallSystem, fillPage } from "../../test/small-system.ts";
import { isValue } from "./blocking.ts";
import { CloneKind, cloneNode } from "./clone.ts";
import type { CowNode } from "./cow-node.ts";
import { Visit, lookupContiguous, lookupPages, type LookupVisit } from "./lookup.ts";
import { slotPage } from "./slot.ts";

function visited(
  node: CowNode,
  page: number,
  count: number,
  answer: LookupVisit,
): { status: Status; pages: number[] } {
  const pages: number[] = [];
  const status = lookupPages(node, page, count, (at, frame) => {
    expect(frame).toBe(slotPage(node.get(at)));
    pages.push(at);
    return answer(at, frame);
  });
  return { status, pages };
}

/** Pages 1, 3, 20 and 39; a marker at 4, a reference at 5. */
function scattered(): CowNode {
  const node = anonymousNode(createSmallSystem().system, 40);
  for (const page of [39, 20, 3, 1]) fillPage(node, page, 1);
  content.marker(node, 4);
  content.reference(node, 5);
  return node;
}

describe("lookup", () => {
  test("O-C24: shows the node's own pages in order, and nothing else", () => {
    const node = scattered();
    const { status, pages } = visited(node, 0, 40, () => Visit.NEXT);
    expect({ status, pages }).toEqual({ status: Status.OK, pages: [1, 3, 20, 39] });
    expect(visited(node, 3, 17, () => Visit.NEXT).pages).toEqual([3]);
    expect(visited(node, 3, 18, () => Visit.NEXT).pages).toEqual([3, 20]);
  });

  test("O-C24: shows nothing of an ancestor", () => {
    const original = scattered();
    const copy = cloneNode(original, "owner", CloneKind.SNAPSHOT, 0, 40);
    if (!isValue(copy)) throw new Error("no clone");
    fillPage(copy, 3, 2);
    expect(visited(copy, 0, 40, () => Visit.NEXT).pages).toEqual([3]);
    expect(visited(original, 0, 40, () => Visit.NEXT).pages).toEqual([]);
  });

  test("O-C24: ends in OK when the visitor stops, and in a status that it answers", () => {
    const node = scattered();
    const stop = visited(node, 0, 40, (page) => (page === 3 ? Visit.STOP : Visit.NEXT));
    expect(stop).toEqual({ status: Status.OK, pages: [1, 3] });
    const fail = visited(node, 0, 40, (page) => (page === 20 ? Status.NO_SPACE : Visit.NEXT));
    expect(fail).toEqual({ status: Status.NO_SPACE, pages: [1, 3, 20] });
  });
});

describe("a contiguous lookup", () => {
  test("O-C25: gives the first frame of a contiguous node's range", () => {
    const node = content.contiguous(createSmallSystem().system);
    const first = slotPage(node.get(0));
    expect(lookupContiguous(node, 0, 8)).toBe(first);
    expect(lookupContiguous(node, 3, 4)).toBe(first + 3);
  });

  test("O-C25: gives a single page of any node, if the node itself has it", () => {
    const node = scattered();
    expect(lookupContiguous(node, 3, 1)).toBe(slotPage(node.get(3)));
    for (const page of [0, 4, 5]) expect(lookupContiguous(node, page, 1)).toBe(Status.NOT_FOUND);
  });

  test("O-C25: is refused with BAD_STATE for several pages of another node, there or not", () => {
    const node = scattered();
    fillPage(node, 2, 1);
    expect(lookupContiguous(node, 1, 3)).toBe(Status.BAD_STATE);
    expect(lookupContiguous(node, 30, 2)).toBe(Status.BAD_STATE);
  });
});
