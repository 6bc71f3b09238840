/** The line that people copy to see a finding again. */
import { relative } from "node:path";

/** The command that replays the finding in `directory`, for the current folder. */
export function replayCommand(directory: string): string {
  const path = relative(process.cwd(), directory);
  const isPlain = /^[\w./-]+$/.test(path);
  return `npm run -s aspace -- replay ${isPlain ? path : quoted(path)}`;
}

function quoted(path: string): string {
  return `'${path.replaceAll("'", String.raw`'\''`)}'`;
}
