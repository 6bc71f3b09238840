/** A function fits a screen. */
import { Visitor } from "oxc-parser";
import type { Rule } from "../rule.ts";
import { countLines, type Source } from "../source.ts";

const LINES_MAX = 70;

type Span = { readonly start: number; readonly end: number };

export const functionLength: Rule = {
  id: "function-length",
  says: `a function has at most ${LINES_MAX} lines`,
  check(repository) {
    // A test file's longest function is the list of its tests.
    const shipped = repository.sources.filter((source) => !source.isTest);
    return shipped.flatMap((source) =>
      functionsOf(source).flatMap(({ start, end }) => {
        const lines = countLines(source.text.slice(start, end));
        if (lines <= LINES_MAX) return [];
        return [
          { path: source.path, line: source.lineAt(start), message: `this one has ${lines} lines` },
        ];
      }),
    );
  },
};

function functionsOf(source: Source): Span[] {
  const spans: Span[] = [];
  const add = (node: Span): void => void spans.push(node);
  new Visitor({
    FunctionDeclaration: add,
    FunctionExpression: add,
    ArrowFunctionExpression: add,
    StaticBlock: add,
  }).visit(source.syntax.program);
  return spans;
}
