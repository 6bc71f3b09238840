/**
 * Packages run anywhere and twice the same: no clock, no chance but the seed they are given, no environment.
 *
 * Node's modules are caught by the import directions; these are the names that need no import.
 */
import { Visitor } from "oxc-parser";
import type { Rule, Violation } from "../rule.ts";
import type { Source } from "../source.ts";

const FORBIDDEN_GLOBALS: Readonly<Record<string, string>> = {
  Date: "reads the clock",
  performance: "reads the clock",
  setImmediate: "depends on the clock",
  setInterval: "depends on the clock",
  setTimeout: "depends on the clock",
  crypto: "is chance without a seed",
  Buffer: "exists in Node only",
  process: "reads the environment",
  require: "exists in Node only",
};

export const determinism: Rule = {
  id: "determinism",
  says: "a package reads no clock, no unseeded chance and no environment",
  check(repository) {
    return repository.sources
      .filter((source) => source.path.startsWith("packages/") && !source.isTest)
      .flatMap(breachesIn);
  },
};

function breachesIn(source: Source): Violation[] {
  const breaches: Violation[] = [];
  /** Offsets of identifiers that only name a property, and of `Math` where it is asked for a named member. */
  const harmless = new Set<number>();
  const breach = (offset: number, message: string): void =>
    void breaches.push({ path: source.path, line: source.lineAt(offset), message });
  const name = (node: { computed?: boolean; key: { start: number } }): void => {
    if (node.computed !== true) harmless.add(node.key.start);
  };
  new Visitor({
    MemberExpression(node) {
      if (node.computed) return;
      const object = node.object.type === "Identifier" ? node.object.name : "";
      if (object === "Math") {
        harmless.add(node.object.start);
        if (node.property.name === "random")
          breach(node.start, "Math.random is chance without a seed");
      }
      if (object !== "globalThis") harmless.add(node.property.start);
    },
    Property(node) {
      if (!node.shorthand) name(node);
    },
    MethodDefinition: name,
    PropertyDefinition: name,
    TSPropertySignature: name,
    TSMethodSignature: name,
    Identifier(node) {
      if (harmless.has(node.start)) return;
      harmless.add(node.start); // A shorthand `{ process }` is visited as key and as value.
      const reason = FORBIDDEN_GLOBALS[node.name];
      if (reason !== undefined) breach(node.start, `${node.name} ${reason}`);
      if (node.name === "Math") breach(node.start, "Math is handed on, Math.random with it");
    },
  }).visit(source.syntax.program);
  return breaches;
}
