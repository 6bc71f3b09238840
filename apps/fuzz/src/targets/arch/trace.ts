import { statusName, type Status } from "@aspace/arch";
import * as v from "valibot";
import { UnreadableTrace } from "../../target.ts";
import { FramePattern, Misuse, type Operation, type Program } from "./operation.ts";

/**
 * A finding as text (F-17): JSON Lines, a header and then one operation a line with the status it
 * answered; the last line of a failing run says which rule broke. It replays without the engine and
 * without the bytes it came from.
 */
const FORMAT = "aspace-arch-trace";
const VERSION = 1;

/** A program, what it runs on, and how it went. */
export interface Trace {
  readonly arches: readonly string[];
  readonly quirks: readonly string[];
  readonly program: Program;
}

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const range = { aspace: count, page: count, count };
const spot = { cpu: count, aspace: count, page: count };
const enlarge = v.picklist(["yes", "no"] as const);
const access = v.pipe(count, v.maxValue(8));

const OPERATION = v.variant("kind", [
  v.object({
    kind: v.literal("map"),
    ...range,
    pfn: count,
    pattern: v.picklist(Object.values(FramePattern)),
    flags: count,
    action: v.picklist(["error", "skip", "upgrade"] as const),
  }),
  v.object({ kind: v.literal("mapContiguous"), ...range, pfn: count, flags: count }),
  v.object({ kind: v.literal("unmap"), ...range, enlarge }),
  v.object({ kind: v.literal("protect"), ...range, permissions: count, enlarge }),
  v.object({
    kind: v.literal("harvest"),
    ...range,
    nonTerminal: v.picklist(["retain", "free-unaccessed"] as const),
    terminal: v.picklist(["update-age", "update-age-and-harvest"] as const),
  }),
  v.object({ kind: v.literal("markAccessed"), ...range }),
  v.object({ kind: v.literal("misuse"), ...range, misuse: v.picklist(Object.values(Misuse)) }),
  v.object({ kind: v.literal("access"), ...spot, access }),
  v.object({ kind: v.literal("interlude"), ...spot, access }),
  v.object({ kind: v.literal("prefetch"), ...spot }),
  v.object({ kind: v.literal("switch"), cpu: count, aspace: v.pipe(v.number(), v.minValue(-1)) }),
  v.object({ kind: v.literal("failAllocation"), nth: count }),
  v.object({ kind: v.literal("recreate"), aspace: count }),
  v.object({
    kind: v.literal("accessedSinceLastCheck"),
    aspace: count,
    check: v.picklist(["peek", "clear"] as const),
  }),
]);

const HEADER = v.object({
  format: v.literal(FORMAT),
  version: v.literal(VERSION),
  arches: v.pipe(v.array(v.string()), v.minLength(1)),
  quirks: v.array(v.string()),
  cpus: v.pipe(count, v.minValue(1), v.maxValue(4)),
  tableFrames: count,
  aspaces: v.pipe(
    v.array(v.picklist(["user", "kernel", "guest"] as const)),
    v.minLength(1),
    v.maxLength(4),
  ),
  checkEvery: v.pipe(count, v.minValue(1)),
});

/** One line a step: what was done, and what each architecture answered. */
export function writeTrace(
  trace: Trace,
  statuses: readonly (readonly (Status | null)[])[],
  verdict: { readonly rule: string; readonly message: string } | null,
): string {
  const { cpus, tableFrames, aspaces, checkEvery, operations } = trace.program;
  const lines: unknown[] = [
    {
      format: FORMAT,
      version: VERSION,
      arches: trace.arches,
      quirks: trace.quirks,
      cpus,
      tableFrames,
      aspaces,
      checkEvery,
    },
  ];
  operations.slice(0, statuses.length).forEach((operation, index) => {
    const seen = statuses[index]!.map((status) => (status === null ? "-" : statusName(status)));
    lines.push({ ...operation, seen });
  });
  if (verdict !== null) lines.push({ kind: "verdict", ...verdict });
  return `${lines.map((line) => JSON.stringify(line)).join("\n")}\n`;
}

/** Reads a trace back; anything unknown is an `UnreadableTrace` that names line and field. */
export function readTrace(text: string): Trace {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const header = parseLine(HEADER, lines[0] ?? "", 1);
  const operations: Operation[] = [];
  for (let i = 1; i < lines.length; i++) {
    if (isVerdict(lines[i]!)) continue;
    operations.push(parseLine(OPERATION, lines[i]!, i + 1) as Operation);
  }
  const { arches, quirks, cpus, tableFrames, aspaces, checkEvery } = header;
  for (const [index, operation] of operations.entries()) {
    checkNames(operation, index + 2, cpus, aspaces.length);
  }
  return { arches, quirks, program: { cpus, tableFrames, aspaces, checkEvery, operations } };
}

const isVerdict = (line: string): boolean => line.includes('"kind":"verdict"');

function parseLine<S extends v.GenericSchema>(
  schema: S,
  line: string,
  number: number,
): v.InferOutput<S> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new UnreadableTrace(`line ${number}: not JSON`);
  }
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const field = v.getDotPath(issue) ?? "line";
  throw new UnreadableTrace(`line ${number}: ${field}: ${issue.message}`);
}

/** Operations may only name CPUs and aspaces that the header has. */
function checkNames(operation: Operation, line: number, cpus: number, aspaces: number): void {
  if ("cpu" in operation && operation.cpu >= cpus) {
    throw new UnreadableTrace(`line ${line}: cpu: expected below ${cpus}, found ${operation.cpu}`);
  }
  if ("aspace" in operation && operation.aspace >= aspaces) {
    throw new UnreadableTrace(
      `line ${line}: aspace: expected below ${aspaces}, found ${operation.aspace}`,
    );
  }
}
