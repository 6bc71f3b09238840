import { AspaceKind, type Quirk } from "@aspace/arch";

const { USER, KERNEL, GUEST } = AspaceKind;

/**
 * Defects of the studied kernel's own time that this system can be told to have. Each is one switch, read at the one
 * place where behaviour differs.
 */
export const REGION_QUIRKS: readonly Quirk[] = [
  {
    id: "Q-1",
    name: "protect-whole-as-one-run",
    summary: "protecting a whole mapping compares the new flags with those of its first page only",
    kinds: [USER, GUEST],
  },
  {
    id: "Q-2",
    name: "split-before-it-can-fail",
    summary:
      "a refused unmap in the middle of a mapping has already lost the right part's protections",
    kinds: [USER, KERNEL, GUEST],
  },
  {
    id: "Q-3",
    name: "map-range-first-run-only",
    summary: "mapping a range in advance stops after the first run of equal protections",
    kinds: [USER, KERNEL, GUEST],
  },
  {
    id: "Q-4",
    name: "commit-at-object-offset",
    summary: "raising a mapping's priority maps at the object's offset instead of the mapping's",
    kinds: [USER, KERNEL, GUEST],
  },
  {
    id: "Q-5",
    name: "upper-limit-maps-offset-zero",
    summary: "a mapping placed below an upper limit shows the object from its beginning",
    kinds: [USER, KERNEL, GUEST],
  },
  {
    id: "Q-6",
    name: "overwrite-skips-admission",
    summary: "overwriting a mapping neither asks the vDSO rule nor commits high-priority memory",
    kinds: [USER],
  },
  {
    id: "Q-7",
    name: "fault-drops-callbacks",
    summary: "while a mapping faults, every change of its object is kept from its page tables",
    kinds: [USER, GUEST],
  },
  {
    id: "Q-8",
    name: "destroy-clears-before-unmap",
    summary: "a refused destroy has already dropped the mapping's memory priority",
    kinds: [KERNEL],
  },
  {
    id: "Q-9",
    name: "refused-destroy-keeps-going",
    summary: "destroying a region that the vDSO forbids destroys what lies before the vDSO",
    kinds: [USER],
  },
  {
    id: "Q-10",
    name: "accessed-fault-past-end",
    summary: "an access fault at or past the aspace's end marks sixteen pages",
    kinds: [USER, KERNEL, GUEST],
  },
  {
    id: "Q-11",
    name: "partial-unmap-of-vdso",
    summary: "unmapping a part of the vDSO's code through its mapping is not refused",
    kinds: [USER],
  },
];

/** The switches, all off unless named. */
export interface RegionQuirks {
  readonly protectsWholeAsOneRun: boolean;
  readonly splitsBeforeItCanFail: boolean;
  readonly mapsFirstRunOnly: boolean;
  readonly commitsAtObjectOffset: boolean;
  readonly upperLimitMapsOffsetZero: boolean;
  readonly overwriteSkipsAdmission: boolean;
  readonly faultDropsCallbacks: boolean;
  readonly destroyClearsBeforeUnmap: boolean;
  readonly refusedDestroyKeepsGoing: boolean;
  readonly accessedFaultPastEnd: boolean;
  readonly unmapsPartOfVdso: boolean;
}

/** Turns a set of quirk ids into switches; ids of other components are ignored. */
export function regionQuirks(ids: ReadonlySet<string>): RegionQuirks {
  return {
    protectsWholeAsOneRun: ids.has("Q-1"),
    splitsBeforeItCanFail: ids.has("Q-2"),
    mapsFirstRunOnly: ids.has("Q-3"),
    commitsAtObjectOffset: ids.has("Q-4"),
    upperLimitMapsOffsetZero: ids.has("Q-5"),
    overwriteSkipsAdmission: ids.has("Q-6"),
    faultDropsCallbacks: ids.has("Q-7"),
    destroyClearsBeforeUnmap: ids.has("Q-8"),
    refusedDestroyKeepsGoing: ids.has("Q-9"),
    accessedFaultPastEnd: ids.has("Q-10"),
    unmapsPartOfVdso: ids.has("Q-11"),
  };
}
