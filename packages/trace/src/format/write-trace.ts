import { EXPECTATION_FIELDS } from "./expectation.ts";
import { FORMAT, HEADER_FIELDS, VERSION } from "./header.ts";
import { shapeOf, type Operation } from "./operation.ts";
import type { Trace } from "./trace.ts";

/** JSON Lines that `readTrace` makes the same trace of. Fields stand in the order of their tables. */
export function writeTrace({ header, operations }: Trace): string {
  const first = {
    format: FORMAT,
    version: VERSION,
    ...inOrder(header, Object.keys(HEADER_FIELDS)),
  };
  return [first, ...operations.map(lineOf)].map((line) => `${JSON.stringify(line)}\n`).join("");
}

/** One operation as a line of a trace, without the line's end. */
export function writeOperation(operation: Operation): string {
  return JSON.stringify(lineOf(operation));
}

function lineOf(operation: Operation): object {
  const own = Object.keys(shapeOf(operation.op)?.fields ?? {});
  const { expect, ...fields } = operation;
  const line = inOrder(fields, ["op", ...own, "thread", "note"]);
  return expect === undefined
    ? line
    : { ...line, expect: inOrder(expect, Object.keys(EXPECTATION_FIELDS)) };
}

function inOrder(object: object, order: readonly string[]): Record<string, unknown> {
  const fields = object as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    order.filter((field) => fields[field] !== undefined).map((field) => [field, fields[field]]),
  );
}
