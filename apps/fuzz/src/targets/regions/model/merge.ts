import { CACHE_MASK, endMapping, endOf, type ModelMapping } from "./model-region.ts";

/** Whether an allocation that joining these two might need has failed. */
export type MergeFails = (left: ModelMapping, right: ModelMapping) => boolean;

/** M-21. */
export function markMergeable(mapping: ModelMapping, fails: MergeFails): void {
  if (!mapping.isAlive || mapping.aspace.vdso === mapping) return;
  mapping.isMergeable = true;
  const siblings = mapping.parent!.children;
  const at = siblings.indexOf(mapping);
  const right = siblings[at + 1];
  if (right?.kind === "mapping") tryMerge(mapping, right, fails);
  const left = siblings[at - 1];
  if (left?.kind === "mapping") tryMerge(left, mapping, fails);
}

/** M-20: two become one, the left one, if nobody could tell. */
function tryMerge(left: ModelMapping, right: ModelMapping, fails: MergeFails): void {
  const isOne =
    left.object === right.object &&
    endOf(left) === right.base &&
    left.objectPage + left.count === right.objectPage &&
    left.flags === right.flags &&
    (left.protections[0]! & CACHE_MASK) === (right.protections[0]! & CACHE_MASK) &&
    left.isMergeable &&
    right.isMergeable;
  if (!isOne || fails(left, right)) return;
  left.protections.push(...right.protections);
  left.count += right.count;
  endMapping(right);
}
