import { Status } from "@aspace/arch";
import { expect, test } from "vitest";
import { compress } from "../../test/page-contents.ts";
import { recordMapping } from "../../test/recording-mapping.ts";
import {
  contiguousNode,
  kindsOf,
  node,
  pagerRoot,
  pin,
  slotsOf,
  snapshotOf,
  valuesOf,
} from "../../test/shape-trees.ts";
import { createSmallSystem, fillPage } from "../../test/small-system.ts";
import { decommitRange } from "./decommit.ts";
import { MARKER_SLOT } from "./slot.ts";
import { tearDownIfUnused } from "./teardown.ts";

test("O-S1: a contiguous node refuses before the range is looked at", () => {
  const { system } = createSmallSystem();
  expect(decommitRange(contiguousNode(system, 2), 0, 9)).toBe(Status.NOT_SUPPORTED);
});

test("O-S1: a range that is not wholly inside is OUT_OF_RANGE, nothing is trimmed", () => {
  const { system } = createSmallSystem();
  const anonymous = node(system, { sizePages: 2 });
  fillPage(anonymous, 1, 5);
  expect(decommitRange(anonymous, 1, 2)).toBe(Status.OUT_OF_RANGE);
  expect(decommitRange(anonymous, 3, 0)).toBe(Status.OUT_OF_RANGE);
  expect(valuesOf(anonymous)).toEqual([0, 5]);
  expect(decommitRange(pagerRoot(system, 2, false), 0, 3)).toBe(Status.OUT_OF_RANGE);
});

test("O-S1: an empty range is OK, also at the end and where decommit is not supported", () => {
  const { system } = createSmallSystem();
  expect(decommitRange(node(system, { sizePages: 2 }), 2, 0)).toBe(Status.OK);
  expect(decommitRange(pagerRoot(system, 2, false), 1, 0)).toBe(Status.OK);
});

test("O-S1: pagers, clones and what was snapshotted refuse, before pins are looked at", () => {
  const { system } = createSmallSystem();
  const root = pagerRoot(system, 2, false);
  fillPage(root, 0, 1);
  pin(root, 0);
  expect(decommitRange(root, 0, 1)).toBe(Status.NOT_SUPPORTED);
  const original = node(system, { sizePages: 2 });
  const clone = snapshotOf(original);
  fillPage(clone, 0, 1);
  pin(clone, 0);
  expect(decommitRange(clone, 0, 1)).toBe(Status.NOT_SUPPORTED);
  expect(decommitRange(original, 0, 1)).toBe(Status.NOT_SUPPORTED);
});

test("O-S1: when the other snapshot is gone, decommit works again", () => {
  const { system } = createSmallSystem();
  const original = node(system, { sizePages: 2 });
  fillPage(original, 0, 1);
  tearDownIfUnused(snapshotOf(original));
  expect(decommitRange(original, 0, 2)).toBe(Status.OK);
  expect(system.pmm.liveCount).toBe(0);
});

test("O-S1, P15, P21: one pinned page anywhere in the range keeps all of it", () => {
  const { system } = createSmallSystem();
  const anonymous = node(system, { sizePages: 3 });
  for (let page = 0; page < 3; page++) fillPage(anonymous, page, page + 1);
  pin(anonymous, 2);
  const before = slotsOf(anonymous);
  expect(decommitRange(anonymous, 0, 3)).toBe(Status.BAD_STATE);
  expect(slotsOf(anonymous)).toEqual(before);
  expect(decommitRange(anonymous, 0, 2)).toBe(Status.OK);
  expect(valuesOf(anonymous)).toEqual([0, 0, 3]);
});

test("O-S2, P1, P8: pages, references and markers of the range go, the rest stays, the generation moves", () => {
  const { system } = createSmallSystem();
  const anonymous = node(system, { sizePages: 5 });
  for (const page of [0, 1, 2, 4]) fillPage(anonymous, page, page + 1);
  compress(anonymous, 2);
  anonymous.setSlot(3, MARKER_SLOT);
  const { generation } = anonymous.hierarchy;
  const mapping = recordMapping(anonymous);
  expect(decommitRange(anonymous, 1, 3)).toBe(Status.OK);
  expect(kindsOf(anonymous)).toEqual(["page", "empty", "empty", "empty", "page"]);
  expect(valuesOf(anonymous)).toEqual([1, 0, 0, 0, 5]);
  expect(mapping.events).toEqual(["unmap 1+3"]);
  expect(anonymous.hierarchy.generation).toBeGreaterThan(generation);
  expect([system.pmm.liveCount, system.compressor.liveCount]).toEqual([2, 0]);
});

test("O-S2: translations go before frames do", () => {
  const { system } = createSmallSystem();
  const anonymous = node(system, { sizePages: 1 });
  fillPage(anonymous, 0, 1);
  const mapping = recordMapping(anonymous);
  mapping.onEvent = () => expect(kindsOf(anonymous)).toEqual(["page"]);
  decommitRange(anonymous, 0, 1);
  expect(mapping.events).toHaveLength(1);
});
