import { describe, expect, test } from "vitest";
import { Random } from "@aspace/arch-conformance";
import { HEADER_BYTES, MAX_OPERATIONS, RECORD_BYTES, decode } from "./decode.ts";
import { encode } from "./encode.ts";
import { KINDS, OPCODES } from "./kind-table.ts";
import { randomInput } from "./random-seeds.ts";
import { SCENES } from "./scenes.ts";

const PROGRAMS = 100;

describe("bytes to programs", () => {
  test("every byte string is a program, of whole records and not too many (F-1, F-2)", () => {
    for (const length of [0, 1, HEADER_BYTES, HEADER_BYTES + RECORD_BYTES - 1, 2000]) {
      const { operations } = decode(new Uint8Array(length).fill(0xff));
      const records = Math.max(0, Math.floor((length - HEADER_BYTES) / RECORD_BYTES));
      expect(operations.length).toBe(Math.min(records, MAX_OPERATIONS));
    }
  });

  test("a prefix of the bytes is a prefix of the program (F-10)", () => {
    const random = new Random(1);
    for (let i = 0; i < PROGRAMS; i++) {
      const input = randomInput(random);
      const records = random.below(MAX_OPERATIONS);
      const prefix = decode(input.subarray(0, HEADER_BYTES + records * RECORD_BYTES));
      const whole = decode(input);
      expect(prefix).toEqual({ ...whole, operations: whole.operations.slice(0, records) });
    }
  });

  test("every kind has opcodes, and there are 256 of them (F-3)", () => {
    expect(OPCODES.length).toBe(256);
    expect(new Set(OPCODES).size).toBe(KINDS.length);
    expect(new Set(KINDS).size).toBe(KINDS.length);
  });

  test("a kind that the mask switches off gives way to one that is on (F-7)", () => {
    const input = new Uint8Array(HEADER_BYTES + RECORD_BYTES);
    expect(decode(input).operations[0]!.kind).toBe("map");
    input[4] = 1;
    expect(decode(input).operations[0]!.kind).toBe("createRegion");
  });
});

describe("programs to bytes", () => {
  test.each(SCENES)("$name (F-10)", ({ program }) => {
    expect(decode(encode(program)!)).toEqual(program);
  });

  test("what was decoded is encoded to the same program, whatever the bytes were (F-10)", () => {
    const random = new Random(3);
    for (let i = 0; i < 5; i++) {
      const program = decode(randomInput(random, 8).fill(0, 4, 6));
      expect(decode(encode(program)!)).toEqual(program);
    }
  });

  test("what no input says has no bytes", () => {
    const [{ program }] = SCENES as [(typeof SCENES)[number]];
    expect(encode({ ...program, frames: 7 })).toBeNull();
    expect(
      encode({ ...program, operations: [{ kind: "write", object: 0, page: 200 }] }),
    ).toBeNull();
  });
});
