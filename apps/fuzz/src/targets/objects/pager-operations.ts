import { Status } from "@aspace/arch";
import {
  PacketType,
  SlotKind,
  createObject,
  complete,
  isValue,
  slotKind,
  type PagerPacket,
  type SpliceList,
} from "@aspace/vm";
import type { Task } from "./actor.ts";
import { big, bigPages, bytesOf } from "./byte-edge.ts";
import { Ask } from "./model/model-source.ts";
import {
  detach as modelDetach,
  dirty,
  dirtyRuns,
  failRequests,
  supply,
  writebackBegin as modelBegin,
  writebackEnd as modelEnd,
  type DirtyRun,
  type Stored,
  type Supplied,
} from "./model/pager-calls.ts";
import { PAGE_SIZE } from "./model/page-value.ts";
import { Answer, SupplyPattern } from "./operation.ts";
import { expectAnswer, expectThat, type Stage } from "./outcome.ts";
import type { Resident } from "./resident.ts";
import type { World } from "./world.ts";

/** Supplies a list that another operation took, which is used up. */
export function supplyTask(stage: Stage, resident: Resident, page: number, list: SpliceList): Task {
  const { onlooker } = stage.world;
  const contents: Supplied[] = Array.from({ length: list.count }, (_, position) => {
    const slot = list.get(position);
    const isZero = slotKind(slot) === SlotKind.EMPTY || slotKind(slot) === SlotKind.MARKER;
    return isZero ? "zero" : onlooker.valueInSlot(slot);
  });
  const bytes = bytesOf(page, list.count);
  const { model } = resident;
  const isTaken = contents.some((_, at) => model.node.cells.has(page + model.sliceOffset + at));
  stage.situations.noteIf(isTaken, "a supplied page met one that was there");
  return {
    resident,
    code: resident.object.supplyPages(big(bytes.offset), list),
    model: supply(resident.model, bytes, contents),
    settle: sameStatus("supply"),
  };
}

/** A list whose pages hold the number of the operation; null when there is no memory for one. */
export function freshList(
  { world, serial }: Stage,
  count: number,
  pattern: SupplyPattern,
): SpliceList | null {
  const donor = createObject(world.system, { size: bigPages(count) });
  if (!isValue(donor)) return null;
  for (let page = 0; page < count; page++) {
    if (isLeftOut(pattern, page)) continue;
    const offset = big(page * PAGE_SIZE);
    const bytes = new Uint8Array(PAGE_SIZE).fill(serial);
    const { status } = complete(donor.write(offset, bytes), () => {});
    if (status === Status.OK) continue;
    donor.release();
    return null;
  }
  const list = donor.takePages(0n, bigPages(count));
  donor.release();
  if (!isValue(list)) throw new Error("a donor gives nothing");
  return list;
}

function isLeftOut(pattern: SupplyPattern, page: number): boolean {
  return pattern === SupplyPattern.ZEROES || (pattern === SupplyPattern.MIXED && page % 2 === 1);
}

export function dirtyTask(resident: Resident, page: number, count: number): Task {
  const bytes = bytesOf(page, count);
  return {
    resident,
    code: resident.object.dirtyPages(big(bytes.offset), big(bytes.length)),
    model: dirty(resident.model, bytes),
    settle: sameStatus("dirty"),
  };
}

const sameStatus =
  (what: string) =>
  (real: Status, expected: Status): Status => {
    expectAnswer(what, expected, real);
    return real;
  };

export function fail(resident: Resident, page: number, count: number, failure: Status): Status {
  const bytes = bytesOf(page, count);
  const seen = resident.object.failPageRequests(big(bytes.offset), big(bytes.length), failure);
  expectAnswer("fail", failRequests(resident.model, bytes, failure), seen);
  return seen;
}

export function enumerateDirty(resident: Resident, page: number, count: number): Status {
  const bytes = bytesOf(page, count);
  const seen: DirtyRun[] = [];
  const status = resident.object.enumerateDirtyRanges(
    big(bytes.offset),
    big(bytes.length),
    (run) => {
      seen.push({ page: run.page, count: run.count, isZero: run.isZero });
      return true;
    },
  );
  const expected = dirtyRuns(resident.model, bytes);
  if (typeof expected === "number") {
    expectAnswer("enumerateDirty", expected, status);
    return status;
  }
  expectAnswer("enumerateDirty", Status.OK, status);
  expectThat(
    textOf(seen) === textOf(expected),
    "P16",
    () => `dirty are ${textOf(seen)}, expected ${textOf(expected)}`,
  );
  return status;
}

function textOf(runs: readonly DirtyRun[]): string {
  return runs.map((run) => `${run.page}+${run.count}${run.isZero ? " zero" : ""}`).join(", ");
}

export function writebackBegin(
  resident: Resident,
  page: number,
  count: number,
  stored: Stored,
): Status {
  const bytes = bytesOf(page, count);
  const seen = resident.object.writebackBegin(big(bytes.offset), big(bytes.length), stored);
  expectAnswer("writebackBegin", modelBegin(resident.model, bytes, stored), seen);
  return seen;
}

export function writebackEnd(
  { situations }: Stage,
  resident: Resident,
  page: number,
  count: number,
): Status {
  const bytes = bytesOf(page, count);
  const seen = resident.object.writebackEnd(big(bytes.offset), big(bytes.length));
  const expected = modelEnd(resident.model, bytes);
  expectAnswer("writebackEnd", expected, seen);
  if (seen !== Status.OK) return seen;
  const runs = dirtyRuns(resident.model, bytes);
  const isDirtyStill = typeof runs !== "number" && runs.length > 0;
  situations.noteIf(isDirtyStill, "a page was written while it was written back");
  return seen;
}

export function detach(resident: Resident): Status {
  const seen = resident.object.detachSource();
  expectAnswer("detach", modelDetach(resident.model), seen);
  return seen;
}

/** A pager's program ends. Whoever waits for it, or will, fails; what it supplied stays. */
export function closePager(world: World, index: number): Status {
  world.pagers[index]!.close();
  for (const node of world.nodes.values()) {
    const { source } = node;
    if (source !== null && source.pager === index) source.lose();
  }
  return Status.OK;
}

/** What a pager makes of the packet it reads: something to do with an object, or nothing. */
export type Service =
  | { readonly kind: "nothing" }
  | { readonly kind: "done"; readonly resident: Resident; readonly status: Status }
  | { readonly kind: "task"; readonly task: Task };

/** A pager reads its next packet and answers it; `null` when there is none. */
export function serve(stage: Stage, pager: number, answer: Answer, count: number): Service | null {
  const { world } = stage;
  const packet = world.pagers[pager]!.read();
  if (packet === null) return null;
  checkPacket(world, packet);
  const resident = world.paged.get(packet.key);
  const isGone = resident === undefined || !world.objects.includes(resident);
  if (isGone || packet.type === PacketType.COMPLETE || answer === Answer.IGNORE) {
    return { kind: "nothing" };
  }
  const pages = count === 0 ? packet.count : Math.min(count, packet.count);
  if (answer === Answer.FAIL) {
    const status = fail(resident, packet.page, pages, Status.IO);
    return { kind: "done", resident, status };
  }
  if (packet.type === PacketType.DIRTY) {
    return { kind: "task", task: dirtyTask(resident, packet.page, pages) };
  }
  const pattern = answer === Answer.SUPPLY_ZERO ? SupplyPattern.ZEROES : SupplyPattern.PAGES;
  const list = freshList(stage, pages, pattern);
  if (list === null) return { kind: "nothing" };
  return { kind: "task", task: supplyTask(stage, resident, packet.page, list) };
}

/** P17: a packet asks for something that somebody waits for, all of it and nothing else; or it is the last, once. */
function checkPacket(world: World, { type, key, page, count }: PagerPacket): void {
  const source = world.sources.get(key)!;
  if (type === PacketType.COMPLETE) {
    expectThat(
      source.isFarewellUnread,
      "P17",
      () => `object ${key} takes leave of its pager for no reason`,
    );
    source.isFarewellUnread = false;
    return;
  }
  const ask = type === PacketType.READ ? Ask.READ : Ask.DIRTY;
  const range = source.asked[ask].find((each) => each.page === page && each.count === count);
  expectThat(
    range?.isRead === false,
    "P17",
    () => `a packet asks to ${ask} ${page}+${count}, for which nobody waits`,
  );
  range!.isRead = true;
}
