/** One idea per file, and an idea has an end. */
import type { Rule } from "../rule.ts";
import { countLines } from "../source.ts";

const LINES_MAX = 500;

export const fileLength: Rule = {
  id: "file-length",
  says: `a source file has at most ${LINES_MAX} lines`,
  check(repository) {
    return repository.sources.flatMap((source) => {
      const lines = countLines(source.text.trimEnd());
      if (source.isTest || lines <= LINES_MAX) return [];
      return [{ path: source.path, line: LINES_MAX + 1, message: `this one has ${lines} lines` }];
    });
  },
};
