import type { Architecture } from "@aspace/arch";

/**
 * Checks the shape of a value that should be an `Architecture` and comes from elsewhere: a module
 * that somebody wrote without our compiler. Answers the value itself, or everything that is wrong
 * with it, each as a line such as `aspaces.user.baseVpn: expected a whole number, found "0x200"`.
 *
 * Only the shape: whether the backend does what it must is what the conformance suite is for.
 */
export function validateArchitecture(value: unknown): Architecture | string[] {
  const problems: string[] = [];
  checkObject({ value, path: "the backend", fields: ARCHITECTURE, prefix: "" }, problems);
  return problems.length === 0 ? (value as Architecture) : problems;
}

/** What a field must be: a problem in words, or null. */
type Check = (value: unknown, path: string, problems: string[]) => void;

type Fields = Readonly<Record<string, Check>>;

interface Subject {
  readonly value: unknown;
  /** What messages call the object. */
  readonly path: string;
  /** What messages put before the names of its fields. */
  readonly prefix: string;
  readonly fields: Fields;
}

function checkObject({ value, path, prefix, fields }: Subject, problems: string[]): void {
  if (typeof value !== "object" || value === null) {
    problems.push(`${path}: expected an object, found ${show(value)}`);
    return;
  }
  for (const [name, check] of Object.entries(fields)) {
    check((value as Record<string, unknown>)[name], `${prefix}${name}`, problems);
  }
}

function must(what: string, holds: (value: unknown) => boolean): Check {
  return (value, path, problems) => {
    if (!holds(value)) problems.push(`${path}: expected ${what}, found ${show(value)}`);
  };
}

function object(fields: Fields): Check {
  return (value, path, problems) => {
    checkObject({ value, path, prefix: `${path}.`, fields }, problems);
  };
}

function listOf(check: Check, least: number): Check {
  return (value, path, problems) => {
    if (!Array.isArray(value) || value.length < least) {
      const what = least > 0 ? "a list that is not empty" : "a list";
      problems.push(`${path}: expected ${what}, found ${show(value)}`);
      return;
    }
    value.forEach((item, i) => check(item, `${path}[${i}]`, problems));
  };
}

const text = must("a text that is not empty", (value) => typeof value === "string" && value !== "");
const flag = must("true or false", (value) => typeof value === "boolean");
const method = must("a function", (value) => typeof value === "function");
const whole = must("a whole number", (value) => Number.isSafeInteger(value) && Number(value) >= 0);
const positive = must(
  "a positive whole number",
  (value) => Number.isSafeInteger(value) && Number(value) > 0,
);

const oneOf = (...values: readonly string[]): Check =>
  must(`one of ${values.map(show).join(", ")}`, (value) => values.includes(String(value)));

const ascending: Check = (value, path, problems) => {
  listOf(positive, 1)(value, path, problems);
  const shifts = Array.isArray(value) ? value : [];
  if (shifts.some((shift, i) => i > 0 && !(shift > shifts[i - 1]))) {
    problems.push(`${path}: expected ascending sizes, found ${show(value)}`);
  }
};

const CAPABILITIES: Fields = {
  leafShifts: ascending,
  physBits: positive,
  indexBits: positive,
  accessedBit: flag,
  hwAccessed: flag,
  markAccessedSupported: flag,
  nonTerminalAccessed: oneOf("hardware", "software", "none"),
  cachesInvalid: flag,
  splitNeedsBbm: flag,
  unmapOnlyEnlargeOnOom: flag,
  protectIsUnmap: flag,
  faultTellsPresent: flag,
  distinguishesUser: flag,
  prebuiltTables: whole,
  normalizeFlags: method,
};

const PROFILE = object({
  baseVpn: whole,
  pageCount: positive,
  capabilities: object(CAPABILITIES),
});

const QUIRK = object({
  id: text,
  name: text,
  summary: text,
  kinds: listOf(oneOf("user", "kernel", "guest"), 1),
});

const ARCHITECTURE: Fields = {
  name: text,
  title: text,
  aspaces: object({ user: PROFILE, kernel: PROFILE, guest: PROFILE }),
  quirks: listOf(QUIRK, 0),
  tagLimit: positive,
  createMmu: method,
  boot: method,
  faultFlags: method,
  describeFault: method,
};

/** A value in a few characters. */
function show(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "object" && value !== null)
    return Array.isArray(value) ? "a list" : "an object";
  return typeof value === "function" ? "a function" : String(value);
}
