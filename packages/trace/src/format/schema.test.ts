import { readFileSync } from "node:fs";
import { Status } from "@aspace/arch";
import { expect, test } from "vitest";
import { SCHEMA_PATH, schemaText } from "../../test/trace-schema.ts";
import { OPERATIONS } from "./operation.ts";
import { CHOICES } from "./words.ts";

test("the published schema is what the reader's definitions say now (J-5)", () => {
  const published: unknown = JSON.parse(readFileSync(SCHEMA_PATH, "utf8"));
  expect(published).toEqual(JSON.parse(schemaText()));
});

test("the schema has the header and every operation once, and lets nothing else in (J-5)", () => {
  const { anyOf } = JSON.parse(schemaText()) as {
    anyOf: readonly { readonly title: string; readonly additionalProperties: boolean }[];
  };
  expect(anyOf.map(({ title }) => title)).toEqual(["header", ...Object.keys(OPERATIONS)]);
  expect(anyOf.every(({ additionalProperties }) => !additionalProperties)).toBe(true);
});

test("every status that there is has its name in the format (J-3)", () => {
  expect([...CHOICES.statusName].toSorted()).toEqual(Object.keys(Status).toSorted());
});
