import { Status } from "@aspace/arch";
import { expect, test } from "vitest";
import { panicRule } from "../../test/bare-machine.ts";
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
} from "../../test/object-situation.ts";
import { byteAt, put, show } from "../../test/public-object.ts";
import { createSmallSystem, run } from "../../test/small-system.ts";
import { createObject, createPagerObject } from "./create-object.ts";
import type { DirtyRange } from "./dirty-ranges.ts";
import { complete } from "./driving.ts";
import { PageAccess } from "./lookup-cursor.ts";
import { Visit } from "./lookup.ts";
import type { MemorySystem } from "./memory-system.ts";
import { AllocationPolicy } from "./pmm.ts";
import { PacketType, UserPager } from "./user-pager.ts";
import { Hint } from "./vm-object.ts";
import type { VmObjectPaged } from "./vm-object-paged.ts";
import { WritebackKind } from "./writeback.ts";

const { OK, BAD_STATE, INVALID_ARGS, NO_MEMORY, OUT_OF_RANGE } = Status;

interface Paged {
  readonly system: MemorySystem;
  readonly pager: UserPager;
  readonly object: VmObjectPaged;
}

function pagedObject(trapsDirty: boolean): Paged {
  const { system } = createSmallSystem();
  const pager = new UserPager();
  const source = pager.createSource({ key: 1, trapsDirty });
  const object = made(createPagerObject(system, { size: SIZE, source, resizable: true }));
  return { system, pager, object };
}

/** A pager that answers each packet: supplies `100 + n` for page n, and lets pages become dirty. */
function answering({ system, pager, object }: Paged): () => void {
  return () => {
    for (let packet = pager.read(); packet !== null; packet = pager.read()) {
      const { page, count, type } = packet;
      const offset = BigInt(page) * PAGE;
      if (type === PacketType.DIRTY) expectOk(run(object.dirtyPages(offset, BigInt(count) * PAGE)));
      if (type === PacketType.READ) expectOk(supply(system, object, page, count));
    }
  };
}

function supply(system: MemorySystem, object: VmObjectPaged, page: number, count: number): Status {
  const aux = made(createObject(system, { size: BigInt(count) * PAGE }));
  for (let at = 0; at < count; at++) put(aux, at, 100 + page + at);
  const list = made(aux.takePages(0n, BigInt(count) * PAGE));
  aux.release();
  return run(object.supplyPages(BigInt(page) * PAGE, list));
}

function anObject(): VmObjectPaged {
  return made(createObject(createSmallSystem().system, { size: SIZE, resizable: true }));
}

test("O-F1: a range is committed by every page it touches, and an empty one by none", () => {
  const object = anObject();
  expectOk(run(object.commitRange(PAGE - 1n, 2n)));
  expect(object.node.slots.populatedCount).toBe(2);
  expectOk(run(object.commitRange(SIZE, 0n)));
  expectOk(run(object.commitRange(2n * PAGE + 5n, 0n)));
  expect(object.node.slots.populatedCount).toBe(2);
});

test("O-F1: a shrink during a commit ends it well, and during a pin ends it out of range, undone", () => {
  const paged = pagedObject(false);
  const { object, system } = paged;
  expectOk(supply(system, object, 0, 1));
  const committing = object.commitRange(0n, SIZE);
  const pinning = object.pinRange(0n, SIZE, PageAccess.READ);
  expect([committing.next().done, pinning.next().done]).toEqual([false, false]);
  expect(object.resize(0n)).toBe(BAD_STATE);
  expectOk(object.resize(PAGE));
  expect(committing.next(OK).value).toBe(OK);
  expect(pinning.next(OK).value).toBe(OUT_OF_RANGE);
  expect(object.isRangePinned(0, 1)).toBe(false);
});

test("O-F2: pins are undone by the very same range, rounded out, and by no other", () => {
  const object = anObject();
  expectOk(run(object.pinRange(PAGE - 1n, 2n, PageAccess.WRITE)));
  expect([object.isRangePinned(0, 2), object.isRangePinned(0, 3)]).toEqual([true, false]);
  expect(panicRule(() => object.unpinRange(0n, 0n))).toBe("P15");
  expect(panicRule(() => object.unpinRange(SIZE, PAGE))).toBe("P15");
  expect(panicRule(() => object.unpinRange(0n, SIZE))).toBe("P15");
  object.unpinRange(PAGE - 1n, 2n);
  expect(object.isRangePinned(0, 1)).toBe(false);
});

test("O-F2: what lies outside the object is not pinned", () => {
  const object = anObject();
  expectOk(run(object.pinRange(0n, SIZE, PageAccess.READ)));
  expect([object.isRangePinned(0, PAGES), object.isRangePinned(0, PAGES + 1)]).toEqual([
    true,
    false,
  ]);
  object.unpinRange(0n, SIZE);
});

test("O-F4: bytes are zeroed to the byte, and pages that become zero are given back", () => {
  const object = anObject();
  expectOk(run(object.write(0n, new Uint8Array(Number(SIZE)).fill(7))).status);
  expectOk(run(object.zeroRange(PAGE - 2n, PAGE + 3n)));
  const bytes = new Uint8Array(Number(SIZE));
  expectOk(run(object.read(0n, bytes)).status);
  const zeroes = [...bytes.keys()].filter((at) => bytes[at] === 0);
  expect([zeroes[0], zeroes.at(-1), zeroes.length]).toEqual([4094, 8192, 4099]);
  expect(object.node.slots.populatedCount).toBe(3);
  expectOk(run(object.zeroRange(SIZE, 0n)));
});

test("O-F5: bytes are read and written across pages, and reading copies nothing", () => {
  const object = anObject();
  const bytes = Uint8Array.from({ length: 5000 }, (_, at) => at % 251);
  expect(run(object.write(3000n, bytes))).toEqual({ status: OK, bytes: 5000 });
  const clone = cloneOf(object);
  const live = object.system.pmm.liveCount;
  const into = new Uint8Array(5000);
  expect(run(clone.read(3000n, into))).toEqual({ status: OK, bytes: 5000 });
  expect(into).toEqual(bytes);
  expect(object.system.pmm.liveCount).toBe(live);
  expect(run(object.read(SIZE, new Uint8Array(0)))).toEqual({ status: OK, bytes: 0 });
});

test("O-F5: nothing is moved when not all of the range is inside, and what was moved before a failure stays", () => {
  const object = anObject();
  const { failures } = object.system.pmm;
  expect(run(object.write(SIZE - 1n, new Uint8Array(2)))).toEqual({
    status: OUT_OF_RANGE,
    bytes: 0,
  });
  expect(object.node.slots.populatedCount).toBe(0);
  failures.failAt(3);
  const written = run(object.write(PAGE - 10n, new Uint8Array(100).fill(7)));
  expect(written).toEqual({ status: NO_MEMORY, bytes: 10 });
  failures.failNever();
  const into = new Uint8Array(20);
  expectOk(run(object.read(PAGE - 15n, into)).status);
  expect([...into]).toEqual([0, 0, 0, 0, 0, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 0, 0, 0, 0, 0]);
});

test("O-F6: a size in bytes leaves zeroes behind the last byte, and growing shows zeroes (P12)", () => {
  const object = anObject();
  expectOk(run(object.write(0n, new Uint8Array(Number(SIZE)).fill(7))).status);
  const clone = cloneOf(object);
  expectOk(run(object.setSize(PAGE + 5n)));
  expect(object.sizePages).toBe(2);
  expectOk(run(object.setSize(SIZE)));
  const bytes = new Uint8Array(Number(SIZE));
  expectOk(run(object.read(0n, bytes)).status);
  expect(bytes.findIndex((byte) => byte !== 7)).toBe(4096 + 5);
  expect(bytes.findLastIndex((byte) => byte !== 0)).toBe(4096 + 4);
  expect(show(clone)).toEqual([7, 7, 7, 7]);
});

test("O-F6: a size within the last page only zeroes, and one that is whole pages zeroes nothing", () => {
  const object = anObject();
  expectOk(run(object.write(0n, new Uint8Array(Number(SIZE)).fill(7))).status);
  expectOk(run(object.setSize(SIZE - 1n)));
  const last = new Uint8Array(2);
  expectOk(run(object.read(SIZE - 2n, last)).status);
  expect([[...last], object.sizePages]).toEqual([[7, 0], PAGES]);
  expectOk(object.setCachePolicy(1));
  expectOk(run(object.setSize(PAGE)));
  expect(run(object.setSize(PAGE - 1n))).toBe(BAD_STATE);
  expect([object.sizePages, run(object.setSize(PAGE + 1n))]).toEqual([1, OK]);
});

test("O-F6: the end of a growth must have an address counted from the root", () => {
  const { system } = createSmallSystem();
  const parent = made(createObject(system, { size: SIZE }));
  const offset = (1n << 64n) - 2n * PAGE;
  const clone = made(parent.createClone({ kind: "snapshot", offset, size: 0n, resizable: true }));
  expect([clone.resize(PAGE), clone.resize(2n * PAGE)]).toEqual([OK, INVALID_ARGS]);
  expect(clone.sizePages).toBe(1);
});

test("O-F7: a lookup shows the pages of the object's own, until the visitor has seen enough or fails", () => {
  const object = anObject();
  for (const page of [0, 1, 3]) put(object, page, 1);
  const clone = cloneOf(object);
  put(clone, 1, 2);
  const seen: number[] = [];
  const visit = (page: number): Visit => (seen.push(page), Visit.NEXT);
  expectOk(clone.lookup(0n, SIZE, visit));
  expect(seen).toEqual([1]);
  clone.release();
  seen.length = 0;
  expectOk(object.lookup(4095n, 2n, visit));
  expect(seen).toEqual([0, 1]);
  expect(object.lookup(0n, SIZE, () => Status.IO)).toBe(Status.IO);
});

test("O-F8: pages move from one object to another with their contents", () => {
  const paged = pagedObject(true);
  expectOk(supply(paged.system, paged.object, 1, 2));
  expect([byteAt(paged.object, 1), byteAt(paged.object, 2)]).toEqual([101, 102]);
  expect(paged.system.pmm.liveCount).toBe(2);
  paged.object.validate();
});

test("O-F9: whatever becomes of a supply, its list is used up", () => {
  const paged = pagedObject(true);
  const { object, system } = paged;
  expectOk(supply(system, object, 0, 1));
  expect(supply(system, object, 0, 1)).toBe(OK);
  expect(supply(system, object, 4, 1)).toBe(OUT_OF_RANGE);
  expect(system.pmm.liveCount).toBe(1);
  expectOk(object.detachSource());
  expect(supply(system, object, 0, 1)).toBe(BAD_STATE);
  expect(system.pmm.liveCount).toBe(0);
  expect(supply(system, made(createObject(system, { size: SIZE })), 0, 1)).toBe(INVALID_ARGS);
  expect(system.pmm.liveCount).toBe(0);
});

test("O-F10: a pager's failure is what the reader gets, and the next one asks again", () => {
  const paged = pagedObject(true);
  const failing = (): void => expectOk(paged.object.failPageRequests(0n, SIZE, Status.IO));
  const into = new Uint8Array(1);
  expect(complete(paged.object.read(PAGE, into), failing)).toEqual({ status: Status.IO, bytes: 0 });
  expect(complete(paged.object.read(PAGE, into), answering(paged))).toEqual({
    status: OK,
    bytes: 1,
  });
  expect(into[0]).toBe(101);
});

test("O-F11: a write to an absent page reads, asks, and then is dirty until it is written back", () => {
  const paged = pagedObject(true);
  const { object } = paged;
  expectOk(complete(object.write(PAGE, Uint8Array.of(1)), answering(paged)).status);
  expect([dirty(object), object.takeModified(), object.takeModified()]).toEqual([
    ["1+1"],
    true,
    false,
  ]);
  expectOk(object.writebackBegin(0n, SIZE, WritebackKind.PAGES));
  expect(dirty(object)).toEqual(["1+1"]);
  expectOk(object.writebackEnd(0n, SIZE));
  expect(dirty(object)).toEqual([]);
});

test("O-F12: dirty ranges of a slice count from its start, and the visitor can end the enumeration", () => {
  const paged = pagedObject(false);
  const { object } = paged;
  for (const page of [1, 3]) {
    expectOk(
      complete(object.write(BigInt(page) * PAGE, Uint8Array.of(1)), answering(paged)).status,
    );
  }
  expectOk(object.resize(6n * PAGE));
  expect(dirty(object)).toEqual(["1+1", "3+1", "zero 4+2"]);
  let visits = 0;
  expectOk(object.enumerateDirtyRanges(0n, SIZE, () => ++visits > 1));
  expect(visits).toBe(1);
  const fixed = build(createSmallSystem().system, goodSituation("pager", "slice", []));
  expect(dirty(fixed)).toEqual([]);
  expectOk(run(fixed.write(0n, Uint8Array.of(1))).status);
  expect([dirty(fixed), dirty(fixed.parent as VmObjectPaged)]).toEqual([["0+1"], ["1+1"]]);
  expectOk(fixed.writebackBegin(0n, SIZE, WritebackKind.PAGES));
  expectOk(fixed.writebackEnd(0n, SIZE));
  expect(dirty(fixed)).toEqual([]);
});

test("O-F14: after a detach what was asked for fails, what is there stays, and once more is the same", () => {
  const paged = pagedObject(false);
  const { object } = paged;
  expectOk(complete(object.write(0n, Uint8Array.of(1)), answering(paged)).status);
  const reading = object.read(PAGE, new Uint8Array(1));
  reading.next();
  expect([object.detachSource(), object.detachSource()]).toEqual([OK, OK]);
  expect(reading.next(OK).value).toEqual({ status: BAD_STATE, bytes: 0 });
  expect(byteAt(object, 0)).toBe(1);
});

test("O-F15: a hint brings pages in for whoever is below a pager, and does nothing for others", () => {
  const paged = pagedObject(false);
  const clone = cloneOf(paged.object);
  expect(complete(clone.hintRange(PAGE, 2n * PAGE, Hint.ALWAYS_NEED), answering(paged))).toBe(OK);
  expect(paged.object.node.slots.populatedCount).toBe(2);
  expect(run(clone.hintRange(PAGE, PAGE, Hint.DONT_NEED))).toBe(OK);
  expect(run(clone.hintRange(SIZE, 0n, Hint.ALWAYS_NEED))).toBe(OK);
  expect(run(clone.hintRange(SIZE, 1n, Hint.ALWAYS_NEED))).toBe(OUT_OF_RANGE);
  expect(run(anObject().hintRange(0n, 1n << 63n, Hint.ALWAYS_NEED))).toBe(OK);
});

test("O-F16: a lock says how much was discarded meanwhile, once", () => {
  const { system } = createSmallSystem();
  const object = made(createObject(system, { size: SIZE, discardable: true }));
  put(object, 0, 1);
  expect(object.lockRange(0n, SIZE)).toEqual({ discardedBytes: 0n });
  expect(object.unlockRange(0n, SIZE)).toBe(OK);
  expect(object.unlockRange(0n, SIZE)).toBe(BAD_STATE);
  discard(object);
  expect(run(object.read(0n, new Uint8Array(1))).status).toBe(Status.NOT_FOUND);
  expect(object.tryLockRange(0n, SIZE)).toBe(Status.UNAVAILABLE);
  expect(object.lockRange(0n, SIZE)).toEqual({ discardedBytes: SIZE });
  expect(object.lockRange(0n, SIZE)).toEqual({ discardedBytes: 0n });
  expect([object.tryLockRange(0n, SIZE), object.discardable!.lockCount]).toEqual([OK, 3]);
  expect(byteAt(object, 0)).toBe(0);
  expect(refusal(object.lockRange(0n, PAGE))).toBe(OUT_OF_RANGE);
  expect(refusal(anObject().lockRange(0n, PAGE))).toBe(Status.NOT_SUPPORTED);
});

test("O-F16: what needs no contents can be done to a discarded object", () => {
  const { system } = createSmallSystem();
  const object = build(system, goodSituation("anonymous", "owner", ["discarded"]));
  expectOk(run(object.commitRange(PAGE, 0n)));
  expectOk(run(object.read(PAGE, new Uint8Array(0))).status);
  expectOk(run(object.zeroRange(1n, SIZE - 1n)));
  expectOk(object.decommitRange(0n, SIZE));
});

test("O-F17: an object is modified by writes through a mapping only where a pager tracks them", () => {
  for (const [origin, expected] of [
    ["anonymous", false],
    ["pager", true],
  ] as const) {
    const object = build(createSmallSystem().system, goodSituation(origin, "owner", []));
    expect(panicRule(() => object.markModifiedLocked())).toBe("L-2");
    object.hierarchy.lock.acquire();
    object.markModifiedLocked();
    object.hierarchy.lock.release();
    expect([object.takeModified(), object.takeModified()]).toEqual([expected, false]);
  }
});

test("O-V10: a wait that nobody ends has timed out, and memory that returns lets a waiter go on", () => {
  const paged = pagedObject(false);
  const into = new Uint8Array(1);
  expect(complete(paged.object.read(0n, into), () => {}).status).toBe(Status.TIMED_OUT);
  expect([paged.pager.packetCount, paged.object.holderCount]).toEqual([0, 1]);
  const { system } = createSmallSystem();
  const patient = made(createObject(system, { size: SIZE, policy: AllocationPolicy.CAN_WAIT }));
  system.pmm.setLow(true);
  let waits = 0;
  const others = (): void => system.pmm.setLow(++waits === 0);
  expect(complete(patient.commitRange(0n, SIZE), others)).toBe(OK);
  expect(waits).toBe(1);
});

function dirty(object: VmObjectPaged): string[] {
  const runs: string[] = [];
  const visit = ({ page, count, isZero }: DirtyRange): boolean => {
    runs.push(`${isZero ? "zero " : ""}${page}+${count}`);
    return true;
  };
  expectOk(object.enumerateDirtyRanges(0n, BigInt(object.sizePages) * PAGE, visit));
  return runs;
}
