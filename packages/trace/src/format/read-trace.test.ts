import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyTrace } from "../../test/any-trace.ts";
import { TRACE_NAMES, committedTrace } from "../../test/committed-traces.ts";
import { readTrace } from "./read-trace.ts";
import { UnreadableTrace } from "./unreadable-trace.ts";
import { writeOperation, writeTrace } from "./write-trace.ts";

const HEADER = '{"format":"aspace-trace","version":1}';

function messageFor(...lines: readonly string[]): string {
  try {
    readTrace(lines.join("\n"));
  } catch (error) {
    if (error instanceof UnreadableTrace) return error.message;
    throw error;
  }
  return "readable";
}

describe("a trace that is written and read again", () => {
  test("is the same trace, whatever it holds (J-4)", () => {
    fc.assert(
      fc.property(anyTrace(), (trace) => {
        const text = writeTrace(trace);
        expect(readTrace(text)).toEqual(trace);
        expect(writeTrace(readTrace(text))).toBe(text);
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  test.each(TRACE_NAMES)("%s is committed as it would be written (J-4)", (name) => {
    const text = committedTrace(name);
    expect(writeTrace(readTrace(text))).toBe(text);
  });

  test("has one form for equal values (J-3)", () => {
    const { operations } = readTrace(
      [
        HEADER,
        '{"op":"vmo.create","as":"a","size":4096}',
        '{"op":"vmo.create","as":"a","size":"0X00A000"}',
        '{"op":"cpu.load","at":"m+0x0"}',
        '{"op":"cpu.load","at":8192}',
        '{"op":"mapping.protect","mapping":"m","at":"m+0X0010","length":1,"mmuFlags":["write","read"]}',
      ].join("\n"),
    );
    expect(operations.map(writeOperation)).toEqual([
      '{"op":"vmo.create","as":"a","size":"0x1000"}',
      '{"op":"vmo.create","as":"a","size":"0xa000"}',
      '{"op":"cpu.load","at":"m"}',
      '{"op":"cpu.load","at":"0x2000"}',
      '{"op":"mapping.protect","mapping":"m","at":"m+0x10","length":"0x1","mmuFlags":["read","write"]}',
    ]);
  });

  test("may end in empty lines (J-1)", () => {
    expect(readTrace(`${HEADER}\n\n\n`).operations).toEqual([]);
  });
});

describe("what cannot be read is one message with line, field and what was expected (J-2)", () => {
  test.each([
    ["nothing", [""], "line 1: expected one JSON object, found no JSON"],
    ["noise", [HEADER, "{"], "line 2: expected one JSON object, found no JSON"],
    ["a list", [HEADER, "[]"], "line 2: expected one JSON object, found []"],
    [
      "an empty line between",
      [HEADER, "", HEADER],
      "line 2: expected one JSON object, found no JSON",
    ],
    [
      "another format",
      ['{"format":"pcap","version":1}'],
      'line 1: format: expected "aspace-trace", found "pcap"',
    ],
    [
      "another version",
      ['{"format":"aspace-trace","version":2}'],
      "line 1: version: expected 1, found 2",
    ],
    ["no version", ['{"format":"aspace-trace"}'], "line 1: version: is missing"],
    [
      "an unknown field of the header",
      ['{"format":"aspace-trace","version":1,"ram":4}'],
      "line 1: ram: there is no such field here",
    ],
    [
      "half a CPU",
      ['{"format":"aspace-trace","version":1,"cpus":0.5}'],
      "line 1: cpus: expected a whole number, 0 or more, found 0.5",
    ],
    [
      "no operation",
      [HEADER, "{}"],
      'line 2: op: expected an operation like "vmo.create", found nothing',
    ],
    [
      "an unknown operation",
      [HEADER, '{"op":"compression.start"}'],
      "line 2: op: expected an operation of compression.arm, compression.disarm, compression.begin, " +
        'compression.finish, found "compression.start"',
    ],
    [
      "one of no family",
      [HEADER, '{"op":"toString"}'],
      'line 2: op: expected an operation, found "toString"',
    ],
    ["a missing field", [HEADER, '{"op":"vmo.resize","vmo":"a"}'], "line 2: size: is missing"],
    [
      "an unknown field",
      [HEADER, '{"op":"vmo.release","vmo":"a","now":true}'],
      "line 2: now: there is no such field here",
    ],
    [
      "a thread where nothing waits",
      [HEADER, '{"op":"vmo.release","vmo":"a","thread":"t"}'],
      "line 2: thread: there is no such field here",
    ],
    [
      "a size in words",
      [HEADER, '{"op":"vmo.resize","vmo":"a","size":"4K"}'],
      'line 2: size: expected bytes as a whole number or as text like "0x1000", below 2^64, found "4K"',
    ],
    [
      "a size of 65 bits",
      [HEADER, '{"op":"vmo.resize","vmo":"a","size":"0x10000000000000000"}'],
      'line 2: size: expected bytes as a whole number or as text like "0x1000", below 2^64, ' +
        'found "0x10000000000000000"',
    ],
    [
      "a negative size",
      [HEADER, '{"op":"vmo.resize","vmo":"a","size":-1}'],
      'line 2: size: expected bytes as a whole number or as text like "0x1000", below 2^64, found -1',
    ],
    [
      "a name that is none",
      [HEADER, '{"op":"vmo.release","vmo":"0a"}'],
      "line 2: vmo: expected a name, of letters, digits, _, - and ., that begins with a letter, " +
        'found "0a"',
    ],
    [
      "a word that is none",
      [HEADER, '{"op":"cpu.try","access":"jump","at":0}'],
      'line 2: access: expected one of "read", "write", "fetch", found "jump"',
    ],
    [
      "half a byte",
      [HEADER, '{"op":"vmo.write","vmo":"a","offset":0,"data":"123"}'],
      "line 2: data: expected bytes as pairs of hexadecimal digits, or " +
        '{"fill": byte, "length": bytes}, found "123"',
    ],
    [
      "a word of 33 bits",
      [HEADER, '{"op":"cpu.store","at":0,"value":4294967296}'],
      'line 2: value: expected a word below 2^32, as a whole number or "0x…", found 4294967296',
    ],
    [
      "the 0th attempt",
      [HEADER, '{"op":"memory.fail","what":"tables","when":0}'],
      'line 2: when: expected a whole number from 1, "always" or "never", found 0',
    ],
    [
      "an unknown expectation",
      [HEADER, '{"op":"memory.rotate","expect":{"result":"OK"}}'],
      "line 2: expect.result: there is no such field here",
    ],
    [
      "an unknown status",
      [HEADER, '{"op":"memory.rotate","expect":{"status":"FINE"}}'],
      /^line 2: expect\.status: expected one of "OK", .*"NO_SPACE", found "FINE"$/,
    ],
    [
      "a wrong word in a list",
      [HEADER, '{"op":"memory.rotate","expect":{"fault":["read"]}}'],
      /^line 2: expect\.fault\.0: expected one of "write", .*, found "read"$/,
    ],
  ] as const)("%s", (_, lines, message) => {
    expect(messageFor(...lines)).toEqual(
      typeof message === "string" ? message : expect.stringMatching(message),
    );
  });
});
