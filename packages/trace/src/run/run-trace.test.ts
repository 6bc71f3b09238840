import { findBackend } from "@aspace/backends";
import { describe, expect, test } from "vitest";
import { UnreadableTrace } from "../format/unreadable-trace.ts";
import { Checking, runTrace, type RunOptions, type TraceRun } from "./run-trace.ts";

const x86 = findBackend("x86-64")!;
const HEADER = { format: "aspace-trace", version: 1 };

/** Plays operations on a kernel of their own. */
function play(
  operations: readonly object[],
  header: object = {},
  options: Partial<RunOptions> = {},
): TraceRun {
  const lines = [{ ...HEADER, ...header }, ...operations];
  const text = lines.map((line) => JSON.stringify(line)).join("\n");
  return runTrace(text, { architecture: x86, ...options });
}

function messageOf(operations: readonly object[], header: object = {}): string {
  try {
    play(operations, header);
  } catch (error) {
    if (error instanceof UnreadableTrace) return error.message;
    throw error;
  }
  return "played";
}

const A = { op: "vmo.create", as: "a", size: 0x4000 };
const PAGER = [
  { op: "pager.create", as: "pg" },
  { op: "pager.create-vmo", as: "f", pager: "pg", size: 0x4000 },
];
const READ = { op: "vmo.read", vmo: "f", offset: 0, length: 1 };

describe("an operation that does not do what was expected", () => {
  test("ends the run, with its line, the field, what was expected and what was seen (J-6)", () => {
    const wrong = { op: "vmo.resize", vmo: "a", size: 0, expect: { status: "OK" } };
    const { outcomes, failure } = play([A, wrong, { op: "vmo.dump", vmo: "a" }]);
    expect(outcomes).toHaveLength(2);
    expect(failure).toBe(outcomes[1]);
    expect(failure).toMatchObject({
      line: 3,
      mismatch: { field: "status", expected: "OK", seen: "UNAVAILABLE" },
    });
  });

  test("may answer nothing of the kind (J-6)", () => {
    const { failure } = play([{ ...A, expect: { value: 1 } }]);
    expect(failure?.mismatch).toEqual({ field: "value", expected: 1, seen: undefined });
  });

  test.each([
    ["other bytes", { bytes: "aa01" }],
    ["fewer bytes", { bytes: "aa" }],
    ["another number", { value: 3 }],
    ["a wait", { blocked: "READ" }],
    ["a panic", { panic: "P1" }],
  ])("is one that expects %s than it sees (J-6)", (_, expected) => {
    const read = { op: "vmo.read", vmo: "a", offset: 0, length: 2, expect: expected };
    const { failure } = play([A, { op: "vmo.write", vmo: "a", offset: 0, data: "aa00" }, read]);
    expect(failure?.line).toBe(4);
  });
});

describe("an expectation is met", () => {
  test("by equal bytes and numbers, however they are written (J-6)", () => {
    const expected = { status: "OK", bytes: { fill: 0, length: 32 }, value: "0x20" };
    const read = { op: "vmo.read", vmo: "a", offset: 0, length: 32 };
    const { failure, outcomes } = play([
      A,
      { ...read, expect: expected },
      { ...read, expect: { bytes: "00".repeat(32), value: 32 } },
    ]);
    expect(failure).toBeNull();
    expect(outcomes[1]!.seen).toEqual({
      status: "OK",
      value: "0x20",
      bytes: { fill: 0, length: "0x20" },
    });
  });

  test("by an object with more fields, but not by a longer list (J-6)", () => {
    const lookup = { op: "vmo.lookup", vmo: "a", offset: 0, length: 0x4000 };
    const commit = { op: "vmo.commit", vmo: "a", offset: 0, length: 0x2000 };
    const counts = { op: "vmo.counts", vmo: "a", expect: { counts: { pages: 4 } } };
    expect(play([A, commit, counts]).failure).toBeNull();
    const { failure } = play([A, commit, { ...lookup, expect: { pages: [0] } }]);
    expect(failure?.mismatch).toEqual({
      field: "pages",
      expected: ["0x0"],
      seen: ["0x0", "0x1000"],
    });
  });
});

describe("an operation that waits", () => {
  test("and names no thread fails, and has given up (J-7)", () => {
    const { failure } = play([...PAGER, READ]);
    expect(failure?.mismatch).toEqual({ field: "blocked", expected: undefined, seen: "READ" });
    const empty = { op: "pager.read", pager: "pg", expect: { packet: null } };
    const expecting = { ...READ, expect: { blocked: "READ" } };
    expect(play([...PAGER, expecting, empty]).failure).toBeNull();
  });

  test("goes on when the trace says so, and not before (J-7)", () => {
    const supply = { op: "pager.supply", vmo: "f", offset: 0, from: { pages: ["aa"] } };
    const run = { op: "thread.run", thread: "t" };
    const { outcomes, failure } = play([...PAGER, { ...READ, thread: "t" }, run, supply, run]);
    expect(failure).toBeNull();
    expect(outcomes.slice(2).map(({ seen }) => seen)).toEqual([
      { blocked: "READ" },
      { blocked: "READ" },
      { status: "OK" },
      { status: "OK", value: "0x1", bytes: "aa" },
    ]);
  });

  test("several of them go on in the order that the trace chooses (J-7)", () => {
    const supply = { op: "pager.supply", vmo: "f", offset: 0, from: { pages: ["00"] } };
    const lastOf = (first: string, second: string): unknown => {
      const { outcomes } = play([
        ...PAGER,
        { op: "vmo.write", vmo: "f", offset: 0, data: "01", thread: "one" },
        { op: "vmo.write", vmo: "f", offset: 0, data: "02", thread: "two" },
        supply,
        { op: "thread.run", thread: first },
        { op: "thread.run", thread: second },
        READ,
      ]);
      return outcomes.at(-1)!.seen.bytes;
    };
    expect([lastOf("one", "two"), lastOf("two", "one")]).toEqual(["02", "01"]);
  });

  test("can time out or be killed, which takes its request back (J-7)", () => {
    const waiting = { ...READ, thread: "t" };
    const none = { op: "pager.read", pager: "pg", expect: { packet: null } };
    const late = { op: "thread.time-out", thread: "t", expect: { status: "TIMED_OUT" } };
    expect(play([...PAGER, waiting, late, none]).failure).toBeNull();
    const kill = { op: "thread.kill", thread: "t" };
    expect(play([...PAGER, waiting, kill, none, waiting]).failure).toBeNull();
  });
});

describe("a panic", () => {
  const unpin = { op: "vmo.unpin", vmo: "a", offset: 0, length: 0x1000 };

  test("fails with its rule and what it says, unless that is expected (J-8)", () => {
    const { failure } = play([A, unpin]);
    expect(failure).toMatchObject({
      mismatch: { field: "panic", expected: undefined, seen: "P15" },
      message: expect.stringMatching(/^P15: /) as string,
    });
    expect(play([A, { ...unpin, expect: { panic: "P15" } }]).failure).toBeNull();
    expect(play([A, { ...unpin, expect: { panic: "P1" } }]).failure?.mismatch).toEqual({
      field: "panic",
      expected: "P1",
      seen: "P15",
    });
  });

  test("leaves no kernel to go on with (J-8)", () => {
    expect(messageOf([A, { ...unpin, expect: { panic: "P15" } }, A])).toBe(
      "line 4: there is no kernel any more after a panic",
    );
  });
});

describe("what makes no sense where it stands is one message with its line (J-9)", () => {
  const cases: readonly (readonly [string, readonly object[], string])[] = [
    ["an unknown name", [{ op: "vmo.dump", vmo: "a" }], "line 2: vmo: nothing is named 'a' here"],
    ["another kind of thing", [A, { op: "pager.read", pager: "a" }], "line 3: pager: 'a' is a vmo"],
    ["a name that is taken", [A, A], "line 3: as: 'a' is a vmo already"],
    [
      "what was let go",
      [A, { op: "vmo.release", vmo: "a" }, { op: "vmo.dump", vmo: "a" }],
      "line 4: vmo: nothing is named 'a' here",
    ],
    [
      "a name whose making failed",
      [
        { ...A, size: "0xffffffffffffffff" },
        { op: "vmo.dump", vmo: "a" },
      ],
      "line 3: vmo: nothing is named 'a' here",
    ],
    [
      "nobody who waits",
      [{ op: "thread.run", thread: "t" }],
      "line 2: thread: nobody named 't' waits",
    ],
    [
      "somebody who still waits",
      [...PAGER, { ...READ, thread: "t" }, { ...READ, thread: "t" }],
      "line 5: thread: 't' still waits",
    ],
    [
      "a CPU that is not there",
      [{ op: "cpu.load", cpu: 1, at: 0 }],
      "line 2: cpu: expected below 1, found 1",
    ],
    ["half a word", [{ op: "cpu.load", at: 2 }], "line 2: at: expected a multiple of 4, found 0x2"],
    [
      "a place without a beginning",
      [A, { op: "cpu.load", at: "a" }],
      "line 3: at: 'a' is no region or mapping",
    ],
    [
      "a page in bytes",
      [A, { op: "memory.dedup", vmo: "a", offset: 1 }],
      "line 3: offset: expected whole pages, found 0x1",
    ],
    [
      "what device memory cannot do",
      [
        { op: "vmo.create-physical", as: "d", base: 0, size: 0x1000 },
        { op: "vmo.dump", vmo: "d" },
      ],
      "line 3: vmo: 'd' is device memory",
    ],
    [
      "more bytes than there is room for",
      [A, { op: "vmo.read", vmo: "a", offset: 0, length: "0x100000000" }],
      "line 3: length: expected at most 0x4000000, found 0x100000000",
    ],
    [
      "more pages than can be listed",
      [
        { op: "vmo.create-physical", as: "d", base: 0, size: "0x100000000000" },
        { op: "vmo.lookup", vmo: "d", offset: 0, length: "0x100000000000" },
      ],
      "line 3: length: there are more than 65536 pages in 0x100000000000",
    ],
    [
      "more than a page for a page",
      [
        ...PAGER,
        { op: "pager.supply", vmo: "f", offset: 0, from: { pages: [{ fill: 1, length: 4097 }] } },
      ],
      "line 4: from: a page has 4096 bytes",
    ],
  ];

  test.each(cases)("%s", (_, operations, message) => {
    expect(messageOf(operations)).toBe(message);
  });

  test("a machine that cannot be, and an architecture that it is not for", () => {
    expect(messageOf([], { cpus: 33 })).toBe("line 1: cpuCount 33 is not in 1..32");
    expect(messageOf([], { arches: ["arm64"] })).toBe(
      "line 1: arches: the trace is meant for arm64, not x86-64",
    );
    expect(messageOf([], { quirks: ["Q-1", "Q-99"] })).toMatch(
      /^line 1: quirks: expected one of .*Q-11 on x86-64, found Q-99$/,
    );
  });
});

describe("how a trace is played", () => {
  test("as far as it is wanted (J-11)", () => {
    const { outcomes } = play(
      [A, { op: "vmo.dump", vmo: "a" }, { op: "validate" }],
      {},
      { until: 2 },
    );
    expect(outcomes.map(({ line }) => line)).toEqual([2, 3]);
  });

  test("twice alike (J-11)", () => {
    const operations = [A, { op: "aspace.create", as: "p" }, { op: "aspace.dump", aspace: "p" }];
    const seen = (): unknown => play(operations, { placement: "aslr", seed: 7 }).outcomes;
    expect(seen()).toEqual(seen());
  });

  test("with a check after each operation, when wanted: it finds what no operation shows (J-11)", () => {
    const wrong = [
      A,
      { op: "vmo.commit", vmo: "a", offset: 0, length: 0x2000 },
      { op: "aspace.create", as: "p" },
      { op: "region.map", as: "m", vmar: "p", vmo: "a", size: 0x1000, mmuFlags: ["user", "read"] },
      {
        op: "aspace.map-entry",
        aspace: "p",
        at: "m",
        vmo: "a",
        offset: 0x1000,
        mmuFlags: ["user", "read"],
        existing: "error",
      },
    ];
    expect(play(wrong).failure).toBeNull();
    const { failure } = play(wrong, {}, { checking: Checking.AFTER_EACH });
    expect(failure).toMatchObject({ line: 6, seen: { panic: "I-18" } });
    expect(play([...wrong, { op: "validate" }]).failure).toMatchObject({ line: 7 });
  });
});
