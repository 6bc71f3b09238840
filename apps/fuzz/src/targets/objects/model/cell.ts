import { ZERO, type PageValue } from "./page-value.ts";

/** Whether a pager has stored what is in a cell. */
export const Dirt = {
  UNTRACKED: "untracked",
  CLEAN: "clean",
  DIRTY: "dirty",
  AWAITING_CLEAN: "awaiting-clean",
} as const;
export type Dirt = (typeof Dirt)[keyof typeof Dirt];

/** What a node knows about one of its pages. A page without a cell is whatever lies behind it. */
export type Cell = PageCell | MarkerCell | IntervalCell;

export interface PageCell {
  readonly kind: "page";
  value: PageValue;
  dirt: Dirt;
  pins: number;
  /** It was there before the node and a sibling parted: both still see one page, which nobody may change. */
  isInherited: boolean;
}

/** Zero, said explicitly. */
export interface MarkerCell {
  readonly kind: "marker";
  isInherited: boolean;
}

/** Zero that the kernel made under a pager, which has not stored it. */
export interface IntervalCell {
  readonly kind: "interval";
  readonly isInherited: false;
  dirt: typeof Dirt.DIRTY | typeof Dirt.AWAITING_CLEAN;
}

export function pageCell(value: PageValue, dirt: Dirt = Dirt.UNTRACKED): PageCell {
  return { kind: "page", value, dirt, pins: 0, isInherited: false };
}

export function markerCell(): MarkerCell {
  return { kind: "marker", isInherited: false };
}

export function intervalCell(): IntervalCell {
  return { kind: "interval", isInherited: false, dirt: Dirt.DIRTY };
}

/** What a clone sees of a cell from the moment it is made: the same content, never pinned. */
export function inheritedCopy(cell: PageCell | MarkerCell): PageCell | MarkerCell {
  return cell.kind === "page"
    ? { ...pageCell(cell.value), isInherited: true }
    : { kind: "marker", isInherited: true };
}

export function valueOf(cell: Cell): PageValue {
  return cell.kind === "page" ? cell.value : ZERO;
}
