import * as v from "valibot";
import type { Header } from "./header.ts";
import { OPERATIONS, type Operation } from "./operation.ts";
import { HEADER_SCHEMA, OPERATION_SCHEMAS } from "./schemas.ts";
import type { Trace } from "./trace.ts";
import { UnreadableTrace } from "./unreadable-trace.ts";

/**
 * Reads JSON Lines: a header, then an operation a line. Empty lines at the end do not count. Anything unknown, missing or of another
 * version throws an `UnreadableTrace`.
 */
export function readTrace(text: string): Trace {
  const lines = text.trimEnd().split("\n");
  const header = checked<FileHeader>(HEADER_SCHEMA, objectIn(lines[0]!, 1), 1);
  const { format: _, version: __, ...fields } = header;
  const operations = lines.slice(1).map((line, index) => readOperation(line, index + 2));
  return { header: fields, operations };
}

type FileHeader = Header & { readonly format: string; readonly version: number };

function readOperation(line: string, number: number): Operation {
  const value = objectIn(line, number);
  const { op } = value;
  if (typeof op !== "string" || !Object.hasOwn(OPERATION_SCHEMAS, op)) {
    throw new UnreadableTrace(number, `op: expected an operation${nearest(op)}, found ${show(op)}`);
  }
  return checked(OPERATION_SCHEMAS[op]!, value, number);
}

function objectIn(line: string, number: number): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new UnreadableTrace(number, "expected one JSON object, found no JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UnreadableTrace(number, `expected one JSON object, found ${show(value)}`);
  }
  return value as Record<string, unknown>;
}

function checked<T>(schema: v.GenericSchema, value: unknown, line: number): T {
  const parsed = v.safeParse(schema, value, { abortEarly: true });
  if (parsed.success) return parsed.output as T;
  throw new UnreadableTrace(line, describe(parsed.issues[0]));
}

function describe(issue: v.BaseIssue<unknown>): string {
  const path = (issue.path ?? []).map(({ key }) => String(key)).join(".");
  const last = issue.path?.at(-1);
  if (issue.type === "strict_object" && last !== undefined) {
    if (issue.expected === "never") return `${path}: there is no such field here`;
    if (last.value === undefined) return `${path}: is missing`;
  }
  const expected = issue.message.startsWith("Invalid") ? (issue.expected ?? "less") : issue.message;
  return `${path}: expected ${expected}, found ${show(last?.value ?? issue.input)}`;
}

/** For an operation of the same family: what that one has. */
function nearest(op: unknown): string {
  if (typeof op !== "string") return ' like "vmo.create"';
  const family = op.split(".")[0]!;
  const names = Object.keys(OPERATIONS).filter((name) => name.startsWith(`${family}.`));
  return names.length === 0 ? "" : ` of ${names.join(", ")}`;
}

/** A value in a few characters. */
function show(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value);
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}
