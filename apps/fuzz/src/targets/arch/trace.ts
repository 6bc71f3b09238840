import { statusName, type Status } from "@aspace/arch";
import * as v from "valibot";
import { UnreadableTrace } from "../../target.ts";
import { parseLine } from "../trace-line.ts";
import { MAX_TABLE_FRAMES, MIN_TABLE_FRAMES } from "./frames.ts";
import { FramePattern, Misuse, type Operation, type Program } from "./operation.ts";
import { PROGRAM_CPUS } from "./world.ts";

/**
 * A finding as text (F-17): JSON Lines, a header and then one operation a line with the status it
 * answered; the last line of a failing run says which rule broke. It replays without the engine and
 * without the bytes it came from.
 */
const FORMAT = "aspace-arch-trace";
const VERSION = 1;

/** The world of a program and what it runs on: all but the operations. */
export interface TraceHead extends Omit<Program, "operations"> {
  readonly arches: readonly string[];
  readonly quirks: readonly string[];
}

/** An operation that was not skipped, and what each architecture answered. */
export interface TracedStep {
  readonly operation: Operation;
  readonly seen: readonly (Status | null)[];
}

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const pages = (most: number) => v.pipe(count, v.maxValue(most));
/** What `map` takes one by one, and what `mapContiguous` may map by base pages: more would take forever. */
const LONGEST_LIST = 2 ** 12;
const LONGEST_RUN = 2 ** 20;
const range = { aspace: count, page: count, count };
const spot = { cpu: count, aspace: count, page: count };
const enlarge = v.picklist(["yes", "no"] as const);
const access = v.pipe(count, v.maxValue(8));
const seen = v.optional(v.array(v.string()));

const OPERATION = v.variant("kind", [
  v.strictObject({
    kind: v.literal("map"),
    ...range,
    count: pages(LONGEST_LIST),
    pfn: count,
    pattern: v.picklist(Object.values(FramePattern)),
    flags: count,
    action: v.picklist(["error", "skip", "upgrade"] as const),
    seen,
  }),
  v.strictObject({
    kind: v.literal("mapContiguous"),
    ...range,
    count: pages(LONGEST_RUN),
    pfn: count,
    flags: count,
    seen,
  }),
  v.strictObject({ kind: v.literal("unmap"), ...range, enlarge, seen }),
  v.strictObject({ kind: v.literal("protect"), ...range, permissions: count, enlarge, seen }),
  v.strictObject({
    kind: v.literal("harvest"),
    ...range,
    nonTerminal: v.picklist(["retain", "free-unaccessed"] as const),
    terminal: v.picklist(["update-age", "update-age-and-harvest"] as const),
    seen,
  }),
  v.strictObject({ kind: v.literal("markAccessed"), ...range, seen }),
  v.strictObject({
    kind: v.literal("misuse"),
    ...range,
    misuse: v.picklist(Object.values(Misuse)),
    seen,
  }),
  v.strictObject({ kind: v.literal("access"), ...spot, access, seen }),
  v.strictObject({ kind: v.literal("interlude"), ...spot, access, seen }),
  v.strictObject({ kind: v.literal("prefetch"), ...spot, seen }),
  v.strictObject({
    kind: v.literal("switch"),
    cpu: count,
    aspace: v.pipe(v.number(), v.integer(), v.minValue(-1)),
    seen,
  }),
  v.strictObject({ kind: v.literal("failAllocation"), nth: count, seen }),
  v.strictObject({ kind: v.literal("recreate"), aspace: count, seen }),
  v.strictObject({
    kind: v.literal("accessedSinceLastCheck"),
    aspace: count,
    check: v.picklist(["peek", "clear"] as const),
    seen,
  }),
]);

const ASPACES = v.pipe(
  v.array(v.picklist(["user", "kernel", "guest"] as const)),
  v.minLength(1),
  v.maxLength(4),
  v.check((kinds) => kinds.filter((kind) => kind === "kernel").length <= 1, "two kernel aspaces"),
);

const HEADER = v.strictObject({
  format: v.literal(FORMAT),
  version: v.literal(VERSION),
  arches: v.pipe(v.array(v.string()), v.minLength(1)),
  quirks: v.array(v.string()),
  cpus: v.pipe(count, v.minValue(1), v.maxValue(PROGRAM_CPUS)),
  tableFrames: v.pipe(count, v.minValue(MIN_TABLE_FRAMES), v.maxValue(MAX_TABLE_FRAMES)),
  aspaces: ASPACES,
  checkEvery: v.pipe(count, v.minValue(1)),
});

const VERDICT = v.strictObject({
  kind: v.literal("verdict"),
  rule: v.string(),
  message: v.string(),
});

/** One line a step: what was done, and what each architecture answered. */
export function writeTrace(
  head: TraceHead,
  steps: readonly TracedStep[],
  verdict: { readonly rule: string; readonly message: string } | null,
): string {
  const { arches, quirks, cpus, tableFrames, aspaces, checkEvery } = head;
  const world = { arches, quirks, cpus, tableFrames, aspaces, checkEvery };
  const lines: unknown[] = [{ format: FORMAT, version: VERSION, ...world }];
  for (const { operation, seen: statuses } of steps) {
    const names = statuses.map((status) => (status === null ? "-" : statusName(status)));
    lines.push({ ...operation, seen: names });
  }
  if (verdict !== null) lines.push({ kind: "verdict", ...verdict });
  return `${lines.map((line) => JSON.stringify(line)).join("\n")}\n`;
}

/** Reads a trace back; anything unknown is an `UnreadableTrace` that names line and field. */
export function readTrace(text: string): TraceHead & { readonly program: Program } {
  const lines = text.trimEnd().split("\n");
  const { arches, quirks, cpus, tableFrames, aspaces, checkEvery } = parseLine(HEADER, lines, 0);
  const operations: Operation[] = [];
  for (let i = 1; i < lines.length; i++) {
    if (i === lines.length - 1 && lines[i]!.startsWith('{"kind":"verdict"')) {
      parseLine(VERDICT, lines, i);
      break;
    }
    const { seen: _, ...operation } = parseLine(OPERATION, lines, i);
    checkNames(operation, i + 1, cpus, aspaces.length);
    operations.push(operation as Operation);
  }
  const world = { cpus, tableFrames, aspaces, checkEvery };
  return { arches, quirks, ...world, program: { ...world, operations } };
}

/** Operations may only name CPUs and aspaces that the header has. */
function checkNames(operation: object, line: number, cpus: number, aspaces: number): void {
  for (const [field, limit] of [
    ["cpu", cpus],
    ["aspace", aspaces],
  ] as const) {
    const value = (operation as Record<string, number | undefined>)[field];
    if (value === undefined || value < limit) continue;
    throw new UnreadableTrace(`line ${line}: ${field}: expected below ${limit}, found ${value}`);
  }
}
