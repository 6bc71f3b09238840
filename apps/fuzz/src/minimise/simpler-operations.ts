import type { SimplerValues } from "./simpler-values.ts";

/**
 * Simpler operands for operations of any target. Operations work together by naming the same page or slot, so a value is
 * first replaced wherever it occurs, and only then in one operation alone.
 */

/** How to simplify a field, in whatever operation it occurs. Fields that are not listed stay as they are. */
export type FieldTable = Readonly<Record<string, SimplerValues>>;

type Fields = Readonly<Record<string, unknown>>;

/** Each value of each field replaced by each simpler one, in all operations that have it. */
export function* simplerEverywhere<Operation extends object>(
  operations: readonly Operation[],
  table: FieldTable,
): Generator<readonly Operation[]> {
  for (const [field, simplerValues] of Object.entries(table)) {
    const values = new Set(
      operations.filter((each) => field in each).map((each) => valueOf(each, field)),
    );
    for (const value of values) {
      for (const simpler of simplerValues(value)) {
        yield operations.map((each) =>
          valueOf(each, field) === value ? changed(each, field, simpler) : each,
        );
      }
    }
  }
}

/** Each field of each operation replaced by each simpler value. */
export function* simplerAlone<Operation extends object>(
  operations: readonly Operation[],
  table: FieldTable,
): Generator<readonly Operation[]> {
  for (const [index, operation] of operations.entries()) {
    for (const simpler of simplerRecords(operation, table)) yield operations.with(index, simpler);
  }
}

/** A record with one field simpler. */
export function* simplerRecords<R extends object>(record: R, table: FieldTable): Generator<R> {
  for (const [field, simplerValues] of Object.entries(table)) {
    if (!(field in record)) continue;
    for (const simpler of simplerValues(valueOf(record, field)))
      yield changed(record, field, simpler);
  }
}

/**
 * Those operations that move, all by the same distance down, as far as the lowest of them can go in multiples of each
 * alignment: what lies where relative to each other, and to the edges of tables, stays.
 */
export function* movedDown<Operation extends object>(
  operations: readonly Operation[],
  field: string,
  alignments: readonly number[],
  moves: (operation: Operation) => boolean = () => true,
): Generator<readonly Operation[]> {
  const places = operations
    .filter(moves)
    .map((each) => valueOf(each, field))
    .filter((place) => typeof place === "number");
  const lowest = Math.min(...places);
  for (const alignment of alignments) {
    const distance = Math.floor(lowest / alignment) * alignment;
    if (!(distance > 0 && distance < Number.POSITIVE_INFINITY)) continue;
    yield operations.map((each) => {
      const place = valueOf(each, field);
      return typeof place === "number" && moves(each)
        ? changed(each, field, place - distance)
        : each;
    });
  }
}

function valueOf(record: object, field: string): unknown {
  return (record as Fields)[field];
}

function changed<R extends object>(record: R, field: string, value: unknown): R {
  return { ...record, [field]: value };
}
