/**
 * A backend's MMU walk judges what its encoder wrote, so the two share no code.
 *
 * Followed through every import that brings code: neither `walk.ts` nor `format.ts` and its bit tables
 * may reach the other, and the walk may not reach the engine that edits the tables. Types are shared freely; they are erased and compute nothing.
 */
import { importsOf, resolveRelative } from "../import.ts";
import type { Repository } from "../repository.ts";
import type { Rule, Violation } from "../rule.ts";

const APART: readonly { readonly from: string; readonly never: readonly string[] }[] = [
  { from: "walk.ts", never: ["format.ts", "entry-layout.ts", "@aspace/page-table"] },
  { from: "format.ts", never: ["walk.ts"] },
  { from: "entry-layout.ts", never: ["walk.ts"] },
];

export const judgeAndJudged: Rule = {
  id: "judge-and-judged",
  says: "a backend's walk.ts and format.ts share no code",
  check(repository) {
    const sourceFolders = repository.members
      .filter((member) => member.folder.startsWith("packages/arch-"))
      .map((member) => `${member.folder}/src`);
    return sourceFolders.flatMap((folder) =>
      APART.flatMap(({ from, never }) => reaches(repository, folder, from, never)),
    );
  },
};

function reaches(
  repository: Repository,
  folder: string,
  from: string,
  never: readonly string[],
): Violation[] {
  const start = `${folder}/${from}`;
  const breaches: Violation[] = [];
  /** File to the chain of files that led to it. The loop visits what it adds. */
  const chains = new Map<string, readonly string[]>([[start, [from]]]);
  for (const [path, chain] of chains) {
    const source = repository.sources.find((candidate) => candidate.path === path);
    for (const imported of source === undefined ? [] : importsOf(source)) {
      if (imported.isTypeOnly) continue;
      const isRelative = imported.specifier.startsWith(".");
      const target = isRelative ? resolveRelative(path, imported.specifier) : imported.specifier;
      const name = isRelative ? target.slice(folder.length + 1) : target;
      if (never.includes(name))
        breaches.push({ path, line: imported.line, message: [...chain, name].join(" -> ") });
      else if (!chains.has(target)) chains.set(target, [...chain, name]);
    }
  }
  return breaches;
}
