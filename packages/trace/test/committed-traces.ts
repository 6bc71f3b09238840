import { readFileSync, readdirSync } from "node:fs";

const FOLDER = new URL("../traces/", import.meta.url);

/** Names of the committed traces, without the ending. */
export const TRACE_NAMES: readonly string[] = readdirSync(FOLDER)
  .filter((file) => file.endsWith(".jsonl"))
  .map((file) => file.slice(0, -".jsonl".length));

/** The text of one. */
export function committedTrace(name: string): string {
  return readFileSync(new URL(`${name}.jsonl`, FOLDER), "utf8");
}
