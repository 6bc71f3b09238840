import { PAGE_BYTES, Status } from "@aspace/arch";
import { expect, test } from "vitest";
import { always, testCheckOrder, wrong, type Row } from "../../test/check-order.ts";
import {
  PAGE,
  PAGES,
  SIZE,
  build,
  expectOk,
  goodSituation,
  made,
  refusal,
  spoil,
  type Situation,
} from "../../test/object-situation.ts";
import { put, show } from "../../test/public-object.ts";
import { RecordingMapping } from "../../test/recording-mapping.ts";
import { createSmallSystem, fillPage, run } from "../../test/small-system.ts";
import { isValue, type Result } from "./blocking.ts";
import { CloneKind } from "./clone.ts";
import { createContiguousObject, createObject } from "./create-object.ts";
import { PageAccess } from "./lookup-cursor.ts";
import { validateSystem } from "./validate.ts";
import { CachePolicy, ChildType } from "./vm-object.ts";
import type { VmObjectPaged } from "./vm-object-paged.ts";

const { OK, BAD_STATE, INVALID_ARGS, NOT_SUPPORTED, OUT_OF_RANGE } = Status;

const discardable = wrong("discardable", NOT_SUPPORTED, spoil.trait("discardable"));
const unaligned = wrong("unaligned", INVALID_ARGS, spoil.unaligned);
const uncached = wrong("uncached", BAD_STATE, spoil.trait("uncached"));
const tooLarge = wrong("too large", OUT_OF_RANGE, (situation) => {
  situation.length = (1n << 64n) - 1n;
});

/** Makes a child and lets go of it at once. */
function ends(child: Result<VmObjectPaged>): Status {
  if (!isValue(child)) return child;
  child.release();
  return OK;
}

function cloning(kind: CloneKind): Row["act"] {
  return (object, { offset, length }) => ends(object.createClone({ kind, offset, size: length }));
}

function slicing(object: VmObjectPaged, { offset, length }: Situation): Status {
  return ends(object.createSlice({ offset, size: length }));
}

const ROWS: readonly Row[] = [
  {
    rule: "O-V17",
    call: "createClone",
    views: ["owner"],
    act: cloning(CloneKind.SNAPSHOT),
    wrongs: [
      discardable,
      wrong("contiguous", INVALID_ARGS, spoil.origin("contiguous")),
      unaligned,
      tooLarge,
      uncached,
      wrong("a pager's", NOT_SUPPORTED, spoil.origin("pager")),
      wrong("pinned", BAD_STATE, spoil.trait("pinned")),
      wrong("without end", INVALID_ARGS, (situation) => {
        situation.offset += (1n << 64n) - PAGE;
      }),
    ],
  },
  {
    rule: "O-V17",
    call: "createClone of a slice",
    views: ["slice"],
    act: cloning(CloneKind.SNAPSHOT),
    wrongs: [
      wrong("contiguous", INVALID_ARGS, spoil.origin("contiguous")),
      unaligned,
      tooLarge,
      always("a slice", NOT_SUPPORTED),
    ],
  },
  {
    rule: "O-V15",
    call: "createSlice",
    views: ["owner"],
    act: slicing,
    wrongs: [
      discardable,
      unaligned,
      tooLarge,
      wrong("outside", INVALID_ARGS, spoil.outside),
      wrong("resizable", NOT_SUPPORTED, spoil.trait("resizable")),
      uncached,
    ],
  },
  {
    rule: "O-V15",
    call: "createSlice of a view",
    views: ["slice", "reference"],
    act: slicing,
    wrongs: [unaligned, tooLarge, wrong("outside", INVALID_ARGS, spoil.outside)],
  },
  {
    rule: "O-V16",
    call: "createReference",
    views: ["owner"],
    act: (object, { offset, length }) =>
      ends(object.createReference({ offset, size: length - PAGE, resizable: true })),
    traits: ["resizable"],
    wrongs: [
      discardable,
      wrong("with an offset", INVALID_ARGS, spoil.unaligned),
      wrong("with a size", INVALID_ARGS, (situation) => void (situation.length += PAGE)),
      wrong("contiguous", NOT_SUPPORTED, spoil.origin("contiguous")),
      wrong("not resizable", NOT_SUPPORTED, ({ traits }) => void traits.delete("resizable")),
      uncached,
    ],
  },
  {
    rule: "O-V16",
    call: "createReference of a slice",
    views: ["slice"],
    act: (object, { offset }) => ends(object.createReference({ offset, size: 0n })),
    wrongs: [
      wrong("with an offset", INVALID_ARGS, spoil.unaligned),
      always("a slice", NOT_SUPPORTED),
    ],
  },
];

testCheckOrder(ROWS);

const NOTHING = { uncompressedBytes: 0, compressedBytes: 0 };
const WHOLE = { offset: 0n, size: SIZE };
const ALL = { offset: 0n, size: 0n };

/** Makes an object of four pages with `100 + n` on page n. */
function filled(options: { readonly resizable?: boolean } = {}): VmObjectPaged {
  const { system } = createSmallSystem();
  const object = made(createObject(system, { size: SIZE, ...options }));
  for (let page = 0; page < PAGES; page++) fillPage(object.node, page, 100 + page);
  return object;
}

function releaseAll(...objects: readonly VmObjectPaged[]): void {
  for (const object of objects) object.release();
  const { system } = objects[0]!;
  expect(system.pmm.liveCount, "frames after the end (P3)").toBe(0);
  validateSystem(system, []);
}

test("O-V17: a clone shows the parent's pages from its offset on, and zero behind the parent's end", () => {
  const parent = filled();
  const { SNAPSHOT: kind } = CloneKind;
  const inside = made(parent.createClone({ kind, offset: PAGE, size: 2n * PAGE }));
  const across = made(parent.createClone({ kind, offset: 3n * PAGE, size: 2n * PAGE }));
  const beyond = made(parent.createClone({ kind, offset: 9n * PAGE, size: PAGE + 1n }));
  expect([inside, across, beyond].map(show)).toEqual([
    [101, 102],
    [103, 0],
    [0, 0],
  ]);
  put(parent, 1, 7);
  put(across, 1, 8);
  expect(show(inside)).toEqual([101, 102]);
  expect(show(parent)).toEqual([100, 7, 102, 103]);
  releaseAll(parent, inside, across, beyond);
});

test("O-V17: a clone is a child, resizable only when asked, cached, and named only when asked", () => {
  const parent = filled();
  parent.setUserId(17);
  parent.setName("heap");
  const kind = CloneKind.SNAPSHOT;
  const plain = made(parent.createClone({ kind, ...WHOLE }));
  const named = made(parent.createClone({ kind, ...WHOLE, resizable: true, copyName: true }));
  expect([plain.childType, plain.parent, plain.parentUserId]).toEqual([
    ChildType.CLONE,
    parent,
    17,
  ]);
  expect([plain.name, plain.isResizable, plain.cachePolicy]).toEqual([
    "",
    false,
    CachePolicy.CACHED,
  ]);
  expect([named.name, named.isResizable]).toEqual(["heap", true]);
  releaseAll(parent, plain, named);
});

test("O-V17: a clone of a slice ends where the slice ends, whatever lies behind it in the node", () => {
  const { system } = createSmallSystem();
  const slice = build(system, goodSituation("pager", "slice", []));
  fillPage(slice.node, 4, 104);
  const last = made(slice.createSlice({ offset: 2n * PAGE, size: PAGE }));
  const kind = CloneKind.SNAPSHOT_AT_LEAST_ON_WRITE;
  const clone = made(last.createClone({ kind, offset: 0n, size: 3n * PAGE }));
  fillPage(slice.node, 3, 103);
  expect(show(clone)).toEqual([103, 0, 0]);
  const parent = slice.parent!;
  for (const object of [clone, last, slice, parent]) object.release();
  validateSystem(system, []);
});

test("O-V18: a child that gets no memory leaves nothing behind, whichever allocation fails", () => {
  const kind = CloneKind.SNAPSHOT;
  const calls: readonly ((parent: VmObjectPaged) => Result<VmObjectPaged>)[] = [
    (parent) => parent.createClone({ kind, ...WHOLE }),
    (parent) => parent.createSlice(WHOLE),
    (parent) => parent.createReference(ALL),
  ];
  for (const call of calls) {
    const parent = filled();
    const { failures } = parent.system.pmm;
    const before = parent.dump();
    let failed = 0;
    for (let nth = 1; ; nth++) {
      failures.failAt(nth);
      const child = call(parent);
      if (isValue(child)) {
        child.release();
        break;
      }
      failed++;
      expect(child).toBe(Status.NO_MEMORY);
      expect([parent.dump(), parent.children.size]).toEqual([before, 0]);
    }
    failures.failNever();
    expect(failed).toBeGreaterThan(0);
    parent.validate();
    releaseAll(parent);
  }
});

test("O-V15: a slice is the parent's memory, seen through a window, and is charged nothing", () => {
  const parent = filled();
  const slice = made(parent.createSlice({ offset: PAGE, size: 2n * PAGE }));
  expect(show(slice)).toEqual([101, 102]);
  put(slice, 0, 7);
  put(parent, 2, 8);
  expect([show(parent), show(slice)]).toEqual([
    [100, 7, 8, 103],
    [7, 8],
  ]);
  expect(slice.attributedMemoryInRange(0, 2)).toEqual(NOTHING);
  expect(parent.attributedMemoryInRange(0, PAGES).uncompressedBytes).toBe(PAGES * PAGE_BYTES);
  expect([slice.childType, slice.isResizable, slice.sizePages]).toEqual([
    ChildType.SLICE,
    false,
    2,
  ]);
  releaseAll(parent, slice);
});

test("O-V15: a slice of a slice stands on the same node, further in, and is a child of the slice", () => {
  const parent = filled();
  const slice = made(parent.createSlice({ offset: PAGE, size: 3n * PAGE }));
  const inner = made(slice.createSlice({ offset: PAGE, size: 2n * PAGE }));
  expect([inner.node, inner.sliceOffset, inner.parent]).toEqual([parent.node, 2, slice]);
  expect(show(inner)).toEqual([102, 103]);
  expect(refusal(slice.createSlice({ offset: 2n * PAGE, size: 2n * PAGE }))).toBe(INVALID_ARGS);
  releaseAll(slice, inner, parent);
});

test("O-V15: every operation on a slice counts from its start", () => {
  const parent = filled();
  const slice = made(parent.createSlice({ offset: 2n * PAGE, size: 2n * PAGE }));
  const seen: number[] = [];
  slice.lookup(0n, 2n * PAGE, (page) => {
    seen.push(page);
    return "next";
  });
  expect(seen).toEqual([0, 1]);
  expect(slice.lookupContiguous(PAGE, PAGE)).toBe(parent.lookupContiguous(3n * PAGE, PAGE));
  expectOk(run(slice.pinRange(PAGE, PAGE, PageAccess.READ)));
  expect([slice.isRangePinned(1, 1), slice.isRangePinned(0, 1)]).toEqual([true, false]);
  expect([parent.isRangePinned(3, 1), slice.isRangePinned(1, 2)]).toEqual([true, false]);
  expect(slice.decommitRange(0n, 2n * PAGE)).toBe(BAD_STATE);
  slice.unpinRange(PAGE, PAGE);
  expectOk(slice.decommitRange(0n, PAGE));
  expectOk(run(slice.zeroRange(PAGE, 3n)));
  expect(show(parent)).toEqual([100, 101, 0, 0]);
  releaseAll(parent, slice);
});

test("O-V15: a slice outlives its parent, and then nobody is charged for the memory", () => {
  const parent = filled();
  const slice = made(parent.createSlice({ offset: PAGE, size: 2n * PAGE }));
  parent.release();
  put(slice, 1, 9);
  expect([show(slice), slice.parent, slice.node.object]).toEqual([[101, 9], null, null]);
  expect(slice.attributedMemoryInRange(0, 2)).toEqual(NOTHING);
  expect(slice.setCachePolicy(CachePolicy.UNCACHED)).toBe(BAD_STATE);
  slice.validate();
  releaseAll(slice);
});

test("O-V15: only a contiguous object has slices when it is not cached, and they inherit its policy", () => {
  const { system } = createSmallSystem();
  const parent = made(createContiguousObject(system, { size: SIZE }));
  expectOk(parent.setCachePolicy(CachePolicy.WRITE_COMBINING));
  const slice = made(parent.createSlice({ offset: PAGE, size: 2n * PAGE }));
  expect([slice.cachePolicy, slice.isContiguous]).toEqual([CachePolicy.WRITE_COMBINING, true]);
  const second = parent.lookupContiguous(PAGE, PAGE);
  expect(slice.lookupContiguous(0n, 2n * PAGE)).toBe(second);
  releaseAll(parent, slice);
});

test("O-V16: a reference has the parent's pages, size and resizability at all times", () => {
  const parent = filled({ resizable: true });
  const reference = made(parent.createReference(ALL));
  expect([reference.childType, reference.isResizable]).toEqual([ChildType.REFERENCE, true]);
  put(reference, 0, 7);
  expectOk(reference.resize(2n * PAGE));
  expect([show(parent), show(reference)]).toEqual([
    [7, 101],
    [7, 101],
  ]);
  expectOk(parent.resize(3n * PAGE));
  expect(reference.sizePages).toBe(3);
  expect(reference.attributedMemoryInRange(0, 3)).toEqual(NOTHING);
  releaseAll(parent, reference);
});

test("O-V16: a reference of a reference outlives both, is still charged nothing and keeps its policy", () => {
  const parent = filled();
  const first = made(parent.createReference(ALL));
  const second = made(first.createReference(ALL));
  parent.release();
  expect(second.parent).toBe(first);
  first.release();
  expect(second.parent).toBe(null);
  put(second, 3, 9);
  expect(show(second)).toEqual([100, 101, 102, 9]);
  expect(second.attributedMemoryInRange(0, PAGES)).toEqual(NOTHING);
  expect(second.setCachePolicy(CachePolicy.UNCACHED)).toBe(BAD_STATE);
  releaseAll(second);
});

test("O-V16: a snapshot of a reference is a snapshot of the memory it shares", () => {
  const parent = filled();
  const reference = made(parent.createReference(ALL));
  const clone = made(reference.createClone({ kind: CloneKind.SNAPSHOT, ...WHOLE }));
  put(parent, 0, 1);
  put(reference, 1, 2);
  put(clone, 2, 3);
  expect([show(parent), show(reference)]).toEqual([
    [1, 2, 102, 103],
    [1, 2, 102, 103],
  ]);
  expect(show(clone)).toEqual([100, 101, 3, 103]);
  parent.validate();
  releaseAll(parent, reference, clone);
});

test("O-V4: mappings of slices, references and clones hear of a change in their own pages, and no others do", () => {
  const parent = filled();
  const family = {
    parent,
    reference: made(parent.createReference(ALL)),
    slice: made(parent.createSlice({ offset: PAGE, size: 2n * PAGE })),
    clone: made(parent.createClone({ kind: CloneKind.SNAPSHOT, offset: 2n * PAGE, size: PAGE })),
  };
  const heard = new Map<string, RecordingMapping>();
  for (const [name, object] of Object.entries(family)) {
    const mapping = new RecordingMapping();
    object.mappings.add(mapping);
    heard.set(name, mapping);
  }
  const events = (): string[][] => {
    const lists = [...heard.values()].map((mapping) => mapping.events.splice(0));
    return lists;
  };
  put(parent, 2, 7);
  expect(events()).toEqual([["unmap 2+1"], ["unmap 2+1"], ["unmap 1+1"], []]);
  put(family.clone, 0, 8);
  expect(events()).toEqual([[], [], [], []]);
  put(parent, 0, 9);
  expect(events()).toEqual([[], [], [], []]);
  put(family.slice, 0, 9);
  expect(events()).toEqual([[], [], [], []]);
  for (const object of Object.values(family)) object.mappings.clear();
  releaseAll(...Object.values(family));
});
