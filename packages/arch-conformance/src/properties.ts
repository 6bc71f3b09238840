import { HARVEST } from "./harvest.ts";
import { LARGE_LEAVES } from "./large-leaves.ts";
import { LIFECYCLE } from "./lifecycle.ts";
import { MAP } from "./map.ts";
import { NEXT_TABLE } from "./next-table.ts";
import type { Property } from "./property.ts";
import { PROTECT } from "./protect.ts";
import { QUERY } from "./query.ts";
import { RESOURCES } from "./resources.ts";
import { SEQUENCES } from "./sequences.ts";
import { SHARED } from "./shared.ts";
import { TLB } from "./tlb.ts";
import { UNMAP } from "./unmap.ts";

/** Every property, in the order of SPEC.md. P-X1 compares backends: see `conform`. */
export const PROPERTIES: readonly Property[] = [
  ...LIFECYCLE,
  ...MAP,
  ...LARGE_LEAVES,
  ...UNMAP,
  ...PROTECT,
  ...QUERY,
  ...HARVEST,
  ...TLB,
  ...RESOURCES,
  ...SHARED,
  NEXT_TABLE,
  SEQUENCES,
];
