/** Writes the published schema anew: `node test/write-schema.ts`, after a change of the format. */
import { writeFileSync } from "node:fs";
import { SCHEMA_PATH, schemaText } from "./trace-schema.ts";

writeFileSync(SCHEMA_PATH, schemaText());
