/** Rules about words: every line of some texts that a pattern matches. */
import type { Repository } from "./repository.ts";
import type { Violation } from "./rule.ts";

/** `message` gets the matched text. */
export function matchLines(
  texts: ReturnType<Repository["texts"]>,
  pattern: RegExp,
  message: (match: string) => string,
): Violation[] {
  return texts.flatMap(([path, text]) =>
    text.split("\n").flatMap((line, index) => {
      const match = pattern.exec(line)?.[0];
      return match === undefined ? [] : [{ path, line: index + 1, message: message(match) }];
    }),
  );
}

/** Files that must spell a forbidden word in order to forbid it. */
export function isTidyItself(path: string): boolean {
  return path.startsWith("tools/tidy/");
}
