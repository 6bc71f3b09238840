/** What there is to replay at a path. */
import { type Dirent, existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { badInput } from "../refusal.ts";

/** A finding's folder, or the operations of one run in a file of their own. */
export interface SavedRun {
  readonly kind: "finding" | "trace";
  readonly path: string;
}

const FINDING = "finding.json";

/** All saved runs at or below `path`, in the order of their paths. Refuses a path without any. */
export function savedRunsAt(path: string): SavedRun[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw badInput(`${path}: there is no such file or folder`);
  if (!found.isDirectory()) return [{ kind: "trace", path }];
  if (existsSync(join(path, FINDING))) return [{ kind: "finding", path }];
  const runs = savedRunsBelow(path);
  if (runs.length === 0) throw badInput(`${path}: there is no finding and no trace in this folder`);
  return runs;
}

function savedRunsBelow(folder: string): SavedRun[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !isHidden(entry, folder));
  const findings = files.filter(({ name }) => name === FINDING).map((file) => file.parentPath);
  const inFindings = new Set(findings);
  const traces = files
    .filter(({ name, parentPath }) => name.endsWith(".jsonl") && !inFindings.has(parentPath))
    .map(({ name, parentPath }) => join(parentPath, name));
  return [
    ...findings.map((path) => ({ kind: "finding", path }) as const),
    ...traces.map((path) => ({ kind: "trace", path }) as const),
  ].toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/** A killed campaign may leave a half-written finding behind: its folder's name begins with a dot. */
function isHidden({ name, parentPath }: Dirent, root: string): boolean {
  const below = join(parentPath, name).slice(root.length);
  return below.split(/[/\\]/).some((part) => part.startsWith("."));
}
