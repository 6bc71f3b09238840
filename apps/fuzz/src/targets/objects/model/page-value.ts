/**
 * What is in a page, as far as the reference model knows pages: four stretches, each filled with one
 * byte, packed into an int32. Programs write whole stretches only, so nothing is lost, and a page costs a
 * number instead of 4096 bytes.
 *
 *     byte   0   1                2048              4095
 *            [0] [1 ............] [2 .............] [3]
 */
export type PageValue = number;

export const PAGE_SIZE = 4096;

/** Where stretches begin, and where the page ends. */
const EDGES = [0, 1, 2048, 4095, PAGE_SIZE] as const;

export const STRETCHES = 4;

/** Bytes at which transfers may begin or end inside a page. */
export const STRETCH_STARTS: readonly number[] = EDGES.slice(0, STRETCHES);

/** The first byte of a stretch; of the one behind the last, the size of the page. */
export function stretchStart(stretch: number): number {
  return EDGES[stretch]!;
}

/** A page of which every byte is zero. */
export const ZERO: PageValue = 0;

/** The byte at a position in a page. */
export function byteAt(value: PageValue, position: number): number {
  let stretch = 0;
  while (EDGES[stretch + 1]! <= position) stretch++;
  return (value >>> (stretch * 8)) & 255;
}

/** The page after bytes `[from, end)` of it, both at edges, became `byte`. */
export function filled(value: PageValue, from: number, end: number, byte: number): PageValue {
  let result = value;
  for (let stretch = 0; stretch < STRETCHES; stretch++) {
    const isInside = EDGES[stretch]! >= from && EDGES[stretch + 1]! <= end;
    if (isInside) result = (result & ~(255 << (stretch * 8))) | (byte << (stretch * 8));
  }
  return result;
}

/** Whether every byte in `[from, end)` is zero. */
export function isZeroBetween(value: PageValue, from: number, end: number): boolean {
  return filled(value, from, end, 0) === value;
}
