import { PAGE_BYTES, Status } from "@aspace/arch";
import { expect, test } from "vitest";
import { compress } from "../../test/page-contents.ts";
import {
  cloneOf,
  filled,
  firstWait,
  frameAt,
  kindsOf,
  node,
  pagerRoot,
  slotsOf,
  snapshotOf,
} from "../../test/shape-trees.ts";
import { createSmallSystem, fillPage, run, valueAt } from "../../test/small-system.ts";
import { CloneKind } from "./clone.ts";
import type { CowNode } from "./cow-node.ts";
import { RequestType } from "./page-request.ts";
import { AllocationPolicy } from "./pmm.ts";
import { resizeNode } from "./resize.ts";
import { DIRTY_INTERVAL_SLOT, MARKER_SLOT } from "./slot.ts";
import { writeBytes, type BytePosition } from "./transfer.ts";
import { zeroPages, zeroRange } from "./zero.ts";

function position(bytes: number): BytePosition {
  return { page: Math.floor(bytes / PAGE_BYTES), offsetBytes: bytes % PAGE_BYTES };
}

/** Zeroes bytes without a wait. */
function zeroBytes(of: CowNode, from: number, to: number): Status {
  return run(zeroRange(of, position(from), position(to), () => Status.OK));
}

/** Where the zeroes of a fully committed node are: bytes `[from, to)` each. */
function zeroRuns(of: CowNode): number[][] {
  const runs: number[][] = [];
  for (let at = 0; at < of.sizePages * PAGE_BYTES; at++) {
    const { page, offsetBytes } = position(at);
    const isCommitted = kindsOf(of)[page] === "page";
    if (isCommitted && of.system.pmm.readByte(frameAt(of, page), offsetBytes) !== 0) continue;
    if (runs.at(-1)?.[1] === at) runs.at(-1)![1] = at + 1;
    else runs.push([at, at + 1]);
  }
  return runs;
}

test.for([
  [100, 200],
  [0, 1],
  [4095, 4097],
  [4000, 9000],
  [4096, 8192],
  [8192, 12_288],
  [1, 12_288],
  [0, 12_287],
])("O-S3, P11: exactly bytes %i to %i become zero", ([from, to]) => {
  const { system } = createSmallSystem();
  const anonymous = filled(node(system, { sizePages: 3 }));
  expect(zeroBytes(anonymous, from!, to!)).toBe(Status.OK);
  // Byte by byte over whole pages is slow, but nothing else shows the edges.
  expect(zeroRuns(anonymous)).toEqual([[from, to]]);
});

test("O-S3: an empty range touches nothing, also at the very end", () => {
  const { system } = createSmallSystem();
  const anonymous = node(system, { sizePages: 1 });
  expect([zeroBytes(anonymous, 7, 7), zeroBytes(anonymous, 4096, 4096)]).toEqual([0, 0]);
  expect(anonymous.slots.populatedCount).toBe(0);
});

test("O-S3: no memory is spent on a page that is zero for good", () => {
  const { system } = createSmallSystem();
  const original = node(system, { sizePages: 2 });
  fillPage(original, 1, 5);
  const clone = snapshotOf(original);
  run(zeroPages(clone, 1, 1, { pages: 0 }));
  system.pmm.failures.failAlways();
  expect(zeroBytes(clone, 10, PAGE_BYTES + 20)).toBe(Status.OK);
  const root = pagerRoot(system, 2, true);
  root.setSlot(0, MARKER_SLOT);
  root.setSlot(1, DIRTY_INTERVAL_SLOT);
  expect(zeroBytes(root, 10, PAGE_BYTES + 20)).toBe(Status.OK);
  expect(slotsOf(root)).toEqual(["marker", "interval"]);
});

test("O-S3: a page that is zero only until the pager's object is written is written now", () => {
  const { system } = createSmallSystem();
  const root = pagerRoot(system, 1, false);
  root.setSlot(0, MARKER_SLOT);
  const clone = cloneOf(root, CloneKind.SNAPSHOT_AT_LEAST_ON_WRITE);
  expect(zeroBytes(clone, 10, 20)).toBe(Status.OK);
  expect(kindsOf(clone)).toEqual(["page"]);
});

test("O-S3, O-S9: a part of an absent page waits for the pager; the check after the wait decides", () => {
  const { system } = createSmallSystem();
  const root = pagerRoot(system, 2, false);
  let allowed: Status = Status.OK;
  const zeroing = zeroRange(root, position(10), position(PAGE_BYTES + 10), () => allowed);
  const wait = firstWait(zeroing);
  expect([wait.type, wait.page, wait.count]).toEqual([RequestType.READ, 0, 1]);
  fillPage(root, 0, 1);
  root.source!.onPagesSupplied(0, 1);
  const second = zeroing.next(wait.status);
  expect([second.done, wait.page]).toEqual([false, 0]);
  allowed = Status.BAD_STATE;
  fillPage(root, 1, 1);
  root.source!.onPagesFailed(1, 1, Status.IO);
  expect(zeroing.next(Status.OK)).toEqual({ done: true, value: Status.BAD_STATE });
});

test("O-S9: a failed wait ends zeroing with its status, and lets go of the request", () => {
  const { system } = createSmallSystem();
  const root = pagerRoot(system, 1, false);
  const zeroing = zeroRange(root, position(10), position(20), () => Status.OK);
  const wait = firstWait(zeroing);
  root.source!.onPagesFailed(0, 1, Status.IO);
  expect(zeroing.next(wait.status).value).toBe(Status.IO);
  expect(wait.isOutstanding).toBe(false);
});

test("O-S9: a shrink during the wait is OUT_OF_RANGE, for the part and for the pages behind it", () => {
  for (const end of [20, 3 * PAGE_BYTES]) {
    const { system } = createSmallSystem();
    const root = pagerRoot(system, 3, false);
    const zeroing = zeroRange(root, position(10), position(end), () => Status.OK);
    const wait = firstWait(zeroing);
    resizeNode(root, 0);
    expect(zeroing.next(wait.status).value).toBe(Status.OUT_OF_RANGE);
  }
});

test("O-S3: under a pager a part of a page behind the window is zero already, in front of it is written", () => {
  const { system } = createSmallSystem();
  const root = pagerRoot(system, 2, false);
  fillPage(root, 0, 1);
  const clone = cloneOf(root, CloneKind.SNAPSHOT_AT_LEAST_ON_WRITE, 0, 4);
  expect(zeroBytes(clone, 3 * PAGE_BYTES, 3 * PAGE_BYTES + 1)).toBe(Status.OK);
  expect(zeroBytes(clone, 0, 1)).toBe(Status.OK);
  expect(kindsOf(clone)).toEqual(["page", "empty", "empty", "empty"]);
});

test("O-S9: a shrink of pages behind the one that is waited for is OUT_OF_RANGE too", () => {
  const { system } = createSmallSystem();
  const root = pagerRoot(system, 3, false);
  const zeroing = zeroRange(root, position(10), position(2 * PAGE_BYTES + 1), () => Status.OK);
  firstWait(zeroing);
  resizeNode(root, 2);
  fillPage(root, 0, 1);
  expect(zeroing.next(Status.OK).value).toBe(Status.OUT_OF_RANGE);
  expect(valueAt(root, 0)).toBe(1);
});

test("O-S9, P17: giving up during a wait withdraws the request", () => {
  const { system } = createSmallSystem();
  const root = pagerRoot(system, 1, false);
  const zeroing = zeroRange(root, position(10), position(20), () => Status.OK);
  firstWait(zeroing);
  zeroing.return(Status.CANCELED);
  expect(root.source!.outstanding(RequestType.READ)).toEqual([]);
});

test("O-S3, P21: a part of a page that waits for memory is zero after the wait", () => {
  const { system } = createSmallSystem();
  const original = node(system, { sizePages: 1, policy: AllocationPolicy.CAN_WAIT });
  fillPage(original, 0, 0x0101);
  const clone = snapshotOf(original);
  system.pmm.delays.failAt(1);
  const zeroing = zeroRange(clone, position(0), position(1), () => Status.OK);
  const wait = firstWait(zeroing);
  expect(valueAt(clone, 0)).toBe(0x0101);
  system.pmm.serviceWaiters();
  expect(zeroing.next(wait.status).value).toBe(Status.OK);
  expect([valueAt(clone, 0), valueAt(original, 0)]).toEqual([0x0100, 0x0101]);
});

test("O-S3: a part of a compressed page is written", () => {
  const { system } = createSmallSystem();
  const anonymous = node(system, { sizePages: 1 });
  fillPage(anonymous, 0, 0x0101);
  compress(anonymous, 0);
  expect(zeroBytes(anonymous, 0, 1)).toBe(Status.OK);
  expect(valueAt(anonymous, 0)).toBe(0x0100);
  expect(run(writeBytes(anonymous, position(1), Uint8Array.of(2))).status).toBe(Status.OK);
});
