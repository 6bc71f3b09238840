import { ExistingEntry, Status } from "@aspace/arch";
import {
  MapRangeCommit,
  attributedMemory,
  decommitRange,
  destroy as destroyReal,
  mapRange as mapRangeReal,
  markMergeable as markReal,
  protect as protectReal,
  unmap as unmapReal,
  type VmMapping,
} from "@aspace/vm";
import { markMergeable } from "./model/merge.ts";
import { mmuFlags, type ModelMapping } from "./model/model-region.ts";
import { decommit } from "./model/object-operations.ts";
import { checkMappingProtect, protectPart } from "./model/protect.ts";
import { mapRange as modelMapRange } from "./model/range-operation.ts";
import { destroyMapping, unmapMapping } from "./model/unmap.ts";
import { partOf, type Part } from "./near.ts";
import type { Operation } from "./operation.ts";
import { expectAnswer, lacks, type Stage } from "./outcome.ts";
import { noteMapped } from "./region-operations.ts";
import { bytes } from "./world.ts";

/** What can be asked of one mapping, alive or dead. */
type OnMapping = Extract<Operation, { readonly mapping: number }>;

export function performOnMapping(stage: Stage, model: ModelMapping, operation: OnMapping): Status {
  const real = stage.world.realOf.get(model)!;
  const pages = "count" in operation ? partOf(model.count, operation) : { page: 0, count: 0 };
  switch (operation.kind) {
    case "mappingProtect":
      return protect(stage, real, model, { ...pages, permissions: operation.permissions });
    case "mappingUnmap":
      return unmap(stage, real, model, pages);
    case "mapRange":
      return mapRange(stage, real, model, pages);
    case "mappingDecommit":
      return decommitPart(stage, real, model, pages);
    case "merge":
      return merge(stage, real, model);
    case "mappingDestroy": {
      const seen = stage.world.attempt(() => destroyReal(real));
      expectAnswer("mappingDestroy", destroyMapping(model), seen);
      return seen;
    }
    case "attribute":
      // Fills the cache, which is judged with everything else (I-11).
      attributedMemory(real);
      return Status.OK;
  }
}

function protect(
  stage: Stage,
  real: VmMapping,
  model: ModelMapping,
  { page, count, permissions }: Part & { readonly permissions: number },
): Status {
  const { world } = stage;
  const mmu = mmuFlags(model.aspace, permissions);
  const vpn = model.base + page;
  const seen = world.attempt(() => protectReal(real, vpn, count, mmu));
  let expected = checkMappingProtect(model, vpn, count, mmu);
  if (expected === Status.OK && lacks(stage, seen)) expected = Status.NO_MEMORY;
  expectAnswer("mappingProtect", expected, seen);
  if (seen === Status.OK) protectPart(model, vpn, vpn + count, mmu);
  return seen;
}

function unmap(stage: Stage, real: VmMapping, model: ModelMapping, { page, count }: Part): Status {
  const vpn = model.base + page;
  const seen = stage.world.attempt(() => unmapReal(real, vpn, count));
  const expected = unmapMapping(model, vpn, count, () => lacks(stage, seen));
  expectAnswer("mappingUnmap", expected, seen);
  return seen;
}

function mapRange(
  stage: Stage,
  real: VmMapping,
  model: ModelMapping,
  { page, count }: Part,
): Status {
  const { world } = stage;
  const seen = world.attempt(() =>
    mapRangeReal(real, page, count, { commit: MapRangeCommit.NO, existing: ExistingEntry.SKIP }),
  );
  const steps = modelMapRange(model, page, count, noteMapped(stage));
  let step = steps.next(Status.OK);
  const answer = lacks(stage, seen) ? Status.NO_MEMORY : Status.OK;
  while (step.done !== true) step = steps.next(answer);
  expectAnswer("mapRange", step.value, seen);
  return seen;
}

function decommitPart(
  stage: Stage,
  real: VmMapping,
  model: ModelMapping,
  { page, count }: Part,
): Status {
  const seen = stage.world.attempt(() => decommitRange(real, bytes(page), bytes(count)));
  expectAnswer("mappingDecommit", modelDecommit(model, page, count), seen);
  return seen;
}

/** M-16. */
function modelDecommit(model: ModelMapping, page: number, count: number): Status {
  if (!model.isAlive) return Status.BAD_STATE;
  if (page + count > model.count) return Status.OUT_OF_RANGE;
  return decommit(model.object, model.objectPage + page, count);
}

function merge(stage: Stage, real: VmMapping, model: ModelMapping): Status {
  const { world } = stage;
  world.attempt(() => markReal(real));
  // Without memory for a range node two mappings stay two, and nobody says so.
  markMergeable(model, (_left, right) => world.fired && world.realOf.get(right)!.isAlive);
  if (world.fired) world.hasLacked = true;
  return Status.OK;
}
