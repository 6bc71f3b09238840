import { MmuFlags, type AspaceKind, type MmuFlagSet, type Pfn } from "@aspace/arch";
import { DEVICE_EDGE, DEVICE_FIRST, MEMORY_FIRST } from "./frames.ts";
import { WINDOW_PAGES, alignPage, windowStart } from "./window.ts";

/** Operand bytes to pages, frames and flags. The drawing of a record is in `decode.ts`. */

const LARGE = 2 ** 9;
const HUGE = 2 ** 18;

/** A run of pages in an aspace slot, `page` counted from its base. */
export interface PageRange {
  readonly aspace: number;
  readonly page: number;
  readonly count: number;
}

/** The part of a header that ranges depend on. */
export interface RangeSetting {
  readonly aspaces: readonly AspaceKind[];
  readonly windows: readonly [number, number];
  readonly pages: Uint8Array;
}

/** Where a record's pages are, from the upper two bits of its page byte; 3 is inside the anchor. */
const ANCHOR_AGAIN = 2;

/** The range of a record. */
export function decodeRange(
  setting: RangeSetting,
  anchor: PageRange | null,
  who: number,
  page: number,
  length: number,
): PageRange {
  const where = page >> 6;
  const spot = page & (WINDOW_PAGES - 1);
  if (anchor === null || where < ANCHOR_AGAIN) {
    return windowRange(setting, who, spot, length);
  }
  const { aspace } = anchor;
  if (where === ANCHOR_AGAIN) return { aspace, page: anchor.page, count: anchor.count };
  const offset = spot % anchor.count;
  const count = decodeCount(anchor.count - offset, length);
  return { aspace, page: anchor.page + offset, count };
}

function windowRange(setting: RangeSetting, who: number, spot: number, length: number): PageRange {
  const aspace = (who & 3) % setting.aspaces.length;
  const kind = setting.aspaces[aspace]!;
  const inWindow = setting.pages[spot]!;
  const page = windowStart(kind, setting.windows[(who >> 4) & 1]!) + inWindow;
  const count = decodeCount(WINDOW_PAGES - inWindow, length);
  return { aspace, page: alignPage(kind, page, alignmentOf(who, length)), count };
}

/** Pages by length class: the edges are what matters (F-5). `toEnd` is what is left of window or anchor. */
function decodeCount(toEnd: number, length: number): number {
  const value = length >> 3;
  switch (length & 7) {
    case 0:
    case 1:
      return 1;
    case 2:
      return 2;
    case 3:
      return 1 + value;
    case 4:
      return toEnd;
    case 5:
      return LARGE;
    case 6:
      return LARGE * (1 + (value & 1)) + ((value >> 1) & 3) - 1;
    default:
      return (value & 1) === 0 ? HUGE : HUGE + LARGE;
  }
}

/** What a record's address and frame are aligned to: 1 page unless its align bit is set. */
function alignmentOf(who: number, length: number): number {
  if ((length & 7) === 7) return HUGE;
  return (who & 0x20) === 0 ? 1 : LARGE;
}

export function decodeFlags(attributes: number): MmuFlagSet {
  const cache = (attributes & 0x20) === 0 ? MmuFlags.CACHED : (attributes >> 3) & 3;
  const nonSecure = attributes >> 6 === 3 ? MmuFlags.NS : 0;
  return decodePermissions(attributes) | cache | nonSecure;
}

/** READ always, and what the three lowest bits add. */
export function decodePermissions(attributes: number): MmuFlagSet {
  const user = (attributes & 1) === 0 ? 0 : MmuFlags.USER;
  const write = (attributes & 2) === 0 ? 0 : MmuFlags.WRITE;
  const execute = (attributes & 4) === 0 ? 0 : MmuFlags.EXECUTE;
  return MmuFlags.READ | user | write | execute;
}

/** A frame of memory, or of a device. */
export function decodeFrame(extra: number): Pfn {
  return ((extra & 0x80) === 0 ? MEMORY_FIRST : DEVICE_EDGE) + (extra & 63);
}

/** More pages than this are mapped by large leaves or not at all: base pages would cost too much. */
const MOST_BASE_PAGES = 2 * LARGE + 2;

/** Pages and frames of a `mapContiguous`: aligned alike, not aligned, or nearly so. */
export function decodeContiguous(
  setting: RangeSetting,
  range: PageRange,
  who: number,
  length: number,
  extra: number,
): PageRange & { readonly pfn: Pfn } {
  const alignment = alignmentOf(who, length);
  const kind = setting.aspaces[range.aspace]!;
  const isLong = range.count > MOST_BASE_PAGES;
  if (isLong && alignPage(kind, range.page, LARGE) === range.page) {
    return { ...range, pfn: DEVICE_FIRST + HUGE * (extra & 3) };
  }
  const count = Math.min(range.count, MOST_BASE_PAGES);
  if (alignment === 1) return { ...range, count, pfn: decodeFrame(extra) };
  const misalignment = (extra & 63) === 63 ? 1 : 0;
  const first = (extra & 0x80) === 0 ? MEMORY_FIRST : DEVICE_FIRST + LARGE * (extra & 3);
  return { ...range, count, pfn: first + misalignment };
}
