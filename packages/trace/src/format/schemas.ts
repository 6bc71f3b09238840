import * as v from "valibot";
import { EXPECTATION_FIELDS } from "./expectation.ts";
import { entriesOf } from "./field.ts";
import { FORMAT, HEADER_FIELDS, VERSION } from "./header.ts";
import { OPERATIONS, type OperationShape } from "./operation.ts";

/** The schema of a first line. */
export const HEADER_SCHEMA: v.GenericSchema = v.pipe(
  v.strictObject({
    format: v.literal(FORMAT, JSON.stringify(FORMAT)),
    version: v.literal(VERSION, String(VERSION)),
    ...entriesOf(HEADER_FIELDS),
  }),
  v.title("header"),
);

/** The schema of what an operation may be expected to do. */
export const EXPECTATION_SCHEMA: v.GenericSchema = v.strictObject(entriesOf(EXPECTATION_FIELDS));

/** The schema of each operation's lines, by name. */
export const OPERATION_SCHEMAS: Readonly<Record<string, v.GenericSchema>> = Object.fromEntries(
  Object.entries<OperationShape>(OPERATIONS).map(([name, shape]) => [name, schemaFor(name, shape)]),
);

function schemaFor(name: string, { says, fields, blocks }: OperationShape): v.GenericSchema {
  return v.pipe(
    v.strictObject({
      op: v.literal(name),
      ...entriesOf(fields),
      ...(blocks === true ? entriesOf({ thread: "new?" }) : {}),
      ...entriesOf({ note: "text?" }),
      expect: v.exactOptional(EXPECTATION_SCHEMA),
    }),
    v.title(name),
    v.description(says),
  );
}
