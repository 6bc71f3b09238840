import { AspaceKind } from "@aspace/arch";

/**
 * Where addresses fall. Uniform addresses find nothing, so a program works in two windows of 64
 * pages, placed where tables begin and end:
 *
 * ```
 *   base            2 MiB edge         1 GiB edge        512 GiB edge             top
 *   |▓▓▓▓|...........|▓▓▓▓|............|▓▓▓▓|.............|▓▓▓▓|...............|▓▓▓▓|
 * ```
 *
 * The numbers fit every backend: the smallest range of each kind, and user bases at 2 MiB.
 */
export const WINDOW_PAGES = 64;

const LEAF_TABLE = 2 ** 9;
const GIGABYTE = 2 ** 18;
const TOP_ENTRY = 2 ** 27;

/** The first page number that a kind's aspace begins at, modulo the largest leaf. */
const BASE: Readonly<Record<AspaceKind, number>> = { user: 0x200, kernel: 0, guest: 0 };

/** Pages that every backend's aspace of a kind has at least. */
const PAGES: Readonly<Record<AspaceKind, number>> = {
  user: 2 ** 35 - 1 - 0x200,
  kernel: 2 ** 27,
  guest: 2 ** 24,
};

/** Names of the places a window can be at, in the order of the header's window selector. */
export const WINDOW_PLACES = ["lowest", "2 MiB", "1 GiB", "512 GiB", "top"] as const;

/** Which of a window's pages a program uses: the fewer, the more often its operations meet (F-6). */
export const PAGE_CHOICES: readonly Uint8Array[] = [
  pagesBy((spot) => spot),
  // Around the edge in the middle.
  pagesBy((spot) => WINDOW_PAGES / 2 - 4 + (spot % 8)),
  pagesBy((spot) => (spot % 8) * 8),
  pagesBy((spot) => WINDOW_PAGES / 2 - 1 + (spot % 2)),
];

function pagesBy(pageOf: (spot: number) => number): Uint8Array {
  return Uint8Array.from({ length: WINDOW_PAGES }, (_, spot) => pageOf(spot));
}

/** First page of a window, counted from the base of an aspace of `kind`. */
export function windowStart(kind: AspaceKind, place: number): number {
  const half = WINDOW_PAGES / 2;
  switch (WINDOW_PLACES[place % WINDOW_PLACES.length]) {
    case "2 MiB":
      return 2 * LEAF_TABLE - BASE[kind] - half;
    case "1 GiB":
      return GIGABYTE - BASE[kind] - half;
    case "512 GiB":
      // Only a user aspace reaches past 512 GiB on every backend; the others get another 1 GiB edge.
      return (kind === AspaceKind.USER ? TOP_ENTRY : 3 * GIGABYTE) - BASE[kind] - half;
    case "top":
      return PAGES[kind] - WINDOW_PAGES;
    default:
      return 0;
  }
}

/** `page` moved down to a multiple of `alignment` in the address space; up if that is below the base. */
export function alignPage(kind: AspaceKind, page: number, alignment: number): number {
  const absolute = page + BASE[kind];
  const down = absolute - (absolute % alignment) - BASE[kind];
  return down >= 0 ? down : down + alignment;
}
