/** What a source imports, in every way the language has of saying so. */
import { Visitor } from "oxc-parser";
import type { Source } from "./source.ts";

export type Import = {
  readonly specifier: string;
  readonly line: number;
  /** Erased before running: brings a shape, never code. */
  readonly isTypeOnly: boolean;
};

type Request = { readonly value: unknown; readonly start: number };

/** In source order. A dynamic import counts when its specifier is written out. */
export function importsOf(source: Source): Import[] {
  const imports: Import[] = [];
  const add = (request: Request | null, isTypeOnly: boolean): void => {
    if (typeof request?.value !== "string") return;
    imports.push({ specifier: request.value, line: source.lineAt(request.start), isTypeOnly });
  };
  new Visitor({
    ImportDeclaration(node) {
      add(node.source, node.importKind === "type" || everyIsType(node.specifiers, "importKind"));
    },
    ExportNamedDeclaration(node) {
      add(node.source, node.exportKind === "type" || everyIsType(node.specifiers, "exportKind"));
    },
    ExportAllDeclaration(node) {
      add(node.source, node.exportKind === "type");
    },
    ImportExpression(node) {
      add(node.source.type === "Literal" ? node.source : null, false);
    },
    TSImportType(node) {
      add(node.source, true);
    },
  }).visit(source.syntax.program);
  return imports;
}

/** `import { type A, type B }` brings no code either; `import "x"` and `import {} from "x"` run the module. */
function everyIsType(specifiers: readonly object[], kind: "importKind" | "exportKind"): boolean {
  const isType = (specifier: { importKind?: string; exportKind?: string }): boolean =>
    specifier[kind] === "type";
  return specifiers.length > 0 && specifiers.every(isType);
}

/** The path a relative specifier names, seen from the importing file. */
export function resolveRelative(from: string, specifier: string): string {
  const parts = from.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}
