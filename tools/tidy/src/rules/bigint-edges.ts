/**
 * Page numbers inside, bytes at the edge (D1 of ARCHITECTURE.md).
 *
 * A `bigint` costs an allocation per operation, and half-converted addresses are how off-by-a-page faults are born. So
 * `bigint` appears in the files below and nowhere else in the packages.
 */
import { Visitor } from "oxc-parser";
import type { Rule, Violation } from "../rule.ts";
import type { Source } from "../source.ts";

/** Byte-addressed edges: the file, and what crosses there. */
const EDGES: Readonly<Record<string, string>> = {
  "packages/vm/src/objects/byte-range.ts": "offsets, lengths and sizes of objects become pages",
  "packages/vm/src/objects/create-object.ts": "sizes of new objects",
  "packages/vm/src/objects/node-backed-object.ts": "ranges of what is asked of a paged object",
  "packages/vm/src/objects/object-children.ts": "where a child lies in its parent",
  "packages/vm/src/objects/vm-object.ts": "what every kind of object can be asked",
  "packages/vm/src/objects/vm-object-paged.ts": "what a paged object can be asked",
  "packages/vm/src/objects/vm-object-physical.ts": "what a physical object can be asked",
  "packages/vm/src/regions/reserve-space.ts": "the size of the empty object behind reserved space",
  "packages/vm/src/regions/mapping-range.ts": "the part of an object that a mapping gives back",
  "packages/vm/src/syscalls/byte-arguments.ts": "arguments of calls become pages",
  "packages/vm/src/syscalls/vmar-allocate.ts": "where a process reserves a region",
  "packages/vm/src/syscalls/vmar-map.ts": "where a process maps what",
  "packages/vm/src/syscalls/vmar-op-range.ts": "the range that a process operates on, and a buffer",
  "packages/vm/src/syscalls/vmar-protect.ts": "the range that a process protects",
  "packages/vm/src/syscalls/vmar-unmap.ts": "the range that a process unmaps",
  "packages/trace/src/run/bytes.ts": "addresses, offsets and sizes as a trace writes them",
};

const BIGINT_GLOBALS: ReadonlySet<string> = new Set(["BigInt", "BigInt64Array", "BigUint64Array"]);

export const bigintEdges: Rule = bigintOnlyIn(EDGES);

/** The rule over a given list of edges. An edge that no longer uses `bigint` is a breach too, lest the list rot. */
export function bigintOnlyIn(edges: Readonly<Record<string, string>>): Rule {
  return {
    id: "bigint-edges",
    says: "bigint appears only in the files that are a byte-addressed edge",
    check(repository) {
      const uses = repository.sources
        .filter((source) => source.path.startsWith("packages/") && !source.isTest)
        .flatMap(bigintsIn);
      const stale = Object.keys(edges).filter((path) => uses.every((use) => use.path !== path));
      return [
        ...uses.filter((use) => !Object.hasOwn(edges, use.path)),
        ...stale.map((path) => ({ path, line: 1, message: "is listed as an edge without bigint" })),
      ];
    },
  };
}

function bigintsIn(source: Source): Violation[] {
  const uses: Violation[] = [];
  const use = (node: { readonly start: number }): void =>
    void uses.push({
      path: source.path,
      line: source.lineAt(node.start),
      message: "bigint away from a byte-addressed edge",
    });
  new Visitor({
    Literal(node) {
      if ("bigint" in node) use(node);
    },
    TSBigIntKeyword: use,
    Identifier(node) {
      if (BIGINT_GLOBALS.has(node.name) || /^[gs]etBigU?[Ii]nt64$/.test(node.name)) use(node);
    },
  }).visit(source.syntax.program);
  return uses;
}
