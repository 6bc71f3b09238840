/**
 * A rule nobody tests is a wish. Every rule a SPEC.md defines is cited by a test.
 *
 * A definition is a rule id that opens a line, a list item, a heading or a table row: `- **P-M1** ...`. A citation is
 * the id in a string of a test, its title as a rule; a comment cites nothing.
 */
import { Visitor } from "oxc-parser";
import type { Repository } from "../repository.ts";
import type { Rule, Violation } from "../rule.ts";
import type { Source } from "../source.ts";

const ID = String.raw`[A-Z][A-Z0-9]*-[A-Z]*\d+[a-z]?`;
const DEFINITION = new RegExp(
  String.raw`^\s*(?:(?:[-*+]|\d+\.|#{1,6}|\|)\s+)?(?:\*\*|__)?\x60?(${ID})\b`,
);

/** Shipped sources that are tests all the same: the suite a backend is held to. */
const SUITE = "packages/arch-conformance/src/";

export const ruleCitations: Rule = {
  id: "rule-citations",
  says: "every rule that a SPEC.md defines is cited by a test",
  check(repository) {
    const cited = citedIds(repository);
    const specs = repository.texts((path) => /^packages\/[^/]+\/SPEC\.md$/.test(path));
    return specs.flatMap(([path, text]) => {
      const defined = definitions(path, text);
      if (defined.length === 0) return [{ path, line: 1, message: "defines no rule with an id" }];
      return defined.filter((definition) => !cited.has(definition.message)).map(uncited);
    });
  },
};

/** The ids a SPEC.md defines, each as the message of its place. Lines of a code block define nothing. */
function definitions(path: string, text: string): Violation[] {
  let isCode = false;
  return text.split("\n").flatMap((line, index) => {
    if (line.trimStart().startsWith("```")) isCode = !isCode;
    const id = isCode ? undefined : DEFINITION.exec(line)?.[1];
    return id === undefined ? [] : [{ path, line: index + 1, message: id }];
  });
}

function uncited(definition: Violation): Violation {
  return { ...definition, message: `${definition.message} is cited by no test` };
}

function citedIds(repository: Repository): Set<string> {
  const tests = repository.sources.filter(
    (source) => source.isTest || source.path.startsWith(SUITE),
  );
  return new Set(tests.flatMap((source) => stringsOf(source)).flatMap(idsIn));
}

function idsIn(text: string): string[] {
  return [...text.matchAll(new RegExp(String.raw`\b${ID}\b`, "g"))].map((match) => match[0]);
}

function stringsOf(source: Source): string[] {
  const strings: string[] = [];
  new Visitor({
    Literal(node) {
      if (typeof node.value === "string") strings.push(node.value);
    },
    TemplateElement(node) {
      strings.push(node.value.raw);
    },
  }).visit(source.syntax.program);
  return strings;
}
