import { Status } from "@aspace/arch";
import { expect, test } from "vitest";
import {
  PAGE,
  PAGES,
  SIZE,
  build,
  cloneOf,
  discard,
  expectOk,
  goodSituation,
  made,
  refusal,
  type Origin,
  type View,
} from "../../test/object-situation.ts";
import { put } from "../../test/public-object.ts";
import { RecordingMapping } from "../../test/recording-mapping.ts";
import { createSmallSystem, fillPage, run } from "../../test/small-system.ts";
import { CloneKind } from "./clone.ts";
import { createObject } from "./create-object.ts";
import { PageAccess } from "./lookup-cursor.ts";
import { Queue } from "./page-queues.ts";
import { slotPage } from "./slot.ts";
import { CachePolicy, Hint } from "./vm-object.ts";
import type { VmObjectPaged } from "./vm-object-paged.ts";
import { WritebackKind } from "./writeback.ts";

const { OK, BAD_STATE, INVALID_ARGS } = Status;
const { CACHED, UNCACHED, WRITE_COMBINING } = CachePolicy;
const WHOLE = { offset: 0n, size: SIZE };
const ALL = { offset: 0n, size: 0n };

function anObject(): VmObjectPaged {
  return made(createObject(createSmallSystem().system, { size: SIZE }));
}

function charged(object: VmObjectPaged, page = 0, count: number = object.sizePages): number {
  const { uncompressedBytes, compressedBytes } = object.attributedMemoryInRange(page, count);
  return (uncompressedBytes + compressedBytes) / 4096;
}

test("O-V12: bits outside the policy are refused before everything else", () => {
  const object = anObject();
  object.mappings.add(new RecordingMapping());
  for (const bits of [4, 7, 8, -1, 0x100, 0.5, 2 ** 32]) {
    expect(object.setCachePolicy(bits)).toBe(INVALID_ARGS);
  }
  expect(object.setCachePolicy(UNCACHED)).toBe(BAD_STATE);
  object.mappings.clear();
  for (const policy of Object.values(CachePolicy)) {
    expect([object.setCachePolicy(policy), object.cachePolicy]).toEqual([OK, policy]);
  }
});

test("O-V12: pages keep a policy other than CACHED in place, and CACHED gives way", () => {
  const object = anObject();
  put(object, 0, 1);
  expectOk(object.setCachePolicy(UNCACHED));
  expect(object.setCachePolicy(CACHED)).toBe(BAD_STATE);
  expect(object.setCachePolicy(UNCACHED)).toBe(BAD_STATE);
  expectOk(object.decommitRange(0n, SIZE));
  expectOk(object.setCachePolicy(WRITE_COMBINING));
  expect(object.cachePolicy).toBe(WRITE_COMBINING);
});

test("O-V12: whoever relies on the policy keeps it in place, and nobody else", () => {
  const relations: readonly [string, (object: VmObjectPaged) => () => void][] = [
    [
      "a mapping",
      (object) => {
        object.mappings.add(new RecordingMapping());
        return () => object.mappings.clear();
      },
    ],
    [
      "a pin",
      (object) => {
        expectOk(run(object.pinRange(0n, PAGE, PageAccess.READ)));
        return () => object.unpinRange(0n, PAGE);
      },
    ],
    ["a clone", (object) => releasing(cloneOf(object))],
    ["a slice", (object) => releasing(made(object.createSlice(WHOLE)))],
    ["a reference", (object) => releasing(made(object.createReference(ALL)))],
  ];
  for (const [name, relate] of relations) {
    const object = anObject();
    const unrelate = relate(object);
    expect(object.setCachePolicy(UNCACHED), name).toBe(BAD_STATE);
    unrelate();
    expect(object.setCachePolicy(UNCACHED), `${name}, no more`).toBe(OK);
  }
});

test("O-V12: a child cannot choose a policy, but a clone that survives its parent can", () => {
  const parent = anObject();
  const children = [
    cloneOf(parent),
    made(parent.createSlice(WHOLE)),
    made(parent.createReference(ALL)),
  ];
  expect(children.map((child) => child.setCachePolicy(UNCACHED))).toEqual([
    BAD_STATE,
    BAD_STATE,
    BAD_STATE,
  ]);
  parent.release();
  expect(children.map((child) => child.setCachePolicy(UNCACHED))).toEqual([
    OK,
    BAD_STATE,
    BAD_STATE,
  ]);
});

test("O-V13: an object that is not cached is not read, written, zeroed or shared, but committed, decommitted and pinned", () => {
  const object = anObject();
  put(object, 0, 1);
  expectOk(object.setCachePolicy(UNCACHED));
  expect(run(object.read(0n, new Uint8Array(1))).status).toBe(BAD_STATE);
  expect(run(object.write(0n, new Uint8Array(1))).status).toBe(BAD_STATE);
  expect(run(object.zeroRange(0n, PAGE))).toBe(BAD_STATE);
  const kind = CloneKind.SNAPSHOT;
  expect(refusal(object.createClone({ kind, ...WHOLE }))).toBe(BAD_STATE);
  expect(refusal(object.createSlice(WHOLE))).toBe(BAD_STATE);
  expect(refusal(object.createReference(ALL))).toBe(BAD_STATE);
  expect(run(object.commitRange(0n, SIZE))).toBe(OK);
  expect(run(object.pinRange(0n, SIZE, PageAccess.WRITE))).toBe(OK);
  object.unpinRange(0n, SIZE);
  expect(object.decommitRange(0n, SIZE)).toBe(OK);
});

test("O-V19: memory is charged for the range that is inside, and nothing for the rest", () => {
  const object = anObject();
  put(object, 1, 1);
  put(object, 3, 1);
  expect([charged(object), charged(object, 0, 1), charged(object, 1, 1)]).toEqual([2, 0, 1]);
  expect([charged(object, 2, 99), charged(object, 4, 1), charged(object, 99, 1)]).toEqual([
    1, 0, 0,
  ]);
  expect(charged(object, 1, 0)).toBe(0);
});

test("P8: while the generation stands still nobody's charge changes, whatever is done", () => {
  const { system } = createSmallSystem();
  for (const { name, act } of ACTS) {
    for (const origin of ["anonymous", "pager", "contiguous"] as const) {
      for (const view of VIEWS_OF[origin]) {
        const object = build(system, goodSituation(origin, view, ["resizable"]));
        const family = [
          object,
          ...(object.parent === null ? [] : [object.parent as VmObjectPaged]),
        ];
        if (origin !== "contiguous" && !object.isSlice) family.push(cloneOf(object));
        const { hierarchy } = object;
        const generation = hierarchy.generation;
        const before = family.map((each) => chargeByPage(each));
        act(object);
        const after = family.map((each) => chargeByPage(each));
        if (hierarchy.generation === generation) {
          expect(after, `${name} of the ${view} of ${origin}`).toEqual(before);
        }
        for (const each of family.filter(({ isAlive }) => isAlive)) {
          expect(charged(each), name).toBe(
            chargeByPage(each).reduce((sum, pages) => sum + pages, 0),
          );
          each.release();
        }
      }
    }
  }
});

test("O-V19: the sum over a family is what it holds, also when one of it ends or shrinks (P8)", () => {
  const { system } = createSmallSystem();
  const root = made(createObject(system, { size: SIZE, resizable: true }));
  for (let page = 0; page < PAGES; page++) put(root, page, page + 1);
  const family = [root, cloneOf(root)];
  family.push(cloneOf(family[1]!));
  const sum = (): number => family.reduce((total, each) => total + charged(each), 0);
  const check = (): void => expect(sum()).toBe(system.pmm.liveCount);
  check();
  put(family[1]!, 0, 9);
  check();
  put(family[2]!, 1, 9);
  check();
  expectOk(root.resize(PAGE));
  check();
  family.splice(1, 1)[0]!.release();
  check();
  family.shift()!.release();
  check();
  expect(sum()).toBe(4);
  family[0]!.release();
});

test("O-V22: a slice is of high priority for mappings of its own only, the node for anybody's", () => {
  const { system } = createSmallSystem({ anonymousReclaim: "on" });
  const owner = made(createObject(system, { size: SIZE }));
  expectOk(run(owner.commitRange(0n, PAGE)));
  const slice = made(owner.createSlice(WHOLE));
  const reference = made(owner.createReference(ALL));
  const high = (): boolean[] => [owner, slice, reference].map((each) => each.isHighPriority);
  const queue = (): Queue => system.queues.queueOf(slotPage(owner.node.get(0)));
  expect([high(), queue()]).toEqual([[false, false, false], Queue.RECLAIM]);
  prioritise(owner, 1);
  expect([high(), queue()]).toEqual([[true, false, true], Queue.HIGH_PRIORITY]);
  prioritise(slice, 1);
  prioritise(owner, -1);
  expect([high(), queue()]).toEqual([[true, true, true], Queue.HIGH_PRIORITY]);
  owner.validate();
  prioritise(slice, -1);
  expect([high(), queue()]).toEqual([[false, false, false], Queue.RECLAIM]);
});

test("O-V22: pages are brought in for an object of high priority, and for a slice only for its own", () => {
  const { system } = createSmallSystem();
  const slice = build(system, goodSituation("pager", "slice", []));
  const owner = slice.parent as VmObjectPaged;
  prioritise(owner, 1);
  expect(slice.commitHighPriorityPages(0, PAGES).next().done).toBe(true);
  const bringing = owner.commitHighPriorityPages(0, owner.sizePages);
  expect(bringing.next().value).toMatchObject({ page: 0, count: 1 });
  bringing.return();
  prioritise(slice, 1);
  const own = slice.commitHighPriorityPages(2, 99);
  expect(own.next().value).toMatchObject({ page: 3, count: 2 });
  own.return();
  prioritise(slice, -1);
  prioritise(owner, -1);
});

test("O-V21: a cursor on a discarded object is NOT_FOUND, and one on nothing or outside is OUT_OF_RANGE", () => {
  const object = made(createObject(createSmallSystem().system, { size: SIZE, discardable: true }));
  const { lock } = object.hierarchy;
  expect(() => object.lookupCursorLocked(0, 1)).toThrow("L-2");
  lock.acquire();
  const windows: readonly [number, number][] = [
    [0, 0],
    [4, 1],
    [3, 2],
    [99, 1],
  ];
  for (const [page, count] of windows) {
    expect(refusal(object.lookupCursorLocked(page, count))).toBe(Status.OUT_OF_RANGE);
  }
  expect(made(object.lookupCursorLocked(3, 1)).remaining).toBe(1);
  lock.release();
  discard(object);
  lock.acquire();
  expect(refusal(object.lookupCursorLocked(4, 1))).toBe(Status.OUT_OF_RANGE);
  expect(refusal(object.lookupCursorLocked(0, 1))).toBe(Status.NOT_FOUND);
  lock.release();
});

test("O-V15: a cursor on a slice walks the pages of the node that the slice shows", () => {
  const slice = build(createSmallSystem().system, goodSituation("anonymous", "slice", []));
  slice.hierarchy.lock.acquire();
  const cursor = made(slice.lookupCursorLocked(1, 3));
  expect([cursor.page, cursor.maybePage(PageAccess.READ)]).toEqual([
    2,
    slotPage(slice.node.get(2)),
  ]);
  slice.hierarchy.lock.release();
});

const VIEWS_OF: Readonly<Record<Exclude<Origin, "trapping pager">, readonly View[]>> = {
  anonymous: ["owner", "reference"],
  pager: ["owner", "reference"],
  contiguous: ["owner", "slice"],
};

/** Everything that could change what somebody is charged for. Refusals are fine: then nothing changes. */
const ACTS: readonly { readonly name: string; readonly act: (object: VmObjectPaged) => void }[] = [
  { name: "write", act: (object) => void object.write(0n, Uint8Array.of(1)).next() },
  { name: "read", act: (object) => void run(object.read(0n, new Uint8Array(1))) },
  { name: "commit", act: (object) => end(object.commitRange(0n, SIZE)) },
  { name: "pin", act: (object) => pinAndUnpin(object) },
  { name: "zero", act: (object) => end(object.zeroRange(0n, SIZE)) },
  { name: "decommit", act: (object) => void object.decommitRange(0n, SIZE) },
  { name: "shrink", act: (object) => void object.resize(PAGE) },
  { name: "grow", act: (object) => void object.resize(2n * SIZE) },
  { name: "take", act: (object) => free(object.takePages(0n, PAGE)) },
  {
    name: "clone",
    act: (object) => releaseIfMade(object.createClone({ kind: CloneKind.SNAPSHOT, ...WHOLE })),
  },
  { name: "slice", act: (object) => releaseIfMade(object.createSlice({ offset: 0n, size: PAGE })) },
  { name: "reference", act: (object) => releaseIfMade(object.createReference(ALL)) },
  { name: "supply", act: (object) => supplyTo(object) },
  { name: "writeback", act: (object) => void object.writebackBegin(0n, SIZE, WritebackKind.PAGES) },
  { name: "detach", act: (object) => void object.detachSource() },
  { name: "hint", act: (object) => end(object.hintRange(0n, PAGE, Hint.DONT_NEED)) },
  { name: "policy", act: (object) => void object.setCachePolicy(UNCACHED) },
  { name: "priority", act: (object) => raiseAndLower(object) },
  { name: "id", act: (object) => object.setUserId(99) },
  { name: "end", act: (object) => object.release() },
];

function chargeByPage(object: VmObjectPaged): number[] {
  if (!object.isAlive) return [];
  return Array.from({ length: object.sizePages }, (_, page) => charged(object, page, 1));
}

function end(operation: Generator): void {
  operation.next();
  operation.return(undefined);
}

function pinAndUnpin(object: VmObjectPaged): void {
  if (run(object.pinRange(0n, PAGE, PageAccess.READ)) === OK) object.unpinRange(0n, PAGE);
}

function free(list: ReturnType<VmObjectPaged["takePages"]>): void {
  if (typeof list === "object") list.free();
}

function releaseIfMade(child: VmObjectPaged | Status): void {
  if (typeof child === "object") child.release();
}

function supplyTo(object: VmObjectPaged): void {
  const aux = made(createObject(object.system, { size: PAGE }));
  fillPage(aux.node, 0, 5);
  run(object.supplyPages(3n * PAGE, made(aux.takePages(0n, PAGE))));
  aux.release();
}

function raiseAndLower(object: VmObjectPaged): void {
  prioritise(object, 1);
  prioritise(object, -1);
}

function prioritise(object: VmObjectPaged, delta: 1 | -1): void {
  const { lock } = object.hierarchy;
  lock.acquire();
  object.changeHighPriorityCountLocked(delta);
  lock.release();
}

function releasing(object: VmObjectPaged): () => void {
  return () => object.release();
}
