import { ObjectType, Patience, Sizing, type Creation } from "./operation.ts";

/** What programs begin with, and the sizes and pages they use (F-5): few, so that operations meet. */

const { ANONYMOUS, DISCARDABLE, CONTIGUOUS, ALWAYS_PINNED, PAGER, TRAPPING_PAGER } = ObjectType;
const { FIXED, RESIZABLE } = Sizing;

function creation(type: ObjectType, pages: number, sizing: Sizing): Creation {
  return { type, pages, sizing, patience: Patience.WAITS, pager: 0 };
}

/** The objects in the first slots, by the header's choice. */
export const SETUPS: readonly (readonly Creation[])[] = [
  [creation(ANONYMOUS, 4, RESIZABLE)],
  [creation(PAGER, 4, RESIZABLE)],
  [creation(TRAPPING_PAGER, 4, RESIZABLE)],
  [creation(ANONYMOUS, 3, FIXED), creation(PAGER, 3, FIXED)],
  [creation(PAGER, 18, FIXED)],
  [creation(ANONYMOUS, 18, RESIZABLE)],
  [
    creation(DISCARDABLE, 3, FIXED),
    creation(CONTIGUOUS, 3, FIXED),
    creation(ALWAYS_PINNED, 2, FIXED),
  ],
  [creation(ANONYMOUS, 4, RESIZABLE), creation(TRAPPING_PAGER, 6, RESIZABLE)],
  [],
];

/** Sizes of new objects and of resizes. Slots come in chunks of 16: some sizes cross into the next. */
export const SIZES: readonly number[] = [1, 2, 3, 4, 5, 6, 2, 3, 4, 8, 0, 16, 17, 18, 33, 1];

/** Pages that records name, by the header's choice. */
export const PAGE_CHOICES: readonly (readonly number[])[] = [
  [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7],
  [0, 1, 0, 1, 2, 0, 1, 2, 0, 1, 0, 1, 2, 3, 4, 5],
  [0, 1, 15, 16, 17, 14, 15, 16, 17, 18, 2, 3, 31, 32, 33, 16],
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
];
