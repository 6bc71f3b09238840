import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MmuFlags, Status } from "@aspace/arch";
import { UnreadableTrace } from "../../target.ts";
import { createArchTarget } from "./arch-target.ts";
import { HEADER_BYTES, MAX_OPERATIONS, RECORD_BYTES, decode } from "./decode.ts";
import type { Operation } from "./operation.ts";
import { UR, URW, failAllocation, map, protect, read, recreate } from "./scene-operations.ts";
import { SCENES } from "./scenes.ts";
import { readTrace, writeTrace } from "./trace.ts";

const programs = fc
  .uint8Array({ maxLength: HEADER_BYTES + MAX_OPERATIONS * RECORD_BYTES, size: "max" })
  .map((bytes) => decode(bytes));

const head = { arches: ["x86-64"], quirks: ["H4"] };

const trace = (operations: readonly Operation[] = SCENES[0]!.program.operations): string =>
  writeTrace(
    { ...SCENES[0]!.program, ...head },
    operations.map((operation) => ({ operation, seen: [Status.OK] })),
    { rule: "P-M1", message: "expected OK, seen NO_MEMORY" },
  );

/** The trace with a change to one line, as JSON. */
function changed(line: number, change: Record<string, unknown>): string {
  const lines = trace().split("\n");
  lines[line - 1] = JSON.stringify({ ...(JSON.parse(lines[line - 1]!) as object), ...change });
  return lines.join("\n");
}

function complaint(text: string): string {
  try {
    readTrace(text);
  } catch (error) {
    if (error instanceof UnreadableTrace) return error.message;
    throw error;
  }
  return "none";
}

describe("a trace (F-17)", () => {
  test("says what a program did, and reads back as the same program", () => {
    fc.assert(
      fc.property(programs, (program) => {
        const steps = program.operations.map((operation) => ({
          operation,
          seen: [Status.OK, null],
        }));
        const verdict = { rule: "P-M1", message: 'expected "OK"' };
        const {
          program: back,
          arches,
          quirks,
        } = readTrace(writeTrace({ ...program, ...head }, steps, verdict));
        expect(back).toEqual(program);
        expect({ arches, quirks }).toEqual(head);
      }),
    );
  });

  test("is one readable line an operation, the verdict last", () => {
    const lines = trace().trimEnd().split("\n");
    expect(lines).toHaveLength(2 + SCENES[0]!.program.operations.length);
    expect(lines[0]).toMatch(/^\{"format":"aspace-arch-trace","version":1,"arches":\["x86-64"\]/);
    expect(lines[1]).toMatch(
      /^\{"kind":"map","aspace":0,"page":510,"count":4,.*"seen":\["OK"\]\}$/,
    );
    expect(lines.at(-1)).toBe(
      '{"kind":"verdict","rule":"P-M1","message":"expected OK, seen NO_MEMORY"}',
    );
  });

  test.each([
    [changed(1, { version: 2 }), /^line 1: version: /],
    [changed(1, { format: "other" }), /^line 1: format: /],
    [changed(1, { colour: "red" }), /^line 1: colour: /],
    [changed(1, { aspaces: ["kernel", "kernel"] }), /^line 1: aspaces: two kernel aspaces/],
    [changed(1, { tableFrames: 1 }), /^line 1: tableFrames: /],
    [changed(2, { kind: "explode" }), /^line 2: kind: /],
    [changed(2, { count: -1 }), /^line 2: count: /],
    [changed(2, { count: 2 ** 40 }), /^line 2: count: /],
    [changed(2, { colour: "red" }), /^line 2: colour: /],
    [changed(3, { cpu: 7 }), /^line 3: cpu: expected below 3, found 7/],
    [changed(3, { aspace: 1 }), /^line 3: aspace: expected below 1, found 1/],
    [trace().replace('"unmap"', '"unmap'), /^line \d+: not JSON/],
    ["", /^line 1: not JSON/],
  ])("that is damaged or from another version is refused with line and field: %#", (text, line) => {
    expect(complaint(text)).toMatch(line);
  });

  test("leaves out operations on an empty slot, which leave no mark (F-4)", () => {
    const target = createArchTarget({ arches: ["x86-64"], quirks: [] });
    const world = { ...SCENES[0]!.program, arches: ["x86-64"], quirks: ["H8"] };
    const cached = map(0, 1, URW);
    const failing = [
      { ...cached, page: 1, flags: URW | MmuFlags.UNCACHED } as const,
      protect(1, 1, UR),
    ];
    // No memory: the slot stays empty, what is planned for it is skipped.
    const skipped = [failAllocation(0), recreate(0), cached, read(0, 0), recreate(0)];
    const steps = [...skipped, ...failing].map((operation) => ({ operation, seen: [] }));
    const failure = target.replay(writeTrace(world, steps, null))!;
    expect(target.stats.skipped).toBe(2);
    const kept = readTrace(failure.trace).program.operations.map(({ kind }) => kind);
    expect(kept).toEqual(["failAllocation", "recreate", "recreate", "map", "protect"]);
    expect(target.replay(failure.trace)).toEqual(failure);
    expect(target.stats.skipped).toBe(2);
  });

  test("of a finding replays to the same failure", () => {
    const target = createArchTarget({ arches: ["x86-64"], quirks: ["H8"] });
    const { program } = SCENES.find(({ name }) => name.startsWith("pages have all"))!;
    const text = writeTrace(
      { ...program, arches: ["x86-64"], quirks: ["H8"] },
      program.operations.map((operation) => ({ operation, seen: [] })),
      null,
    );
    const first = target.replay(text);
    expect(first).toMatchObject({ rule: "P-M2", operation: "protect", arch: "x86-64" });
    expect(target.replay(first!.trace)).toEqual(first);
  });
});
