/**
 * Imports point downwards, as ARCHITECTURE.md draws it.
 *
 * Each row is a member (or a family) with what it may import from the workspace. A member without a row is a breach:
 * whoever adds a layer says where it stands. A new backend is covered by the family row.
 */
import { type Import, importsOf, resolveRelative } from "../import.ts";
import type { Member, Repository } from "../repository.ts";
import type { Rule } from "../rule.ts";
import type { Source } from "../source.ts";

type Row = {
  readonly may: readonly string[];
  readonly inTests: readonly string[];
  /** From the registry; none unless given. */
  readonly libraries?: readonly string[];
};

const DIRECTIONS: Readonly<Record<string, Row>> = {
  "packages/arch": { may: [], inTests: [] },
  "packages/machine": { may: ["packages/arch"], inTests: [] },
  "packages/page-table": { may: ["packages/arch"], inTests: ["packages/machine"] },
  "packages/arch-*": {
    may: ["packages/arch", "packages/page-table"],
    inTests: ["packages/machine"],
  },
  "packages/vm": { may: ["packages/arch"], inTests: ["packages/machine"] },
  "packages/kernel": {
    may: ["packages/arch", "packages/machine", "packages/vm"],
    inTests: ["packages/arch-*", "packages/backends"],
  },
  "packages/trace": {
    may: ["packages/arch", "packages/machine", "packages/vm", "packages/kernel"],
    inTests: ["packages/backends"],
    // Checks files that others wrote.
    libraries: ["valibot"],
  },
  "packages/arch-conformance": {
    may: ["packages/arch", "packages/machine"],
    inTests: ["packages/arch-*"],
  },
  "packages/backends": { may: ["packages/arch", "packages/arch-*"], inTests: [] },
  "apps/*": { may: ["packages/*", "apps/*"], inTests: [] },
  "tools/*": { may: ["packages/*"], inTests: [] },
};

export const importDirections: Rule = {
  id: "import-directions",
  says: "imports point downwards only, and packages have no runtime dependencies",
  check(repository) {
    const unplaced = repository.members
      .filter((member) => rowOf(member.folder) === undefined)
      .map((member) => ({
        path: `${member.folder}/package.json`,
        line: 1,
        message: "has no row in the import directions",
      }));
    const breaches = repository.sources.flatMap((source) =>
      importsOf(source).flatMap((imported) => {
        const message = objection(repository, source, imported);
        return message === undefined ? [] : [{ path: source.path, line: imported.line, message }];
      }),
    );
    return [...unplaced, ...breaches];
  },
};

function objection(
  repository: Repository,
  source: Source,
  { specifier }: Import,
): string | undefined {
  const from = repository.memberOf(source.path);
  if (from === undefined) return undefined;
  if (specifier.startsWith(".")) {
    const isInside = resolveRelative(source.path, specifier).startsWith(`${from.folder}/`);
    return isInside ? undefined : `imports ${specifier}, which lies outside ${from.folder}`;
  }
  if (!specifier.startsWith("@aspace/")) {
    const isShipped = from.folder.startsWith("packages/") && !source.isTest;
    if (!isShipped || mayUse(from, specifier)) return undefined;
    return `imports ${specifier}: a package has no dependencies`;
  }
  const to = repository.members.find((member) => member.name === specifier);
  if (to === undefined) return `imports ${specifier}, which is no member's entry point`;
  if (!mayImport(from, to, source)) return `imports ${specifier} against the directions`;
  if (!from.isPrivate && to.isPrivate && !source.isTest)
    return `imports ${specifier}, which is never published`;
  return undefined;
}

function mayImport(from: Member, to: Member, source: Source): boolean {
  const row = DIRECTIONS[rowOf(from.folder) ?? ""];
  const allowed = [...(row?.may ?? []), ...(source.isTest ? (row?.inTests ?? []) : [])];
  const layer = `${to.folder.split("/")[0]}/*`;
  return allowed.some((name) => name === rowOf(to.folder) || name === layer);
}

function mayUse(from: Member, library: string): boolean {
  return DIRECTIONS[rowOf(from.folder) ?? ""]?.libraries?.includes(library) === true;
}

/** The row a folder stands in: its own, or else its family's. */
function rowOf(folder: string): string | undefined {
  if (Object.hasOwn(DIRECTIONS, folder)) return folder;
  return Object.keys(DIRECTIONS).find(
    (name) => name.endsWith("*") && folder.startsWith(name.slice(0, -1)),
  );
}
