/** The repository is read on other machines than the one it was written on. */
import type { Rule } from "../rule.ts";
import { isTidyItself, matchLines } from "../text-match.ts";

/** An absolute path into somebody's folders; not a path inside a URL or the repository. */
const PATH = /(?<![\w.@-])\/(?:work|home|root|Users)\/[\w.-]*/;

export const machinePaths: Rule = {
  id: "machine-paths",
  says: "no path of one machine is written down",
  check(repository) {
    return matchLines(
      repository.texts((path) => !isTidyItself(path)),
      PATH,
      (match) => `${match} exists on one machine only`,
    );
  },
};
