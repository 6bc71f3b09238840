/** What the suite said about a backend, for people. */
import type { AspaceKind } from "@aspace/arch";
import type { PropertyResult } from "@aspace/arch-conformance";
import type { Catalog } from "../conform/message.ts";
import type { SuiteOutcome } from "../conform/supervised-suite.ts";
import { marks } from "./marks.ts";
import { paragraph } from "./paragraph.ts";
import { formatTable } from "./table.ts";
import { columnsOf, paint } from "./terminal.ts";

const WORDS = { passed: "passed", failed: "FAILED", "not-applicable": "n/a" } as const;

/** Operations shown before a failure where there is more than one property to read about. */
const OPERATION_LINES = 6;

export interface ReportOptions {
  readonly kinds: readonly AspaceKind[];
  /** The command that runs one property again, and then shows all its operations. */
  readonly rerun: (result: PropertyResult) => string;
}

export function conformanceReport(outcome: SuiteOutcome, options: ReportOptions): string {
  const { catalog, results } = outcome;
  return [
    headline(catalog),
    propertyTable(results, options.kinds),
    exclusions(results),
    ...failures(results, options),
    outcome.isComplete ? "" : paint("red", "The suite stopped there: the rest was not run."),
    totals(results),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

/** Properties and quirks of a backend, without running anything. */
export function catalogText({ name, title, cases, quirks }: Catalog): string {
  const columns = columnsOf(process.stdout);
  const propertyRows = [...Map.groupBy(cases, ({ id }) => id)].map(([id, group]) => [
    id,
    group.map(({ kind }) => kind).join(" "),
    group[0]!.title,
  ]);
  const quirkRows = quirks.map(({ id, name: called, summary }) => [id, `${called}: ${summary}`]);
  return [
    `${paint("bold", name)}  ${title}`,
    `Properties:\n${formatTable(propertyRows, { indent: 2, columns })}`,
    quirkRows.length === 0
      ? "Quirks: none"
      : `Quirks:\n${formatTable(quirkRows, { indent: 2, columns })}`,
  ].join("\n\n");
}

function headline({ name, title, quirksOn }: Catalog): string {
  const quirks = quirksOn.length === 0 ? "" : `\nwith ${quirksOn.join(", ")} switched on`;
  return `${paint("bold", name)}  ${title}${quirks}`;
}

/** A row for each property, a column for each kind. */
function propertyTable(results: readonly PropertyResult[], kinds: readonly AspaceKind[]): string {
  const rows = [...Map.groupBy(results, ({ id }) => id)].map(([id, group]) => [
    markOf(group),
    id,
    ...kinds.map((kind) => wordOf(group.find((result) => result.kind === kind))),
    group[0]!.title,
  ]);
  const head = ["", "", ...kinds, ""];
  return formatTable([head, ...rows], { indent: 0, columns: columnsOf(process.stdout) });
}

function markOf(group: readonly PropertyResult[]): string {
  if (group.some(isFailure)) return paint("red", marks.bad);
  if (group.some(({ outcome }) => outcome === "passed")) return paint("green", marks.good);
  return marks.none;
}

function wordOf(result: PropertyResult | undefined): string {
  if (result === undefined) return "";
  const word = WORDS[result.outcome];
  return result.outcome === "failed" ? paint("red", word) : word;
}

function exclusions(results: readonly PropertyResult[]): string {
  const rows = results.flatMap((result) =>
    result.outcome === "not-applicable" ? [[result.id, result.kind, result.reason]] : [],
  );
  if (rows.length === 0) return "";
  const table = formatTable(rows, { indent: 2, columns: columnsOf(process.stdout) });
  return `Not applicable, and why:\n${table}`;
}

function failures(results: readonly PropertyResult[], { rerun }: ReportOptions): string[] {
  const isOnly = new Set(results.map(({ id }) => id)).size === 1;
  return results.filter(isFailure).map((result) => {
    const shown = isOnly ? result.trace : lastOperations(result.trace);
    const again = isOnly ? [] : [`again, with all operations:\n    ${rerun(result)}`];
    return [...failureLines(result, shown), ...again].join("\n  ");
  });
}

/** The last lines, beginning with an operation: what it answered is indented below it. */
function lastOperations(trace: readonly string[]): readonly string[] {
  const first = Math.max(0, trace.length - OPERATION_LINES);
  const operation = trace.findIndex((line, index) => index >= first && !line.startsWith(" "));
  return trace.slice(operation < 0 ? first : operation);
}

function failureLines(
  { id, kind, title, rule, message }: FailedResult,
  operations: readonly string[],
): string[] {
  const columns = columnsOf(process.stdout);
  const text = message.split("\n", 1)[0]!;
  const seen = text.startsWith(rule) ? text : `${rule}: ${text}`;
  return [
    paint("red", paragraph(`${marks.bad} ${id} on ${kind}: ${title}`, { indent: 2, columns })),
    paragraph(seen, { indent: 4, columns }),
    ...(operations.length === 0 ? [] : ["after:"]),
    ...operations.map((line) => paint("dim", `  ${line}`)),
  ];
}

function totals(results: readonly PropertyResult[]): string {
  const number = (wanted: PropertyResult["outcome"]): number =>
    results.filter(({ outcome }) => outcome === wanted).length;
  const failed = number("failed");
  const text = `${number("passed")} passed, ${failed} failed, ${number("not-applicable")} not applicable`;
  return paint(failed === 0 ? "green" : "red", text);
}

type FailedResult = Extract<PropertyResult, { outcome: "failed" }>;

function isFailure(result: PropertyResult): result is FailedResult {
  return result.outcome === "failed";
}
