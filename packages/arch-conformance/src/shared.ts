import type { Property } from "./property.ts";
import { EVERY_KIND } from "./property.ts";

/** Shared, restricted and unified aspaces: named, so that a report says that they were not checked. */

const TITLES: readonly (readonly [string, string])[] = [
  ["P-S1", "a unified aspace shows the union of its parts after every edit of a part"],
  ["P-S2", "emptying a shared aspace keeps its prebuilt tables, destroy frees them"],
  ["P-S3", "touches through a unified aspace are harvested through its parts"],
  ["P-S4", "unified aspaces go before their parts; a restricted part stays usable"],
  ["P-S5", "edits of a part flush what the unified aspace cached"],
];

export const SHARED: readonly Property[] = TITLES.map(([id, title]) => ({
  id,
  title,
  kinds: EVERY_KIND,
  excludedBy: () => "shared, restricted and unified aspaces are not modelled",
  run: () => {},
}));
