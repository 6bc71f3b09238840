import { Status } from "@aspace/arch";
import {
  MemoryPriority,
  VmarFlags,
  createSubVmar,
  createVmMapping,
  destroyRegion,
  isValue,
  operateOnRange,
  protectRegion,
  setMemoryPriority,
  unmapAllowPartial,
  unmapRegion,
  type CreatedMapping,
  type Result,
} from "@aspace/vm";
import {
  CACHE_MASK,
  CAN_EXECUTE,
  EXECUTE,
  RWX,
  allows,
  below,
  endOf,
  insert,
  mappingsIn,
  mmuFlags,
  setHigh,
  type ModelMapping,
  type ModelVmar,
} from "./model/model-region.ts";
import { findPlace, type Wish } from "./model/place.ts";
import { checkProtect, protectPart } from "./model/protect.ts";
import { commitAll, commitHigh, operate as modelOperate } from "./model/range-operation.ts";
import type { Steps } from "./model/steps.ts";
import {
  destroyRegion as modelDestroy,
  unmapPartly as modelUnmapPartly,
  unmapRegion as modelUnmap,
} from "./model/unmap.ts";
import { Spot, VDSO_CODE_START, VDSO_PAGES, type Operation } from "./operation.ts";
import { expectAnswer, expectThat, lacks, sameStatus, type Stage } from "./outcome.ts";
import type { Target } from "./near.ts";
import type { ObjectResident, RegionResident } from "./resident.ts";
import { begin } from "./threads.ts";
import { slotFrom } from "./world.ts";

type Of<K extends Operation["kind"]> = Extract<Operation, { readonly kind: K }>;

/** An offset that lies inside of nothing. */
const FAR = 2 ** 51;

const SPOT_FLAGS: Readonly<Record<Spot, number>> = {
  [Spot.ANYWHERE]: 0,
  [Spot.SPECIFIC]: VmarFlags.SPECIFIC,
  [Spot.OVERWRITE]: VmarFlags.SPECIFIC_OVERWRITE,
  [Spot.BELOW]: VmarFlags.OFFSET_IS_UPPER_LIMIT,
  [Spot.CONTRADICTORY]: VmarFlags.SPECIFIC | VmarFlags.OFFSET_IS_UPPER_LIMIT,
};

function wishOf({ region, vpn, count }: Target, operation: Of<"map" | "createRegion">): Wish {
  const { spot, alignShift, rights } = operation;
  const offset = vpn - region.model.base;
  const placed = offset < 0 ? FAR : offset;
  return {
    offset: spot === Spot.ANYWHERE ? 0 : placed,
    count,
    alignShift,
    flags: SPOT_FLAGS[spot] | (rights << 4),
  };
}

export function createRegion(stage: Stage, target: Target, operation: Of<"createRegion">): Status {
  const { world } = stage;
  const { region } = target;
  const wish = wishOf(target, operation);
  const flags = wish.flags | operation.traits;
  const created = world.attempt(() =>
    createSubVmar(region.real, {
      offset: wish.offset,
      pageCount: wish.count,
      alignShift: wish.alignShift,
      flags,
      name: `region ${stage.serial}`,
    }),
  );
  const seen = isValue(created) ? Status.OK : created;
  const expected = modelCreateRegion(stage, region, { ...wish, flags }, seen);
  expectAnswer("createRegion", typeof expected === "number" ? expected : Status.OK, seen);
  if (!isValue(created) || typeof expected === "number") return seen;
  const { aspace } = region;
  const slot = slotFrom(world.regions, operation.to, (old) => old === null || !old.model.isAlive);
  if (slot >= 0) world.regions[slot] = { aspace, real: created, model: expected };
  return seen;
}

function modelCreateRegion(
  stage: Stage,
  { aspace, model: parent }: RegionResident,
  wish: Wish,
  seen: Status,
): ModelVmar | Status {
  if ((wish.flags & VmarFlags.SPECIFIC_OVERWRITE) !== 0) return Status.INVALID_ARGS;
  const place = findPlace(parent, wish, aspace.chance);
  if (typeof place === "number") return place;
  if (lacks(stage, seen)) return Status.NO_MEMORY;
  const region: ModelVmar = {
    kind: "vmar",
    base: place.base,
    count: wish.count,
    flags: wish.flags,
    parent,
    isAlive: true,
    isHigh: parent.isHigh,
    aspace: aspace.model,
    children: [],
  };
  insert(parent, region);
  return region;
}

/** What a new mapping is to show. */
export interface Shown {
  readonly object: ObjectResident;
  readonly objectPage: number;
}

/** A new mapping, and where it was at first; or a status. */
type Mapped = { readonly mapping: ModelMapping; readonly base: number } | Status;

export function map(stage: Stage, target: Target, shown: Shown, operation: Of<"map">): Status {
  const { region } = target;
  const { object, objectPage } = shown;
  const wish = wishOf(target, operation);
  const mmu = mmuFlags(region.aspace.model, operation.permissions);
  let made: Result<CreatedMapping> | null = null;
  const real = createVmMapping(region.real, {
    offset: wish.offset,
    pageCount: wish.count,
    alignShift: wish.alignShift,
    flags: wish.flags,
    object: object.real,
    objectOffset: objectPage,
    mmuFlags: mmu,
  });
  // What the creation answers is known when it ends; whether it lacked memory, only then.
  let seen: Status = Status.OK;
  const watched = (function* () {
    made = yield* real;
    seen = isValue(made) ? Status.OK : made;
    return made;
  })();
  return begin(stage, {
    what: "map",
    real: watched,
    model: modelMap(stage, region, object, { wish, mmu, objectPage, to: operation.to }, () => seen),
    object: null,
    fault: null,
    settle: (created: Result<CreatedMapping>, expected: Mapped) => {
      const status = isValue(created) ? Status.OK : created;
      expectAnswer("map", typeof expected === "number" ? expected : Status.OK, status);
      if (isValue(created) && typeof expected !== "number") {
        expectThat(
          created.base === expected.base,
          "I-8",
          () => `mapped at ${created.base}, expected ${expected.base}`,
        );
      }
      return status;
    },
  });
}

interface MapRequest {
  readonly wish: Wish;
  readonly mmu: number;
  readonly objectPage: number;
  readonly to: number;
}

function* modelMap(
  stage: Stage,
  region: RegionResident,
  object: ObjectResident,
  request: MapRequest,
  seen: () => Status,
): Steps<Mapped> {
  const mapping = modelMapNow(stage, region, object, request, seen());
  if (typeof mapping === "number") return mapping;
  const { base } = mapping;
  if (mapping.isHigh) yield* commitHigh(mapping, noteMapped(stage));
  return { mapping, base };
}

function modelMapNow(
  stage: Stage,
  { aspace, model: parent }: RegionResident,
  { model: object }: ObjectResident,
  { wish, mmu, objectPage, to }: MapRequest,
  seen: Status,
): ModelMapping | Status {
  if (!allows(parent.flags, mmu)) return Status.ACCESS_DENIED;
  const asked = object.isVdso ? wish.flags & ~CAN_EXECUTE : wish.flags;
  const flags = asked | ((mmu & RWX) << 1);
  const place = findPlace(parent, { ...wish, flags }, aspace.chance);
  if (typeof place === "number") return place;
  if (lacks(stage, seen)) return Status.NO_MEMORY;
  const isCode = object.isVdso && (mmu & EXECUTE) !== 0;
  const isWhole = objectPage === VDSO_CODE_START && objectPage + wish.count === VDSO_PAGES;
  if (isCode && (!isWhole || aspace.model.vdso !== null)) return Status.ACCESS_DENIED;
  if (place.isTaken) {
    const status = modelUnmap(parent, place.base, wish.count, "no", () => false);
    if (status !== Status.OK) return status;
  }
  const mapping: ModelMapping = {
    kind: "mapping",
    base: place.base,
    count: wish.count,
    flags,
    parent,
    isAlive: true,
    isHigh: false,
    aspace: aspace.model,
    object,
    objectPage,
    protections: Array.from({ length: wish.count }, () => (mmu & ~CACHE_MASK) | object.cachePolicy),
    isMergeable: false,
  };
  object.holders++;
  insert(parent, mapping);
  setHigh(mapping, parent.isHigh);
  if (isCode) aspace.model.vdso = mapping;
  const { mappings } = stage.world;
  const slot = slotFrom(mappings, to, (old) => old === null || !old.isAlive);
  if (slot >= 0) mappings[slot] = mapping;
  return mapping;
}

export function destroy(stage: Stage, { real, model }: RegionResident): Status {
  const seen = stage.world.attempt(() => destroyRegion(real));
  expectAnswer("destroyRegion", modelDestroy(model), seen);
  return seen;
}

export function unmap(stage: Stage, target: Target, { children }: Of<"unmap">): Status {
  const { region, vpn, count } = target;
  const seen = stage.world.attempt(() => unmapRegion(region.real, vpn, count, children));
  const fails = (): boolean => lacks(stage, seen);
  expectAnswer("unmap", modelUnmap(region.model, vpn, count, children, fails), seen);
  return seen;
}

export function unmapPartly(stage: Stage, { region, vpn, count }: Target): Status {
  const seen = stage.world.attempt(() => unmapAllowPartial(region.real, vpn, count));
  const expected = modelUnmapPartly(region.model, vpn, count, () => lacks(stage, seen));
  expectAnswer("unmapPartly", expected, seen);
  return seen;
}

export function protect(stage: Stage, target: Target, operation: Of<"protect">): Status {
  const { region, vpn, count } = target;
  const { children } = operation;
  const { world } = stage;
  const mmu = mmuFlags(region.aspace.model, operation.permissions);
  const seen = world.attempt(() => protectRegion(region.real, vpn, count, mmu, children));
  const expected = checkProtect(region.model, vpn, count, mmu, children);
  const isLacking = expected === Status.OK && lacks(stage, seen);
  expectAnswer("protect", isLacking ? Status.NO_MEMORY : expected, seen);
  if (expected !== Status.OK) return seen;
  for (const mapping of mappingsIn(region.model, vpn, vpn + count)) {
    // The mapping that had no memory is as it was, and so is all behind it.
    if (isLacking && !hasChanged(stage, mapping, vpn, vpn + count, mmu)) break;
    protectPart(mapping, vpn, vpn + count, mmu);
  }
  return seen;
}

function hasChanged(
  { world }: Stage,
  mapping: ModelMapping,
  from: number,
  to: number,
  mmu: number,
): boolean {
  const { ranges } = world.realOf.get(mapping)!;
  const end = Math.min(to, endOf(mapping));
  for (let vpn = Math.max(from, mapping.base); vpn < end; vpn++) {
    if ((ranges.flagsAt(vpn) & ~CACHE_MASK) !== mmu) return false;
  }
  return true;
}

export function operate(stage: Stage, target: Target, operation: Of<"operate">): Status {
  const { region, vpn, count } = target;
  const { children } = operation;
  return begin(stage, {
    what: operation.operation,
    real: operateOnRange(region.real, operation.operation, vpn, count, children),
    model: modelOperate(region.model, operation.operation, vpn, count, children, noteMapped(stage)),
    object: null,
    fault: null,
    settle: sameStatus(operation.operation),
  });
}

export function prioritize(
  stage: Stage,
  { real, model }: RegionResident,
  { level }: Of<"prioritize">,
): Status {
  const priority = level === "high" ? MemoryPriority.HIGH : MemoryPriority.DEFAULT;
  return begin(stage, {
    what: "prioritize",
    real: setMemoryPriority(real, priority),
    model: modelPrioritize(stage, model, level === "high"),
    object: null,
    fault: null,
    settle: sameStatus("prioritize"),
  });
}

function* modelPrioritize(stage: Stage, region: ModelVmar, isHigh: boolean): Steps<Status> {
  if (!region.isAlive) return Status.BAD_STATE;
  setHigh(region, isHigh);
  for (const each of below(region)) setHigh(each, isHigh);
  if (isHigh) yield* commitAll(region, noteMapped(stage));
  return Status.OK;
}

export function noteMapped({ outcome }: Stage) {
  return (mapping: ModelMapping, from: number, count: number): void => {
    outcome.mapped.push({ mapping, from, count });
  };
}
