/** What is not finished is not committed; what is left for later is an issue, not a comment. */
import type { Rule } from "../rule.ts";
import { isTidyItself, matchLines } from "../text-match.ts";

export const unfinishedWork: Rule = {
  id: "unfinished-work",
  says: "no TODO, FIXME or XXX is left behind",
  check(repository) {
    return matchLines(
      repository.texts((path) => !isTidyItself(path)),
      /\b(?:TODO|FIXME|XXX)\b/,
      (match) => `${match} is left behind`,
    );
  },
};
