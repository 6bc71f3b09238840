import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ReferenceAspace } from "@aspace/arch-conformance";
import { x86_64 } from "@aspace/arch-x86-64";
import {
  HEADER_BYTES,
  KIND_WEIGHTS,
  KINDS,
  MAX_OPERATIONS,
  OPCODES,
  RECORD_BYTES,
  SLOT_CHOICES,
  decode,
} from "./decode.ts";
import { encode } from "./encode.ts";
import { MAX_TABLE_FRAMES, MIN_TABLE_FRAMES } from "./frames.ts";
import type { Operation, Program } from "./operation.ts";
import { SCENES } from "./scenes.ts";
import { WINDOW_PAGES, WINDOW_PLACES, windowStart } from "./window.ts";

const LONGEST = HEADER_BYTES + (MAX_OPERATIONS + 2) * RECORD_BYTES;
const anyBytes = fc.uint8Array({ maxLength: LONGEST, size: "max" });
/** Any header, and up to a dozen operations. */
const shortInputs = fc.uint8Array({
  minLength: HEADER_BYTES,
  maxLength: HEADER_BYTES + 12 * RECORD_BYTES,
  size: "max",
});

const input = (header: readonly number[], ...records: readonly number[][]): Uint8Array =>
  Uint8Array.from([...header, ...records.flat()]);

describe("decoding", () => {
  test("takes every byte string, and makes a program of known things (F-1)", () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const { cpus, tableFrames, aspaces, checkEvery, operations } = decode(bytes);
        expect(operations.length).toBe(recordsIn(bytes));
        expect([1, 2, 3, 4]).toContain(cpus);
        expect(SLOT_CHOICES).toContain(aspaces);
        expect(tableFrames).toBeGreaterThanOrEqual(MIN_TABLE_FRAMES);
        expect(tableFrames).toBeLessThanOrEqual(MAX_TABLE_FRAMES);
        expect([1, 16, MAX_OPERATIONS]).toContain(checkEvery);
        for (const operation of operations)
          expect(isWellFormed(operation, decode(bytes))).toBe(true);
      }),
    );
  });

  test("of a prefix is a prefix; an incomplete last record is ignored (F-2, F-10)", () => {
    fc.assert(
      fc.property(anyBytes, fc.nat(LONGEST), (bytes, cut) => {
        const prefix = bytes.subarray(0, HEADER_BYTES + cut);
        const whole = decode(bytes);
        const part = decode(prefix);
        const { operations, ...world } = part;
        expect(operations).toEqual(whole.operations.slice(0, recordsIn(prefix)));
        expect(whole).toMatchObject(world);
      }),
    );
  });

  test("gives each kind its share of the 256 opcodes, whatever happened before (F-3)", () => {
    expect(OPCODES).toHaveLength(256);
    for (const [kind, weight] of KIND_WEIGHTS) {
      const share = OPCODES.filter((code) => KINDS[code] === kind);
      expect([kind, share.length]).toEqual([kind, weight]);
    }
    fc.assert(
      fc.property(shortInputs, (bytes) => {
        const clean = bytes.with(4, 0).with(5, 0);
        const kinds = decode(clean).operations.map(({ kind }) => kind);
        expect(kinds).toEqual(kinds.map((_, i) => KINDS[OPCODES[clean[opcodeAt(i)]!]!]));
      }),
    );
  });

  test("lets a kind that is off give way to the next that is on; all off means none (F-7)", () => {
    const records = KINDS.map((_, kind) => [OPCODES.indexOf(kind), 0, 0, 0, 0, 0]);
    const kindsUnder = (mask: number): string[] =>
      decode(input([0, 0, 0, 0, mask & 255, mask >> 8, 0, 0], ...records)).operations.map(
        ({ kind }) => kind,
      );
    expect(kindsUnder(0)).toEqual(KINDS);
    expect(kindsUnder(0b11).slice(0, 3)).toEqual(["unmap", "unmap", "unmap"]);
    expect(kindsUnder(1 << (KINDS.length - 1)).at(-1)).toBe(KINDS[0]);
    expect(kindsUnder(0xffff)).toEqual(KINDS);
  });

  test("reads how often the whole world is checked, 255 meaning always (F-12)", () => {
    const intervals = [0, 14, 15, 31, 255].map((byte) => decode(input([0, 0, 0, byte])).checkEvery);
    expect(intervals).toEqual([64, 64, 16, 16, 1]);
  });

  test("names pages around the edges of tables and of the aspace (F-6)", () => {
    const { baseVpn, pageCount } = x86_64.aspaces.user;
    const starts = WINDOW_PLACES.map((_, place) => baseVpn + windowStart("user", place));
    const middles = starts.map((vpn) => vpn + WINDOW_PAGES / 2);
    expect(starts[0]).toBe(baseVpn);
    expect(middles.slice(1, 4)).toEqual([2 * 2 ** 9, 2 ** 18, 2 ** 27]);
    expect(starts[4]! + WINDOW_PAGES).toBe(baseVpn + pageCount);
    expect(new ReferenceAspace("user", x86_64.aspaces.user).lookup(starts[4]!)).toBeNull();
  });

  test("can say 'that range again' and 'inside that range' (F-5)", () => {
    const map = [OPCODES.indexOf(KINDS.indexOf("map")), 0, 5, 3 | (7 << 3), 0, 0];
    const again = [OPCODES.indexOf(KINDS.indexOf("unmap")), 0, 2 << 6, 0, 0, 0];
    const inside = [OPCODES.indexOf(KINDS.indexOf("protect")), 0, (3 << 6) | 6, 4, 0, 0];
    const { operations } = decode(
      input(
        Array.from({ length: 8 }, () => 0),
        map,
        inside,
        again,
      ),
    );
    expect(operations.map((operation) => pagesOf(operation))).toEqual([
      [5, 8],
      [11, 2],
      [5, 8],
    ]);
  });
});

describe("encoding", () => {
  test("is undone by decoding, for every program that bytes decode to (F-10)", () => {
    fc.assert(
      fc.property(shortInputs, (bytes) => {
        const program = decode(bytes);
        const encoded = encode(program);
        expect(encoded).not.toBeNull();
        expect(decode(encoded!)).toEqual(program);
      }),
      { numRuns: 15 },
    );
  });

  test("is undone by decoding, for every scene", () => {
    for (const { name, program } of SCENES) {
      const encoded = encode(program);
      expect([name, encoded === null ? null : decode(encoded)]).toEqual([name, program]);
    }
  });

  test("refuses programs that no bytes decode to", () => {
    const { program } = SCENES[0]!;
    const [first] = program.operations;
    expect(encode({ ...program, cpus: 5 })).toBeNull();
    expect(encode({ ...program, tableFrames: 1 })).toBeNull();
    const far = { ...first, page: 2 ** 30 } as Operation;
    expect(encode({ ...program, operations: [far] })).toBeNull();
    const tooMany = Array.from({ length: MAX_OPERATIONS + 1 }, () => first!);
    expect(encode({ ...program, operations: tooMany })).toBeNull();
  });
});

function recordsIn(bytes: Uint8Array): number {
  const whole = Math.floor(Math.max(0, bytes.length - HEADER_BYTES) / RECORD_BYTES);
  return Math.min(whole, MAX_OPERATIONS);
}

const opcodeAt = (index: number): number => HEADER_BYTES + index * RECORD_BYTES;

const pagesOf = (operation: Operation): unknown[] =>
  "count" in operation ? [operation.page, operation.count] : [];

function isWellFormed(operation: Operation, { cpus, aspaces }: Program): boolean {
  const cpu = "cpu" in operation ? operation.cpu : 0;
  const aspace = "aspace" in operation ? operation.aspace : 0;
  const least = operation.kind === "switch" ? -1 : 0;
  const [page, count] = "count" in operation ? [operation.page, operation.count] : [0, 1];
  return cpu < cpus && aspace >= least && aspace < aspaces.length && page >= 0 && count > 0;
}
