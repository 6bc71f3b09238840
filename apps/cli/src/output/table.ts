import { stripVTControlCharacters } from "node:util";
import Table from "cli-table3";
import { marks } from "./marks.ts";

const GAP = "  ";
const LINES = ["top", "bottom", "left", "mid", "right"];
const WITHOUT_LINES = {
  ...Object.fromEntries(
    LINES.flatMap((line) => ["", "-mid", "-left", "-right"].map((part) => [line + part, ""])),
  ),
  middle: GAP,
};

export interface TableOptions {
  /** Spaces before each row. */
  readonly indent: number;
  /** Columns of the terminal. The last column wraps between words to stay inside. */
  readonly columns: number;
}

/** Aligned columns without lines around them. Cells may be painted. */
export function formatTable(rows: readonly (readonly string[])[], options: TableOptions): string {
  const widths = columnWidths(rows);
  const before = widths.slice(0, -1).reduce((sum, width) => sum + width + GAP.length, 0);
  const space = options.columns - options.indent - before;
  // A path must stay whole to be copied: rather let the terminal break the line.
  const last = Math.min(widths.at(-1) ?? 0, Math.max(space, longestWord(rows)));
  const table = new Table({
    chars: WITHOUT_LINES,
    style: { "padding-left": 0, "padding-right": 0, compact: true, border: [], head: [] },
    colWidths: [...widths.slice(0, -1), last],
    wordWrap: true,
    truncate: marks.ellipsis,
  });
  table.push(...rows.map((row) => [...row]));
  const margin = " ".repeat(options.indent);
  const lines = table.toString().split("\n");
  return lines.map((line) => `${margin}${line}`.trimEnd()).join("\n");
}

function columnWidths(rows: readonly (readonly string[])[]): number[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      const width = stripVTControlCharacters(cell).length;
      widths[column] = Math.max(widths[column] ?? 0, width);
    }
  }
  return widths;
}

/** Of the last column. */
function longestWord(rows: readonly (readonly string[])[]): number {
  const words = rows.flatMap((row) => stripVTControlCharacters(row.at(-1) ?? "").split(" "));
  return Math.max(...words.map((word) => word.length));
}
