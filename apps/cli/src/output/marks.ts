/** Marks that stand beside words, never for them; ASCII where the locale is not UTF-8. */
export interface Marks {
  readonly good: string;
  readonly bad: string;
  readonly warning: string;
  readonly none: string;
  readonly ellipsis: string;
  /** Stands between the parts of a line. */
  readonly separator: string;
}

const UNICODE: Marks = {
  good: "✓",
  bad: "✗",
  warning: "⚠",
  none: "·",
  ellipsis: "…",
  separator: "·",
};
const ASCII: Marks = {
  good: "+",
  bad: "x",
  warning: "!",
  none: "-",
  ellipsis: "...",
  separator: "|",
};

/** The marks for a locale, found as setlocale(3) finds it. */
export function marksFor(environment: NodeJS.ProcessEnv): Marks {
  const locale = environment["LC_ALL"] || environment["LC_CTYPE"] || environment["LANG"] || "C";
  return /utf-?8/i.test(locale) ? UNICODE : ASCII;
}

export const marks: Marks = marksFor(process.env);
