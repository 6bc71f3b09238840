/** What the suite said about a backend, for people. */
import type { AspaceKind } from "@aspace/arch";
import type { Catalog, PropertyResult } from "../conform/message.ts";
import type { SuiteOutcome } from "../conform/supervised-suite.ts";
import { marks } from "./marks.ts";
import { formatTable } from "./table.ts";
import { columnsOf, paint } from "./terminal.ts";

const WORDS = { passed: "passed", failed: "FAILED", "not-applicable": "n/a" } as const;

export interface ReportOptions {
  readonly kinds: readonly AspaceKind[];
  /** The command that runs one property again. */
  readonly rerun: (result: PropertyResult) => string;
}

export function conformanceReport(outcome: SuiteOutcome, options: ReportOptions): string {
  const { catalog, results } = outcome;
  return [
    headline(catalog),
    propertyTable(results, options.kinds),
    exclusions(results),
    ...results.filter(isFailure).map((result) => failureText(result, options)),
    outcome.isComplete ? "" : paint("red", "The suite stopped there: the rest was not run."),
    totals(results),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

/** Properties and quirks of a backend, without running anything. */
export function catalogText({ name, title, properties, quirks }: Catalog): string {
  const columns = columnsOf(process.stdout);
  const propertyRows = properties.map((property) => [property.id, property.title]);
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
  const quirks = quirksOn.length === 0 ? "" : `, with ${quirksOn.join(", ")} switched on`;
  return `${paint("bold", name)}  ${title}${quirks}`;
}

/** A row for each property, a column for each kind. */
function propertyTable(results: readonly PropertyResult[], kinds: readonly AspaceKind[]): string {
  const rows = [...Map.groupBy(results, ({ property }) => property)].map(([property, group]) => [
    markOf(group),
    property,
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
  const excluded = results.filter(({ outcome }) => outcome === "not-applicable");
  if (excluded.length === 0) return "";
  const rows = excluded.map(({ property, kind, reason }) => [property, kind, reason ?? ""]);
  const table = formatTable(rows, { indent: 2, columns: columnsOf(process.stdout) });
  return `Not applicable, and the capability that excludes it:\n${table}`;
}

function failureText(result: PropertyResult, { rerun }: ReportOptions): string {
  const { property, kind, title, reason, trace } = result;
  const lines = [
    paint("red", `${marks.bad} ${property} on ${kind}: ${title}`),
    reason ?? "",
    ...trace.map((step) => paint("dim", `  ${step}`)),
    `again: ${rerun(result)}`,
  ];
  return lines.join("\n  ");
}

function totals(results: readonly PropertyResult[]): string {
  const number = (wanted: PropertyResult["outcome"]): number =>
    results.filter(({ outcome }) => outcome === wanted).length;
  const failed = number("failed");
  const text = `${number("passed")} passed, ${failed} failed, ${number("not-applicable")} not applicable`;
  return paint(failed === 0 ? "green" : "red", text);
}

function isFailure({ outcome }: PropertyResult): boolean {
  return outcome === "failed";
}
