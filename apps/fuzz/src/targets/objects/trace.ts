import { Status, statusName } from "@aspace/arch";
import * as v from "valibot";
import { UnreadableTrace } from "../../target.ts";
import { parseLine } from "../trace-line.ts";
import { MAX_FRAMES, MIN_FRAMES } from "./bare-machine.ts";
import { Clone } from "./model/children.ts";
import { LockCall } from "./model/discarding.ts";
import { HintKind } from "./model/hint.ts";
import { PAGE_SIZE, STRETCH_STARTS } from "./model/page-value.ts";
import { Stored } from "./model/pager-calls.ts";
import {
  Access,
  ACTOR_SLOTS,
  Answer,
  Interruption,
  LIST_SLOTS,
  Mappings,
  Misuse,
  OBJECT_SLOTS,
  ObjectType,
  PAGERS,
  PIN_SLOTS,
  Patience,
  Sizing,
  SupplyPattern,
  type Operation,
  type Program,
} from "./operation.ts";

/**
 * A finding as text (F-17): JSON Lines, a header and then one operation a line with the status it answered; the last
 * line of a failing run says which rule broke. It replays without the engine and without the bytes it came from.
 */
const FORMAT = "aspace-objects-trace";
const VERSION = 1;

/** An operation that was not skipped, and what it answered; null when it did not come to that. */
export interface TracedStep {
  readonly operation: Operation;
  readonly seen: Status | null;
}

/** More pages than this in one operation would take for ever. */
const MOST_PAGES = 4096;

const whole = v.pipe(v.number(), v.integer(), v.minValue(0));
const below = (limit: number) => v.pipe(whole, v.maxValue(limit - 1));
const pages = below(MOST_PAGES);
/** Where transfers may begin and end: the model knows pages by their stretches only. */
const edge = v.pipe(
  below(MOST_PAGES * PAGE_SIZE),
  v.check((bytes) => STRETCH_STARTS.includes(bytes % PAGE_SIZE), "not at the edge of a stretch"),
);
const object = { object: below(OBJECT_SLOTS) };
const to = { to: below(OBJECT_SLOTS) };
const range = { ...object, page: pages, count: pages };
const bytes = { ...object, offset: edge, length: below(MOST_PAGES * PAGE_SIZE) };
const sizing = v.picklist(Object.values(Sizing));
const seen = v.optional(v.array(v.string()));
const status = v.pipe(
  v.number(),
  v.check((value) => Object.values(Status).some((known) => known === value), "no status"),
);

const CREATION = {
  type: v.picklist(Object.values(ObjectType)),
  pages,
  sizing,
  patience: v.picklist(Object.values(Patience)),
  pager: below(PAGERS),
};

const onObject = <K extends string>(kind: K) =>
  v.strictObject({ kind: v.literal(kind), ...object, seen });
const onPages = <K extends string>(kind: K) =>
  v.strictObject({ kind: v.literal(kind), ...range, seen });
const onBytes = <K extends string>(kind: K) =>
  v.strictObject({ kind: v.literal(kind), ...bytes, seen });
const onPage = <K extends string>(kind: K) =>
  v.strictObject({ kind: v.literal(kind), ...object, page: pages, seen });
const nth = <K extends string>(kind: K) =>
  v.strictObject({ kind: v.literal(kind), nth: whole, seen });

const OPERATION = v.variant("kind", [
  v.strictObject({ kind: v.literal("create"), ...CREATION, ...to, seen }),
  v.strictObject({
    kind: v.literal("clone"),
    ...range,
    ...to,
    clone: v.picklist(Object.values(Clone)),
    sizing,
    seen,
  }),
  v.strictObject({ kind: v.literal("slice"), ...range, ...to, seen }),
  v.strictObject({ kind: v.literal("reference"), ...object, ...to, sizing, seen }),
  onObject("drop"),
  onBytes("read"),
  onBytes("write"),
  onBytes("commit"),
  onBytes("decommit"),
  onBytes("zero"),
  v.strictObject({ kind: v.literal("resize"), ...object, pages, seen }),
  v.strictObject({ kind: v.literal("setSize"), ...object, bytes: edge, seen }),
  v.strictObject({
    kind: v.literal("pin"),
    ...range,
    access: v.picklist(Object.values(Access)),
    to: below(PIN_SLOTS),
    seen,
  }),
  v.strictObject({ kind: v.literal("unpin"), pin: below(PIN_SLOTS), seen }),
  onPages("lookup"),
  onPages("lookupContiguous"),
  v.strictObject({ kind: v.literal("take"), ...range, to: below(LIST_SLOTS), seen }),
  v.strictObject({
    kind: v.literal("supply"),
    ...range,
    pattern: v.picklist(Object.values(SupplyPattern)),
    seen,
  }),
  v.strictObject({
    kind: v.literal("supplyList"),
    ...object,
    page: pages,
    list: below(LIST_SLOTS),
    seen,
  }),
  v.strictObject({ kind: v.literal("fail"), ...range, failure: status, seen }),
  onPages("dirty"),
  onPages("enumerateDirty"),
  v.strictObject({
    kind: v.literal("writebackBegin"),
    ...range,
    stored: v.picklist(Object.values(Stored)),
    seen,
  }),
  onPages("writebackEnd"),
  onObject("detach"),
  v.strictObject({
    kind: v.literal("serve"),
    pager: below(PAGERS),
    answer: v.picklist(Object.values(Answer)),
    count: pages,
    seen,
  }),
  v.strictObject({ kind: v.literal("closePager"), pager: below(PAGERS), seen }),
  v.strictObject({
    kind: v.literal("hint"),
    ...bytes,
    hint: v.picklist(Object.values(HintKind)),
    seen,
  }),
  v.strictObject({
    kind: v.literal("lock"),
    ...object,
    call: v.picklist(Object.values(LockCall)),
    seen,
  }),
  onObject("discard"),
  v.strictObject({ kind: v.literal("setCachePolicy"), ...object, policy: whole, seen }),
  v.strictObject({
    kind: v.literal("evict"),
    ...object,
    page: pages,
    hints: v.picklist(["follow", "ignore"] as const),
    seen,
  }),
  onPage("beginCompression"),
  onPage("dedup"),
  v.strictObject({
    kind: v.literal("finishCompression"),
    result: v.picklist(["fits", "does-not-fit"] as const),
    seen,
  }),
  v.strictObject({ kind: v.literal("scan"), pages, minAge: below(8), seen }),
  onObject("map"),
  onObject("unmap"),
  v.strictObject({
    kind: v.literal("fault"),
    ...range,
    access: v.picklist(Object.values(Access)),
    seen,
  }),
  v.strictObject({
    kind: v.literal("prioritize"),
    ...object,
    level: v.picklist(["high", "normal"] as const),
    seen,
  }),
  onPages("commitHighPriority"),
  onObject("takeModified"),
  v.strictObject({
    kind: v.literal("memory"),
    level: v.picklist(["low", "plenty"] as const),
    seen,
  }),
  nth("failAllocation"),
  nth("delayAllocation"),
  v.strictObject({ kind: v.literal("resume"), actor: below(ACTOR_SLOTS), seen }),
  v.strictObject({
    kind: v.literal("interrupt"),
    actor: below(ACTOR_SLOTS),
    how: v.picklist(Object.values(Interruption)),
    seen,
  }),
  v.strictObject({
    kind: v.literal("misuse"),
    ...object,
    misuse: v.picklist(Object.values(Misuse)),
    seen,
  }),
]);

const HEADER = v.strictObject({
  format: v.literal(FORMAT),
  version: v.literal(VERSION),
  frames: v.pipe(whole, v.minValue(MIN_FRAMES), v.maxValue(MAX_FRAMES)),
  anonymousReclaim: v.picklist(["off", "on"] as const),
  mappings: v.picklist(Object.values(Mappings)),
  objects: v.pipe(v.array(v.strictObject(CREATION)), v.maxLength(OBJECT_SLOTS)),
  checkEvery: v.pipe(whole, v.minValue(1)),
});

const VERDICT = v.strictObject({
  kind: v.literal("verdict"),
  rule: v.string(),
  message: v.string(),
});

/** One line a step: what was done, and what came of it. */
export function writeTrace(
  { frames, anonymousReclaim, mappings, objects, checkEvery }: Program,
  steps: readonly TracedStep[],
  verdict: { readonly rule: string; readonly message: string } | null,
): string {
  const world = { frames, anonymousReclaim, mappings, objects, checkEvery };
  const lines: unknown[] = [{ format: FORMAT, version: VERSION, ...world }];
  for (const { operation, seen: answer } of steps) {
    lines.push({ ...operation, seen: [answer === null ? "-" : statusName(answer)] });
  }
  if (verdict !== null) lines.push({ kind: "verdict", ...verdict });
  return `${lines.map((line) => JSON.stringify(line)).join("\n")}\n`;
}

/** Reads a trace back; anything unknown is an `UnreadableTrace` that names line and field. */
export function readTrace(text: string): Program {
  const lines = text.trimEnd().split("\n");
  const { format: _format, version: _version, ...world } = parseLine(HEADER, lines, 0);
  const operations: Operation[] = [];
  for (let i = 1; i < lines.length; i++) {
    if (i === lines.length - 1 && lines[i]!.startsWith('{"kind":"verdict"')) {
      parseLine(VERDICT, lines, i);
      break;
    }
    const { seen: _, ...operation } = parseLine(OPERATION, lines, i);
    checkEnd(operation, i + 1);
    operations.push(operation as Operation);
  }
  return { ...world, operations };
}

/** A transfer ends where a stretch does, as it begins. */
function checkEnd(operation: object, line: number): void {
  if (!("offset" in operation && "length" in operation)) return;
  const end = Number(operation.offset) + Number(operation.length);
  if (STRETCH_STARTS.includes(end % PAGE_SIZE) || operation.length === 0) return;
  throw new UnreadableTrace(`line ${line}: length: does not end at the edge of a stretch`);
}
