/** `minimized.jsonl` of a finding: the smallest trace known, replaced only by a smaller one (F-16). */
import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeSynced } from "./finding-store.ts";

export const MINIMIZED = "minimized.jsonl";

/** The text of a finding's `minimized.jsonl`, null if there is none. */
export function readMinimized(directory: string): string | null {
  const path = join(directory, MINIMIZED);
  return existsSync(path) ? readFileSync(path, "utf8") : null;
}

/**
 * Writes a trace unless the file holds one that is as small. Readers see the old trace or the new one, nothing in
 * between. Throws when the file cannot be read or written.
 */
export function writeIfSmaller(path: string, trace: string): void {
  if (existsSync(path) && !isSmaller(trace, readFileSync(path, "utf8"))) return;
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeSynced(temporary, Buffer.from(trace));
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Fewer operations, or as many with less to say. An empty file is no trace. */
function isSmaller(trace: string, other: string): boolean {
  const lines = lineCount(trace) - lineCount(other);
  return other === "" || lines < 0 || (lines === 0 && trace.length < other.length);
}

/** A line each for header, operations and verdict. */
function lineCount(trace: string): number {
  return trace.trimEnd().split("\n").length;
}
