/** A played trace as people read it: each operation with what it did, dumps, and the first thing that went otherwise. */
import type { Operation, Outcome, Seen, TraceRun } from "@aspace/trace";
import { counted } from "./quantity.ts";
import { marks } from "./marks.ts";
import { formatTable } from "./table.ts";
import { columnsOf, paint } from "./terminal.ts";

/** What is not said about an operation in its line. */
const NOT_SHOWN: ReadonlySet<string> = new Set(["op", "note", "expect"]);

/** What stands before the operation, or below all of them. */
const SAID_FIRST: ReadonlySet<string> = new Set(["status", "blocked", "panic", "dump"]);

/** Longest value that stands in a line. */
const LONGEST = 200;

/**
 * The operations of a run, a line each, numbered from 1; the file's line is one more, for its header.
 *
 *     #  answer        operation
 *     1  OK            vmo.create as=a size=0x4000
 *     2  waits (READ)  vmo.read vmo=a offset=0x0 length=0x4 thread=t
 *     3  OK            vmo.read vmo=a offset=0x0 length=0x4 -> value 0x4, bytes 11220000
 */
export function traceRunText({ outcomes, failure }: TraceRun): string {
  const rows = outcomes.flatMap(rowsOf);
  const table = formatTable([["#", "answer", "operation"], ...rows], {
    indent: 2,
    columns: columnsOf(process.stdout),
  });
  const dumps = outcomes.flatMap(dumpOf);
  const verdict =
    failure === null
      ? paint("green", `${marks.good} ${counted(outcomes.length, "operation")} went as expected.`)
      : paint("red", `${marks.bad} ${mismatchText(failure)}`);
  return [table, ...dumps, "", verdict].join("\n");
}

/** Line, what was expected and what was seen, in one line. */
function mismatchText({ line, operation, seen, message, mismatch }: Outcome): string {
  const { field, expected } = mismatch!;
  const wanted =
    expected === undefined ? `no ${WORDS[field] ?? field}` : `${field} ${valueText(expected)}`;
  const found = seen[field] === undefined ? answerOf(seen) || "nothing" : valueText(seen[field]);
  const why = message === null ? "" : ` (${message})`;
  return `line ${line}, ${operation.op}: expected ${wanted}, seen ${found}${why}`;
}

/** What it is called when it was not expected at all. */
const WORDS: Readonly<Record<string, string>> = { blocked: "wait without a thread's name" };

function rowsOf({ line, operation, seen }: Outcome): string[][] {
  const row = [String(line - 1), answerOf(seen), `${operationText(operation)}${detailsOf(seen)}`];
  const { note } = operation;
  return note === undefined ? [row] : [["", "", paint("dim", note)], row];
}

function answerOf({ status, blocked, panic }: Seen): string {
  if (panic !== undefined) return `panic (${panic})`;
  return blocked === undefined ? (status ?? "") : `waits (${blocked})`;
}

function operationText(operation: Operation): string {
  const words = Object.entries(operation)
    .filter(([field]) => !NOT_SHOWN.has(field))
    .map(([field, value]) => `${field}=${valueText(value)}`);
  return [operation.op, ...words].join(" ");
}

function detailsOf(seen: Seen): string {
  const parts = Object.entries({ ...seen, ...interesting(seen) })
    .filter(([field]) => !SAID_FIRST.has(field))
    .map(([field, value]) => `${field} ${valueText(value)}`);
  if (seen.dump !== undefined) parts.push(`${counted(seen.dump.length, "line")}, see below`);
  return parts.length === 0 ? "" : ` -> ${parts.join(", ")}`;
}

/** Of many counts, those that are not 0. */
function interesting({ counts }: Seen): Pick<Seen, "counts"> {
  if (counts === undefined) return {};
  return { counts: Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0)) };
}

function dumpOf({ line, operation, seen }: Outcome): string[] {
  if (seen.dump === undefined) return [];
  return [
    "",
    `  ${line - 1}  ${operationText(operation)}`,
    ...seen.dump.map((text) => `     ${text}`),
  ];
}

/** A value in a few characters: words of a list with commas, fields of an object in braces. */
function valueText(value: unknown): string {
  const text = fullText(value);
  return text.length <= LONGEST
    ? text
    : `${text.slice(0, LONGEST - marks.ellipsis.length)}${marks.ellipsis}`;
}

function fullText(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(fullText).join(",");
  if (typeof value !== "object" || value === null)
    return String(value) === "" ? '""' : String(value);
  const fields = Object.entries(value).map(([field, item]) => `${field}: ${fullText(item)}`);
  return `{${fields.join(", ")}}`;
}
