import { Status } from "@aspace/arch";
import { expect, test } from "vitest";
import { PAGE, PAGES, SIZE, made, refusal } from "../../test/object-situation.ts";
import { show } from "../../test/public-object.ts";
import { createSmallSystem, fillPage, run } from "../../test/small-system.ts";
import { isValue, type Result } from "./blocking.ts";
import { MAX_OBJECT_BYTES } from "./byte-range.ts";
import { CloneKind } from "./clone.ts";
import { createContiguousObject, createObject, createPagerObject } from "./create-object.ts";
import { PageAccess } from "./lookup-cursor.ts";
import type { MemorySystem } from "./memory-system.ts";
import { AllocationPolicy } from "./pmm.ts";
import { UserPager } from "./user-pager.ts";
import { validateSystem } from "./validate.ts";
import { CachePolicy, ChildType } from "./vm-object.ts";
import type { VmObjectPaged } from "./vm-object-paged.ts";

const { INVALID_ARGS, NO_MEMORY, OUT_OF_RANGE } = Status;
const TOO_LARGE = MAX_OBJECT_BYTES + 1n;

function pagerObject(system: MemorySystem, size: bigint): Result<VmObjectPaged> {
  const source = new UserPager().createSource({ key: 1, trapsDirty: true });
  return createPagerObject(system, { size, source });
}

test("O-V20: a resizable object cannot be always pinned, which is checked before the size", () => {
  const { system } = createSmallSystem();
  const both = { resizable: true, alwaysPinned: true };
  expect(refusal(createObject(system, { size: TOO_LARGE, ...both }))).toBe(INVALID_ARGS);
  expect(refusal(createObject(system, { size: PAGE, ...both }))).toBe(INVALID_ARGS);
  expect(refusal(createObject(system, { size: TOO_LARGE, alwaysPinned: true }))).toBe(OUT_OF_RANGE);
  expect(refusal(pagerObject(system, TOO_LARGE))).toBe(OUT_OF_RANGE);
});

test("O-V20: a contiguous object has a size and an alignment of at least a page", () => {
  const { system } = createSmallSystem();
  const status = (size: bigint, alignmentLog2 = 12): Status =>
    refusal(createContiguousObject(system, { size, alignmentLog2 }));
  expect([status(0n), status(TOO_LARGE, 11), status(PAGE, 64), status(PAGE, 12.5)]).toEqual([
    INVALID_ARGS,
    INVALID_ARGS,
    INVALID_ARGS,
    INVALID_ARGS,
  ]);
  expect([status(TOO_LARGE), status(MAX_OBJECT_BYTES), status(PAGE, 63)]).toEqual([
    OUT_OF_RANGE,
    NO_MEMORY,
    // Frame 0 has every alignment, but is not free.
    NO_MEMORY,
  ]);
});

test("O-V20: a new object is cached, nobody's child, and as resizable and discardable as asked", () => {
  const { system } = createSmallSystem();
  const objects = [
    made(createObject(system, { size: SIZE })),
    made(createObject(system, { size: SIZE, resizable: true, discardable: true })),
    made(createContiguousObject(system, { size: SIZE })),
    made(pagerObject(system, SIZE)),
  ];
  expect(objects.map(traits)).toEqual([
    [false, false, false, false, false],
    [true, true, false, false, false],
    [false, false, true, false, false],
    [false, false, false, true, true],
  ]);
  const clone = made(
    objects[3]!.createClone({ kind: CloneKind.SNAPSHOT_MODIFIED, offset: 0n, size: SIZE }),
  );
  expect(traits(clone)).toEqual([false, false, false, true, false]);
  for (const object of objects) {
    expect([object.isPaged, object.cachePolicy, object.childType, object.parent]).toEqual([
      true,
      CachePolicy.CACHED,
      ChildType.NOT_CHILD,
      null,
    ]);
  }
});

test("O-V20: the pages of a contiguous object are there from the start: zero, in order, aligned, charged", () => {
  const { system } = createSmallSystem({ frames: 64 });
  const object = made(createContiguousObject(system, { size: 3n * PAGE + 1n, alignmentLog2: 15 }));
  const first = object.lookupContiguous(0n, SIZE);
  expect(first % 8).toBe(0);
  const frames: number[] = [];
  object.lookup(0n, SIZE, (_page, frame) => {
    frames.push(frame);
    return "next";
  });
  expect(frames).toEqual([first, first + 1, first + 2, first + 3]);
  expect(show(object)).toEqual([0, 0, 0, 0]);
  expect(object.attributedMemoryInRange(0, PAGES).uncompressedBytes).toBe(PAGES * 4096);
  expect(object.lookupContiguous(PAGE, 2n * PAGE)).toBe(first + 1);
  object.release();
  expect(system.pmm.liveCount).toBe(0);
});

test("O-V20: old contents of frames are never seen in a new contiguous or always pinned object", () => {
  const { system } = createSmallSystem({ frames: 6 });
  const dirty = made(createObject(system, { size: SIZE }));
  for (let page = 0; page < PAGES; page++) fillPage(dirty.node, page, 0xff);
  dirty.release();
  const pinned = made(createObject(system, { size: SIZE, alwaysPinned: true }));
  expect(show(pinned)).toEqual([0, 0, 0, 0]);
  pinned.release();
  expect(show(made(createContiguousObject(system, { size: SIZE })))).toEqual([0, 0, 0, 0]);
});

test("O-V20: an always pinned object has every page pinned once until its end", () => {
  const { system } = createSmallSystem();
  const object = made(createObject(system, { size: SIZE, alwaysPinned: true }));
  expect([object.isRangePinned(0, PAGES), object.node.pinnedPageCount]).toEqual([true, PAGES]);
  expect(object.decommitRange(0n, PAGE)).toBe(Status.BAD_STATE);
  expect(run(object.pinRange(PAGE, PAGE, PageAccess.WRITE))).toBe(Status.OK);
  object.unpinRange(PAGE, PAGE);
  object.validate();
  object.release();
  expect(system.pmm.liveCount).toBe(0);
});

test("O-V20: an always pinned object of no pages is one", () => {
  const { system } = createSmallSystem();
  const object = made(createObject(system, { size: 0n, alwaysPinned: true }));
  expect(object.sizePages).toBe(0);
  object.release();
  validateSystem(system, []);
});

test("O-V20: a slice keeps an always pinned object's pages when its owner ends, unpinned", () => {
  const { system } = createSmallSystem();
  const owner = made(createObject(system, { size: SIZE, alwaysPinned: true }));
  const slice = made(owner.createSlice({ offset: 0n, size: PAGE }));
  owner.release();
  expect(slice.isRangePinned(0, 1)).toBe(false);
  slice.validate();
  slice.release();
  expect(system.pmm.liveCount).toBe(0);
});

test("O-V20: whichever allocation fails, a creation that is refused leaves nothing", () => {
  const creations: readonly ((system: MemorySystem) => Result<VmObjectPaged>)[] = [
    (system) => createObject(system, { size: SIZE }),
    (system) => createObject(system, { size: 40n * PAGE, alwaysPinned: true }),
    (system) => createContiguousObject(system, { size: 40n * PAGE }),
    (system) => pagerObject(system, SIZE),
  ];
  const failures = creations.map((create) => {
    const { system } = createSmallSystem();
    for (let nth = 1; ; nth++) {
      system.pmm.failures.failAt(nth);
      const object = create(system);
      system.pmm.failures.failNever();
      if (isValue(object)) {
        object.release();
        validateSystem(system, []);
        return nth - 1;
      }
      expect(object).toBe(NO_MEMORY);
      expect(system.pmm.liveCount).toBe(0);
      system.pmm.validate();
    }
  });
  // The node; for those with pages also the frames, and three chunks of sixteen slots.
  expect(failures).toEqual([1, 5, 5, 1]);
});

test("O-V20: creation never waits, and what comes after waits only when asked to", () => {
  const { system } = createSmallSystem();
  system.pmm.setLow(true);
  made(createObject(system, { size: SIZE, alwaysPinned: true, policy: AllocationPolicy.CAN_WAIT }));
  const patient = made(createObject(system, { size: SIZE, policy: AllocationPolicy.CAN_WAIT }));
  const hasty = made(createObject(system, { size: SIZE }));
  expect(hasty.commitRange(0n, PAGE).next().value).toBe(Status.OK);
  expect(patient.commitRange(0n, PAGE).next().done).toBe(false);
});

test("O-V20: a size that is more than RAM is NO_MEMORY where all of it must be there", () => {
  const { system } = createSmallSystem();
  const size = MAX_OBJECT_BYTES;
  expect(createObject(system, { size, alwaysPinned: true })).toBe(NO_MEMORY);
  expect(createContiguousObject(system, { size })).toBe(NO_MEMORY);
  expect(system.pmm.liveCount).toBe(0);
});

function traits(object: VmObjectPaged): readonly boolean[] {
  const { isResizable, isDiscardable, isContiguous, isUserPagerBacked, isDirtyTracked } = object;
  return [isResizable, isDiscardable, isContiguous, isUserPagerBacked, isDirtyTracked];
}
