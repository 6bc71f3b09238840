/**
 * Every sequence of operations in worlds of a few pages, up to a length, but for those that lead where a shorter one led
 * already: with all oracles after each operation, and everything destroyed at the end (P3, P9, P21).
 */
import { expect, test } from "vitest";
import { fingerprintOf } from "./small-world.ts";
import type { World } from "./world.ts";
import {
  Access,
  Answer,
  ObjectType,
  Patience,
  Sizing,
  type Creation,
  type Operation,
  Mappings,
} from "./operation.ts";
import { createRunner } from "./runner.ts";
import {
  commit,
  decommit,
  dirty,
  detach,
  drop,
  evict,
  failAllocation,
  fault,
  lazyClone,
  map,
  modifiedClone,
  pin,
  read,
  reference,
  resize,
  resume,
  serve,
  slice,
  snapshot,
  supply,
  take,
  unpin,
  write,
  writebackBegin,
  writebackEnd,
  zero,
} from "./scene-operations.ts";

const PLENTY = 320;
/** Far away: a busy machine may be slow. */
const LIMIT_MS = 240_000;

function creation(type: ObjectType, pages: number): Creation {
  return { type, pages, sizing: Sizing.RESIZABLE, patience: Patience.WAITS, pager: 0 };
}

/** Visits every state within `length` operations; answers how many there are. */
function visitAll(
  mappings: Mappings,
  object: Creation,
  alphabet: readonly Operation[],
  length: number,
): number {
  const judge = createRunner();
  const seen = new Set<string>();
  let frontier: (readonly Operation[])[] = [[]];
  for (let depth = 1; depth <= length; depth++) {
    const next: (readonly Operation[])[] = [];
    for (const path of frontier) {
      for (const operation of alphabet) {
        const operations = [...path, operation];
        let state = "";
        const atEnd = (end: World): void => void (state = fingerprintOf(end));
        const world = {
          frames: PLENTY,
          anonymousReclaim: "on",
          mappings,
          objects: [object],
        } as const;
        const program = { ...world, operations, checkEvery: depth };
        const failure = judge.run(program, { atEnd, judgedBefore: path.length });
        expect(failure).toBeNull();
        if (seen.has(state)) continue;
        seen.add(state);
        next.push(operations);
      }
    }
    frontier = next;
  }
  return seen.size;
}

const ANONYMOUS: readonly Operation[] = [
  write(0, 0, 1),
  write(1, 0, 2),
  write(2, 1, 1),
  snapshot(0, 1, 0, 2),
  snapshot(1, 2, 1, 2),
  snapshot(0, 2, 0, 1),
  zero(0, 0, 2),
  zero(1, 1, 1),
  commit(1, 0, 2),
  resize(0, 1),
  resize(1, 3),
  drop(0),
  drop(1),
  decommit(2, 0, 1),
  evict(0, 0),
  take(1, 0, 2),
];

test(
  "anonymous objects: every sequence of 16 operations up to length 5 (P9, P10, P12)",
  () => {
    expect(
      visitAll(Mappings.ALWAYS, creation(ObjectType.ANONYMOUS, 2), ANONYMOUS, 5),
    ).toBeGreaterThan(1000);
  },
  LIMIT_MS,
);

const PAGED: readonly Operation[] = [
  supply(0, 0, 2),
  supply(0, 1, 1),
  write(0, 0, 1),
  write(1, 0, 2),
  read(0, 0, 2),
  lazyClone(0, 1, 0, 2),
  lazyClone(1, 2, 1, 2),
  modifiedClone(1, 2, 0, 2),
  zero(0, 0, 1),
  zero(1, 0, 2),
  resize(0, 1),
  evict(0, 0),
  drop(0),
  drop(1),
  resume(0),
  detach(0),
];

test(
  "a pager's objects: every sequence of 16 operations up to length 5 (P9, P17, P18)",
  () => {
    expect(visitAll(Mappings.ALWAYS, creation(ObjectType.PAGER, 2), PAGED, 5)).toBeGreaterThan(
      1000,
    );
  },
  LIMIT_MS,
);

const TRAPPING: readonly Operation[] = [
  supply(0, 0, 2),
  write(0, 0, 2),
  dirty(0, 0, 1),
  serve(Answer.SUPPLY, 1),
  resume(0),
  zero(0, 1, 1),
  writebackBegin(0, 0, 2),
  writebackEnd(0, 0, 2),
  resize(0, 1),
  resize(0, 3),
  pin(0, 0, 1),
  unpin(0),
  evict(0, 0),
  detach(0),
];

test(
  "dirty pages: every sequence of 14 operations up to length 5 (P15, P16, P17)",
  () => {
    expect(
      visitAll(Mappings.ALWAYS, creation(ObjectType.TRAPPING_PAGER, 2), TRAPPING, 5),
    ).toBeGreaterThan(500);
  },
  LIMIT_MS,
);

const SHOWN: readonly Operation[] = [
  map(0),
  map(1),
  fault(0, 0, 2, Access.WRITE),
  fault(0, 0, 2, Access.READ),
  fault(1, 0, 1, Access.WRITE),
  snapshot(0, 1, 0, 2),
  slice(0, 1, 1, 1),
  reference(0, 1),
  write(0, 0, 1),
  write(1, 0, 1),
  zero(0, 0, 1),
  drop(0),
  pin(0, 0, 1),
  unpin(0),
  failAllocation(1),
  evict(0, 0),
];

test(
  "mappings: every sequence of 16 operations up to length 5 (P13, P14, P15)",
  () => {
    const fixed = { ...creation(ObjectType.ANONYMOUS, 2), sizing: Sizing.FIXED };
    expect(visitAll(Mappings.ON_REQUEST, fixed, SHOWN, 5)).toBeGreaterThan(1000);
  },
  LIMIT_MS,
);
