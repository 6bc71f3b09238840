/**
 * P21: an attempt to get memory fails, or is told to wait, at each point of each operation where there is one. The
 * operation answers what it documents, the rest of the world is as it was (the runner's oracles look), and what waited
 * comes to the same end as without the wait.
 */
import { describe, expect, test } from "vitest";
import { Status } from "@aspace/arch";
import { Access, ObjectType, type Operation, type Program, Mappings } from "./operation.ts";
import { createRunner, type Runner } from "./runner.ts";
import {
  beginCompression,
  commit,
  create,
  delayAllocation,
  dirty,
  evict,
  failAllocation,
  fault,
  finishCompression,
  hint,
  lazyClone,
  memory,
  modifiedClone,
  pin,
  read,
  reference,
  resize,
  resume,
  setSize,
  slice,
  snapshot,
  supply,
  supplyList,
  take,
  write,
  zero,
  zeroAcross,
} from "./scene-operations.ts";
import { SETUPS } from "./setups.ts";

/** No operation makes so many attempts. */
const MOST_ATTEMPTS = 60;
/** Across the end of a chunk of slots. */
const [FIRST, COUNT] = [15, 3];

interface SetUp {
  readonly name: string;
  readonly world: Omit<Program, "operations" | "checkEvery">;
  readonly operations: readonly Operation[];
}

const world = (setup: number): SetUp["world"] => ({
  frames: 320,
  anonymousReclaim: "on",
  mappings: Mappings.ALWAYS,
  objects: SETUPS[setup]!,
});

/** Object 1 is the one that operations are tried on. Actors are numbered by operation: these never wait. */
const SET_UPS: readonly SetUp[] = [
  {
    name: "an object that is zero",
    world: world(5),
    operations: [create(1, ObjectType.ANONYMOUS, 18)],
  },
  {
    name: "a snapshot of written pages",
    world: world(5),
    operations: [write(0, 14, 4), snapshot(0, 1, 0, 18), write(1, 16, 1)],
  },
  {
    name: "a snapshot whose pages are compressed",
    world: world(5),
    operations: [write(0, 14, 4), snapshot(0, 1, 0, 18), evict(0, 15), evict(0, 16), evict(0, 17)],
  },
  {
    name: "the last of three siblings, in the middle of a compression",
    world: world(5),
    operations: [
      write(0, 14, 4),
      snapshot(0, 1, 0, 18),
      snapshot(1, 2, 0, 18),
      { kind: "drop", object: 0 },
      beginCompression(1, 16),
    ],
  },
  {
    name: "a pager's object",
    world: { ...world(8), objects: [] },
    operations: [
      create(1, ObjectType.PAGER, 18),
      supply(1, 15, 1),
      zero(1, 16, 1),
      supply(1, 17, 1, "zeroes"),
    ],
  },
  {
    name: "a trapping pager's object",
    world: { ...world(8), objects: [] },
    operations: [
      create(1, ObjectType.TRAPPING_PAGER, 18),
      supply(1, 14, 3, "mixed"),
      zero(1, 17, 1),
    ],
  },
  {
    name: "a lazy clone of a pager's object",
    world: world(4),
    operations: [supply(0, 14, 4), lazyClone(0, 1, 0, 18), write(1, 16, 1)],
  },
  {
    name: "a snapshot of a lazy clone",
    world: world(4),
    operations: [
      supply(0, 14, 4),
      lazyClone(0, 2, 0, 18),
      write(2, 15, 2),
      modifiedClone(2, 1, 0, 18),
    ],
  },
];

const TRIED: readonly Operation[] = [
  write(1, FIRST, COUNT),
  read(1, FIRST, COUNT),
  commit(1, FIRST, COUNT),
  zero(1, FIRST, COUNT),
  zeroAcross(1, FIRST, 2),
  pin(1, FIRST, COUNT),
  pin(1, FIRST, COUNT, Access.READ),
  fault(1, FIRST, 1, Access.WRITE),
  fault(1, FIRST, COUNT, Access.READ),
  resize(1, 33),
  resize(1, 16),
  setSize(1, 16 * 4096 - 1),
  snapshot(1, 3, 0, 18),
  lazyClone(1, 3, 0, 18),
  modifiedClone(1, 3, 0, 18),
  slice(1, 3, 0, 2),
  reference(1, 3),
  take(1, FIRST, COUNT),
  supply(1, 0, 4),
  supplyList(1, 2),
  dirty(1, FIRST, COUNT),
  hint(1, FIRST, COUNT),
  beginCompression(1, 16),
  finishCompression(),
  create(3, ObjectType.CONTIGUOUS, 17),
  create(3, ObjectType.ALWAYS_PINNED, 17),
  create(3, ObjectType.PAGER, 17),
];

/** Runs the operation with its n-th attempt failing or delayed; answers whether there was one, and what it answered. */
function attempt(
  runner: Runner,
  setUp: SetUp,
  rest: readonly Operation[],
): { planned: number; seen: Status | null } {
  const operations = rest;
  let planned = 0;
  const program = {
    ...setUp.world,
    operations: [...setUp.operations, ...operations],
    checkEvery: 1,
  };
  expect(runner.run(program, { atEnd: (end) => void (planned = end.planned) })).toBeNull();
  const at = runner.steps.findIndex(({ operation }) => operation.kind.endsWith("Allocation"));
  return { planned, seen: runner.steps[at + 1]?.seen ?? null };
}

describe.each(SET_UPS)("with $name", (setUp) => {
  test("every operation survives a failure of each of its attempts to get memory (P21)", () => {
    const runner = createRunner();
    const answers = new Set<Status>();
    let failures = 0;
    for (const operation of TRIED) {
      for (let nth = 1; ; nth++) {
        expect(nth).toBeLessThan(MOST_ATTEMPTS);
        const { planned, seen } = attempt(runner, setUp, [failAllocation(nth), operation]);
        if (planned === 0) break;
        failures++;
        if (seen !== null) answers.add(seen);
      }
    }
    expect(failures).toBeGreaterThan(10);
    expect(answers).toContain(Status.NO_MEMORY);
  });

  test("every operation survives a wait at each of its attempts, and ends as it would have (P21)", () => {
    const runner = createRunner();
    let delays = 0;
    for (const operation of TRIED) {
      for (let nth = 1; ; nth++) {
        expect(nth).toBeLessThan(MOST_ATTEMPTS);
        const goOn = [memory("plenty"), resume(0), resume(0)];
        const { planned, seen } = attempt(runner, setUp, [
          delayAllocation(nth),
          operation,
          ...goOn,
        ]);
        if (planned === 0) break;
        if (seen === Status.SHOULD_WAIT) delays++;
      }
    }
    expect(delays).toBeGreaterThan(0);
  });
});
