/** `report.md` and `report.json`: the same result for people and for programs. */
import { renameSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { writeSynced } from "../findings/finding-store.ts";
import type { CampaignResult, FindingSummary } from "./campaign-result.ts";

/** Writes both into `folder`; answers what went wrong, `null` if nothing did. */
export function writeReport(folder: string, result: CampaignResult): string | null {
  const reports = {
    "report.json": JSON.stringify(result, null, 2) + "\n",
    "report.md": reportText(result),
  };
  for (const [name, text] of Object.entries(reports)) {
    const temporary = join(folder, `.${name}.${process.pid}.tmp`);
    try {
      writeSynced(temporary, Buffer.from(text));
      renameSync(temporary, join(folder, name));
    } catch (error) {
      rmSync(temporary, { force: true });
      return `${name} could not be written: ${(error as Error).message}`;
    }
  }
  return null;
}

/** The report as Markdown, readable by someone who has never seen one. */
export function reportText(result: CampaignResult): string {
  const sections = [
    `# Fuzz campaign: ${result.target}${onArchitectures(result.arches)}`,
    verdict(result),
    findingsText(result),
    listText("Problems", result.problems),
    numbersText(result),
    coverageText(result),
    listText("Situations that no run reached", result.sometimesNeverReached),
    listText("Notes", result.notes),
    repeatText(result),
  ];
  return sections.filter((section) => section !== "").join("\n\n") + "\n";
}

function verdict({ refusal, findings, interrupted, durationSeconds }: CampaignResult): string {
  if (refusal !== null) return `**Nothing was fuzzed:** ${refusal.reason}.`;
  const time = `${durationSeconds.toFixed(0)} s${interrupted ? ", interrupted" : ""}`;
  if (findings.length === 0) return `**No rule was seen broken** in ${time}.`;
  const defects = findings.length === 1 ? "1 defect" : `${findings.length} different defects`;
  return `**${defects} found** in ${time}. Each broke the rule it is named after.`;
}

function findingsText({ findings, outputDirectory }: CampaignResult): string {
  return findings.map((finding) => findingText(finding, outputDirectory)).join("\n\n");
}

function findingText(finding: FindingSummary, outputDirectory: string): string {
  const { rule, operation, arch, message, count, directory, replay, inputBase64 } = finding;
  const times = count === 1 ? "once" : `${count} times`;
  const copy =
    directory === null
      ? `It could not be written. Its input, base64: \`${inputBase64}\``
      : `Saved in \`${relative(outputDirectory, directory)}\`. Replay it with:\n\n    ${replay}`;
  const title = `## ${rule} after ${operation}${onArchitectures(arch === "" ? [] : [arch])}`;
  return [title, message, `Seen ${times}. ${copy}`, ...minimizedText(finding)].join("\n\n");
}

function minimizedText({ minimized }: FindingSummary): string[] {
  if (minimized === null) return [];
  const { operations, from, trace } = minimized;
  const intro = `Of ${from} operations that led to it, ${operations} are enough:`;
  return [intro, trace.trimEnd().replaceAll(/^/gm, "    ")];
}

function numbersText(result: CampaignResult): string {
  const { runs, operations, skippedOperations, corpus, workers } = result;
  const starts = workers.reduce((sum, worker) => sum + worker.starts, 0);
  const deaths = workers.reduce((sum, worker) => sum + worker.deaths, 0);
  const rows = [
    ["runs", `${runs} (${Math.round(result.runsPerSecond)} a second)`],
    ["operations", `${operations} (${Math.round(result.operationsPerSecond)} a second)`],
    ["operations without an operand, skipped", `${skippedOperations}`],
    ["edges of the code under test covered", `${result.coverageEdges}`],
    ["corpus", `${corpus.files} inputs, ${corpus.bytes} bytes, ${corpus.damaged} damaged`],
    ["engine processes", `${workers.length} at a time, ${starts} started, ${deaths} died`],
  ];
  return tableText("Numbers", ["what", "how much"], rows);
}

function coverageText({ packages }: CampaignResult): string {
  const rows = packages.map(({ name, edges, covered }) => [name, `${covered}`, `${edges}`]);
  return rows.length === 0 ? "" : tableText("Coverage", ["package", "edges covered", "of"], rows);
}

function repeatText({ seed, node, commit, addon, quirks, decoderVersion }: CampaignResult): string {
  const rows = [
    ["seed", `${seed}`],
    ["quirks switched on", quirks.length === 0 ? "none" : quirks.join(", ")],
    ["commit", commit ?? "unknown"],
    ["Node", node],
    ["engine's addon", addon ?? "not loaded"],
    ["decoder version", `${decoderVersion ?? "unknown"}`],
  ];
  return tableText("To repeat it", ["what", "value"], rows);
}

function tableText(title: string, head: string[], rows: string[][]): string {
  const lines = [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
  return `## ${title}\n\n${lines.join("\n")}`;
}

function listText(title: string, items: readonly string[]): string {
  if (items.length === 0) return "";
  return `## ${title}\n\n${items.map((item) => `- ${item}`).join("\n")}`;
}

function onArchitectures(names: readonly string[]): string {
  return names.length === 0 ? "" : ` on ${names.join(", ")}`;
}
