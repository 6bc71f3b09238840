import { KernelPanic, Status } from "@aspace/arch";
import {
  DirtyState,
  LazyPageRequest,
  PageAccess,
  SlotKind,
  isValue,
  slotKind,
  slotPage,
  type Blocking,
  type LookupCursor,
} from "@aspace/vm";
import type { Task } from "./actor.ts";
import { fault as modelFault } from "./model/fault.ts";
import { Want } from "./model/touch.ts";
import { Access, type OperationOf } from "./operation.ts";
import { expectAnswer, expectThat } from "./outcome.ts";
import type { Place } from "./onlooker.ts";
import type { Resident } from "./resident.ts";
import { ShownMapping, type Translation } from "./shown-mapping.ts";
import type { World } from "./world.ts";

/** Maps an object that is not mapped. */
export function map(resident: Resident): Status {
  const { object, model } = resident;
  const mapping = new ShownMapping();
  resident.hold();
  withLock(resident, () => object.addMappingLocked(mapping));
  resident.mapping = mapping;
  model.isMapped = true;
  return Status.OK;
}

/** A fault on the first of `count` pages; those after it are shown too where they are there. */
export function fault(resident: Resident, { page, count, access }: OperationOf<"fault">): Task {
  const want = access === Access.WRITE ? Want.WRITE : Want.LOOK;
  return {
    resident,
    code: realFault(resident, page, count, access),
    model: modelFault(resident.model, page, count, want),
    settle: (real: Status, expected: Status) => {
      expectAnswer("fault", expected, real);
      return real;
    },
  };
}

function* realFault(
  resident: Resident,
  page: number,
  count: number,
  access: PageAccess,
): Blocking<Status> {
  const request = new LazyPageRequest();
  try {
    for (;;) {
      let status = withLock(resident, () => lookUp(resident, page, count, access, request));
      if (status !== Status.SHOULD_WAIT) return status;
      status = yield request;
      if (status !== Status.OK) return status;
    }
  } finally {
    request.cancel();
  }
}

function lookUp(
  { object, mapping }: Resident,
  page: number,
  count: number,
  access: PageAccess,
  request: LazyPageRequest,
): Status {
  const cursor = object.lookupCursorLocked(page, count);
  if (!isValue(cursor)) return cursor;
  const status = cursor.requirePage(access, count, request);
  if (status !== Status.OK) return status;
  mapping?.install(page, cursor.frame, cursor.isWritable);
  cursor.disableMarkAccessed();
  for (let next = page + 1; next < page + count;) {
    next += showMore(cursor, access, next, page + count - next, mapping);
  }
  return status;
}

/** Shows pages after the one of the fault where they are there, alone or several at once; answers how many it went over. */
function showMore(
  cursor: LookupCursor,
  access: PageAccess,
  page: number,
  most: number,
  mapping: ShownMapping | null,
): number {
  const isWritable = access === PageAccess.WRITE;
  const frames = new Float64Array(most);
  const run = cursor.ifExistPages(access, most, frames, 0);
  for (let at = 0; at < run; at++) mapping?.install(page + at, frames[at]!, isWritable);
  if (run > 0) return run;
  const frame = cursor.maybePage(access);
  if (frame >= 0) mapping?.install(page, frame, isWritable);
  return 1;
}

/** Shows of every mapped object whatever can be shown without making, fetching or unpacking anything. */
export function showAll(world: World): void {
  const request = new LazyPageRequest();
  for (const resident of world.residents) {
    const { object, model, mapping } = resident;
    if (mapping === null) continue;
    for (let page = 0; page < object.sizePages; page++) {
      const place = world.onlooker.find(object.node, page + object.sliceOffset);
      if (model.isDiscarded || !isAtHand(place)) continue;
      withLock(resident, () => show(resident, mapping, page, request));
    }
  }
}

function isAtHand({ node, slot }: Place): boolean {
  const kind = slotKind(slot);
  return kind !== SlotKind.REFERENCE && (kind !== SlotKind.EMPTY || node.source === null);
}

function show(
  { object }: Resident,
  mapping: ShownMapping,
  page: number,
  request: LazyPageRequest,
): void {
  const cursor = object.lookupCursorLocked(page, 1);
  if (!isValue(cursor)) throw new KernelPanic("STATUS", `page ${page} cannot be looked up`);
  cursor.disableMarkAccessed();
  expectAnswer(
    "a look at what is there",
    Status.OK,
    cursor.requirePage(PageAccess.READ, 1, request),
  );
  mapping.install(page, cursor.frame, cursor.isWritable);
}

export function prioritize(resident: Resident): Status {
  const { object, model } = resident;
  if (resident.isHigh) return Status.OK;
  withLock(resident, () => object.changeHighPriorityCountLocked(1));
  model.highMappings++;
  model.node.highMappings++;
  return Status.OK;
}

export function unprioritize(resident: Resident): Status {
  const { object, model } = resident;
  if (!resident.isHigh) return Status.OK;
  withLock(resident, () => object.changeHighPriorityCountLocked(-1));
  model.highMappings--;
  model.node.highMappings--;
  return Status.OK;
}

export function withLock<T>({ object }: Resident, step: () => T): T {
  const { lock } = object.hierarchy;
  lock.acquire();
  try {
    return step();
  } finally {
    lock.release();
  }
}

/** P13 and P14: what is shown is what is there now, and only what may be written is writable. */
export function checkTranslations(world: World): void {
  for (const resident of world.residents) {
    const { object, mapping } = resident;
    if (mapping === null) continue;
    for (const [page, translation] of mapping.translations) {
      expectThat(page < object.sizePages, "P13", () => `page ${page} is shown beyond the end`);
      const place = world.onlooker.find(object.node, page + object.sliceOffset);
      checkFrame(world, resident, page, place, translation);
      if (translation.isWritable) checkWritable(world, resident, page, place);
    }
  }
}

function checkFrame(
  { system }: World,
  { serial }: Resident,
  page: number,
  { node, slot }: Place,
  { frame }: Translation,
): void {
  const kind = slotKind(slot);
  const where = `page ${page} of object ${serial}`;
  if (kind === SlotKind.PAGE) {
    expectThat(frame === slotPage(slot), "P13", () => `${where} shows a frame that it is not in`);
    return;
  }
  const isZero = kind !== SlotKind.REFERENCE && (kind !== SlotKind.EMPTY || node.source === null);
  expectThat(isZero, "P13", () => `${where} shows something, but has no page`);
  expectThat(frame === system.pmm.zeroPage, "P13", () => `${where} is zero, but shows a page`);
}

function checkWritable(
  { system: { pmm } }: World,
  { object, serial }: Resident,
  page: number,
  { node, slot }: Place,
): void {
  const where = `page ${page} of object ${serial}`;
  const isOwn = node === object.node && slotKind(slot) === SlotKind.PAGE;
  expectThat(isOwn, "P14", () => `${where} can be written, but is not the object's own`);
  const frame = slotPage(slot);
  expectThat(
    pmm.pages.shareCount[frame] === 0,
    "P14",
    () => `${where} can be written and is shared`,
  );
  const isDirty =
    node.source === null || node.system.pmm.pages.dirtyState[frame] === DirtyState.DIRTY;
  expectThat(isDirty, "P14", () => `${where} can be written and is not dirty`);
}
