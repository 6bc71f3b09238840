import { AspaceKind, type Quirk } from "@aspace/arch";

const EVERY_KIND = [AspaceKind.USER, AspaceKind.KERNEL, AspaceKind.GUEST] as const;
const FAULTING_KINDS = [AspaceKind.USER, AspaceKind.GUEST] as const;

/**
 * Defects read in real kernels that this engine can be told to have. Each is one switch, read at the
 * one place where behaviour differs. A backend exports those that can exist on it.
 */
export const ENGINE_QUIRKS: readonly Quirk[] = [
  {
    id: "H1",
    name: "range-check-first-page",
    summary: "only the first page of a range is checked against the aspace",
    kinds: EVERY_KIND,
  },
  {
    id: "H3",
    name: "rollback-by-whole-range",
    summary: "a map that runs out of memory also unmaps pages that were mapped before it",
    kinds: EVERY_KIND,
  },
  {
    id: "H4",
    name: "large-leaf-always-exists",
    summary: "Skip and Upgrade answer ALREADY_EXISTS when they meet a large leaf",
    kinds: EVERY_KIND,
  },
  {
    id: "H5",
    name: "upgrade-without-break",
    summary: "a read-only upgrade to another frame rewrites the entry and invalidates nothing",
    kinds: EVERY_KIND,
  },
  {
    id: "H6",
    name: "split-ignores-enlarge",
    summary: "a split opens a break-before-make gap although the caller forbade it",
    kinds: EVERY_KIND,
  },
  {
    id: "H7",
    name: "unmap-drops-leaf-on-oom",
    summary:
      "an unmap that may not enlarge splits all the same, and drops the whole leaf without memory",
    kinds: EVERY_KIND,
  },
  {
    id: "H8",
    name: "protect-ors-attributes",
    summary: "protect adds the new attribute bits to the old ones instead of replacing them",
    kinds: EVERY_KIND,
  },
  {
    id: "H9",
    name: "harvest-clears-large-leaf",
    summary: "a harvest clears the accessed bit of a large leaf it meets without reporting it",
    kinds: EVERY_KIND,
  },
  {
    id: "H10",
    name: "free-unaccessed-frees-used-table",
    summary: "FreeUnaccessed frees a leaf table after unmapping only the part of it in range",
    kinds: FAULTING_KINDS,
  },
  {
    id: "H12",
    name: "split-loses-accessed-mark",
    summary: "the table that replaces an accessed large leaf is not marked as accessed",
    kinds: EVERY_KIND,
  },
];

/** The engine's switches, all off unless named. */
export interface EngineQuirks {
  readonly checksFirstPageOnly: boolean;
  readonly rollsBackWholeRange: boolean;
  readonly largeLeafAlwaysExists: boolean;
  readonly upgradesWithoutBreak: boolean;
  readonly splitIgnoresEnlarge: boolean;
  readonly unmapDropsLeafOnOom: boolean;
  readonly protectOrsAttributes: boolean;
  readonly harvestClearsLargeLeaf: boolean;
  readonly freesUsedTables: boolean;
  readonly splitLosesAccessed: boolean;
}

/** Turns a set of quirk ids into switches; ids of other components are ignored. */
export function engineQuirks(ids: ReadonlySet<string>): EngineQuirks {
  return {
    checksFirstPageOnly: ids.has("H1"),
    rollsBackWholeRange: ids.has("H3"),
    largeLeafAlwaysExists: ids.has("H4"),
    upgradesWithoutBreak: ids.has("H5"),
    splitIgnoresEnlarge: ids.has("H6"),
    unmapDropsLeafOnOom: ids.has("H7"),
    protectOrsAttributes: ids.has("H8"),
    harvestClearsLargeLeaf: ids.has("H9"),
    freesUsedTables: ids.has("H10"),
    splitLosesAccessed: ids.has("H12"),
  };
}
