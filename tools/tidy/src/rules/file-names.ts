/** A file is named after the noun it holds. These nouns hold anything. */
import type { Rule } from "../rule.ts";

const EMPTY_NOUNS: ReadonlySet<string> = new Set(
  "util utils helper helpers manager managers misc".split(" "),
);

export const fileNames: Rule = {
  id: "file-names",
  says: "no file or folder is called utils, helpers or manager",
  check(repository) {
    return [...repository.files.keys()].flatMap((path) => {
      const noun = path.split(/[^A-Za-z]+/).find((word) => EMPTY_NOUNS.has(word.toLowerCase()));
      return noun === undefined ? [] : [{ path, line: 1, message: `"${noun}" names no noun` }];
    });
  },
};
