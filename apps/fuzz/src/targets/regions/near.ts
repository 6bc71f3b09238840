import type { ModelMapping } from "./model/model-region.ts";
import { MAPPING_SLOTS, TO_THE_END, WINDOW } from "./operation.ts";
import type { RegionResident } from "./resident.ts";
import { slotFrom, type World } from "./world.ts";

/** Pages of an aspace. */
export interface Pages {
  readonly vpn: number;
  readonly count: number;
}

/** What an operation on a range of a region means (F-4, F-5). */
export interface Target extends Pages {
  readonly region: RegionResident;
}

/** The mapping in a slot, or in the next one that has one alive; null for the window. */
export function mappingNear({ mappings }: World, near: number): ModelMapping | null {
  if (near === WINDOW) return null;
  const slot = slotFrom(mappings, near, (mapping) => mapping?.isAlive === true);
  return slot < 0 ? null : mappings[slot]!;
}

/** The mapping that an operation on one means: one that lives, or one that has ended. */
export function mappingNamed({ mappings }: World, wanted: number): ModelMapping | null {
  const isAlive = wanted < MAPPING_SLOTS;
  const slot = slotFrom(
    mappings,
    wanted % MAPPING_SLOTS,
    (mapping) => mapping !== null && mapping.isAlive === isAlive,
  );
  return slot < 0 ? null : mappings[slot]!;
}

/** Pages of something: where they begin in it, and how many there are. */
export interface Part {
  readonly page: number;
  readonly count: number;
}

/** A page that stands for the one behind the end, and a count that stands for one page too many. */
const BEHIND = 16;
const TOO_MANY = 7;

/**
 * Pages of something that has so many, an object or a mapping. Most are inside; some begin right behind the end, or end
 * one page behind it (F-5).
 */
export function partOf(size: number, { page, count }: Part): Part {
  const first = page === BEHIND || size === 0 ? size : page % size;
  const rest = size - first;
  return { page: first, count: count === TOO_MANY ? rest + 1 : Math.min(count, rest) };
}

/** Pages from one that a mapping has, or not, to the end of the mapping or anywhere. */
function rangeFrom(mapping: ModelMapping, { page, count }: Part): Pages {
  const part = partOf(mapping.count, { page, count });
  const isFree = count >= LONG && count !== TO_THE_END;
  return { vpn: mapping.base + part.page, count: isFree ? count : part.count };
}

/** So many pages may reach into what lies behind. */
const LONG = 5;

/** The region and the pages of an operation on a range; null when there is no region. */
export function targetOf(
  world: World,
  { region: wanted, near, page, count }: Part & { readonly region: number; readonly near: number },
): Target | null {
  const mapping = mappingNear(world, near);
  if (mapping !== null) {
    const model = wanted % 2 === 0 ? mapping.parent : mapping.aspace.root;
    const region = world.regions.find((each) => each?.model === model) ?? null;
    if (region === null) return null;
    return { region, ...rangeFrom(mapping, { page, count }) };
  }
  const slot = slotFrom(world.regions, wanted, (each) => each !== null);
  const region = world.regions[slot] ?? null;
  return region === null ? null : { region, vpn: region.aspace.window + page, count };
}
