import {
  movedDown,
  simplerAlone,
  simplerEverywhere,
  simplerRecords,
  type FieldTable,
} from "../../minimise/simpler-operations.ts";
import { downTo, inOrder } from "../../minimise/simpler-values.ts";
import { MAX_FRAMES } from "./decode.ts";
import {
  ObjectType,
  Place,
  Spot,
  WINDOW,
  type AspaceSpec,
  type Creation,
  type Operation,
  type Program,
} from "./operation.ts";
import type { TraceHead } from "./trace.ts";

/** A program and what it runs on. */
export type TracedProgram = Program & TraceHead;

const CREATION: FieldTable = {
  type: inOrder(...Object.values(ObjectType)),
  pages: downTo(1),
  sizing: inOrder("fixed"),
  cachePolicy: downTo(0),
};

const ASPACE: FieldTable = { kind: inOrder("user"), place: inOrder(Place.TABLE_EDGE) };

/** What finding a defect seldom depends on, and how it looks when it does not. */
const OPERANDS: FieldTable = {
  ...CREATION,
  near: downTo(WINDOW),
  region: downTo(0),
  mapping: downTo(0),
  object: downTo(0),
  aspace: downTo(0),
  cpu: downTo(0),
  thread: downTo(0),
  to: downTo(0),
  page: downTo(0),
  count: downTo(1),
  objectPage: downTo(0),
  spot: inOrder(Spot.SPECIFIC, Spot.ANYWHERE),
  alignShift: downTo(0),
  rights: inOrder(7),
  traits: inOrder(8),
  permissions: inOrder(3, 1, 0),
  children: inOrder("yes"),
  // Of a priority; of memory it says what is done.
  level: (value) => (value === "default" ? ["high"] : []),
  mode: inOrder("user"),
  access: inOrder("store", "load"),
  tables: inOrder("retain"),
  nth: downTo(1),
};

/** Programs one step simpler, for the minimiser: worlds, then operands. */
export function* simplerPrograms(program: TracedProgram): Generator<TracedProgram> {
  yield* simplerWorlds(program);
  const { operations } = program;
  for (const simpler of simplerOperations(operations)) yield { ...program, operations: simpler };
}

function* simplerOperations(operations: readonly Operation[]): Generator<readonly Operation[]> {
  yield* movedDown(operations, "page", [1], isInWindow);
  yield* simplerEverywhere(operations, OPERANDS);
  yield* simplerAlone(operations, OPERANDS);
}

function isInWindow(operation: Operation): boolean {
  return "near" in operation && operation.near === WINDOW;
}

/** One architecture, no chance, memory to spare, a look at everything after each operation, fewer and plainer things. */
function* simplerWorlds(program: TracedProgram): Generator<TracedProgram> {
  const { arches, quirks, aspaces, objects, frames, checkEvery } = program;
  if (arches.length > 1) for (const which of arches.keys()) yield onlyOn(which, program);
  for (const index of quirks.keys()) yield { ...program, quirks: quirks.toSpliced(index, 1) };
  if (program.placement === "aslr") yield { ...program, placement: "first-fit" };
  const isLegacy = program.faultModes === "legacy-first";
  if (arches.length === 1 && isLegacy) yield { ...program, faultModes: "upgrade-first" };
  if (frames < MAX_FRAMES) yield { ...program, frames: MAX_FRAMES };
  if (checkEvery > 1) yield { ...program, checkEvery: 1 };
  if (program.seed > 0) yield { ...program, seed: 0 };
  if (aspaces.length > 1) yield { ...program, aspaces: aspaces.slice(0, -1) };
  for (const [slot, aspace] of aspaces.entries()) {
    for (const simpler of simplerRecords<AspaceSpec>(aspace, ASPACE)) {
      yield { ...program, aspaces: aspaces.with(slot, simpler) };
    }
  }
  if (objects.length > 0) yield { ...program, objects: objects.slice(0, -1) };
  for (const [slot, object] of objects.entries()) {
    for (const simpler of simplerRecords<Creation>(object, CREATION)) {
      yield { ...program, objects: objects.with(slot, simpler) };
    }
  }
}

/** The program on one architecture, in the fault mode that it has there. */
function onlyOn(which: number, program: TracedProgram): TracedProgram {
  const other = program.faultModes === "upgrade-first" ? "legacy-first" : "upgrade-first";
  const faultModes = which % 2 === 0 ? program.faultModes : other;
  return { ...program, arches: [program.arches[which]!], faultModes };
}
