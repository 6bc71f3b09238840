import { Status } from "@aspace/arch";
import { expect, test } from "vitest";
import { compress } from "../../test/page-contents.ts";
import { recordMapping } from "../../test/recording-mapping.ts";
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
import { createSmallSystem, fillPage, run } from "../../test/small-system.ts";
import { isValue } from "./blocking.ts";
import { CloneKind } from "./clone.ts";
import type { CowNode } from "./cow-node.ts";
import { PageState } from "./pages.ts";
import { Queue } from "./page-queues.ts";
import { MARKER_SLOT, describeSlot } from "./slot.ts";
import type { SpliceList } from "./splice-list.ts";
import { supplyPages } from "./supply.ts";
import { takePages } from "./take.ts";
import { tearDownIfUnused } from "./teardown.ts";

function taken(from: CowNode, page: number, count: number): SpliceList {
  const list = takePages(from, page, count);
  if (!isValue(list)) throw new Error(`nothing is taken: status ${list}`);
  return list;
}

test("O-S15: contiguous comes before the range, the range before everything else", () => {
  const { system } = createSmallSystem();
  expect(takePages(contiguousNode(system, 2), 0, 3)).toBe(Status.NOT_SUPPORTED);
  const anonymous = node(system, { sizePages: 2 });
  fillPage(anonymous, 0, 1);
  pin(anonymous, 0);
  expect(takePages(anonymous, 0, 3)).toBe(Status.OUT_OF_RANGE);
  expect(takePages(pagerRoot(system, 2, false), 1, 2)).toBe(Status.OUT_OF_RANGE);
});

test("O-S15, P15, P21: pins in the range refuse, pins outside do not", () => {
  const { system } = createSmallSystem();
  const anonymous = node(system, { sizePages: 3 });
  for (let page = 0; page < 3; page++) fillPage(anonymous, page, page + 1);
  pin(anonymous, 2);
  const before = slotsOf(anonymous);
  expect(takePages(anonymous, 0, 3)).toBe(Status.BAD_STATE);
  expect(slotsOf(anonymous)).toEqual(before);
  taken(anonymous, 0, 2).free();
  expect(valuesOf(anonymous)).toEqual([0, 0, 3]);
});

test("O-S15: pagers, their clones, and both sides of a snapshot refuse; after the merge it works", () => {
  const { system } = createSmallSystem();
  const root = pagerRoot(system, 2, false);
  const clone = cloneOf(root, CloneKind.SNAPSHOT_AT_LEAST_ON_WRITE);
  const original = node(system, { sizePages: 2 });
  const snapshot = snapshotOf(original);
  for (const each of [root, clone, original, snapshot]) {
    expect(takePages(each, 0, 2)).toBe(Status.BAD_STATE);
  }
  tearDownIfUnused(snapshot);
  taken(original, 0, 2).free();
});

test("O-S16, P1, P2: everything moves by position; its frames are in no slot and no queue", () => {
  const { system } = createSmallSystem();
  const anonymous = node(system, { sizePages: 6 });
  for (const page of [0, 1, 3]) fillPage(anonymous, page, page + 1);
  compress(anonymous, 3);
  anonymous.setSlot(4, MARKER_SLOT);
  const frame = frameAt(anonymous, 1);
  const mapping = recordMapping(anonymous);
  mapping.onEvent = () => expect(frameAt(anonymous, 1)).toBe(frame);
  const { generation } = anonymous.hierarchy;
  const list = taken(anonymous, 1, 5);
  expect(mapping.events).toEqual(["unmap 1+5"]);
  expect(kindsOf(anonymous)).toEqual(["page", "empty", "empty", "empty", "empty", "empty"]);
  expect(anonymous.hierarchy.generation).toBeGreaterThan(generation);
  const kinds = Array.from(
    { length: list.count },
    (_, at) => describeSlot(list.get(at)).split(" ")[0],
  );
  expect(kinds).toEqual(["page", "empty", "reference", "marker", "empty"]);
  const { state, node: owner } = system.pmm.pages;
  expect([state[frame], owner[frame], system.queues.queueOf(frame)]).toEqual([
    PageState.ALLOC,
    null,
    Queue.NONE,
  ]);
  list.free();
  expect([system.pmm.liveCount, system.compressor.liveCount]).toEqual([1, 0]);
});

test("O-S16: what is supplied from the list is no longer in it; the rest is freed with it", () => {
  const { system } = createSmallSystem();
  const anonymous = node(system, { sizePages: 3 });
  for (const page of [0, 1, 2]) fillPage(anonymous, page, page + 1);
  const root = pagerRoot(system, 3, false);
  fillPage(root, 1, 9);
  const list = taken(anonymous, 0, 3);
  expect(run(supplyPages(root, 0, list))).toBe(Status.OK);
  list.free();
  expect(valuesOf(root)).toEqual([1, 9, 3]);
  expect(valuesOf(anonymous)).toEqual([0, 0, 0]);
  expect(system.pmm.liveCount).toBe(3);
});

test("O-S16: a take of nothing is an empty list", () => {
  const { system } = createSmallSystem();
  const anonymous = node(system, { sizePages: 1 });
  expect(taken(anonymous, 1, 0).count).toBe(0);
});
