import { Status } from "@aspace/arch";
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
import { createSmallSystem, fillPage, run, valueAt } from "../../test/small-system.ts";
import { isValue } from "./blocking.ts";
import {
  beginCompression,
  compressPage,
  decompressSlot,
  finishCompression,
  type Compression,
} from "./compression.ts";
import type { CowNode } from "./cow-node.ts";
import { decommitRange } from "./decommit.ts";
import { changeHighPriorityCount } from "./memory-priority.ts";
import { AnonymousReclaim, type MemorySystem } from "./memory-system.ts";
import { Queue } from "./page-queues.ts";
import { LazyPageRequest } from "./page-request.ts";
import { AllocationPolicy } from "./pmm.ts";
import { readBytes, writeBytes } from "./transfer.ts";
import { resizeNode } from "./resize.ts";
import { SlotKind, slotKind } from "./slot.ts";
import { takePages } from "./take.ts";
import { tearDownIfUnused } from "./teardown.ts";
import { CachePolicy } from "./vm-object.ts";
import { zeroPages } from "./zero.ts";

const { COMPRESSED, FAILED, LOST } = { COMPRESSED: "compressed", FAILED: "failed", LOST: "lost" };

/** A system that can compress, without the spare frame counted as anybody's. */
function armedSystem(): MemorySystem {
  const { system } = createSmallSystem({ anonymousReclaim: AnonymousReclaim.ON });
  system.compressor.arm();
  return system;
}

/** Two pages: 5 and nothing. */
function filledNode(system: MemorySystem): CowNode {
  const made = node(system, { sizePages: 2 });
  fillPage(made, 0, 5);
  return made;
}

function begun(of: CowNode, page: number): Compression {
  const compression = beginCompression(of, page);
  if (compression === null) throw new Error(`page ${page} cannot be compressed`);
  return compression;
}

/** Frames but the spare one, and stored contents. */
function held({ pmm, compressor }: MemorySystem): number[] {
  compressor.disarm();
  return [pmm.liveCount, compressor.liveCount];
}

test("O-S19, P11: a page becomes a reference, its content stays, its frame is free", () => {
  const system = armedSystem();
  const anonymous = filledNode(system);
  const mapping = recordMapping(anonymous);
  expect(compressPage(anonymous, 0)).toBe(COMPRESSED);
  expect(kindsOf(anonymous)).toEqual(["reference", "empty"]);
  expect(valuesOf(anonymous)).toEqual([5, 0]);
  expect(mapping.events).toEqual(["unmap 0+1"]);
  expect(held(system)).toEqual([0, 1]);
});

test("O-S19: a page of zeroes becomes a marker", () => {
  const system = armedSystem();
  const anonymous = filledNode(system);
  fillPage(anonymous, 0, 0);
  expect(compressPage(anonymous, 0)).toBe(COMPRESSED);
  expect(kindsOf(anonymous)).toEqual(["marker", "empty"]);
  expect(held(system)).toEqual([0, 0]);
});

test("O-S19: a page that does not get smaller is back, set aside", () => {
  const system = armedSystem();
  const anonymous = filledNode(system);
  const frame = frameAt(anonymous, 0);
  system.compressor.failures.failAlways();
  expect(compressPage(anonymous, 0)).toBe(FAILED);
  expect(frameAt(anonymous, 0)).toBe(frame);
  expect(system.queues.queueOf(frame)).toBe(Queue.FAILED_RECLAIM);
  expect(valuesOf(anonymous)).toEqual([5, 0]);
});

test("O-S19, P20: a page that does not get smaller is not set aside when its node got high priority meanwhile", () => {
  const system = armedSystem();
  const anonymous = filledNode(system);
  const compression = begun(anonymous, 0);
  changeHighPriorityCount(anonymous, 1);
  system.compressor.failures.failAlways();
  expect(finishCompression(compression)).toBe(FAILED);
  expect(system.queues.queueOf(frameAt(anonymous, 0))).toBe(Queue.HIGH_PRIORITY);
});

test("O-S19: what is no page is not compressed", () => {
  const system = armedSystem();
  const anonymous = filledNode(system);
  compressPage(anonymous, 0);
  expect([compressPage(anonymous, 0), compressPage(anonymous, 1)]).toEqual([null, null]);
});

const refusals: readonly (readonly [string, (system: MemorySystem) => CowNode])[] = [
  ["a pager tracks the node", (system) => withPage(pagerRoot(system, 1, false))],
  ["it is contiguous", (system) => contiguousNode(system, 1)],
  [
    "the object is discardable",
    (system) => objectOn(filledNode(system), { isDiscardable: true }).node,
  ],
  [
    "the object is not cached",
    (system) => objectOn(filledNode(system), { policy: CachePolicy.UNCACHED }).node,
  ],
  ["the page is pinned", (system) => changed(system, (of) => pin(of, 0))],
  [
    "the node has high priority",
    (system) => changed(system, (of) => changeHighPriorityCount(of, 1)),
  ],
  ["there is no spare frame", (system) => changed(system, () => system.compressor.disarm())],
  [
    "another page is being compressed",
    (system) => changed(system, () => begun(filledNode(system), 0)),
  ],
];

function withPage(of: CowNode): CowNode {
  fillPage(of, 0, 5);
  return of;
}

function changed(system: MemorySystem, change: (of: CowNode) => void): CowNode {
  const anonymous = filledNode(system);
  change(anonymous);
  return anonymous;
}

test.for(refusals)("O-S20: no compression when %s, and the page counts as used", ([, make]) => {
  const system = armedSystem();
  const refusing = make(system);
  const frame = frameAt(refusing, 0);
  const queue = system.queues.queueOf(frame);
  system.queues.rotate();
  expect(beginCompression(refusing, 0)).toBe(null);
  expect(frameAt(refusing, 0)).toBe(frame);
  expect(system.queues.queueOf(frame)).toBe(queue);
  const isAged = queue === Queue.RECLAIM;
  if (isAged) expect(system.queues.generationOf(frame)).toBe(system.queues.newestGeneration);
});

test("O-S20: a page is compressed also when the node's object is gone", () => {
  const system = armedSystem();
  const anonymous = filledNode(system);
  expect(anonymous.object).toBe(null);
  expect(compressPage(anonymous, 0)).toBe(COMPRESSED);
});

interface Race {
  readonly name: string;
  readonly meanwhile: (of: CowNode) => void;
  /** What the node shows afterwards. */
  readonly values: readonly number[];
  /** Frames that are still somebody's when the compression is over. */
  readonly frames: number;
}

const races: readonly Race[] = [
  {
    name: "read",
    meanwhile: (of) => run(readBytes(of, START, new Uint8Array(1))),
    values: [5, 0],
    frames: 1,
  },
  {
    name: "written",
    meanwhile: (of) => run(writeBytes(of, START, Uint8Array.of(9))),
    values: [9, 0],
    frames: 1,
  },
  { name: "pinned", meanwhile: (of) => pin(of, 0), values: [5, 0], frames: 1 },
  { name: "snapshotted", meanwhile: (of) => snapshotOf(of), values: [5, 0], frames: 1 },
  {
    name: "snapshotted elsewhere",
    meanwhile: (of) => snapshotOf(of, 1, 1),
    values: [5, 0],
    frames: 1,
  },
  { name: "decommitted", meanwhile: (of) => decommitRange(of, 0, 1), values: [0, 0], frames: 0 },
  {
    name: "zeroed",
    meanwhile: (of) => run(zeroPages(of, 0, 2, { pages: 0 })),
    values: [0, 0],
    frames: 0,
  },
  { name: "cut off", meanwhile: (of) => resizeNode(of, 0), values: [], frames: 0 },
  { name: "cut off and grown back", meanwhile: cutAndRegrow, values: [0, 0], frames: 0 },
  { name: "taken", meanwhile: takeAndFree, values: [0, 0], frames: 0 },
  { name: "torn down", meanwhile: tearDownIfUnused, values: [0, 0], frames: 0 },
  { name: "decommitted and written", meanwhile: decommitAndWrite, values: [9, 0], frames: 1 },
];

const START = { page: 0, offsetBytes: 0 };

function cutAndRegrow(of: CowNode): void {
  resizeNode(of, 0);
  resizeNode(of, 2);
}

function takeAndFree(of: CowNode): void {
  const list = takePages(of, 0, 2);
  if (!isValue(list)) throw new Error(`nothing is taken: status ${list}`);
  expect(slotKind(list.get(0))).toBe(SlotKind.PAGE);
  list.free();
}

function decommitAndWrite(of: CowNode): void {
  decommitRange(of, 0, 1);
  fillPage(of, 0, 9);
}

test.for(races)(
  "O-S21, O-S22, P1, P11: a page that is $name while it is compressed: the result is thrown away",
  ({ meanwhile, values, frames }) => {
    const system = armedSystem();
    const anonymous = filledNode(system);
    const compression = begun(anonymous, 0);
    meanwhile(anonymous);
    expect(valuesOf(anonymous)).toEqual(values);
    expect(finishCompression(compression)).toBe(LOST);
    expect(valuesOf(anonymous)).toEqual(values);
    expect(held(system)).toEqual([frames, 0]);
    system.pmm.validate();
    system.queues.validate();
  },
);

test("O-S21: changes to other pages do not disturb a compression", () => {
  const system = armedSystem();
  const anonymous = filledNode(system);
  const compression = begun(anonymous, 0);
  fillPage(anonymous, 1, 6);
  resizeNode(anonymous, 3);
  decommitRange(anonymous, 1, 2);
  expect(finishCompression(compression)).toBe(COMPRESSED);
  expect(valuesOf(anonymous)).toEqual([5, 0, 0]);
});

test("O-S22: the copy of a page that is being compressed cannot fail", () => {
  const system = armedSystem();
  const anonymous = filledNode(system);
  begun(anonymous, 0);
  system.pmm.failures.failAlways();
  const frame = decompressSlot(anonymous, 0, new LazyPageRequest());
  expect(frame).toBe(frameAt(anonymous, 0));
  expect(valueAt(anonymous, 0)).toBe(5);
});

test("O-S22, P6: a page of a hidden node that is being compressed when the nodes merge moves as a page", () => {
  const system = armedSystem();
  const original = filledNode(system);
  const clone = snapshotOf(original);
  const compression = begun(clone.parent!, 0);
  tearDownIfUnused(original);
  expect(kindsOf(clone)).toEqual(["page", "empty"]);
  expect(finishCompression(compression)).toBe(LOST);
  expect(valuesOf(clone)).toEqual([5, 0]);
  tearDownIfUnused(clone);
  expect(held(system)).toEqual([0, 0]);
});

test("O-S23, P6: a hidden page keeps its share count as a reference, and both leaves fork from it", () => {
  const system = armedSystem();
  const original = filledNode(system);
  const clone = snapshotOf(original);
  const hidden = clone.parent!;
  expect(compressPage(hidden, 0)).toBe(COMPRESSED);
  expect(hidden.shareCountOf(hidden.get(0))).toBe(1);
  run(writeBytes(clone, START, Uint8Array.of(6)));
  expect(hidden.shareCountOf(hidden.get(0))).toBe(0);
  run(writeBytes(original, START, Uint8Array.of(7)));
  expect([valueAt(clone, 0), valueAt(original, 0)]).toEqual([6, 7]);
  expect(kindsOf(hidden)).toEqual(["empty", "empty"]);
  expect(held(system)).toEqual([2, 0]);
});

test("O-S23: decompressing gives the page the count of the reference", () => {
  const system = armedSystem();
  const hidden = snapshotOf(filledNode(system)).parent!;
  compressPage(hidden, 0);
  const frame = decompressSlot(hidden, 0, new LazyPageRequest());
  expect(system.pmm.pages.shareCount[frame]).toBe(1);
  expect(system.compressor.liveCount).toBe(0);
});

test("O-S23: a copy made during a compression has the count, and so has a page that comes back", () => {
  const system = armedSystem();
  const hidden = snapshotOf(filledNode(system)).parent!;
  system.compressor.failures.failAlways();
  expect(compressPage(hidden, 0)).toBe(FAILED);
  expect(hidden.shareCountOf(hidden.get(0))).toBe(1);
  const compression = begun(hidden, 0);
  decompressSlot(hidden, 0, new LazyPageRequest());
  expect(hidden.shareCountOf(hidden.get(0))).toBe(1);
  expect(finishCompression(compression)).toBe(LOST);
});

test("O-S23, P6: a share that is given up during a compression is missing from the result", () => {
  const system = armedSystem();
  const original = filledNode(system);
  const clone = snapshotOf(original);
  const hidden = clone.parent!;
  const compression = begun(hidden, 0);
  run(zeroPages(clone, 0, 1, { pages: 0 }));
  expect(finishCompression(compression)).toBe(COMPRESSED);
  expect(hidden.shareCountOf(hidden.get(0))).toBe(0);
  expect([valueAt(original, 0), valueAt(clone, 0)]).toEqual([5, 0]);
});

test("O-S21, P1: when the last share is given up during a compression, nothing is stored", () => {
  const system = armedSystem();
  const original = filledNode(system);
  const clone = snapshotOf(original);
  const compression = begun(clone.parent!, 0);
  run(zeroPages(clone, 0, 1, { pages: 0 }));
  run(zeroPages(original, 0, 1, { pages: 0 }));
  expect(finishCompression(compression)).toBe(LOST);
  expect(held(system)).toEqual([0, 0]);
});

test("O-S24, P21: without a frame a reference stays a reference", () => {
  const system = armedSystem();
  const anonymous = filledNode(system);
  compressPage(anonymous, 0);
  system.pmm.failures.failAt(1);
  expect(decompressSlot(anonymous, 0, new LazyPageRequest())).toBe(Status.NO_MEMORY);
  expect(kindsOf(anonymous)).toEqual(["reference", "empty"]);
  expect(held(system)).toEqual([0, 1]);
});

test("O-S24, P21: a node that can wait waits for the frame, and then gets it", () => {
  const system = armedSystem();
  const waiting = node(system, { sizePages: 1, policy: AllocationPolicy.CAN_WAIT });
  fillPage(waiting, 0, 5);
  compressPage(waiting, 0);
  const request = new LazyPageRequest();
  system.pmm.delays.failAt(1);
  expect(decompressSlot(waiting, 0, request)).toBe(Status.SHOULD_WAIT);
  expect(request.isOutstanding).toBe(true);
  expect(kindsOf(waiting)).toEqual(["reference"]);
  system.pmm.serviceWaiters();
  expect(decompressSlot(waiting, 0, request)).toBe(frameAt(waiting, 0));
  expect(valueAt(waiting, 0)).toBe(5);
});
