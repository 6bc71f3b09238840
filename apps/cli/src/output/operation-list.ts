/** A trace as people read it: numbered operations, with what each architecture answered. */
import { accessName, formatFlags, type Access } from "@aspace/arch";
import { formatTable } from "./table.ts";
import { columnsOf, paint } from "./terminal.ts";

type Line = Readonly<Record<string, unknown>>;

/**
 * The operations of a trace, a line each:
 *
 *     #  answer          operation
 *     1  OK              map aspace=0 page=0x1f0 count=4 pfn=0x123 flags=-rw- action=error
 *     2  OK/NO_MEMORY    protect aspace=0 page=0x1f0 count=1 permissions=-r-- enlarge=no
 */
export function operationList(trace: string): string {
  const [header, ...rest] = trace.trimEnd().split("\n").map(parseLine);
  const operations = rest.filter((line) => line["kind"] !== "verdict");
  const rows = operations.map((operation, index) => [
    String(index + 1),
    answersOf(operation),
    textOf(operation),
  ]);
  const table = formatTable([["#", "answer", "operation"], ...rows], {
    indent: 2,
    columns: columnsOf(process.stdout),
  });
  return `${paint("dim", worldText(header ?? {}))}\n${table}`;
}

/** What the operations run on: every field of the header that says something. */
function worldText(header: Line): string {
  return Object.entries(header)
    .filter(([field]) => field !== "format" && field !== "version")
    .filter(([, value]) => !Array.isArray(value) || value.length > 0)
    .map(
      ([field, value]) =>
        `${field} ${Array.isArray(value) ? value.map(wordsOf).join() : String(value)}`,
    )
    .join(", ");
}

/** A record in a header by its values alone: `pager 4 resizable`. */
function wordsOf(value: unknown): string {
  return typeof value === "object" && value !== null
    ? Object.values(value).map(String).join(" ")
    : String(value);
}

/** The common answer of all architectures, or each one's, in their order; - where there is none. */
function answersOf({ seen }: Line): string {
  return Array.isArray(seen) ? [...new Set(seen)].join("/") || "-" : "-";
}

function textOf(operation: Line): string {
  const words = Object.entries(operation)
    .filter(([name]) => name !== "kind" && name !== "seen")
    .map(([name, value]) => `${name}=${valueText(name, value)}`);
  return [String(operation["kind"]), ...words].join(" ");
}

function valueText(field: string, value: unknown): string {
  if (typeof value !== "number") return String(value);
  switch (field) {
    case "flags":
    case "permissions":
      return formatFlags(value).replaceAll(" ", ",");
    case "access":
      return accessName(value as Access).replaceAll(" ", "-");
    case "page":
    case "pfn":
      return `0x${value.toString(16)}`;
    default:
      return String(value);
  }
}

function parseLine(line: string): Line {
  return JSON.parse(line) as Line;
}
