import { ASPACE_OPERATIONS } from "./aspace-operations.ts";
import { CALL_OPERATIONS } from "./call-operations.ts";
import type { Expectation } from "./expectation.ts";
import type { FieldTable, FieldsOf } from "./field.ts";
import { MAPPING_OPERATIONS } from "./mapping-operations.ts";
import { MEMORY_OPERATIONS } from "./memory-operations.ts";
import { OBJECT_OPERATIONS } from "./object-operations.ts";
import { PAGER_OPERATIONS } from "./pager-operations.ts";
import { REGION_OPERATIONS } from "./region-operations.ts";

/** An operation as the tables describe it. */
export interface OperationShape {
  /** What it does, for the schema and for people. */
  readonly says: string;
  readonly fields: FieldTable;
  /** It may have to wait, and may therefore name a thread. */
  readonly blocks?: true;
}

export type OperationTable = Readonly<Record<string, OperationShape>>;

type AllTables = typeof OBJECT_OPERATIONS &
  typeof PAGER_OPERATIONS &
  typeof MEMORY_OPERATIONS &
  typeof ASPACE_OPERATIONS &
  typeof CALL_OPERATIONS &
  typeof REGION_OPERATIONS &
  typeof MAPPING_OPERATIONS;

/** Every operation there is, by name. */
export const OPERATIONS: AllTables = {
  ...OBJECT_OPERATIONS,
  ...PAGER_OPERATIONS,
  ...MEMORY_OPERATIONS,
  ...ASPACE_OPERATIONS,
  ...CALL_OPERATIONS,
  ...REGION_OPERATIONS,
  ...MAPPING_OPERATIONS,
};

export type OperationName = keyof AllTables;

/** What every operation may have beside its own fields. */
interface CommonFields {
  /** For people. */
  readonly note?: string;
  /** Only where the operation blocks: who waits. */
  readonly thread?: string;
  readonly expect?: Expectation;
}

/** One operation of a table. */
export type OperationIn<T extends OperationTable, N extends keyof T> = {
  readonly op: N;
} & FieldsOf<T[N]["fields"]> &
  CommonFields;

export type OperationNamed<N extends OperationName> = OperationIn<AllTables, N>;

/** One line of a trace. */
export type Operation = { readonly [N in OperationName]: OperationNamed<N> }[OperationName];

/** The shape of an operation by a name from anywhere; null when there is none of that name. */
export function shapeOf(name: string): OperationShape | null {
  return Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name as OperationName] : null;
}
