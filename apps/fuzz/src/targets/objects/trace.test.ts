import { describe, expect, test } from "vitest";
import { Status } from "@aspace/arch";
import { UnreadableTrace, UnusableOptions } from "../../target.ts";
import { createObjectsTarget } from "./objects-target.ts";
import { drop, read, resume, write } from "./scene-operations.ts";
import { SCENES } from "./scenes.ts";
import { readTrace, writeTrace } from "./trace.ts";

const { program } = SCENES[0]!;

const trace = (): string =>
  writeTrace(
    program,
    program.operations.map((operation) => ({ operation, seen: Status.OK })),
    { rule: "P9", message: "expected 1, seen 2" },
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

describe("a trace of memory objects (F-17)", () => {
  test("is one readable line an operation, the verdict last, and reads back as the program", () => {
    const lines = trace().trimEnd().split("\n");
    expect(lines).toHaveLength(2 + program.operations.length);
    expect(lines[0]).toMatch(/^\{"format":"aspace-objects-trace","version":1,"frames":320,/);
    expect(lines[1]).toBe('{"kind":"write","object":0,"offset":0,"length":8192,"seen":["OK"]}');
    expect(lines.at(-1)).toBe('{"kind":"verdict","rule":"P9","message":"expected 1, seen 2"}');
    expect(readTrace(trace())).toEqual(program);
  });

  test.each([
    [changed(1, { version: 2 }), /^line 1: version: /],
    [changed(1, { format: "aspace-arch-trace" }), /^line 1: format: /],
    [changed(1, { colour: "red" }), /^line 1: colour: /],
    [changed(1, { frames: 1 }), /^line 1: frames: /],
    [changed(1, { objects: [{ type: "ghost" }] }), /^line 1: objects\.0\./],
    [changed(2, { kind: "explode" }), /^line 2: kind: /],
    [changed(2, { offset: 7 }), /^line 2: offset: not at the edge of a stretch/],
    [changed(2, { length: 2 ** 40 }), /^line 2: length: /],
    [changed(2, { length: 7 }), /^line 2: length: does not end at the edge of a stretch/],
    [changed(2, { object: 12 }), /^line 2: object: /],
    [changed(2, { colour: "red" }), /^line 2: colour: /],
    [trace().replace('"commit"', '"commit'), /^line \d+: not JSON/],
    ["", /^line 1: not JSON/],
  ])("that is damaged or from another version is refused with line and field: %#", (text, line) => {
    expect(complaint(text)).toMatch(line);
  });

  test("leaves out operations that named nothing alive, and leave no mark (F-4)", () => {
    const target = createObjectsTarget({ arches: [], quirks: [] });
    const operations = [drop(0), write(0, 0, 1), resume(1), read(0, 0, 1)];
    const steps = operations.map((operation) => ({ operation, seen: null }));
    expect(target.replay(writeTrace(program, steps, null))).toBeNull();
    expect(target.stats).toMatchObject({ runs: 1, operations: 4, skipped: 3 });
  });
});

test("a quirk is refused: memory objects have none", () => {
  expect(() => createObjectsTarget({ arches: [], quirks: ["H1"] })).toThrow(UnusableOptions);
});
