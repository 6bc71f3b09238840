import { Status } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { panicRule } from "../../test/bare-machine.ts";
import { PAGE, expectOk, made, refusal } from "../../test/object-situation.ts";
import { RecordingMapping } from "../../test/recording-mapping.ts";
import { createSmallSystem, run } from "../../test/small-system.ts";
import { isValue } from "./blocking.ts";
import { CloneKind } from "./clone.ts";
import { PageAccess } from "./lookup-cursor.ts";
import { Visit } from "./lookup.ts";
import { CachePolicy, ChildType, Hint } from "./vm-object.ts";
import { createPhysicalObject, type VmObjectPhysical } from "./vm-object-physical.ts";

const { OK, BAD_STATE, INVALID_ARGS, NOT_SUPPORTED, OUT_OF_RANGE } = Status;
const BASE = 0xfee0_0000n;
const FIRST = 0xfee00;
const SIZE = 4n * PAGE;
const TOP = 1n << 64n;

function device(): VmObjectPhysical {
  return made(createPhysicalObject(createSmallSystem().system, { base: BASE, size: SIZE }));
}

test("O-V6: page n of a physical object is frame base + n", () => {
  const object = device();
  expect([object.frameAt(0, 4), object.frameAt(3, 1)]).toEqual([FIRST, FIRST + 3]);
  for (const [page, count] of [
    [4, 1],
    [3, 2],
    [0, 0],
    [-1, 1],
  ] as const) {
    expect(panicRule(() => object.frameAt(page, count))).toBe("O-V6");
  }
});

test("O-V25: a physical object is made of whole pages, at least one, that end below 2^64", () => {
  const { system } = createSmallSystem();
  const bad: readonly (readonly [bigint, bigint])[] = [
    [1n, PAGE],
    [0n, PAGE + 1n],
    [0n, 0n],
    [TOP - PAGE, PAGE],
    [TOP - PAGE, 2n * PAGE],
  ];
  for (const [base, size] of bad) {
    expect(refusal(createPhysicalObject(system, { base, size }))).toBe(INVALID_ARGS);
  }
  const last = made(createPhysicalObject(system, { base: TOP - 2n * PAGE, size: PAGE }));
  expect(last.lookupContiguous(0n, PAGE)).toBe(2 ** 52 - 2);
  system.pmm.failures.failAt(1);
  expect(refusal(createPhysicalObject(system, { base: 0n, size: PAGE }))).toBe(Status.NO_MEMORY);
});

test("O-V25: it is uncached, contiguous, never paged, resizable or discardable, always pinned and charged nothing", () => {
  const object = device();
  const { isPaged, isContiguous, isResizable, isDiscardable, isUserPagerBacked, isDirtyTracked } =
    object;
  expect({
    isPaged,
    isContiguous,
    isResizable,
    isDiscardable,
    isUserPagerBacked,
    isDirtyTracked,
  }).toEqual({
    isPaged: false,
    isContiguous: true,
    isResizable: false,
    isDiscardable: false,
    isUserPagerBacked: false,
    isDirtyTracked: false,
  });
  expect([object.cachePolicy, object.sizePages]).toEqual([CachePolicy.UNCACHED, 4]);
  expect(object.isRangePinned(0, 4)).toBe(true);
  expect(object.attributedMemoryInRange(0, 4)).toEqual({
    uncompressedBytes: 0,
    compressedBytes: 0,
  });
});

test("O-V25: data, size and copy-on-write are NOT_SUPPORTED whatever the arguments, and advice is taken", () => {
  const object = device();
  const bytes = new Uint8Array(1);
  const options = { offset: 1n, size: TOP - 1n };
  const statuses = [
    run(object.commitRange(1n, TOP - 1n)),
    object.decommitRange(1n, TOP - 1n),
    run(object.zeroRange(1n, TOP - 1n)),
    run(object.read(0n, bytes)).status,
    run(object.write(0n, bytes)).status,
    object.resize(0n),
    run(object.setSize(0n)),
    refusal(object.createClone({ kind: CloneKind.SNAPSHOT, ...options })),
    refusal(object.createReference(options)),
  ];
  expect(new Set(statuses)).toEqual(new Set([NOT_SUPPORTED]));
  expect(run(object.hintRange(1n, TOP - 1n, Hint.ALWAYS_NEED))).toBe(OK);
  expect(run(object.commitHighPriorityPages(0, 4))).toBeUndefined();
  expect(panicRule(() => object.changeHighPriorityCountLocked(1))).toBe("L-2");
  expect(panicRule(() => object.markModifiedLocked())).toBe("L-2");
});

describe("O-V25: ranges of a physical object are checked in order", () => {
  const outside = SIZE + PAGE;
  const calls = {
    pinRange: (object: VmObjectPhysical, offset: bigint, length: bigint) =>
      run(object.pinRange(offset, length, PageAccess.READ)),
    lookup: (object: VmObjectPhysical, offset: bigint, length: bigint) =>
      object.lookup(offset, length, () => Visit.NEXT),
    lookupContiguous: (object: VmObjectPhysical, offset: bigint, length: bigint) =>
      Math.min(object.lookupContiguous(offset, length), 0),
    createSlice: (object: VmObjectPhysical, offset: bigint, size: bigint) => {
      const slice = object.createSlice({ offset, size });
      return isValue(slice) ? OK : slice;
    },
  };
  type Case = readonly [keyof typeof calls, bigint, bigint, Status];
  const cases: readonly Case[] = [
    ["pinRange", 0n, PAGE, OK],
    ["pinRange", outside, 0n, INVALID_ARGS],
    ["pinRange", outside + 1n, PAGE, INVALID_ARGS],
    ["pinRange", outside, 1n, INVALID_ARGS],
    ["pinRange", outside, PAGE, OUT_OF_RANGE],
    ["pinRange", 3n * PAGE, 2n * PAGE, OUT_OF_RANGE],
    ["lookup", 1n, 1n, OK],
    ["lookup", outside, 0n, INVALID_ARGS],
    ["lookup", outside, 1n, OUT_OF_RANGE],
    ["lookupContiguous", 0n, 1n, OK],
    ["lookupContiguous", outside, 0n, INVALID_ARGS],
    ["lookupContiguous", outside + 1n, PAGE, INVALID_ARGS],
    ["lookupContiguous", outside, PAGE, OUT_OF_RANGE],
    ["lookupContiguous", 0n, SIZE + 1n, OUT_OF_RANGE],
    ["createSlice", 0n, SIZE, OK],
    ["createSlice", 1n, TOP - 1n, INVALID_ARGS],
    ["createSlice", outside, TOP - 1n, OUT_OF_RANGE],
    ["createSlice", 0n, 0n, INVALID_ARGS],
    ["createSlice", outside, PAGE, INVALID_ARGS],
    ["createSlice", PAGE, SIZE, INVALID_ARGS],
  ];
  test.each(cases)("%s(%s, %s) is %i", (name, offset, length, status) => {
    expect(calls[name](device(), offset, length)).toBe(status);
  });
});

test("O-V25: every page is shown, until the visitor has seen enough or fails", () => {
  const object = device();
  const seen: number[] = [];
  expectOk(object.lookup(PAGE, 2n * PAGE, (page, frame) => (seen.push(page, frame), Visit.NEXT)));
  expect(seen).toEqual([1, FIRST + 1, 2, FIRST + 2]);
  let visits = 0;
  expect(object.lookup(0n, SIZE, () => (visits++, Visit.STOP))).toBe(OK);
  expect(object.lookup(0n, SIZE, () => (visits++, Status.IO))).toBe(Status.IO);
  expect(visits).toBe(2);
  expect(object.unpinRange(0n, SIZE)).toBeUndefined();
});

test("O-V25: a slice is a physical object of its own that keeps its parent alive", () => {
  const parent = device();
  parent.setUserId(7);
  parent.setName("uart");
  expectOk(parent.setCachePolicy(CachePolicy.UNCACHED_DEVICE));
  const slice = made(parent.createSlice({ offset: PAGE, size: 2n * PAGE, copyName: true }));
  const inner = made(slice.createSlice({ offset: PAGE, size: PAGE }));
  expect([slice.frameAt(0, 2), inner.frameAt(0, 1)]).toEqual([FIRST + 1, FIRST + 2]);
  expect([slice.childType, slice.parentUserId, slice.name, inner.name]).toEqual([
    ChildType.SLICE,
    7,
    "uart",
    "",
  ]);
  expect(inner.cachePolicy).toBe(CachePolicy.UNCACHED_DEVICE);
  const told: number[] = [];
  parent.onZeroChildren = () => void told.push(parent.holderCount);
  parent.release();
  slice.release();
  expect([parent.isAlive, slice.isAlive, told]).toEqual([true, true, []]);
  inner.release();
  expect([parent.isAlive, slice.isAlive, told]).toEqual([false, false, [1]]);
});

test("O-V25: the policy of a physical object changes unless it is mapped, has children or is one", () => {
  const object = device();
  const { UNCACHED, WRITE_COMBINING } = CachePolicy;
  expect(object.setCachePolicy(4)).toBe(INVALID_ARGS);
  expectOk(object.setCachePolicy(WRITE_COMBINING));
  object.mappings.add(new RecordingMapping());
  expect([object.setCachePolicy(WRITE_COMBINING), object.setCachePolicy(UNCACHED)]).toEqual([
    OK,
    BAD_STATE,
  ]);
  object.mappings.clear();
  const slice = made(object.createSlice({ offset: 0n, size: PAGE }));
  expect([object.setCachePolicy(UNCACHED), slice.setCachePolicy(UNCACHED)]).toEqual([
    BAD_STATE,
    BAD_STATE,
  ]);
  slice.release();
  expect(object.setCachePolicy(UNCACHED)).toBe(OK);
});
