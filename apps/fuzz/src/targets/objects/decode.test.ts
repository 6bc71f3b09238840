import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MAX_FRAMES, MIN_FRAMES } from "./bare-machine.ts";
import { HEADER_BYTES, MAX_OPERATIONS, RECORD_BYTES, decode } from "./decode.ts";
import { encode } from "./encode.ts";
import { KIND_GROUPS, KIND_WEIGHTS, KINDS, OPCODES } from "./kind-table.ts";
import { PAGE_SIZE, STRETCH_STARTS } from "./model/page-value.ts";
import { Mappings, type OperationKind, type Program } from "./operation.ts";
import { snapshot, write } from "./scene-operations.ts";
import { SCENES } from "./scenes.ts";
import { SETUPS } from "./setups.ts";
import { readTrace, writeTrace } from "./trace.ts";

const LONGEST = HEADER_BYTES + (MAX_OPERATIONS + 2) * RECORD_BYTES;
const anyBytes = fc.uint8Array({ maxLength: LONGEST, size: "max" });
/** All pages whole, all kinds on, all memory there. */
const PLAIN_HEADER = [0, 0, 0, 0, 0, 0];
const WORLD = {
  frames: MAX_FRAMES,
  anonymousReclaim: "off",
  mappings: Mappings.ON_REQUEST,
  checkEvery: MAX_OPERATIONS,
} as const;

function records(bytes: Uint8Array): number {
  const whole = Math.floor((bytes.length - HEADER_BYTES) / RECORD_BYTES);
  return Math.max(0, Math.min(MAX_OPERATIONS, whole));
}

function kindsOf(header: readonly number[], opcodes: readonly number[]): string[] {
  const bytes = [...header, ...opcodes.flatMap((opcode) => [opcode, 0, 0, 0, 0])];
  return decode(Uint8Array.from(bytes)).operations.map(({ kind }) => kind);
}

const withMask = (mask: number): number[] => [0, 0, 0, 0, mask & 255, mask >> 8];

/** The bit of the mask that switches a kind off. */
const group = (kind: OperationKind): number => 1 << KIND_GROUPS[KINDS.indexOf(kind)]!;

const worldOf = (...header: number[]): Omit<Program, "operations"> =>
  decode(Uint8Array.from(header));

describe("decoding", () => {
  test("makes of every byte string a program that its trace can say (F-1, F-17)", () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const program = decode(bytes);
        expect(program.operations).toHaveLength(records(bytes));
        const steps = program.operations.map((operation) => ({ operation, seen: null }));
        expect(readTrace(writeTrace(program, steps, null))).toEqual(program);
      }),
    );
  });

  test("of a prefix is a prefix; a record that is not whole is ignored (F-2, F-10)", () => {
    fc.assert(
      fc.property(anyBytes, fc.nat(LONGEST), (bytes, length) => {
        const cut = bytes.subarray(0, HEADER_BYTES + length);
        const { operations } = decode(bytes);
        expect(decode(cut)).toEqual({
          ...decode(bytes),
          operations: operations.slice(0, records(cut)),
        });
      }),
    );
  });

  test("gives each kind its share of the 256 opcodes, wherever it stands (F-3)", () => {
    expect(KIND_WEIGHTS.reduce((sum, [, weight]) => sum + weight, 0)).toBe(OPCODES.length);
    expect(OPCODES).toHaveLength(256);
    expect(new Set(KINDS).size).toBe(KINDS.length);
    const opcodes = Array.from({ length: MAX_OPERATIONS }, (_, i) => i * 4);
    const expected = opcodes.map((opcode) => KINDS[OPCODES[opcode]!]);
    expect(kindsOf(PLAIN_HEADER, opcodes)).toEqual(expected);
    expect(kindsOf(PLAIN_HEADER, opcodes.toReversed())).toEqual(expected.toReversed());
  });

  test("lets a kind whose group is off give way to the next that is on; all off means none (F-7)", () => {
    const clone = OPCODES.indexOf(KINDS.indexOf("clone"));
    const last = OPCODES.length - 1;
    expect(kindsOf(withMask(0), [clone])).toEqual(["clone"]);
    expect(kindsOf(withMask(group("clone")), [clone])).toEqual(["slice"]);
    expect(kindsOf(withMask(group("clone") | group("slice")), [clone])).toEqual(["drop"]);
    expect(kindsOf(withMask(group("interrupt")), [last])).toEqual(["create"]);
    expect(kindsOf(withMask(0xffff), [clone])).toEqual(["clone"]);
  });

  test("reads setup, frames and how often everything is checked from the header (F-7, F-12)", () => {
    expect(worldOf(0x80 | 1)).toMatchObject({ anonymousReclaim: "on", objects: SETUPS[1] });
    expect([0, 0x40].map((byte) => worldOf(byte).mappings)).toEqual(["on-request", "always"]);
    expect(worldOf(0, 0, 3)).toMatchObject({ frames: MIN_FRAMES, anonymousReclaim: "off" });
    expect(worldOf(0, 0, 4)).toMatchObject({ frames: MAX_FRAMES });
    expect([0, 15, 31, 255].map((byte) => worldOf(0, 0, 0, byte).checkEvery)).toEqual([
      64, 8, 8, 1,
    ]);
  });

  test("begins and ends transfers where stretches of a page do (F-5)", () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        for (const operation of decode(bytes).operations) {
          if (!("offset" in operation)) continue;
          expect(STRETCH_STARTS).toContain(operation.offset % PAGE_SIZE);
          const end = operation.offset + operation.length;
          if (operation.length > 0) expect(STRETCH_STARTS).toContain(end % PAGE_SIZE);
        }
      }),
    );
  });
});

describe("encoding", () => {
  test("is undone by decoding, for every program that bytes decode to (F-10)", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: HEADER_BYTES + 12 * RECORD_BYTES, size: "max" }),
        (bytes) => {
          const program = decode(bytes);
          const encoded = encode(program);
          expect(encoded).not.toBeNull();
          expect(decode(encoded!)).toEqual(program);
        },
      ),
      { numRuns: 25 },
    );
  });

  test("is undone by decoding, for every scene", () => {
    for (const { name, program } of SCENES) {
      const encoded = encode(program);
      expect([name, encoded === null ? null : decode(encoded)]).toEqual([name, program]);
    }
  });

  test("refuses programs that no bytes decode to", () => {
    const program = { ...WORLD, objects: SETUPS[0]!, operations: [] };
    expect(encode(program)).not.toBeNull();
    expect(encode({ ...program, frames: 1 })).toBeNull();
    expect(encode({ ...program, objects: [...SETUPS[0]!, ...SETUPS[0]!] })).toBeNull();
    expect(encode({ ...program, operations: [write(0, 100, 1)] })).toBeNull();
    const operations = Array.from({ length: MAX_OPERATIONS + 1 }, () => snapshot(0, 1, 0, 1));
    expect(encode({ ...program, operations })).toBeNull();
  });
});
