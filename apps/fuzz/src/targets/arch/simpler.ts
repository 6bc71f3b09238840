import {
  ALL_ACCESSES,
  AccessedCheck,
  AspaceKind,
  Enlarge,
  ExistingEntry,
  MmuFlags,
  NonTerminalAction,
  TerminalAction,
} from "@aspace/arch";
import { findBackend } from "@aspace/backends";
import {
  movedDown,
  simplerAlone,
  simplerEverywhere,
  type FieldTable,
} from "../../minimise/simpler-operations.ts";
import { downTo, inOrder } from "../../minimise/simpler-values.ts";
import { MAX_TABLE_FRAMES, MEMORY_FIRST } from "./frames.ts";
import { FramePattern, type Operation, type Program } from "./operation.ts";
import type { TraceHead } from "./trace.ts";

/** A program and what it runs on. */
export type TracedProgram = Program & TraceHead;

/** Where tables of each level begin, and any page. */
const ALIGNMENTS = [2 ** 27, 2 ** 18, 2 ** 9, 1] as const;

const { READ, WRITE, USER } = MmuFlags;
const PLAIN_FLAGS = inOrder(USER | READ | WRITE, USER | READ, READ | WRITE, READ);

/** What finding a defect seldom depends on, and how it looks when it does not. */
const OPERANDS: FieldTable = {
  page: downTo(0),
  count: downTo(1),
  pfn: inOrder(MEMORY_FIRST),
  flags: PLAIN_FLAGS,
  permissions: PLAIN_FLAGS,
  access: inOrder(...ALL_ACCESSES),
  pattern: inOrder(FramePattern.CONSECUTIVE),
  action: inOrder(ExistingEntry.ERROR, ExistingEntry.SKIP),
  enlarge: inOrder(Enlarge.NO),
  nonTerminal: inOrder(NonTerminalAction.RETAIN),
  terminal: inOrder(TerminalAction.UPDATE_AGE),
  check: inOrder(AccessedCheck.PEEK),
  nth: downTo(1),
  cpu: downTo(0),
  aspace: downTo(0),
};

/** Programs one step simpler, for the minimiser: worlds, then operands. */
export function* simplerPrograms(program: TracedProgram): Generator<TracedProgram> {
  yield* simplerWorlds(program);
  for (const operations of simplerOperations(program)) yield { ...program, operations };
}

function* simplerOperations({
  operations,
  aspaces,
}: TracedProgram): Generator<readonly Operation[]> {
  yield* movedDown(operations, "page", ALIGNMENTS);
  for (const slot of aspaces.keys()) {
    const isThere = (operation: Operation): boolean =>
      "aspace" in operation && operation.aspace === slot;
    yield* movedDown(operations, "page", ALIGNMENTS, isThere);
  }
  yield operations.map(byUser);
  yield* simplerEverywhere(operations, OPERANDS);
  yield* simplerAlone(operations, OPERANDS);
}

/** Pages of the user's, used by the user: who may use a page and who does must change together. */
function byUser(operation: Operation): Operation {
  return {
    ...operation,
    ...("flags" in operation ? { flags: operation.flags | USER } : {}),
    ...("permissions" in operation ? { permissions: operation.permissions | USER } : {}),
    ...("access" in operation ? { access: ALL_ACCESSES[operation.access % 3]! } : {}),
  };
}

/** Fewer architectures, quirks, aspaces and CPUs; memory to spare. */
function* simplerWorlds(program: TracedProgram): Generator<TracedProgram> {
  const { arches, quirks, aspaces, cpus, tableFrames, operations } = program;
  if (arches.length > 1) for (const arch of arches) yield onlyOn(arch, program);
  for (const index of quirks.keys()) yield { ...program, quirks: quirks.toSpliced(index, 1) };
  for (const slot of aspaces.keys()) if (aspaces.length > 1) yield* withoutAspace(program, slot);
  for (const [slot, kind] of aspaces.entries()) {
    if (kind !== AspaceKind.USER)
      yield { ...program, aspaces: aspaces.with(slot, AspaceKind.USER) };
  }
  const cpusNeeded = 1 + Math.max(0, ...operations.map((each) => ("cpu" in each ? each.cpu : 0)));
  if (cpusNeeded < cpus) yield { ...program, cpus: cpusNeeded };
  if (tableFrames < MAX_TABLE_FRAMES) yield { ...program, tableFrames: MAX_TABLE_FRAMES };
}

/** The program on one architecture, with those of the quirks that it can have. */
function onlyOn(arch: string, program: TracedProgram): TracedProgram {
  const known = findBackend(arch)?.quirks ?? [];
  const quirks = program.quirks.filter((quirk) => known.some(({ id }) => id === quirk));
  return { ...program, arches: [arch], quirks };
}

/** The program without an aspace that no operation names; those behind it move up. */
function* withoutAspace(program: TracedProgram, slot: number): Generator<TracedProgram> {
  const { aspaces, operations } = program;
  if (operations.some((each) => "aspace" in each && each.aspace === slot)) return;
  yield {
    ...program,
    aspaces: aspaces.toSpliced(slot, 1),
    operations: operations.map((each) =>
      "aspace" in each && each.aspace > slot ? { ...each, aspace: each.aspace - 1 } : each,
    ),
  };
}
