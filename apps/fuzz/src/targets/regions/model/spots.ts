import { NOWHERE, type Chance } from "./chance.ts";
import { COMPACT, endOf, type ModelVmar } from "./model-region.ts";

/** A gap between regions, and the first and the number of the spots in it. */
interface Gap {
  readonly first: number;
  readonly spots: number;
}

/** Where a region without a place of its own goes (V-8), by counting all spots there are; or NOWHERE. */
export function chooseSpot(
  parent: ModelVmar,
  count: number,
  alignShift: number,
  limit: number,
  chance: Chance | null,
): number {
  const step = 2 ** alignShift;
  const gaps = gapsOf(parent, count, step, limit);
  const total = gaps.reduce((sum, { spots }) => sum + spots, 0);
  if (total === 0) return NOWHERE;
  const bits = (parent.flags & COMPACT) !== 0 ? chance?.compactBits : chance?.bits;
  let index = chance === null ? 0 : chance.prng.below(Math.min(total, 2 ** bits!));
  for (const { first, spots } of gaps) {
    if (index < spots) return first + index * step;
    index -= spots;
  }
  return NOWHERE;
}

function gapsOf(parent: ModelVmar, count: number, step: number, limit: number): Gap[] {
  const gaps: Gap[] = [];
  let from = parent.base;
  for (const end of [...parent.children.map(({ base }) => base), endOf(parent)]) {
    const first = Math.ceil(from / step) * step;
    const room = Math.min(end, limit) - first - count;
    if (room >= 0) gaps.push({ first, spots: Math.floor(room / step) + 1 });
    const child = parent.children.find(({ base }) => base === end);
    if (child !== undefined) from = endOf(child);
  }
  return gaps;
}
