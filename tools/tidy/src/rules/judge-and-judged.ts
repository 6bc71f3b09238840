/**
 * Who judges shares no code with what is judged.
 *
 * A backend's MMU walk judges what its encoder wrote. Followed through every import that brings code: neither
 * `walk.ts` nor `format.ts` and its bit tables may reach the other, and the walk may not reach the engine that edits the
 * tables. A fuzz target's reference model, in the folder `model`, judges a whole package: it uses itself and the words of
 * the seam (`@aspace/arch`), nothing else. Types are shared freely; they are erased and compute nothing.
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
  says: "a backend's walk.ts and format.ts share no code, nor does a reference model with what it judges",
  check(repository) {
    const sourceFolders = repository.members
      .filter((member) => member.folder.startsWith("packages/arch-"))
      .map((member) => `${member.folder}/src`);
    const walks = sourceFolders.flatMap((folder) =>
      APART.flatMap(({ from, never }) => reaches(repository, folder, from, never)),
    );
    return [...walks, ...modelBreaches(repository)];
  },
};

const MODEL = /^apps\/fuzz\/src\/targets\/[^/]+\/model\//;

/** Imports of code that leave the folder of a reference model. */
function modelBreaches(repository: Repository): Violation[] {
  return repository.sources.flatMap((source) => {
    const folder = MODEL.exec(source.path)?.[0];
    if (folder === undefined || source.isTest) return [];
    return importsOf(source).flatMap(({ specifier, isTypeOnly, line }) => {
      const isOwn =
        specifier.startsWith(".") && resolveRelative(source.path, specifier).startsWith(folder);
      if (isTypeOnly || isOwn || specifier === "@aspace/arch") return [];
      return [{ path: source.path, line, message: `a reference model uses ${specifier}` }];
    });
  });
}

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
