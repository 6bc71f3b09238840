/** What a campaign came to, for someone who has never seen one. */
import { join } from "node:path";
import type { CampaignResult, FindingSummary } from "@aspace/fuzz";
import { commandLine } from "../invocation.ts";
import { onArchitectures } from "./architectures.ts";
import { detailOf, titleOf } from "./broken-rule.ts";
import { marks } from "./marks.ts";
import { paragraph } from "./paragraph.ts";
import { shortPath } from "./path.ts";
import { byteSize, count, counted, duration } from "./quantity.ts";
import { formatTable } from "./table.ts";
import { columnsOf, paint } from "./terminal.ts";

/** Findings that are shown; the report has all. */
const FINDINGS_MAX = 8;

export interface SummaryOptions {
  /** The words of a command that goes on searching, without its limit. */
  readonly longer: readonly string[];
}

export function campaignSummary(result: CampaignResult, options: SummaryOptions): string {
  const hidden = result.findings.length - FINDINGS_MAX;
  return [
    verdict(result),
    ...result.findings.slice(0, FINDINGS_MAX).map(findingText),
    ...(hidden > 0 ? [`and ${counted(hidden, "more defect")}; the report has all`] : []),
    ...result.problems.map((problem) => paint("yellow", `${marks.warning} problem: ${problem}`)),
    ...result.notes.map((text) => `note: ${text}`),
    numbers(result),
    placesText(result),
    nextText(result, options),
  ].join("\n\n");
}

function verdict(result: CampaignResult): string {
  const { findings, interrupted, durationSeconds, arches, operations, problems } = result;
  const time = `${duration(durationSeconds)}${interrupted ? ", then interrupted" : ""}`;
  const where = `${onArchitectures(arches)} in ${time}`;
  if (findings.length > 0) {
    return paint("red", `${marks.bad} ${counted(findings.length, "defect")} found${where}.`);
  }
  if (operations === 0) return paint("yellow", `${marks.warning} Nothing was tested${where}.`);
  const [style, mark] =
    problems.length === 0 ? (["green", marks.good] as const) : (["yellow", marks.warning] as const);
  return paint(style, `${mark} No rule was seen broken${where}.`);
}

function findingText(finding: FindingSummary): string {
  const { count: times, directory, replay, minimized } = finding;
  const seen = times === 1 ? "seen once" : `seen ${count(times)} times`;
  const copy =
    directory === null
      ? [`could not be written; its input, base64: ${finding.inputBase64}`]
      : [`saved  ${shortPath(directory)}`, `replay ${replay}`];
  const title = paint("bold", titleOf(finding));
  const detail = paragraph(detailOf(finding), { indent: 4, columns: columnsOf(process.stdout) });
  const small =
    minimized === null
      ? []
      : [`${count(minimized.operations)} of ${counted(minimized.from, "operation")} are enough`];
  return [`${title} (${seen})`, detail, ...small, ...copy].join("\n  ");
}

function numbers(result: CampaignResult): string {
  const { runs, operations, runsPerSecond, operationsPerSecond, corpus, packages } = result;
  const edges = packages.reduce((sum, covered) => sum + covered.edges, 0);
  const rows = [
    ["runs", `${count(runs)}, ${count(runsPerSecond)} a second`],
    ["operations", `${count(operations)}, ${count(operationsPerSecond)} a second`],
    ["coverage", `${count(result.coverageEdges)} of ${count(edges)} edges of the code under test`],
    ["corpus", `${counted(corpus.files, "input")}, ${byteSize(corpus.bytes)}`],
    ["seed", String(result.seed)],
  ];
  if (result.quirks.length > 0) rows.push(["quirks on", result.quirks.join(", ")]);
  return formatTable(rows, { indent: 2, columns: columnsOf(process.stdout) });
}

function placesText({ outputDirectory, corpus, findings }: CampaignResult): string {
  const rows = [
    [join(outputDirectory, "report.md"), "this and more; report.json for programs"],
    [corpus.directory, "inputs that reached something new"],
  ];
  if (findings.length > 0) {
    rows.splice(1, 0, [join(outputDirectory, "findings"), "a folder for each finding"]);
  }
  const table = rows.map(([path, what]) => [shortPath(path!), what!]);
  return `What is left:\n${formatTable(table, { indent: 2, columns: columnsOf(process.stdout) })}`;
}

function nextText(result: CampaignResult, { longer }: SummaryOptions): string {
  if (result.findings.length > 0) {
    return "Next: a finding's replay line prints the operations that lead to it.";
  }
  const seconds = Math.max(600, Math.ceil(result.durationSeconds) * 10);
  return `Next: search longer:\n  ${commandLine(...longer, "--time", String(seconds))}`;
}
