import { Status } from "@aspace/arch";
import type { RegionOperation } from "@aspace/vm";
import type { Children } from "../operation.ts";
import {
  CAN_WRITE,
  below,
  endOf,
  isInside,
  meetsVdso,
  type ModelMapping,
  type ModelRegion,
  type ModelVmar,
} from "./model-region.ts";
import { commit, decommit, hintAlwaysNeed, hintDontNeed, readIn } from "./object-operations.ts";
import { finished, type Steps } from "./steps.ts";

/** Told of every part of a mapping that must be mapped from now on, where its object has pages. */
export type OnMapped = (mapping: ModelMapping, from: number, count: number) => void;

/** V-13. */
export function* operate(
  region: ModelVmar,
  operation: RegionOperation,
  vpn: number,
  count: number,
  children: Children,
  onMapped: OnMapped,
): Steps<Status> {
  if (count === 0) return Status.INVALID_ARGS;
  if (!isInside(region, vpn, count)) return Status.OUT_OF_RANGE;
  const refused = (): Status => {
    if (!region.isAlive) return Status.BAD_STATE;
    return meetsVdso(region.aspace, vpn, vpn + count) ? Status.ACCESS_DENIED : Status.OK;
  };
  if (refused() !== Status.OK) return refused();
  const end = vpn + count;
  const walk = new Walk(region, vpn, end);
  let expected = vpn;
  for (let mapping = walk.next(); mapping !== null; mapping = walk.next()) {
    if (mapping.base > expected) return Status.BAD_STATE;
    const isOwnOnly = ["commit", "decommit", "prefetch"].includes(operation);
    if (mapping.parent !== region && (children === "no" || isOwnOnly)) return Status.INVALID_ARGS;
    const upTo = Math.min(endOf(mapping), end);
    const part = { mapping, from: expected - mapping.base, count: upTo - expected };
    walk.pause();
    mapping.object.holders++;
    let status: Status;
    try {
      status = yield* perform(operation, part, onMapped);
    } finally {
      part.mapping.object.letGo();
    }
    if (refused() !== Status.OK) return refused();
    walk.resume();
    if (status !== Status.OK) return status;
    expected = upTo;
  }
  return expected < end ? Status.BAD_STATE : Status.OK;
}

interface Part {
  readonly mapping: ModelMapping;
  readonly from: number;
  readonly count: number;
}

function perform(operation: RegionOperation, part: Part, onMapped: OnMapped): Steps<Status> {
  const { mapping, from, count } = part;
  const { object } = mapping;
  const page = mapping.objectPage + from;
  const canWrite = (mapping.flags & CAN_WRITE) !== 0;
  switch (operation) {
    case "commit":
      if (!canWrite) return finished(Status.ACCESS_DENIED);
      return thenMapped(part, commit(object, page, count), onMapped);
    case "decommit":
      return finished(canWrite ? decommit(object, page, count) : Status.ACCESS_DENIED);
    case "map-range":
      return mapRange(mapping, from, count, onMapped);
    case "always-need":
      return thenMapped(part, hintAlwaysNeed(object, page, count), onMapped);
    case "dont-need":
      return finished(hintDontNeed(object, page, count));
    case "prefetch":
      return finished(Status.NOT_SUPPORTED);
  }
}

function* thenMapped(part: Part, steps: Steps<Status>, onMapped: OnMapped): Steps<Status> {
  const status = yield* steps;
  if (status !== Status.OK) return status;
  return yield* mapRange(part.mapping, part.from, part.count, onMapped);
}

/** M-15, where pages that are mapped stay as they are. */
export function* mapRange(
  mapping: ModelMapping,
  from: number,
  count: number,
  onMapped: OnMapped,
): Steps<Status> {
  if (count === 0) return Status.INVALID_ARGS;
  if (!mapping.isAlive) return Status.BAD_STATE;
  if (!isInside(mapping, mapping.base + from, count)) return Status.INVALID_ARGS;
  if (mapping.objectPage + from >= mapping.object.size) return Status.OK;
  const got = yield { kind: "need", patience: "fails" };
  if (got === Status.NO_MEMORY) return got;
  onMapped(mapping, from, count);
  return Status.OK;
}

/** M-23: brings a mapping's memory in and maps it, as far as that goes. */
export function* commitHigh(mapping: ModelMapping, onMapped: OnMapped): Steps<void> {
  if (!mapping.isAlive || !mapping.isHigh) return;
  const { object, objectPage, count } = mapping;
  object.holders++;
  try {
    if (object.highMappings > 0) yield* readIn(object, objectPage, count);
    yield* mapRange(mapping, 0, count, onMapped);
  } finally {
    object.letGo();
  }
}

/** The second half of V-14: one mapping after the other, for as long as the region wants it. */
export function* commitAll(region: ModelVmar, onMapped: OnMapped): Steps<void> {
  const walk = new Walk(region, region.base, endOf(region));
  for (let mapping = walk.next(); mapping !== null; mapping = walk.next()) {
    walk.pause();
    yield* commitHigh(mapping, onMapped);
    if (!region.isAlive || !region.isHigh) return;
    walk.resume();
  }
}

/** V-9, over a list made anew: what comes next is settled before something is shown. */
class Walk {
  readonly #region: ModelVmar;
  readonly #max: number;
  #min: number;
  #upcoming: ModelRegion | null;

  constructor(region: ModelVmar, min: number, max: number) {
    this.#region = region;
    this.#min = min;
    this.#max = max;
    this.#upcoming = this.#first();
  }

  next(): ModelMapping | null {
    for (;;) {
      const shown = this.#upcoming;
      if (shown === null || shown.base >= this.#max) {
        this.#upcoming = null;
        return null;
      }
      const all = this.#all();
      this.#upcoming = all[all.indexOf(shown) + 1] ?? null;
      if (shown.kind === "mapping") return shown;
    }
  }

  pause(): void {
    if (this.#upcoming !== null) this.#min = Math.max(this.#min, this.#upcoming.base);
  }

  resume(): void {
    if (this.#upcoming === null || this.#upcoming.isAlive) return;
    this.#upcoming = this.#first();
  }

  #first(): ModelRegion | null {
    return this.#all()[0] ?? null;
  }

  /** Everything that does not end at or before where the walk is. */
  #all(): ModelRegion[] {
    return [...below(this.#region)].filter((each) => endOf(each) > this.#min);
  }
}
