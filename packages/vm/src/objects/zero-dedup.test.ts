import { expect, test } from "vitest";
import { objectOn, recordMapping } from "../../test/recording-mapping.ts";
import {
  contiguousNode,
  frameAt,
  kindsOf,
  node,
  pagerRoot,
  pin,
  snapshotOf,
  valuesOf,
} from "../../test/shape-trees.ts";
import { createSmallSystem, fillPage } from "../../test/small-system.ts";
import { beginCompression } from "./compression.ts";
import type { CowNode } from "./cow-node.ts";
import { markDirty } from "./dirty-state.ts";
import type { MemorySystem } from "./memory-system.ts";
import { changeHighPriorityCount } from "./memory-priority.ts";
import { CachePolicy } from "./vm-object.ts";
import { dedupZeroPage } from "./zero-dedup.ts";

/** Gives a node a page of zeroes. */
function zeroPage(of: CowNode): CowNode {
  fillPage(of, 0, 0);
  return of;
}

test("O-S27, P1, P8, P11: a page of zeroes becomes a marker", () => {
  const { system } = createSmallSystem();
  const anonymous = zeroPage(node(system, { sizePages: 1 }));
  const mapping = recordMapping(anonymous);
  const { generation } = anonymous.hierarchy;
  expect(dedupZeroPage(system, frameAt(anonymous, 0))).toBe(true);
  expect([kindsOf(anonymous), system.pmm.liveCount]).toEqual([["marker"], 0]);
  expect(mapping.events).toEqual(["remove write 0+1", "unmap 0+1"]);
  expect(anonymous.hierarchy.generation).toBeGreaterThan(generation);
});

test("O-S27, P6, P10: a hidden page of zeroes becomes a marker for all who see it", () => {
  const { system } = createSmallSystem();
  const original = zeroPage(node(system, { sizePages: 1 }));
  const clone = snapshotOf(original);
  expect(dedupZeroPage(system, frameAt(clone.parent!, 0))).toBe(true);
  expect([kindsOf(clone.parent!), valuesOf(original), valuesOf(clone)]).toEqual([
    ["marker"],
    [0],
    [0],
  ]);
});

test("O-S27: a clean page of a pager's root is replaced", () => {
  const { system } = createSmallSystem();
  const root = zeroPage(pagerRoot(system, 1, true));
  expect(dedupZeroPage(system, frameAt(root, 0))).toBe(true);
  expect(kindsOf(root)).toEqual(["marker"]);
});

test("O-S27: what a CPU writes until its write permission is gone counts", () => {
  const { system } = createSmallSystem();
  const anonymous = zeroPage(node(system, { sizePages: 1 }));
  const mapping = recordMapping(anonymous);
  mapping.onEvent = (event) => {
    if (event.startsWith("remove write")) fillPage(anonymous, 0, 8);
  };
  expect(dedupZeroPage(system, frameAt(anonymous, 0))).toBe(false);
  expect([valuesOf(anonymous), mapping.events]).toEqual([[8], ["remove write 0+1"]]);
});

const refusals: readonly (readonly [string, (system: MemorySystem) => CowNode])[] = [
  ["is not zero", (system) => changed(node(system, { sizePages: 1 }), (of) => fillPage(of, 0, 1))],
  [
    "is zero but for its last byte",
    (system) => changed(node(system, { sizePages: 1 }), writeLastByte),
  ],
  ["is pinned", (system) => changed(node(system, { sizePages: 1 }), (of) => pin(of, 0))],
  ["has high priority", (system) => changed(node(system, { sizePages: 1 }), prioritize)],
  [
    "is not cached",
    (system) => objectOn(node(system, { sizePages: 1 }), { policy: CachePolicy.UNCACHED }).node,
  ],
  ["is dirty", (system) => changed(pagerRoot(system, 1, false), (of) => markDirty(of, 0))],
  ["is contiguous", (system) => contiguousNode(system, 1)],
];

function changed(of: CowNode, change: (of: CowNode) => void): CowNode {
  change(zeroPage(of));
  return of;
}

function writeLastByte(of: CowNode): void {
  of.system.pmm.writeBytes(frameAt(of, 0), 4095, Uint8Array.of(1));
}

function prioritize(of: CowNode): void {
  changeHighPriorityCount(of, 1);
}

test.for(refusals)("O-S27, P15, P16, P20: a page that %s stays", ([, make]) => {
  const { system } = createSmallSystem();
  const owner = make(system);
  if (owner.slots.populatedCount === 0) zeroPage(owner);
  const frame = frameAt(owner, 0);
  const mapping = recordMapping(owner);
  expect(dedupZeroPage(system, frame)).toBe(false);
  expect([frameAt(owner, 0), mapping.events]).toEqual([frame, []]);
});

test("O-S27: frames in no slot are left alone", () => {
  const { system } = createSmallSystem();
  system.compressor.arm();
  const anonymous = zeroPage(node(system, { sizePages: 1 }));
  const frame = frameAt(anonymous, 0);
  beginCompression(anonymous, 0);
  expect(dedupZeroPage(system, frame)).toBe(false);
  expect(dedupZeroPage(system, system.pmm.zeroPage)).toBe(false);
});
