/** Results as the Markdown table that is committed. */
import type { Catch } from "./hunt.ts";
import type { Defect } from "./defect.ts";

export interface Result {
  readonly defect: Defect;
  /** One per seed. */
  readonly catches: readonly Catch[];
}

export interface TableHead {
  readonly command: string;
  readonly commit: string;
  readonly seconds: number;
  readonly seeds: readonly number[];
}

export function resultTable(results: readonly Result[], head: TableHead): string {
  const found = results.filter(({ catches }) => catches.every(({ kind }) => kind === "found"));
  return [
    "# Ground truth",
    "",
    "Defects planted one at a time in a copy of the sources, and what the fuzzer makes of each. Made by",
    `\`${head.command}\` at commit ${head.commit}: one worker, ${head.seconds} s at most, seeds ${head.seeds.join(", ")}. Runs and seconds are`,
    "medians over the seeds and include the replay of the committed corpus.",
    "",
    `**${found.length} of ${results.length} found with every seed.**`,
    "",
    "| defect | what goes wrong | found | check | after | runs | seconds |",
    "| --- | --- | --- | --- | --- | ---: | ---: |",
    ...results.map(row),
    "",
  ].join("\n");
}

function row({ defect, catches }: Result): string {
  const caught = catches.filter((each) => each.kind === "found");
  const cells = [
    defect.id,
    defect.says,
    `${caught.length}/${catches.length}`,
    distinct(caught.map(({ rule }) => rule)),
    distinct(caught.map(({ operation }) => operation)),
    caught.length === 0 ? "-" : median(caught.map(({ runs }) => runs)).toFixed(0),
    caught.length === 0 ? "-" : median(caught.map(({ seconds }) => seconds)).toFixed(1),
  ];
  return `| ${cells.join(" | ")} |`;
}

const distinct = (names: readonly string[]): string => [...new Set(names)].toSorted().join(", ");

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}
