/**
 * The repository as the rules see it: every file of the tree by its path from the root, and the workspace members.
 *
 * Rules never touch the disk. They get this value, so a rule's own test can hand it a repository of three lines.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { isSourcePath, Source } from "./source.ts";

/** A workspace package, app or tool. */
export type Member = {
  /** From the root, without a trailing slash: `packages/arch`. */
  readonly folder: string;
  readonly name: string;
  readonly isPrivate: boolean;
};

/** Made by tools, never written by hand, and therefore not judged. */
const GENERATED_FOLDERS: ReadonlySet<string> = new Set([
  ".git",
  ".turbo",
  "dist",
  "fuzz-out",
  "node_modules",
  "reports",
]);

/** What is read as text. Of any other file (a corpus entry, say) only the existence is known. */
const TEXT_EXTENSIONS: ReadonlySet<string> = new Set(
  ".c .cjs .js .json .jsonl .md .mjs .mts .sh .ts .yaml .yml".split(" "),
);
const TEXT_NAMES: ReadonlySet<string> = new Set([".gitignore", "LICENSE", "run"]);

export class Repository {
  /** Path from the root, with forward slashes, to text; `undefined` for a file that is not text. */
  readonly files: ReadonlyMap<string, string | undefined>;
  readonly members: readonly Member[];
  readonly sources: readonly Source[];

  constructor(files: Readonly<Record<string, string | undefined>>) {
    this.files = new Map(Object.entries(files));
    this.members = [...this.files].flatMap(([path, text]) => readMember(path, text));
    this.sources = this.texts(isSourcePath).map(([path, text]) => new Source(path, text));
  }

  /** The text files whose path satisfies `wanted`, in the tree's order. */
  texts(wanted: (path: string) => boolean): [path: string, text: string][] {
    return [...this.files].flatMap(([path, text]) =>
      text !== undefined && wanted(path) ? [[path, text] satisfies [string, string]] : [],
    );
  }

  /** The member a file belongs to; `undefined` for a file of the root. */
  memberOf(path: string): Member | undefined {
    return this.members.find((member) => path.startsWith(`${member.folder}/`));
  }

  hasFolder(folder: string): boolean {
    return [...this.files.keys()].some((path) => path.startsWith(`${folder}/`));
  }
}

/** Reads the tree below `root`. */
export function readRepository(root: string): Repository {
  const files: Record<string, string | undefined> = {};
  const visit = (folder: string): void => {
    const entries = readdirSync(join(root, folder), { withFileTypes: true });
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory() && !GENERATED_FOLDERS.has(entry.name)) visit(path);
      if (entry.isFile())
        files[path] = isText(path) ? readFileSync(join(root, path), "utf8") : undefined;
    }
  };
  visit("");
  return new Repository(files);
}

function isText(path: string): boolean {
  return TEXT_EXTENSIONS.has(extname(path)) || TEXT_NAMES.has(basename(path));
}

function readMember(path: string, text: string | undefined): Member[] {
  const folder = /^((?:packages|apps|tools)\/[^/]+)\/package\.json$/.exec(path)?.[1];
  if (folder === undefined || text === undefined) return [];
  const manifest = JSON.parse(text) as { name: string; private?: boolean };
  return [{ folder, name: manifest.name, isPrivate: manifest.private === true }];
}
