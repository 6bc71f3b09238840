import { Status } from "@aspace/arch";
import { NOWHERE, type Chance } from "./chance.ts";
import {
  CAN_MAP_SPECIFIC,
  CAN_RWX,
  OVERWRITE,
  SPECIFIC,
  UPPER_LIMIT,
  endOf,
  overlaps,
  type ModelVmar,
} from "./model-region.ts";
import { chooseSpot } from "./spots.ts";

/** What a new region asks for: page offsets from the parent's base. */
export interface Wish {
  readonly offset: number;
  readonly count: number;
  readonly alignShift: number;
  readonly flags: number;
}

/** Where it goes, and whether something is there; or the status of what is wrong with it (V-4, in that order). */
export function findPlace(
  parent: ModelVmar,
  { offset, count, alignShift, flags }: Wish,
  chance: Chance | null,
): { readonly base: number; readonly isTaken: boolean } | Status {
  const isSpecific = (flags & (SPECIFIC | OVERWRITE)) !== 0;
  const isUpper = (flags & UPPER_LIMIT) !== 0;
  if (!parent.isAlive) return Status.BAD_STATE;
  if (count === 0) return Status.INVALID_ARGS;
  if ((flags & CAN_RWX & ~parent.flags) !== 0) return Status.ACCESS_DENIED;
  if (isSpecific && isUpper) return Status.INVALID_ARGS;
  if (!isSpecific && !isUpper && offset !== 0) return Status.INVALID_ARGS;
  if (offset < 0) return Status.INVALID_ARGS;
  if ((isSpecific || isUpper) && (parent.flags & CAN_MAP_SPECIFIC) === 0) {
    return Status.ACCESS_DENIED;
  }
  const fits = isUpper
    ? offset <= parent.count && count <= parent.count && count <= offset
    : offset < parent.count && count <= parent.count - offset;
  if (!fits) return Status.INVALID_ARGS;
  if (isSpecific) {
    const base = parent.base + offset;
    if (base % 2 ** alignShift !== 0) return Status.INVALID_ARGS;
    const isTaken = parent.children.some((child) => overlaps(child, base, base + count));
    if (isTaken && (flags & OVERWRITE) === 0) return Status.ALREADY_EXISTS;
    return { base, isTaken };
  }
  const limit = isUpper ? parent.base + offset : endOf(parent);
  const base = chooseSpot(parent, count, alignShift, limit, chance);
  return base === NOWHERE ? Status.NO_RESOURCES : { base, isTaken: false };
}
