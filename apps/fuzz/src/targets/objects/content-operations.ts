import { KernelPanic, Status } from "@aspace/arch";
import {
  CachePolicy,
  Visit,
  isValue,
  slotKind,
  SlotKind,
  type SpliceList,
  type Transfer,
} from "@aspace/vm";
import type { Task } from "./actor.ts";
import { big, bytesOf } from "./byte-edge.ts";
import type { Bytes } from "./model/bounds.ts";
import { setCachePolicy as modelSetCachePolicy } from "./model/cache-policy.ts";
import { commit, pin, unpin as modelUnpin } from "./model/commit.ts";
import { discard as modelDiscard, lockCall, LockCall } from "./model/discarding.ts";
import { commitHighPriority, hint } from "./model/hint.ts";
import type { ModelObject } from "./model/model-object.ts";
import { PAGE_SIZE } from "./model/page-value.ts";
import { resize as modelResize, resizeStatus, setSize } from "./model/resize.ts";
import { decommit as modelDecommit, take as modelTake } from "./model/shed.ts";
import { Want } from "./model/touch.ts";
import { read, write, type Transferred } from "./model/transfer.ts";
import { zero } from "./model/zero.ts";
import { Access, type OperationOf } from "./operation.ts";
import { expectAnswer, expectThat, type Stage } from "./outcome.ts";
import type { Resident } from "./resident.ts";
import { withLock } from "./mapping-operations.ts";
import { isInside } from "./model/bounds.ts";

/** A byte that no program writes: what a read has not stored yet. */
const NOT_READ = 0xee;

/** Values name their writer: serial numbers stay below this. */
export const SERIAL_LIMIT: number = NOT_READ;

const sameStatus =
  (what: string) =>
  (real: Status, expected: Status): Status => {
    expectAnswer(what, expected, real);
    return real;
  };

export function commitTask(resident: Resident, bytes: Bytes): Task {
  const code = resident.object.commitRange(big(bytes.offset), big(bytes.length));
  const model = commit(resident.model, bytes);
  return { resident, code, model, settle: sameStatus("commit") };
}

export function zeroTask(resident: Resident, bytes: Bytes): Task {
  const code = resident.object.zeroRange(big(bytes.offset), big(bytes.length));
  return { resident, code, model: zero(resident.model, bytes), settle: sameStatus("zero") };
}

export function setSizeTask(resident: Resident, bytes: number): Task {
  const code = resident.object.setSize(big(bytes));
  return { resident, code, model: setSize(resident.model, bytes), settle: sameStatus("setSize") };
}

export function hintTask(resident: Resident, operation: OperationOf<"hint">): Task {
  const { offset, length, hint: kind } = operation;
  const code = resident.object.hintRange(big(offset), big(length), kind);
  const model = hint(resident.model, { offset, length }, kind);
  return { resident, code, model, settle: sameStatus("hint") };
}

export function commitHighTask(resident: Resident, page: number, count: number): Task {
  const code = resident.object.commitHighPriorityPages(page, count);
  const model = commitHighPriority(resident.model, bytesOf(page, count));
  return { resident, code, model, settle: () => Status.OK };
}

export function readTask(resident: Resident, { offset, length }: Bytes): Task {
  const real = new Uint8Array(length).fill(NOT_READ);
  const expected = new Uint8Array(length).fill(NOT_READ);
  const code = resident.object.read(big(offset), real);
  const model = read(resident.model, offset, expected, (index) => real[index] !== NOT_READ);
  return {
    resident,
    code,
    model,
    settle: (seen: Transfer, wanted: Transferred) => {
      const status = sameTransfer("read", seen, wanted);
      for (let index = 0; index < seen.bytes; index++) {
        if (real[index] === expected[index]) continue;
        throw new KernelPanic(
          "P9",
          `byte ${offset + index} reads ${real[index]}, expected ${expected[index]}`,
        );
      }
      return status;
    },
  };
}

/** The number of the operation is what it writes. */
export function writeTask(resident: Resident, bytes: Bytes, serial: number): Task {
  const from = new Uint8Array(bytes.length).fill(serial);
  const code = resident.object.write(big(bytes.offset), from);
  const model = write(resident.model, bytes, serial);
  return { resident, code, model, settle: sameWrite };
}

const sameWrite = (seen: Transfer, wanted: Transferred): Status =>
  sameTransfer("write", seen, wanted);

function sameTransfer(what: string, seen: Transfer, wanted: Transferred): Status {
  expectAnswer(what, wanted.status, seen.status);
  expectThat(
    seen.bytes === wanted.bytes,
    "STATUS",
    () => `${what} moved ${seen.bytes} bytes, expected ${wanted.bytes}`,
  );
  return seen.status;
}

/** Pins a range; the pin, once there, holds the object. */
export function pinTask({ world }: Stage, resident: Resident, operation: OperationOf<"pin">): Task {
  const { page, count, access, to } = operation;
  const bytes = bytesOf(page, count);
  const want = access === Access.WRITE ? Want.WRITE : Want.OWN;
  const code = resident.object.pinRange(big(bytes.offset), big(bytes.length), access);
  return {
    resident,
    code,
    model: pin(resident.model, bytes, want),
    settle: (real: Status, expected: Status) => {
      expectAnswer("pin", expected, real);
      if (real !== Status.OK) return real;
      const held = { resident, page, count };
      resident.hold();
      const slot = world.pins[to] === null ? to : world.pins.indexOf(null);
      if (slot >= 0) world.pins[slot] = held;
      else unpinHeld(held);
      return real;
    },
  };
}

export function unpinHeld(held: { resident: Resident; page: number; count: number }): void {
  const { resident, page, count } = held;
  const bytes = bytesOf(page, count);
  const { mapping, model } = resident;
  if (mapping !== null) mapping.unpinned = [];
  resident.object.unpinRange(big(bytes.offset), big(bytes.length));
  modelUnpin(model, bytes);
  if (mapping !== null) expectUnpinned(mapping.unpinned, model, page, count);
  resident.letGo();
}

/** Mappings hear of every page that lost its last pin, and of no other of the range. */
function expectUnpinned(
  told: readonly number[],
  model: ModelObject,
  page: number,
  count: number,
): void {
  const free: number[] = [];
  for (let at = page; at < page + count; at++) {
    if (model.node.pinsAt(at + model.sliceOffset) === 0) free.push(at);
  }
  expectThat(
    told.join() === free.join(),
    "P15",
    () => `told to have no pin are ${told.join()}, expected ${free.join()}`,
  );
}

export function decommit(resident: Resident, bytes: Bytes): Status {
  const seen = resident.object.decommitRange(big(bytes.offset), big(bytes.length));
  expectAnswer("decommit", modelDecommit(resident.model, bytes), seen);
  if (seen === Status.OK) expectEmpty(resident, bytes);
  return seen;
}

/** Decommit leaves nothing behind, not even a word that it is zero. */
function expectEmpty({ object }: Resident, { offset, length }: Bytes): void {
  const first = offset / PAGE_SIZE + object.sliceOffset;
  for (let page = first; page < first + length / PAGE_SIZE; page++) {
    const isEmpty = slotKind(object.node.get(page)) === SlotKind.EMPTY;
    expectThat(isEmpty, "P11", () => `page ${page} is decommitted and not empty`);
  }
}

export function resize({ world }: Stage, resident: Resident, pages: number): Status {
  const seen = world.attempt(() => resident.object.resize(big(pages * PAGE_SIZE)));
  const isStarved = seen === Status.NO_MEMORY && world.mayLackMemory;
  if (isStarved) expectAnswer("resize", resizeStatus(resident.model, pages), Status.OK);
  else expectAnswer("resize", modelResize(resident.model, pages), seen);
  return seen;
}

/** Shows a visitor own pages only, and no page twice. */
export function lookup(stage: Stage, resident: Resident, page: number, count: number): Status {
  const { object, model } = resident;
  const { offset, length } = bytesOf(page, count);
  const shown: number[] = [];
  const seen = object.lookup(big(offset), big(length), (at, frame) => {
    const place = stage.world.onlooker.find(object.node, at + object.sliceOffset);
    const { pages } = stage.world.system.pmm;
    const isOwn = place.node === object.node && pages.node[frame] === object.node;
    expectThat(isOwn, "P2", () => `lookup shows page ${at}, which is not the object's own`);
    shown.push(at);
    return Visit.NEXT;
  });
  expectAnswer("lookup", rangeStatus(resident, { offset, length }), seen);
  if (seen !== Status.OK) return seen;
  const expected: number[] = [];
  for (let at = page; at < page + count; at++) {
    const { own } = stage.world.onlooker.see(object.node, at + model.sliceOffset);
    if (own === "page") expected.push(at);
  }
  expectThat(
    shown.join() === expected.join(),
    "P2",
    () => `lookup shows ${shown.join()}, expected ${expected.join()}`,
  );
  return seen;
}

export function lookupContiguous(
  stage: Stage,
  resident: Resident,
  page: number,
  count: number,
): Status {
  const { offset, length } = bytesOf(page, count);
  const found = resident.object.lookupContiguous(big(offset), big(length));
  const refused = rangeStatus(resident, { offset, length });
  const { own } = stage.world.onlooker.see(resident.object.node, page + resident.model.sliceOffset);
  let expected = refused;
  if (refused === Status.OK && count !== 1 && !resident.model.isContiguous)
    expected = Status.BAD_STATE;
  else if (refused === Status.OK && own !== "page") expected = Status.NOT_FOUND;
  expectAnswer("lookupContiguous", expected, found < 0 ? (found as Status) : Status.OK);
  return expected;
}

function rangeStatus({ model }: Resident, bytes: Bytes): Status {
  if (bytes.length === 0) return Status.INVALID_ARGS;
  return isInside(model, bytes) ? Status.OK : Status.OUT_OF_RANGE;
}

/** Takes pages into a splice list. */
export function take(stage: Stage, resident: Resident, operation: OperationOf<"take">): Status {
  const bytes = bytesOf(operation.page, operation.count);
  const taken = stage.world.attempt(() =>
    resident.object.takePages(big(bytes.offset), big(bytes.length)),
  );
  const expected = modelTake(resident.model, bytes);
  if (!isValue(taken)) {
    expectAnswer("take", typeof expected === "number" ? expected : Status.OK, taken);
    return taken;
  }
  expectThat(typeof expected !== "number", "STATUS", () => "take answered OK, expected a refusal");
  checkTaken(stage, taken, expected as readonly number[]);
  stage.world.lists[operation.to] = taken;
  return Status.OK;
}

function checkTaken({ world }: Stage, taken: SpliceList, expected: readonly number[]): void {
  for (const [position, value] of expected.entries()) {
    const seen = world.onlooker.valueInSlot(taken.get(position));
    expectThat(
      seen === value,
      "P9",
      () => `took ${String(seen)} at ${position}, expected ${value}`,
    );
  }
}

export function callLock(stage: Stage, { object, model }: Resident, call: LockCall): Status {
  const length = model.sizePages * PAGE_SIZE;
  const wasDiscarded = model.isDiscarded;
  const expected = lockCall(model, call, length);
  const seen = realLockCall(object, call, big(length));
  if (typeof seen !== "number") {
    expectAnswer("lock", expected, Status.OK);
    const { discardedBytes } = seen;
    stage.situations.noteIf(wasDiscarded, "a lock found the content discarded");
    const isRight = discardedBytes === (wasDiscarded ? big(length) : 0n);
    expectThat(isRight, "P19", () => `lock reports ${discardedBytes} discarded bytes`);
    return Status.OK;
  }
  expectAnswer(call, expected, seen);
  return seen;
}

function realLockCall(
  object: Resident["object"],
  call: LockCall,
  length: bigint,
): ReturnType<Resident["object"]["lockRange"]> {
  if (call === LockCall.LOCK) return object.lockRange(0n, length);
  return call === LockCall.TRY_LOCK
    ? object.tryLockRange(0n, length)
    : object.unlockRange(0n, length);
}

/** Reclaim throws a discardable object's content away, however fresh it is. */
export function discard(resident: Resident): Status {
  const expected = modelDiscard(resident.model);
  const seen = withLock(resident, () => resident.object.discardable!.discard(0));
  expectThat(seen === expected, "P19", () => `discard answered ${seen}, expected ${expected}`);
  return seen ? Status.OK : Status.BAD_STATE;
}

export function setCachePolicy({ object, model }: Resident, policy: number): Status {
  // Who is charged for what siblings share is not the model's to say.
  const { uncompressedBytes, compressedBytes } = object.attributedMemoryInRange(
    0,
    object.sizePages,
  );
  const expected = modelSetCachePolicy(model, policy, uncompressedBytes + compressedBytes > 0);
  const seen = object.setCachePolicy(policy);
  expectAnswer("setCachePolicy", expected, seen);
  const isSame = object.cachePolicy === (model.policy as CachePolicy);
  expectThat(
    isSame,
    "STATUS",
    () => `the policy is ${object.cachePolicy}, expected ${model.policy}`,
  );
  return seen;
}

export function takeModified({ object, model }: Resident): Status {
  const seen = object.takeModified();
  const expected = model.node.isModified;
  model.node.isModified = false;
  expectThat(seen === expected, "STATUS", () => `modified is ${seen}, expected ${expected}`);
  return Status.OK;
}
