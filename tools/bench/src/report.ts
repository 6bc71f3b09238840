import { arch, availableParallelism, cpus, platform } from "node:os";
import type { Group } from "./row.ts";

/** Where the figures were taken; without it they mean nothing. */
export interface Host {
  readonly cpu: string;
  readonly cores: number;
  readonly platform: string;
  readonly node: string;
  readonly v8: string;
  /** Null when there is no C compiler. */
  readonly compiler: string | null;
}

export interface ReportRow {
  readonly name: string;
  readonly group: Group;
  readonly arch: string;
  /** Nanoseconds per page, medians. Null where there is no reference. */
  readonly ours_ns: number;
  readonly reference_ns: number | null;
  readonly ratio: number | null;
  readonly goal_ratio: number | null;
  /** Bytes that one operation allocates. */
  readonly bytes: number;
  readonly rounds_kept: number;
  readonly rounds_dropped: number;
}

export interface Report {
  readonly schemaVersion: 1;
  readonly machine: Host;
  readonly rows: readonly ReportRow[];
}

export function describeHost(compiler: string | null): Host {
  const { node, v8 } = process.versions;
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    platform: `${platform()} ${arch()}`,
    node,
    v8,
    compiler,
  };
}

const HEADINGS = ["", "arch", "ours ns", "C ns", "ratio", "goal", "", "bytes", "rounds"];
/** The columns that hold words. */
const LEFT = new Set([0, 1, 6]);

/** The report as a table for people. */
export function formatReport({ machine, rows }: Report): string {
  const cells = [HEADINGS, ...rows.map(cellsOf)];
  const widths = HEADINGS.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const lines = cells.map((row) =>
    row
      .map((cell, i) => (LEFT.has(i) ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join("  ")
      .trimEnd(),
  );
  return `${[...headerOf(machine), "", ...lines].join("\n")}\n`;
}

function headerOf({ cpu, cores, platform: system, node, v8, compiler }: Host): string[] {
  return [
    `${cpu}, ${cores} cores, ${system}; Node ${node}, V8 ${v8}`,
    compiler === null
      ? "No C compiler (cc) here, so there is nothing to compare with: our own figures only."
      : `C reference built with ${compiler}`,
    "Nanoseconds per page; medians of interleaved rounds.",
  ];
}

function cellsOf(row: ReportRow): string[] {
  return [
    row.name,
    row.arch,
    row.ours_ns.toFixed(2),
    row.reference_ns?.toFixed(2) ?? "-",
    row.ratio?.toFixed(2) ?? "-",
    row.goal_ratio?.toFixed(1) ?? "-",
    verdict(row),
    `${row.bytes}`,
    row.rounds_dropped === 0
      ? `${row.rounds_kept}`
      : `${row.rounds_kept} (${row.rounds_dropped} dropped)`,
  ];
}

/** Whether a row reaches its goal; nothing where that cannot be said. */
export function verdict({ ratio, goal_ratio }: Pick<ReportRow, "ratio" | "goal_ratio">): string {
  if (ratio === null || goal_ratio === null) return "";
  return ratio <= goal_ratio ? "met" : "missed";
}
