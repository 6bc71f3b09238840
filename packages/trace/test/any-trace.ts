import * as fc from "fast-check";
import { EXPECTATION_FIELDS } from "../src/format/expectation.ts";
import { kindOf, type FieldTable, type Kind } from "../src/format/field.ts";
import { HEADER_FIELDS } from "../src/format/header.ts";
import { OPERATIONS, type Operation, type OperationShape } from "../src/format/operation.ts";
import type { Trace } from "../src/format/trace.ts";
import { canonicalHex } from "../src/format/values.ts";
import { CHOICES, WORD_LISTS } from "../src/format/words.ts";

/** Any trace that can be written, sensible or not. */
export function anyTrace(): fc.Arbitrary<Trace> {
  const operations = Object.entries<OperationShape>(OPERATIONS).map(([op, shape]) => {
    const thread: FieldTable = shape.blocks === true ? { thread: "new?" } : {};
    const expect = fc.option(anyObject(EXPECTATION_FIELDS), { nil: undefined });
    return fc
      .tuple(anyObject({ ...shape.fields, ...thread, note: "text?" }), expect)
      .map(([fields, expected]) => {
        const operation = { op, ...fields };
        return (
          expected === undefined ? operation : { ...operation, expect: expected }
        ) as Operation;
      });
  });
  return fc.record({
    header: anyObject(HEADER_FIELDS),
    operations: fc.array(fc.oneof(...operations), { maxLength: 12 }),
  });
}

function anyObject(table: FieldTable): fc.Arbitrary<object> {
  const requiredKeys = Object.keys(table).filter((field) => !kindOf(table[field]!).isOptional);
  const fields = Object.entries(table).map(([field, entry]) => [field, anyOf(kindOf(entry).kind)]);
  return fc
    .record(Object.fromEntries(fields) as Record<string, fc.Arbitrary<unknown>>, { requiredKeys })
    .map((object) => ({ ...object }));
}

const name = fc.stringMatching(/^[A-Za-z_][\w.-]{0,9}$/);
const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const hex = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => `0x${value.toString(16)}`);
const word = fc.nat({ max: 0xffff_ffff }).map(canonicalHex);
const address = fc.oneof(
  hex,
  name,
  fc.tuple(name, hex).map(([at, offset]) => (offset === "0x0" ? at : `${at}+${offset}`)),
);
const text = fc.string();
const data = fc.oneof(
  fc.uint8Array({ maxLength: 8 }).map((bytes) => Array.from(bytes, hexPair).join("")),
  fc.record({ fill: fc.nat({ max: 255 }), length: hex }),
);
const flags = fc.subarray([...WORD_LISTS.mmuFlags]);

const ANY: Readonly<Partial<Record<Kind, fc.Arbitrary<unknown>>>> = {
  aspaceOrNull: fc.option(name),
  bytes: hex,
  address,
  flag: fc.boolean(),
  count,
  word,
  text,
  texts: fc.array(text, { maxLength: 3 }),
  data,
  contents: fc.oneof(
    fc.record({ list: name }),
    fc.record({ pages: fc.array(data, { minLength: 1, maxLength: 3 }) }),
  ),
  when: fc.oneof(fc.integer({ min: 1, max: 99 }), fc.constantFrom("always", "never")),
  value: fc.oneof(text, count, fc.boolean(), fc.constant(null)),
  offsets: fc.array(hex, { maxLength: 3 }),
  packetOrNull: fc.option(
    fc.record({
      type: fc.constantFrom(...CHOICES.packetType),
      key: count,
      offset: hex,
      length: hex,
    }),
  ),
  ranges: fc.array(fc.record({ offset: hex, length: hex, zero: fc.boolean() }), { maxLength: 3 }),
  attribution: fc.record({ uncompressed: hex, compressed: hex }, { requiredKeys: [] }).map(plain),
  counts: fc.dictionary(name, count, { maxKeys: 3 }).map(plain),
  entryOrNull: fc.option(fc.record({ flags, shows: text }, { requiredKeys: [] }).map(plain)),
};

function anyOf(kind: Kind): fc.Arbitrary<unknown> {
  if (Object.hasOwn(CHOICES, kind))
    return fc.constantFrom(...CHOICES[kind as keyof typeof CHOICES]);
  if (Object.hasOwn(WORD_LISTS, kind)) {
    return fc.subarray<string>([...WORD_LISTS[kind as keyof typeof WORD_LISTS]]);
  }
  return ANY[kind] ?? name;
}

/** Without a prototype of its own, objects that are equal would not look so. */
function plain(object: object): object {
  return { ...object };
}

function hexPair(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
