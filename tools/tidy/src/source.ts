/** One TypeScript or JavaScript file: its text, its syntax tree, and where an offset lies. */
import { type ParseResult, parseSync } from "oxc-parser";

export class Source {
  readonly path: string;
  readonly text: string;
  /** Tests, and what stands beside `src` for them, are not shipped and may do more: read files, be long. */
  readonly isTest: boolean;
  #parsed: ParseResult | undefined;

  constructor(path: string, text: string) {
    this.path = path;
    this.text = text;
    this.isTest =
      /\.(?:test|fuzz|bench)\.[cm]?[jt]s$/.test(path) || /^[^/]+\/[^/]+\/test\//.test(path);
  }

  get syntax(): ParseResult {
    this.#parsed ??= parseSync(this.path, this.text);
    const error = this.#parsed.errors[0];
    if (error !== undefined) throw new SyntaxError(`${this.path}: ${error.message}`);
    return this.#parsed;
  }

  /** The line, counted from 1, of a UTF-16 offset. */
  lineAt(offset: number): number {
    return countLines(this.text.slice(0, offset));
  }
}

export function isSourcePath(path: string): boolean {
  return /\.[cm]?[jt]s$/.test(path);
}

/** How many lines a text touches: one more than its line ends. */
export function countLines(text: string): number {
  return text.split("\n").length;
}
