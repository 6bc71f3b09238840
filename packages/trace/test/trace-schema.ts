import { toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { KIND_SCHEMAS } from "../src/format/field.ts";
import { EXPECTATION_SCHEMA, HEADER_SCHEMA, OPERATION_SCHEMAS } from "../src/format/schemas.ts";

/** Where the schema is published. */
export const SCHEMA_PATH: URL = new URL("../schema/trace-v1.schema.json", import.meta.url);

/** The JSON Schema of one line of a trace, as text: what the reader accepts, from the definitions that it uses. */
export function schemaText(): string {
  const line = v.union([HEADER_SCHEMA, ...Object.values(OPERATION_SCHEMAS)]);
  const { $schema, ...schema } = toJsonSchema(line, {
    // The form of a file, not what the reader makes of it.
    typeMode: "input",
    errorMode: "ignore",
    target: "draft-2020-12",
    definitions: { ...definitions(), expectation: EXPECTATION_SCHEMA },
  });
  const head = {
    $schema,
    title: "aspace-trace, version 1",
    description:
      "One line of a trace (JSON Lines): the first line is the header, every other one an operation.",
  };
  return `${JSON.stringify({ ...head, ...schema }, null, 2)}\n`;
}

/** Kinds of fields by name; the first of those that have the same form stands for all. */
function definitions(): Record<string, v.GenericSchema> {
  const names = new Map<v.GenericSchema, string>();
  for (const [kind, schema] of Object.entries(KIND_SCHEMAS)) {
    if (!names.has(schema)) names.set(schema, kind === "new" ? "name" : kind);
  }
  return Object.fromEntries(Array.from(names, ([schema, name]) => [name, schema]));
}
