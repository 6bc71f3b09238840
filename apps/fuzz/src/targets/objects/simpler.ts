import { Status } from "@aspace/arch";
import {
  simplerAlone,
  simplerEverywhere,
  simplerRecords,
  type FieldTable,
} from "../../minimise/simpler-operations.ts";
import { downTo, inOrder } from "../../minimise/simpler-values.ts";
import { MAX_FRAMES } from "./bare-machine.ts";
import { Clone } from "./model/children.ts";
import { LockCall } from "./model/discarding.ts";
import { HintKind } from "./model/hint.ts";
import { PAGE_SIZE } from "./model/page-value.ts";
import { Stored } from "./model/pager-calls.ts";
import {
  Access,
  Answer,
  Interruption,
  Mappings,
  Misuse,
  ObjectType,
  Patience,
  Sizing,
  SupplyPattern,
  type Creation,
  type Operation,
  type Program,
} from "./operation.ts";

/** The choices of a field are listed simplest first. */
const choices = (values: object): ReturnType<typeof inOrder> => inOrder(...Object.values(values));

const CREATION: FieldTable = {
  type: choices(ObjectType),
  pages: downTo(1),
  sizing: choices(Sizing),
  patience: choices(Patience),
  pager: downTo(0),
};

/** What finding a defect seldom depends on, and how it looks when it does not. Bytes stay where they are in their page. */
const OPERANDS: FieldTable = {
  ...CREATION,
  page: downTo(0),
  count: downTo(1),
  offset: downTo(0, PAGE_SIZE),
  length: downTo(1, PAGE_SIZE),
  bytes: downTo(0, PAGE_SIZE),
  access: choices(Access),
  clone: choices(Clone),
  pattern: choices(SupplyPattern),
  answer: choices(Answer),
  stored: choices(Stored),
  hint: choices(HintKind),
  hints: inOrder("follow"),
  call: choices(LockCall),
  failure: inOrder(Status.IO),
  misuse: choices(Misuse),
  how: choices(Interruption),
  policy: downTo(0),
  minAge: downTo(0),
  nth: downTo(1),
};

/** Programs one step simpler, for the minimiser: worlds, then slots and operands. */
export function* simplerPrograms(program: Program): Generator<Program> {
  yield* simplerWorlds(program);
  for (const operations of simplerOperations(program)) yield { ...program, operations };
}

function* simplerOperations({ operations, objects }: Program): Generator<readonly Operation[]> {
  yield* lowerSlots(operations, "object", objects.length);
  yield* lowerSlots(operations, "pin", 0);
  yield* lowerSlots(operations, "list", 0);
  yield* simplerEverywhere(operations, OPERANDS);
  yield* wholePages(operations);
  yield* simplerAlone(operations, OPERANDS);
}

/** Memory to spare, no reclaim, fewer and plainer objects. */
function* simplerWorlds(program: Program): Generator<Program> {
  const { frames, anonymousReclaim, mappings, objects } = program;
  if (frames < MAX_FRAMES) yield { ...program, frames: MAX_FRAMES };
  if (anonymousReclaim === "on") yield { ...program, anonymousReclaim: "off" };
  if (mappings === Mappings.ALWAYS) yield { ...program, mappings: Mappings.ON_REQUEST };
  for (const slot of objects.keys()) yield* withoutObject(program, slot);
  for (const [slot, object] of objects.entries()) {
    for (const simpler of simplerRecords<Creation>(object, CREATION)) {
      yield { ...program, objects: objects.with(slot, simpler) };
    }
  }
}

/** The program without an object that no operation names; those behind it move up. */
function* withoutObject(program: Program, slot: number): Generator<Program> {
  const { objects, operations } = program;
  if (slotsIn(operations, "object").has(slot)) return;
  const up = (named: number): number => (named > slot ? named - 1 : named);
  yield {
    ...program,
    objects: objects.toSpliced(slot, 1),
    operations: operations.map((each) => renamed(each, "object", up)),
  };
}

/** From the first byte of a page to the last. */
function* wholePages(operations: readonly Operation[]): Generator<readonly Operation[]> {
  for (const [index, each] of operations.entries()) {
    if (!("offset" in each)) continue;
    const offset = each.offset - (each.offset % PAGE_SIZE);
    if (offset === each.offset && each.length === PAGE_SIZE) continue;
    if (each.length < PAGE_SIZE && offset === each.offset) continue;
    yield operations.with(index, { ...each, offset, length: PAGE_SIZE });
  }
}

/** What slots are for. */
type Table = "object" | "pin" | "list";

/** Each slot that operations fill exchanged for the first one from `first` on that nobody uses. */
function* lowerSlots(
  operations: readonly Operation[],
  table: Table,
  first: number,
): Generator<readonly Operation[]> {
  const used = slotsIn(operations, table);
  let free = first;
  while (used.has(free)) free++;
  for (const slot of used) {
    if (slot < free) continue;
    yield operations.map((each) =>
      renamed(each, table, (named) => (named === slot ? free : named)),
    );
  }
}

function slotsIn(operations: readonly Operation[], table: Table): ReadonlySet<number> {
  const slots = new Set<number>();
  for (const each of operations) renamed(each, table, (slot) => (slots.add(slot), slot));
  return slots;
}

/** The operation with other slots of one table. */
function renamed(operation: Operation, table: Table, rename: (slot: number) => number): Operation {
  const named = (operation as Partial<Record<Table, number>>)[table];
  return {
    ...operation,
    ...(named === undefined ? {} : { [table]: rename(named) }),
    ...("to" in operation && tableFilledBy(operation) === table
      ? { to: rename(operation.to) }
      : {}),
  };
}

function tableFilledBy({ kind }: Operation): Table {
  return kind === "pin" ? "pin" : kind === "take" ? "list" : "object";
}
