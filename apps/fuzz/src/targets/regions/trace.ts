import { statusName, type Status } from "@aspace/arch";
import { RegionOperation } from "@aspace/vm";
import * as v from "valibot";
import { UnreadableTrace } from "../../target.ts";
import { MAX_FRAMES, MIN_FRAMES } from "./decode.ts";
import {
  ASPACE_SLOTS,
  CPUS,
  MAPPING_SLOTS,
  OBJECT_SLOTS,
  ObjectType,
  Place,
  REGION_SLOTS,
  Spot,
  THREAD_SLOTS,
  WINDOW,
  type Operation,
  type Program,
} from "./operation.ts";

/**
 * A finding as text (F-17): JSON Lines, a header and then one operation a line with the status that each architecture
 * answered; the last line of a failing run says which rule broke. It replays without the engine and without the bytes it
 * came from.
 */
const FORMAT = "aspace-regions-trace";
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

/** More pages than this in one operation would take for ever. */
const MOST_PAGES = 256;

const whole = v.pipe(v.number(), v.integer(), v.minValue(0));
const below = (limit: number) => v.pipe(whole, v.maxValue(limit - 1));
const pages = below(MOST_PAGES);
const seen = v.optional(v.array(v.string()));
const permissions = below(8);
const children = v.picklist(["yes", "no"] as const);
const access = v.picklist(["load", "store", "fetch"] as const);
const region = { region: below(REGION_SLOTS) };
const mapping = { mapping: below(2 * MAPPING_SLOTS) };
const object = { object: below(OBJECT_SLOTS) };
const aspace = { aspace: below(ASPACE_SLOTS) };
const cpu = { cpu: below(CPUS) };
const thread = { thread: below(THREAD_SLOTS) };
const range = { page: pages, count: pages };
const near = {
  near: v.pipe(v.number(), v.integer(), v.minValue(WINDOW), v.maxValue(MAPPING_SLOTS - 1)),
};
const placed = {
  ...region,
  ...near,
  ...range,
  spot: v.picklist(Object.values(Spot)),
  alignShift: below(8),
  rights: below(8),
};

const CREATION = {
  type: v.picklist(Object.values(ObjectType)),
  pages: v.pipe(pages, v.minValue(1)),
  sizing: v.picklist(["fixed", "resizable"] as const),
  cachePolicy: below(4),
};

const line = <K extends string, E extends v.ObjectEntries>(kind: K, entries: E) =>
  v.strictObject({ kind: v.literal(kind), ...entries, seen });

const OPERATION = v.variant("kind", [
  line("createRegion", { ...placed, to: below(REGION_SLOTS), traits: below(16) }),
  line("map", {
    ...placed,
    to: below(MAPPING_SLOTS),
    object: below(OBJECT_SLOTS),
    objectPage: pages,
    permissions,
  }),
  line("destroyRegion", region),
  line("unmap", { ...region, ...near, ...range, children }),
  line("unmapPartly", { ...region, ...near, ...range }),
  line("protect", { ...region, ...near, ...range, permissions, children }),
  line("operate", {
    ...region,
    ...near,
    ...range,
    children,
    operation: v.picklist(Object.values(RegionOperation)),
  }),
  line("prioritize", { ...region, level: v.picklist(["high", "default"] as const) }),
  line("mappingProtect", { ...mapping, ...range, permissions }),
  line("mappingUnmap", { ...mapping, ...range }),
  line("mapRange", { ...mapping, ...range }),
  line("mappingDecommit", { ...mapping, ...range }),
  line("merge", mapping),
  line("mappingDestroy", mapping),
  line("attribute", mapping),
  line("create", { ...CREATION, to: below(OBJECT_SLOTS) }),
  line("drop", object),
  line("write", { ...object, page: pages }),
  line("commit", { ...object, ...range }),
  line("decommit", { ...object, ...range }),
  line("zero", { ...object, ...range }),
  line("pin", { ...object, ...range }),
  line("unpin", object),
  line("resize", { ...object, pages }),
  line("snapshot", { ...object, ...range, to: below(OBJECT_SLOTS) }),
  line("supply", { ...object, ...range }),
  line("fail", { ...object, ...range }),
  line("dirty", { ...object, ...range }),
  line("writebackBegin", { ...object, ...range }),
  line("writebackEnd", { ...object, ...range }),
  line("detach", object),
  line("access", {
    ...cpu,
    mode: v.picklist(["user", "kernel", "copy"] as const),
    access,
    ...near,
    page: pages,
  }),
  line("softFault", { ...aspace, ...near, page: pages, access }),
  line("accessedFault", { ...aspace, ...near, page: pages }),
  line("switch", { ...cpu, ...aspace }),
  line("prefetch", { ...cpu, page: pages }),
  line("harvest", {
    tables: v.picklist(["retain", "free"] as const),
    pages: v.picklist(["age", "harvest"] as const),
  }),
  line("dropTables", aspace),
  line("recreate", aspace),
  line("failAllocation", { what: v.picklist(["objects", "tables"] as const), nth: whole }),
  line("serve", thread),
  line("memory", { level: v.picklist(["low", "plenty"] as const) }),
  line("resume", thread),
  line("interrupt", { ...thread, how: v.picklist(["time-out", "kill"] as const) }),
]);

const HEADER = v.strictObject({
  format: v.literal(FORMAT),
  version: v.literal(VERSION),
  arches: v.pipe(v.array(v.string()), v.minLength(1)),
  quirks: v.array(v.string()),
  aspaces: v.pipe(
    v.array(
      v.strictObject({
        kind: v.picklist(["user", "guest"] as const),
        place: v.picklist(Object.values(Place)),
      }),
    ),
    v.minLength(1),
    v.maxLength(ASPACE_SLOTS),
  ),
  objects: v.pipe(v.array(v.strictObject(CREATION)), v.maxLength(OBJECT_SLOTS)),
  placement: v.picklist(["first-fit", "aslr"] as const),
  faultModes: v.picklist(["upgrade-first", "legacy-first"] as const),
  seed: below(256),
  frames: v.pipe(whole, v.minValue(MIN_FRAMES), v.maxValue(MAX_FRAMES)),
  checkEvery: v.pipe(whole, v.minValue(1)),
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
  const { arches, quirks, ...program } = head;
  const { aspaces, objects, placement, faultModes, seed, frames, checkEvery } = program;
  const world = { aspaces, objects, placement, faultModes, seed, frames, checkEvery };
  const lines: unknown[] = [{ format: FORMAT, version: VERSION, arches, quirks, ...world }];
  for (const { operation, seen: statuses } of steps) {
    const names = statuses.map((status) => (status === null ? "-" : statusName(status)));
    lines.push({ ...operation, seen: names });
  }
  if (verdict !== null) lines.push({ kind: "verdict", ...verdict });
  return `${lines.map((each) => JSON.stringify(each)).join("\n")}\n`;
}

/** Reads a trace back; anything unknown is an `UnreadableTrace` that names line and field. */
export function readTrace(text: string): TraceHead & Program {
  const lines = text.trimEnd().split("\n");
  const { format: _, version: __, ...head } = parseLine(HEADER, lines, 0);
  const operations: Operation[] = [];
  for (let i = 1; i < lines.length; i++) {
    if (i === lines.length - 1 && lines[i]!.startsWith('{"kind":"verdict"')) {
      parseLine(VERDICT, lines, i);
      break;
    }
    const { seen: ___, ...operation } = parseLine(OPERATION, lines, i);
    operations.push(operation as Operation);
  }
  return { ...head, operations };
}

function parseLine<S extends v.GenericSchema>(
  schema: S,
  lines: readonly string[],
  index: number,
): v.InferOutput<S> {
  const number = index + 1;
  let value: unknown;
  try {
    value = JSON.parse(lines[index]!);
  } catch {
    throw new UnreadableTrace(`line ${number}: not JSON`);
  }
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const field = v.getDotPath(issue) ?? "line";
  throw new UnreadableTrace(`line ${number}: ${field}: ${issue.message}`);
}
