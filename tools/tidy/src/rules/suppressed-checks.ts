/** A check that is switched off is worse than none: it still looks like one. */
import { Visitor } from "oxc-parser";
import type { Rule, Violation } from "../rule.ts";
import { isSourcePath, type Source } from "../source.ts";
import { isTidyItself, matchLines } from "../text-match.ts";

/** Lint and type checks silenced, tests not run or run alone. */
const SUPPRESSION =
  /(?:ox|es)lint-disable|@ts-(?:ignore|nocheck|expect-error)|\b(?:test|it|describe|suite)(?:\.\w+)*\.(?:skip|only|todo)\b/;

export const suppressedChecks: Rule = {
  id: "suppressed-checks",
  says: "no lint, type check or test is switched off",
  check(repository) {
    return [
      ...matchLines(
        repository.texts(isJudged),
        SUPPRESSION,
        (match) => `${match} switches a check off`,
      ),
      ...repository.sources.flatMap(castsToAny),
    ];
  },
};

function isJudged(path: string): boolean {
  return isSourcePath(path) && !isTidyItself(path);
}

function castsToAny(source: Source): Violation[] {
  const casts: Violation[] = [];
  new Visitor({
    TSAsExpression({ start, typeAnnotation }) {
      if (typeAnnotation.type !== "TSAnyKeyword") return;
      const line = source.lineAt(start);
      casts.push({ path: source.path, line, message: "as any switches a check off" });
    },
  }).visit(source.syntax.program);
  return casts;
}
