import * as v from "valibot";
import {
  ADDRESS_PATTERN,
  DATA_PATTERN,
  HEX_PATTERN,
  NAME_PATTERN,
  WORD_PATTERN,
  canonicalAddress,
  canonicalHex,
  type AddressText,
  type AttributionText,
  type Contents,
  type Data,
  type EntryText,
  type Hex,
  type PacketText,
  type RangeText,
  type Value,
  type When,
} from "./values.ts";
import { CHOICES, WORD_LISTS } from "./words.ts";

/**
 * Fields by the kind of what they hold. Tables of operations name kinds (`size: "bytes"`, `offset: "bytes?"` where it may be left
 * out), and from them come the types here and the schemas below: what is written down once cannot disagree.
 */
interface PlainKinds {
  /** A name for what the operation makes. */
  readonly new: string;
  // Names of what was made before, by what it must be.
  readonly vmo: string;
  readonly pager: string;
  readonly list: string;
  readonly compression: string;
  readonly thread: string;
  readonly aspace: string;
  readonly vmar: string;
  readonly mapping: string;
  readonly aspaceOrNull: string | null;

  readonly bytes: Hex;
  readonly address: AddressText;
  readonly flag: boolean;
  readonly count: number;
  /** Below 2^32. */
  readonly word: Hex;
  readonly text: string;
  readonly texts: readonly string[];
  readonly data: Data;
  readonly contents: Contents;
  readonly when: When;

  // What operations answer.
  readonly value: Value;
  readonly offsets: readonly Hex[];
  readonly packetOrNull: PacketText | null;
  readonly ranges: readonly RangeText[];
  readonly attribution: AttributionText;
  readonly counts: Readonly<Record<string, number>>;
  readonly entryOrNull: EntryText | null;
}

type ChoiceKinds = { readonly [K in keyof typeof CHOICES]: (typeof CHOICES)[K][number] };
type ListKinds = {
  readonly [K in keyof typeof WORD_LISTS]: readonly (typeof WORD_LISTS)[K][number][];
};
type Kinds = PlainKinds & ChoiceKinds & ListKinds;

export type Kind = keyof Kinds;

/** Of an object: the kind of each field, with `?` where it may be left out. */
export type FieldTable = Readonly<Record<string, Kind | `${Kind}?`>>;

/** What an object with these fields holds. */
export type FieldsOf<T extends FieldTable> = {
  readonly [F in keyof T as T[F] extends Kind ? F : never]: Kinds[T[F] & Kind];
} & {
  readonly [F in keyof T as T[F] extends Kind ? never : F]?: T[F] extends `${infer K extends Kind}?`
    ? Kinds[K]
    : never;
};

/** Which messages the reader gives: what was expected there. */
const EXPECTED = {
  name: "a name, of letters, digits, _, - and ., that begins with a letter",
  bytes: 'bytes as a whole number or as text like "0x1000", below 2^64',
  address: 'an address: a whole number, "0x…", a name, or "name+0x…"',
  count: "a whole number, 0 or more",
  word: 'a word below 2^32, as a whole number or "0x…"',
  data: 'bytes as pairs of hexadecimal digits, or {"fill": byte, "length": bytes}',
  when: 'a whole number from 1, "always" or "never"',
} as const;

/** Each check says the same: what was expected of the whole value, not which part of it failed. */
function whole(
  expected: string,
  min: number = 0,
  max: number = Number.MAX_SAFE_INTEGER,
): NumberSchema {
  return v.pipe(
    v.number(expected),
    v.safeInteger(expected),
    v.minValue(min, expected),
    v.maxValue(max, expected),
  );
}

function matching(pattern: RegExp, expected: string): TextSchema {
  return v.pipe(v.string(expected), v.regex(pattern, expected));
}

type NumberSchema = v.GenericSchema<number>;
type TextSchema = v.GenericSchema<string>;

const count = whole(EXPECTED.count);
const name = v.pipe(matching(NAME_PATTERN, EXPECTED.name), v.description(EXPECTED.name));
const bytes = v.pipe(
  v.union([whole(EXPECTED.bytes), matching(HEX_PATTERN, EXPECTED.bytes)], EXPECTED.bytes),
  v.description(EXPECTED.bytes),
  v.transform(canonicalHex),
);
const word = v.pipe(
  v.union(
    [whole(EXPECTED.word, 0, 0xffff_ffff), matching(WORD_PATTERN, EXPECTED.word)],
    EXPECTED.word,
  ),
  v.description(EXPECTED.word),
  v.transform(canonicalHex),
);
const address = v.pipe(
  v.union([whole(EXPECTED.address), matching(ADDRESS_PATTERN, EXPECTED.address)], EXPECTED.address),
  v.description(EXPECTED.address),
  v.transform(canonicalAddress),
);
const digits = v.pipe(matching(DATA_PATTERN, EXPECTED.data), v.toLowerCase());
const repeated = v.strictObject({ fill: whole("a byte, 0 to 255", 0, 255), length: bytes });
const data = v.pipe(v.union([digits, repeated], EXPECTED.data), v.description(EXPECTED.data));
const when = v.pipe(
  v.union([whole(EXPECTED.when, 1), v.picklist(["always", "never"], EXPECTED.when)], EXPECTED.when),
  v.description(EXPECTED.when),
);
const list = v.strictObject({ list: name });
const pages = v.strictObject({ pages: v.pipe(v.array(data), v.minLength(1, "at least one page")) });

/** Texts in their own order, each once. */
function wordList(words: readonly string[]): v.GenericSchema {
  const member = v.picklist(words, `one of ${quoted(words)}`);
  const inOrder = (given: string[]): string[] => words.filter((one) => given.includes(one));
  return v.pipe(v.array(member, `a list of ${quoted(words)}`), v.transform(inOrder));
}

const PLAIN: Readonly<Record<keyof PlainKinds, v.GenericSchema>> = {
  new: name,
  vmo: name,
  pager: name,
  list: name,
  compression: name,
  thread: name,
  aspace: name,
  vmar: name,
  mapping: name,
  aspaceOrNull: v.nullable(name),
  bytes,
  address,
  flag: v.boolean("true or false"),
  count,
  word,
  text: v.string("text"),
  texts: v.array(v.string("text"), "a list of texts"),
  data,
  contents: v.union([list, pages], '{"list": name} or {"pages": [bytes, …]}'),
  when,
  value: v.union(
    [v.string(), v.number(), v.boolean(), v.null()],
    "text, a number, true, false or null",
  ),
  offsets: v.array(bytes, "a list of offsets in bytes"),
  packetOrNull: v.nullable(
    v.strictObject({ type: choice("packetType"), key: count, offset: bytes, length: bytes }),
  ),
  ranges: v.array(
    v.strictObject({ offset: bytes, length: bytes, zero: v.boolean("true or false") }),
  ),
  attribution: v.strictObject({
    uncompressed: v.exactOptional(bytes),
    compressed: v.exactOptional(bytes),
  }),
  counts: v.record(v.string(), count),
  entryOrNull: v.nullable(
    v.strictObject({
      flags: v.exactOptional(wordList(WORD_LISTS.mmuFlags)),
      shows: v.exactOptional(v.string("text")),
    }),
  ),
};

function choice(kind: keyof typeof CHOICES): v.GenericSchema {
  return v.picklist(CHOICES[kind], `one of ${quoted(CHOICES[kind])}`);
}

/** The schema of each kind; kinds of the same form share one. */
export const KIND_SCHEMAS: Readonly<Record<Kind, v.GenericSchema>> = {
  ...PLAIN,
  ...mapped(CHOICES, (kind) => choice(kind)),
  ...mapped(WORD_LISTS, (kind) => wordList(WORD_LISTS[kind])),
};

function mapped<K extends string>(
  table: Readonly<Record<K, unknown>>,
  schema: (kind: K) => v.GenericSchema,
): Record<K, v.GenericSchema> {
  const kinds = Object.keys(table) as K[];
  return Object.fromEntries(kinds.map((kind) => [kind, schema(kind)])) as Record<
    K,
    v.GenericSchema
  >;
}

/** The kind of a field and whether it may be left out. */
export function kindOf(entry: FieldTable[string]): {
  readonly kind: Kind;
  readonly isOptional: boolean;
} {
  const isOptional = entry.endsWith("?");
  return { kind: (isOptional ? entry.slice(0, -1) : entry) as Kind, isOptional };
}

/** The schemas of all fields of a table, for a strict object. */
export function entriesOf(table: FieldTable): Record<string, v.GenericSchema> {
  return Object.fromEntries(
    Object.entries(table).map(([field, entry]) => {
      const { kind, isOptional } = kindOf(entry);
      return [field, isOptional ? v.exactOptional(KIND_SCHEMAS[kind]) : KIND_SCHEMAS[kind]];
    }),
  );
}

function quoted(words: readonly string[]): string {
  return words.map((one) => JSON.stringify(one)).join(", ");
}
