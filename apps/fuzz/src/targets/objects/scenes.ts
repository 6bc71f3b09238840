import { MAX_FRAMES } from "./bare-machine.ts";
import { MAX_OPERATIONS } from "./decode.ts";
import { LockCall } from "./model/discarding.ts";
import { Access, ObjectType, type Operation, type Program, Mappings } from "./operation.ts";
import {
  beginCompression,
  commit,
  commitHighPriority,
  create,
  decommit,
  dedup,
  delayAllocation,
  discard,
  drop,
  everyMisuse,
  evict,
  failAllocation,
  fault,
  finishCompression,
  lock,
  lookup,
  lookupContiguous,
  map,
  memory,
  pin,
  prioritize,
  read,
  reference,
  resize,
  resume,
  scan,
  setCachePolicy,
  setSize,
  slice,
  snapshot,
  supply,
  supplyList,
  take,
  takeModified,
  unmap,
  unpin,
  write,
  zero,
  zeroAcross,
} from "./scene-operations.ts";
import { PAGER_SCENES, TRAPPING_SCENES } from "./pager-scenes.ts";
import { SETUPS } from "./setups.ts";

/**
 * What is done with memory objects, scene by scene: the inputs that a campaign starts from. None is made to trigger a
 * particular defect. They show each kind of operation at work, and combining them is for the fuzzer.
 *
 * Waiting operations go to actor slots by their number in the scene: the third operation to actor 3.
 */
export interface Scene {
  /** What happens, as a sentence. */
  readonly name: string;
  readonly program: Program;
}

type World = Omit<Program, "operations">;

const { READ, WRITE } = Access;

function world(setup: number): World {
  return {
    frames: MAX_FRAMES,
    anonymousReclaim: "off",
    mappings: Mappings.ON_REQUEST,
    objects: SETUPS[setup]!,
    checkEvery: MAX_OPERATIONS,
  };
}

const ANONYMOUS = world(0);
const PAGER = world(1);
const TRAPPING = world(2);
const SPECIAL = world(6);
const RECLAIMED: World = { ...ANONYMOUS, anonymousReclaim: "on" };

const ANONYMOUS_SCENES: Readonly<Record<string, readonly Operation[]>> = {
  "pages are written, read, committed, zeroed and given back": [
    write(0, 0, 2),
    read(0, 0, 4),
    commit(0, 1, 3),
    lookup(0, 0, 4),
    lookupContiguous(0, 0, 1),
    zero(0, 1, 1),
    zeroAcross(0, 0, 2),
    decommit(0, 0, 4),
    read(0, 0, 4),
  ],
  "a chain of four snapshots is written from the eldest to the youngest and dropped from the middle":
    [
      write(0, 0, 3),
      snapshot(0, 1, 0, 4),
      snapshot(1, 2, 0, 4),
      snapshot(2, 3, 0, 4),
      write(0, 0, 1),
      write(1, 1, 1),
      write(2, 2, 1),
      write(3, 0, 2),
      drop(1),
      write(2, 0, 1),
      drop(0),
      drop(3),
      decommit(2, 0, 4),
    ],
  "a chain of four snapshots is written from the youngest and dropped from the eldest": [
    write(0, 0, 4),
    snapshot(0, 1, 0, 4),
    snapshot(0, 2, 0, 4),
    snapshot(2, 3, 1, 2),
    write(3, 0, 1),
    write(2, 1, 1),
    write(1, 1, 2),
    write(0, 1, 1),
    drop(0),
    drop(1),
    write(2, 0, 2),
    drop(2),
    read(3, 0, 2),
  ],
  "windows of clones overlap, lie apart and begin beyond the end": [
    write(0, 0, 4),
    snapshot(0, 1, 0, 2),
    snapshot(0, 2, 1, 3),
    snapshot(0, 3, 5, 2),
    write(0, 1, 2),
    write(2, 0, 1),
    drop(0),
    resize(1, 4),
    read(1, 0, 4),
    write(3, 0, 2),
  ],
  "a parent shrinks and grows, and clone and parent show zero where they should": [
    write(0, 0, 4),
    snapshot(0, 1, 0, 4),
    resize(0, 1),
    resize(0, 4),
    read(0, 0, 4),
    read(1, 0, 4),
    resize(1, 2),
    resize(1, 6),
    read(1, 0, 6),
    setSize(0, 4096),
  ],
  "the tail of a clone is zeroed and its sibling goes": [
    write(0, 0, 4),
    snapshot(0, 1, 0, 4),
    zero(1, 2, 2),
    zero(0, 0, 1),
    drop(0),
    write(1, 3, 1),
    zero(1, 0, 4),
    commit(1, 0, 4),
  ],
  "pages move from one object to a pager's": [
    write(0, 0, 2),
    create(1, ObjectType.PAGER, 4),
    take(0, 0, 4),
    supply(1, 1, 1),
    supplyList(1, 0),
    read(1, 0, 4),
    read(0, 0, 4),
  ],
  "slices and references show the same pages, and outlive who made them": [
    create(1, ObjectType.ANONYMOUS, 4),
    reference(0, 2),
    write(2, 0, 2),
    resize(2, 3),
    drop(0),
    write(2, 1, 2),
    setCachePolicy(2, 1),
    drop(2),
    read(1, 0, 1),
  ],
  "pins keep pages where they are": [
    pin(0, 0, 2),
    pin(0, 1, 2, READ),
    decommit(0, 0, 1),
    resize(0, 1),
    snapshot(0, 1, 0, 4),
    zero(0, 0, 4),
    unpin(0),
    unpin(0),
    snapshot(0, 1, 0, 4),
  ],
  "a page is pinned once too often": Array.from({ length: 32 }, () => pin(0, 0, 1)),
  "memory fails and is delayed while pages are copied": [
    write(0, 0, 2),
    snapshot(0, 1, 0, 4),
    failAllocation(1),
    write(0, 0, 2),
    failAllocation(2),
    commit(1, 0, 4),
    delayAllocation(1),
    write(1, 0, 2),
    memory("low"),
    write(0, 0, 3),
    memory("plenty"),
    resume(0),
    resume(0),
    failAllocation(1),
    snapshot(0, 2, 0, 4),
    failAllocation(0),
    zero(1, 0, 4),
  ],
  "mappings show what is there, through a snapshot and its end": [
    map(0),
    fault(0, 0, 2, WRITE),
    fault(0, 2, 1, READ),
    snapshot(0, 1, 0, 4),
    map(1),
    fault(1, 0, 2, READ),
    fault(0, 0, 1, WRITE),
    fault(1, 1, 1, WRITE),
    zero(0, 0, 4),
    drop(0),
    fault(1, 0, 1, WRITE),
    unmap(1),
  ],
  "calls with arguments that cannot be right": [...everyMisuse(0), takeModified(0)],
};

const RECLAIMED_SCENES: Readonly<Record<string, readonly Operation[]>> = {
  "a page that two siblings share is compressed, and forked from both sides": [
    write(0, 0, 2),
    snapshot(0, 1, 0, 4),
    evict(0, 0),
    evict(1, 1),
    write(0, 0, 1),
    write(1, 0, 1),
    read(0, 1, 1),
    drop(0),
  ],
  "others run while a page is compressed": [
    write(0, 0, 3),
    beginCompression(0, 0),
    write(0, 0, 1),
    finishCompression(),
    beginCompression(0, 1),
    snapshot(0, 1, 0, 4),
    finishCompression(),
    beginCompression(0, 2),
    finishCompression("does-not-fit"),
    beginCompression(1, 2),
    drop(0),
    finishCompression(),
    commit(1, 0, 4),
    decommit(1, 0, 4),
  ],
  "pages that are zero are found, and old ones go": [
    commit(0, 0, 4),
    dedup(0, 0),
    scan(7),
    write(0, 0, 2),
    scan(7),
    scan(7),
    read(0, 0, 4),
    take(0, 0, 2),
  ],
  "pages that were found to be zero go to a pager's object as such": [
    commit(0, 0, 4),
    dedup(0, 0),
    dedup(0, 2),
    take(0, 0, 4),
    create(1, ObjectType.PAGER, 4),
    supplyList(1, 0),
    read(1, 0, 4),
  ],
  "what has priority stays": [
    write(0, 0, 2),
    map(0),
    prioritize(0, "high"),
    evict(0, 0),
    dedup(0, 1),
    snapshot(0, 1, 0, 4),
    evict(1, 0),
    commitHighPriority(0, 0, 4),
    prioritize(0, "normal"),
    evict(1, 0),
  ],
};

const SPECIAL_SCENES: Readonly<Record<string, readonly Operation[]>> = {
  "what is discardable is locked, discarded and locked again": [
    write(0, 0, 2),
    lock(0, LockCall.LOCK),
    discard(0),
    lock(0, LockCall.UNLOCK),
    discard(0),
    read(0, 0, 1),
    lock(0, LockCall.TRY_LOCK),
    lock(0, LockCall.LOCK),
    read(0, 0, 3),
    write(0, 1, 1),
    lock(0, LockCall.UNLOCK),
    lock(0, LockCall.UNLOCK),
  ],
  "what is discarded while a write waits for memory cannot be written": [
    lock(0, LockCall.LOCK),
    lock(0, LockCall.UNLOCK),
    memory("low"),
    write(0, 0, 2),
    discard(0),
    memory("plenty"),
    resume(4),
    lock(0, LockCall.LOCK),
    read(0, 0, 3),
  ],
  "what is pinned or has priority is not discarded": [
    lock(0, LockCall.LOCK),
    pin(0, 0, 1),
    lock(0, LockCall.UNLOCK),
    discard(0),
    unpin(0),
    map(0),
    prioritize(0, "high"),
    discard(0),
    unmap(0),
    discard(0),
  ],
  "what is contiguous stays": [
    write(1, 0, 2),
    lookupContiguous(1, 0, 3),
    zero(1, 0, 2),
    decommit(1, 0, 1),
    slice(1, 3, 1, 2),
    slice(3, 4, 1, 1),
    write(4, 0, 1),
    setCachePolicy(1, 2),
    drop(1),
    read(3, 0, 2),
  ],
  "what is always pinned is let go of at its end": [
    write(2, 0, 2),
    snapshot(2, 3, 0, 2),
    reference(2, 4),
    drop(2),
    zero(4, 0, 1),
    snapshot(4, 5, 0, 2),
  ],
};

function scenes(where: World, all: Readonly<Record<string, readonly Operation[]>>): Scene[] {
  return Object.entries(all).map(([name, operations]) => ({
    name,
    program: { ...where, operations },
  }));
}

/** Each scene once more with everything mapped: whatever ceases to be there has to be taken out of sight. */
function shown(all: readonly Scene[]): Scene[] {
  return all.map(({ name, program }) => ({
    name: `${name}, while all is mapped`,
    program: { ...program, mappings: Mappings.ALWAYS },
  }));
}

const UNSEEN: readonly Scene[] = [
  ...scenes(ANONYMOUS, ANONYMOUS_SCENES),
  ...scenes(RECLAIMED, RECLAIMED_SCENES),
  ...scenes(PAGER, PAGER_SCENES),
  ...scenes(TRAPPING, TRAPPING_SCENES),
  ...scenes(SPECIAL, SPECIAL_SCENES),
];

export const SCENES: readonly Scene[] = [...UNSEEN, ...shown(UNSEEN)];
