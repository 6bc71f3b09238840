/** A page's links lead somewhere: relative ones to a file or folder of the repository, with a heading if they name one. */
import { resolveRelative } from "../import.ts";
import type { Repository } from "../repository.ts";
import type { Rule } from "../rule.ts";

type Link = { readonly target: string; readonly line: number };

export const markdownLinks: Rule = {
  id: "markdown-links",
  says: "every relative link of a page resolves",
  check(repository) {
    return repository
      .texts((path) => path.endsWith(".md"))
      .flatMap(([path, text]) =>
        linksOf(text)
          .filter(({ target }) => !resolves(repository, path, target))
          .map(({ target, line }) => ({ path, line, message: `${target} leads nowhere` })),
      );
  },
};

function linksOf(text: string): Link[] {
  return proseLines(text).flatMap((line, index) =>
    [...line.matchAll(/\]\(<?([^)\s>]+)|^\s*\[[^\]]+\]:\s*(\S+)/g)]
      .map((match) => match[1] ?? match[2] ?? "")
      .filter((target) => !/^(?:[a-z][a-z+.-]*:|\/\/)/i.test(target))
      .map((target) => ({ target, line: index + 1 })),
  );
}

/** The page's lines with code emptied: what stands in code links nowhere and heads nothing. */
function proseLines(text: string): string[] {
  let isCode = false;
  return text.split("\n").map((line) => {
    const isFence = /^\s*(?:```|~~~)/.test(line);
    if (isFence) isCode = !isCode;
    return isCode || isFence
      ? ""
      : line.replaceAll(/`[^`]*`/g, (code) => code.replaceAll(/[[\]]/g, ""));
  });
}

function resolves(repository: Repository, from: string, target: string): boolean {
  const [place = "", anchor] = target.split("#");
  const path = place === "" ? from : resolveRelative(from, place).replace(/\/$/, "");
  if (!repository.files.has(path)) return anchor === undefined && repository.hasFolder(path);
  return anchor === undefined || anchorsOf(repository.files.get(path) ?? "").has(anchor);
}

/** GitHub's anchors: lower case, punctuation dropped, blanks to hyphens, repetitions numbered. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const line of proseLines(text)) {
    const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const words = heading.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, "");
    const anchor = words.replaceAll(/\s/g, "-");
    let name = anchor;
    for (let n = 1; anchors.has(name); n++) name = `${anchor}-${n}`;
    anchors.add(name);
  }
  return anchors;
}
