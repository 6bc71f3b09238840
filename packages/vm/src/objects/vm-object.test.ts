import { Status } from "@aspace/arch";
import { expect, test } from "vitest";
import { panicRule } from "../../test/bare-machine.ts";
import { PAGE, SIZE, cloneOf, expectOk, made } from "../../test/object-situation.ts";
import { put, show } from "../../test/public-object.ts";
import { RecordingMapping } from "../../test/recording-mapping.ts";
import { createSmallSystem, run } from "../../test/small-system.ts";
import { Lock, LockRank } from "../lock.ts";
import { MAX_OBJECT_BYTES } from "./byte-range.ts";
import { createObject, createPagerObject } from "./create-object.ts";
import { PageAccess } from "./lookup-cursor.ts";
import { AllocationPolicy } from "./pmm.ts";
import { UserPager } from "./user-pager.ts";
import { validateSystem } from "./validate.ts";
import { CachePolicy } from "./vm-object.ts";
import type { VmObjectPaged } from "./vm-object-paged.ts";

function anObject(): VmObjectPaged {
  return made(createObject(createSmallSystem().system, { size: SIZE, resizable: true }));
}

test("O-V1: a size is rounded up to pages, up to the largest object and no further", () => {
  const { system } = createSmallSystem();
  const sizes = [0n, 1n, PAGE, PAGE + 1n, MAX_OBJECT_BYTES - PAGE + 1n, MAX_OBJECT_BYTES];
  const pages = sizes.map((size) => made(createObject(system, { size })).sizePages);
  expect(pages).toEqual([0, 1, 1, 2, 0xf_ffff_ffff_ffe0, 0xf_ffff_ffff_ffe0]);
  expect(MAX_OBJECT_BYTES).toBe(0xffff_ffff_fffe_0000n);
  for (const size of [MAX_OBJECT_BYTES + 1n, 0xffff_ffff_fffe_1000n, (1n << 64n) - 1n]) {
    expect(createObject(system, { size })).toBe(Status.OUT_OF_RANGE);
  }
});

test("O-V1: the last page of the largest object can be written, and costs one page", () => {
  const { system } = createSmallSystem();
  const object = made(createObject(system, { size: MAX_OBJECT_BYTES }));
  expectOk(run(object.write(MAX_OBJECT_BYTES - 3n, Uint8Array.of(1, 2, 3))).status);
  expect(run(object.write(MAX_OBJECT_BYTES - 3n, new Uint8Array(4))).status).toBe(
    Status.OUT_OF_RANGE,
  );
  expect(system.pmm.liveCount).toBe(1);
  const clone = cloneOf(object);
  const into = new Uint8Array(3);
  expectOk(run(clone.read(MAX_OBJECT_BYTES - 3n, into)).status);
  expect([...into]).toEqual([1, 2, 3]);
  object.release();
  clone.release();
  expect(system.pmm.liveCount).toBe(0);
});

test("O-V1: an object of 1 TiB costs memory for the three pages it has, and is zeroed, cut and ended at that price", () => {
  const { system } = createSmallSystem();
  const tebibyte = 1n << 40n;
  const object = made(createObject(system, { size: tebibyte, resizable: true }));
  for (const offset of [0n, tebibyte / 2n, tebibyte - PAGE]) {
    expectOk(run(object.write(offset, Uint8Array.of(1))).status);
  }
  expect(system.pmm.liveCount).toBe(3);
  expect(object.node.slots.populatedCount).toBe(3);
  const clone = cloneOf(object);
  expect(object.attributedMemoryInRange(0, object.sizePages).uncompressedBytes).toBe(3 * 4096);
  expectOk(run(clone.zeroRange(0n, tebibyte)));
  expect(system.pmm.liveCount).toBe(3);
  clone.release();
  expectOk(object.resize(tebibyte / 2n));
  expect(system.pmm.liveCount).toBe(1);
  object.validate();
  object.release();
  expect(system.pmm.liveCount).toBe(0);
});

test("O-V2: an id is 0 until it is set, and set once", () => {
  const object = anObject();
  expect(object.userId).toBe(0);
  object.setUserId(7);
  expect([object.userId, object.node.attributionId]).toEqual([7, 7]);
  expect(panicRule(() => object.setUserId(8))).toBe("O-V2");
  expect(object.userId).toBe(7);
});

test("O-V2: an id that is set after a snapshot still names who is charged for what was shared before", () => {
  const object = anObject();
  put(object, 0, 1);
  const clone = cloneOf(object);
  clone.setUserId(8);
  object.setUserId(7);
  object.validate();
  expect([charged(object), charged(clone)]).toEqual([4096, 0]);
  object.release();
  expect(charged(clone)).toBe(4096);
  clone.release();
});

test("O-V2: slices and references have ids of their own, and the node keeps its owner's", () => {
  const owner = made(createObject(createSmallSystem().system, { size: SIZE }));
  const slice = made(owner.createSlice({ offset: 0n, size: PAGE }));
  const reference = made(owner.createReference({ offset: 0n, size: 0n }));
  owner.setUserId(7);
  slice.setUserId(8);
  reference.setUserId(9);
  expect([owner.node.attributionId, slice.userId, reference.userId]).toEqual([7, 8, 9]);
});

test("O-V3: a mapping is listed once, and taken off once, with the lock held", () => {
  const object = anObject();
  const mapping = new RecordingMapping();
  const { lock } = object.hierarchy;
  expect(panicRule(() => object.addMappingLocked(mapping))).toBe("L-2");
  lock.acquire();
  object.addMappingLocked(mapping);
  expect(panicRule(() => object.addMappingLocked(mapping))).toBe("O-V3");
  expect(object.mappings.size).toBe(1);
  object.removeMappingLocked(mapping);
  expect(panicRule(() => object.removeMappingLocked(mapping))).toBe("O-V3");
  lock.release();
  expect(panicRule(() => object.removeMappingLocked(mapping))).toBe("L-2");
});

test("O-V3: an object does not end while it is mapped", () => {
  const object = anObject();
  object.mappings.add(new RecordingMapping());
  expect(panicRule(() => object.release())).toBe("O-V3");
});

test("O-V5: an object lives until its last holder lets go", () => {
  const object = anObject();
  put(object, 0, 1);
  object.retain();
  object.release();
  expect([object.isAlive, object.holderCount]).toEqual([true, 1]);
  expect(object.system.pmm.liveCount).toBe(1);
  object.release();
  expect([object.isAlive, object.holderCount]).toEqual([false, 0]);
  expect(object.system.pmm.liveCount).toBe(0);
  expect(panicRule(() => object.release())).toBe("O-V5");
  expect(panicRule(() => object.retain())).toBe("O-V5");
});

test("O-V5: an operation in progress holds its object, so that handles may go meanwhile", () => {
  const { system } = createSmallSystem();
  const source = new UserPager().createSource({ key: 1, trapsDirty: false });
  const object = made(createPagerObject(system, { size: SIZE, source }));
  const reading = object.read(0n, new Uint8Array(1));
  const request = reading.next().value;
  object.release();
  expect(object.isAlive).toBe(true);
  source.detach();
  expect(request).toHaveProperty("status", Status.OK);
  expect(reading.next(Status.OK)).toEqual({
    done: true,
    value: { status: Status.BAD_STATE, bytes: 0 },
  });
  expect(object.isAlive).toBe(false);
});

test("O-V7: a name is cut to 31 bytes, and not inside a character", () => {
  const object = anObject();
  expect(object.name).toBe("");
  const names = [
    "heap",
    "a".repeat(31),
    "a".repeat(32),
    `${"a".repeat(30)}é`,
    ...["é", "€", "😀"].map((character) => character.repeat(16)),
  ];
  const kept = names.map((name) => {
    object.setName(name);
    return object.name;
  });
  const a = "a".repeat(31);
  expect(kept).toEqual([
    "heap",
    a,
    a,
    "a".repeat(30),
    "é".repeat(15),
    "€".repeat(10),
    "😀".repeat(7),
  ]);
});

test("O-V8: children of an object that ends go to its parent, or have none", () => {
  const [root, middle, leaf] = chain(3);
  middle!.release();
  expect([leaf!.parent, [...root!.children]]).toEqual([root, [leaf]]);
  root!.release();
  expect([leaf!.parent, leaf!.parentUserId]).toEqual([null, 102]);
  leaf!.release();
});

test("O-V8: the id of the parent is that of the moment of creation", () => {
  const parent = anObject();
  const early = cloneOf(parent);
  parent.setUserId(7);
  const late = cloneOf(parent);
  expect([early.parentUserId, late.parentUserId]).toEqual([0, 7]);
});

test("O-V8: a parent hears when its last child is gone, with no lock held", () => {
  const [root, middle, leaf] = chain(3);
  const told: string[] = [];
  for (const object of [root!, middle!, leaf!]) {
    object.onZeroChildren = () => {
      object.system.locks.assertNoneHeld("the notification");
      told.push(`${object.userId} has ${object.children.size}`);
    };
  }
  const second = cloneOf(root!);
  middle!.release();
  leaf!.release();
  expect(told).toEqual([]);
  second.release();
  expect(told).toEqual(["101 has 0"]);
  root!.release();
});

test("O-V8: a parent that is told of its last child may itself end there and then", () => {
  const [root, child] = chain(2);
  root!.onZeroChildren = () => root!.release();
  child!.release();
  expect([root!.isAlive, root!.system.pmm.liveCount]).toEqual([false, 0]);
  validateSystem(root!.system, []);
});

test("O-V9: the share count is that of distinct aspaces, and 1 below two mappings", () => {
  const object = anObject();
  const aspace = {};
  const mappings = [aspace, aspace, {}, {}].map((aspaceIdentity) =>
    Object.assign(new RecordingMapping(), { aspaceIdentity }),
  );
  const counts = [object.shareCount];
  for (const mapping of mappings) {
    object.mappings.add(mapping);
    counts.push(object.shareCount);
  }
  expect(counts).toEqual([1, 1, 1, 2, 3]);
});

test("O-V9: an object is mapped by a user when any of its mappings is in a user aspace", () => {
  const object = anObject();
  const kernel = Object.assign(new RecordingMapping(), { isInUserAspace: false });
  object.mappings.add(kernel);
  expect(object.isMappedByUser).toBe(false);
  object.mappings.add(new RecordingMapping());
  expect(object.isMappedByUser).toBe(true);
});

test("O-V10: an operation holds the lock while it runs, and no lock while it waits", () => {
  const { system } = createSmallSystem();
  const source = new UserPager().createSource({ key: 1, trapsDirty: false });
  const object = made(createPagerObject(system, { size: SIZE, source }));
  const pinning = object.pinRange(0n, PAGE, PageAccess.READ);
  expect(object.hierarchy.lock.isHeld).toBe(false);
  pinning.next();
  expect(object.hierarchy.lock.isHeld).toBe(false);
  const mapping = new RecordingMapping();
  const held: boolean[] = [];
  mapping.onEvent = () => void held.push(object.hierarchy.lock.isHeld);
  object.mappings.add(mapping);
  expectOk(object.detachSource());
  object.mappings.clear();
  expect(held).toEqual([true]);
  expect(pinning.next(Status.OK).value).toBe(Status.BAD_STATE);
  expect(object.hierarchy.lock.isHeld).toBe(false);
});

test("O-V10: an operation that waits while its caller holds a lock is a defect of the caller (L-4)", () => {
  const { system } = createSmallSystem();
  const source = new UserPager().createSource({ key: 1, trapsDirty: false });
  const object = made(createPagerObject(system, { size: SIZE, source }));
  const lock = new Lock(system.locks, LockRank.ASPACE, "aspace lock");
  lock.acquire();
  expectOk(run(object.commitRange(SIZE, 0n)));
  expect(panicRule(() => object.commitRange(0n, PAGE).next())).toBe("L-4");
  expect(object.hierarchy.lock.isHeld).toBe(false);
});

test("O-V10: who gives up while waiting leaves no request and no half of a pin", () => {
  const { system } = createSmallSystem();
  const source = new UserPager().createSource({ key: 1, trapsDirty: false });
  const object = made(createPagerObject(system, { size: SIZE, source }));
  const list = made(sourceOfPages(system).takePages(0n, PAGE));
  expectOk(run(object.supplyPages(0n, list)));
  const pinning = object.pinRange(0n, 2n * PAGE, PageAccess.READ);
  const request = pinning.next().value;
  expect([object.isRangePinned(0, 1), source.outstanding(0).length]).toEqual([true, 1]);
  pinning.return(Status.CANCELED);
  expect(request).toHaveProperty("isOutstanding", false);
  expect([object.isRangePinned(0, 1), source.outstanding(0).length]).toEqual([false, 0]);
  expect([object.hierarchy.lock.isHeld, object.holderCount]).toEqual([false, 1]);
  object.release();
  expect(system.pmm.liveCount).toBe(0);
});

test("O-V11: what was allowed when an operation began may not be after a wait", () => {
  const { system } = createSmallSystem();
  const policy = AllocationPolicy.CAN_WAIT;
  const object = made(createObject(system, { size: SIZE, policy }));
  system.pmm.setLow(true);
  const writing = object.write(0n, new Uint8Array(1));
  const committing = object.commitRange(0n, PAGE);
  expect([writing.next().done, committing.next().done]).toEqual([false, false]);
  expectOk(object.setCachePolicy(CachePolicy.UNCACHED));
  system.pmm.setLow(false);
  expect(writing.next(Status.OK).value).toEqual({ status: Status.BAD_STATE, bytes: 0 });
  expect(committing.next(Status.OK).value).toBe(Status.OK);
  object.release();
});

test("O-V11: an object that is not cached any more after a wait is not zeroed", () => {
  const { system } = createSmallSystem();
  const policy = AllocationPolicy.CAN_WAIT;
  const parent = made(createObject(system, { size: SIZE, policy }));
  put(parent, 0, 1);
  const clones = [cloneOf(parent), cloneOf(parent)] as const;
  parent.release();
  system.pmm.setLow(true);
  const zeroing = clones[0].zeroRange(0n, 1n);
  expect(zeroing.next().done).toBe(false);
  expectOk(clones[0].setCachePolicy(CachePolicy.UNCACHED));
  system.pmm.setLow(false);
  expect(zeroing.next(Status.OK).value).toBe(Status.BAD_STATE);
  expect(show(clones[1])).toEqual([1, 0, 0, 0]);
  for (const clone of clones) clone.release();
  expect(system.pmm.liveCount).toBe(0);
});

test("O-V11: an object that is discarded during a wait is NOT_FOUND after it", () => {
  const { system } = createSmallSystem();
  const policy = AllocationPolicy.CAN_WAIT;
  const object = made(createObject(system, { size: SIZE, policy, discardable: true }));
  made(object.lockRange(0n, SIZE));
  system.pmm.setLow(true);
  const writing = object.write(0n, new Uint8Array(1));
  const committing = object.commitRange(0n, PAGE);
  const pinning = object.pinRange(0n, PAGE, PageAccess.WRITE);
  for (const each of [writing, committing, pinning]) expect(each.next().done).toBe(false);
  expectOk(object.unlockRange(0n, SIZE));
  expect(object.discardable!.discard(0)).toBe(true);
  system.pmm.setLow(false);
  expect(writing.next(Status.OK).value).toEqual({ status: Status.NOT_FOUND, bytes: 0 });
  expect(committing.next(Status.OK).value).toBe(Status.NOT_FOUND);
  expect(pinning.next(Status.OK).value).toBe(Status.NOT_FOUND);
  expect(object.node.pinnedPageCount).toBe(0);
  object.release();
});

test("O-V5: the memory of a parent that ends stays with its children, in every order", () => {
  for (const order of permutations([0, 1, 2, 3])) {
    const family = chain(4);
    for (const [index, object] of family.entries()) put(object, index, 50 + index);
    const expected = [
      [50, 2, 3, 4],
      [1, 51, 3, 4],
      [1, 2, 52, 4],
      [1, 2, 3, 53],
    ];
    for (const [step, index] of order.entries()) {
      family[index]!.release();
      for (const left of order.slice(step + 1)) expect(show(family[left]!)).toEqual(expected[left]);
    }
    expect(family[0]!.system.pmm.liveCount).toBe(0);
  }
});

/** Snapshots of snapshots, with ids 101, 102 ... and bytes 1, 2, 3, 4. */
function chain(length: number): VmObjectPaged[] {
  const objects = [made(createObject(createSmallSystem().system, { size: SIZE }))];
  for (let page = 0; page < 4; page++) put(objects[0]!, page, page + 1);
  objects[0]!.setUserId(101);
  while (objects.length < length) {
    const clone = cloneOf(objects.at(-1)!);
    clone.setUserId(101 + objects.length);
    objects.push(clone);
  }
  return objects;
}

function charged(object: VmObjectPaged): number {
  return object.attributedMemoryInRange(0, object.sizePages).uncompressedBytes;
}

function sourceOfPages(system: VmObjectPaged["system"]): VmObjectPaged {
  const object = made(createObject(system, { size: PAGE }));
  put(object, 0, 1);
  return object;
}

function permutations(items: readonly number[]): number[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item) =>
    permutations(items.filter((each) => each !== item)).map((rest) => [item, ...rest]),
  );
}
