import {
  ObjectType,
  Place,
  TO_THE_END,
  VDSO_PAGES,
  type AspaceSpec,
  type Creation,
} from "./operation.ts";

/** What programs begin with, and the sizes and pages they use (F-5, F-6): few, so that operations meet. */

const { TABLE_EDGE, WHOLE, GIGABYTE_EDGE, TOP } = Place;

/** For the first aspace, the second and the third. */
export const PLACES: readonly (readonly [Place, Place, Place])[] = [
  [TABLE_EDGE, TABLE_EDGE, TABLE_EDGE],
  [TABLE_EDGE, TOP, GIGABYTE_EDGE],
  [WHOLE, TABLE_EDGE, WHOLE],
  [TOP, WHOLE, TABLE_EDGE],
];

export const KIND_CHOICES: readonly (readonly AspaceSpec["kind"][])[] = [
  ["user"],
  ["user"],
  ["user", "user"],
  ["user", "guest"],
  ["guest"],
  ["user", "user", "guest"],
  ["user"],
  ["user", "user"],
];

function creation(type: ObjectType, pages: number, sizing: Creation["sizing"]): Creation {
  return { type, pages, sizing, cachePolicy: 1 };
}

const { ANONYMOUS, PATIENT, PAGER, TRAPPING_PAGER, PHYSICAL, VDSO } = ObjectType;
const anonymous = creation(ANONYMOUS, 8, "resizable");

/** The objects in the first slots, by the header's choice. */
export const SETUPS: readonly (readonly Creation[])[] = [
  [anonymous],
  [anonymous, creation(PAGER, 8, "resizable")],
  [anonymous, creation(VDSO, VDSO_PAGES, "fixed")],
  [creation(ANONYMOUS, 32, "fixed"), creation(PHYSICAL, 8, "fixed")],
  [anonymous, creation(TRAPPING_PAGER, 6, "resizable"), creation(VDSO, VDSO_PAGES, "fixed")],
  [creation(PATIENT, 8, "resizable"), creation(PAGER, 20, "fixed")],
  [creation(ANONYMOUS, 3, "resizable"), anonymous, creation(PHYSICAL, 4, "fixed")],
  [],
];

export const SIZES: readonly number[] = [1, 2, 3, 4, 8, 16, 6, 12];

/** Pages of the window that records name, by the header's choice. */
export const PAGE_CHOICES: readonly (readonly number[])[] = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 24, 32],
  [44, 45, 46, 47, 48, 49, 50, 51, 52, 40, 36, 56, 0, 1, 95, 96],
  [0, 4, 8, 12, 16, 20, 24, 28, 32, 40, 44, 47, 48, 64, 80, 95],
  [0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7, 8, 79, 80, 96],
];

/** Numbers of pages. */
export const COUNTS: readonly number[] = [1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 7, 8, 16, 0, TO_THE_END];

/** Pages of objects and of mappings. */
export const OBJECT_PAGES: readonly number[] = [0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 4, 5, 6, 7, 16];
