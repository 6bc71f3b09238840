import { MAX_FRAMES } from "./decode.ts";
import {
  MAPPING_SLOTS,
  Place,
  Spot,
  TO_THE_END,
  WINDOW,
  type AccessKind,
  type Operation,
  type Program,
} from "./operation.ts";
import { SETUPS } from "./setups.ts";

/** Small programs that each show something: the seeds of the corpus, and canaries for the quirks. */

export interface Scene {
  readonly name: string;
  readonly program: Program;
}

/** Indices of `SETUPS`. */
const PLAIN = 0;
const WITH_PAGER = 1;
const WITH_VDSO = 2;
const WITH_DEVICE = 3;
const WITH_TRAPPING_PAGER = 4;
const PATIENT = 5;

const READ = 1;
const READ_WRITE = 3;
const READ_EXECUTE = 5;

type Of<K extends Operation["kind"]> = Extract<Operation, { readonly kind: K }>;

function scene(
  name: string,
  setup: number,
  operations: readonly Operation[],
  world: Partial<Program> = {},
): Scene {
  const program: Program = {
    aspaces: [{ kind: "user", place: Place.TABLE_EDGE }],
    objects: SETUPS[setup]!,
    placement: "first-fit",
    faultModes: "upgrade-first",
    seed: 0,
    frames: MAX_FRAMES,
    checkEvery: 1,
    ...world,
    operations,
  };
  return { name, program };
}

const PLACED = { near: WINDOW, spot: Spot.SPECIFIC, alignShift: 0, rights: 7 } as const;

/** Maps from the first page of an object at a page of the window. */
function map(page: number, count: number, more: Partial<Of<"map">> = {}): Operation {
  return {
    kind: "map",
    ...PLACED,
    region: 0,
    page,
    count,
    to: 0,
    object: 0,
    objectPage: 0,
    permissions: READ_WRITE,
    ...more,
  };
}

function region(page: number, count: number, to: number): Operation {
  return { kind: "createRegion", ...PLACED, region: 0, page, count, to, traits: 8 };
}

function access(kind: AccessKind, page: number, near: number = 0): Operation {
  return { kind: "access", cpu: 0, mode: "user", access: kind, near, page };
}

function protect(page: number, count: number, permissions: number): Operation {
  return { kind: "mappingProtect", mapping: 0, page, count, permissions };
}

const fail = (what: "objects" | "tables"): Operation => ({ kind: "failAllocation", what, nth: 1 });
const commit = (page: number, count: number): Operation => ({
  kind: "commit",
  object: 0,
  page,
  count,
});

export const SCENES: readonly Scene[] = [
  scene("a word is stored and read", PLAIN, [map(4, 2), access("store", 0), access("load", 0)]),
  scene("what was protected page by page is protected as a whole", PLAIN, [
    map(4, 2),
    access("store", 0),
    access("store", 1),
    protect(0, 1, READ),
    protect(0, TO_THE_END, READ),
    access("store", 1),
  ]),
  scene("a cut in the middle has no memory", PLAIN, [
    map(4, 8),
    protect(2, 2, READ),
    fail("objects"),
    { kind: "mappingUnmap", mapping: 0, page: 1, count: 1 },
  ]),
  scene("all runs of protections are mapped in advance", PLAIN, [
    map(4, 4),
    commit(0, 4),
    protect(0, 1, READ),
    { kind: "mapRange", mapping: 0, page: 0, count: TO_THE_END },
  ]),
  scene("high priority maps what is behind the object's beginning", PLAIN, [
    commit(0, 4),
    map(4, 2, { objectPage: 2 }),
    { kind: "prioritize", region: 0, level: "high" },
  ]),
  scene("a mapping below a limit shows what was asked for", PLAIN, [
    map(4, 2, { spot: Spot.BELOW, objectPage: 2 }),
    access("store", 0),
  ]),
  scene("the vDSO is mapped once", WITH_VDSO, [
    map(4, 2, { object: 1, objectPage: 2, permissions: READ_EXECUTE }),
    access("fetch", 0),
    map(8, 2, { object: 0, to: 1 }),
    map(8, 2, { object: 1, objectPage: 2, permissions: READ_EXECUTE, spot: Spot.OVERWRITE }),
    { kind: "mappingUnmap", mapping: 0, page: 0, count: 1 },
    { kind: "mappingDestroy", mapping: 0 },
  ]),
  scene("a region with the vDSO behind other mappings is not destroyed", WITH_VDSO, [
    region(4, 8, 4),
    map(4, 2, { region: 4, to: 1 }),
    map(8, 2, { region: 4, object: 1, objectPage: 2, permissions: READ_EXECUTE }),
    { kind: "destroyRegion", region: 4 },
  ]),
  scene("an overwriting mapping of high priority is brought in", PLAIN, [
    commit(0, 4),
    { kind: "prioritize", region: 0, level: "high" },
    map(4, 2),
    map(4, 2, { spot: Spot.OVERWRITE, objectPage: 2 }),
  ]),
  scene("an accessed flag is asked for past the end", PLAIN, [
    map(4, 2),
    access("load", 0),
    { kind: "accessedFault", aspace: 0, near: 0, page: 0 },
    { kind: "accessedFault", aspace: 0, near: WINDOW, page: 1 },
  ]),
  scene("a mapping is cut in two and put together again", PLAIN, [
    map(4, 8),
    access("store", 1),
    protect(1, 1, READ),
    { kind: "mappingUnmap", mapping: 0, page: 2, count: 1 },
    map(6, 1, { objectPage: 2, to: 2 }),
    { kind: "merge", mapping: 0 },
    { kind: "merge", mapping: 2 },
    access("load", 3),
  ]),
  scene("a mapping is continued and becomes one with the next", PLAIN, [
    map(4, 2),
    map(4, 2, { near: 0, to: 1 }),
    { kind: "merge", mapping: 0 },
    { kind: "merge", mapping: 1 },
    access("store", 3),
  ]),
  scene("a fault waits for a pager", WITH_PAGER, [
    map(4, 2, { object: 1 }),
    access("store", 1),
    { kind: "serve", thread: 0 },
    { kind: "resume", thread: 0 },
    { kind: "writebackBegin", object: 1, page: 0, count: TO_THE_END },
    access("store", 1),
    { kind: "writebackEnd", object: 1, page: 0, count: TO_THE_END },
    access("load", 1),
  ]),
  scene("a page is dirty, but there is no table to map it in", WITH_PAGER, [
    map(4, 1, { object: 1 }),
    { kind: "supply", object: 1, page: 0, count: 1 },
    fail("tables"),
    access("store", 0),
    { kind: "writebackBegin", object: 1, page: 0, count: TO_THE_END },
    access("store", 0),
  ]),
  scene("a write waits for leave", WITH_TRAPPING_PAGER, [
    map(4, 2, { object: 1 }),
    { kind: "supply", object: 1, page: 0, count: 2 },
    access("load", 0),
    access("store", 0),
    { kind: "serve", thread: 0 },
    { kind: "resume", thread: 0 },
    { kind: "detach", object: 1 },
    access("load", 0),
    access("load", 1),
  ]),
  scene("a commit waits, and its mapping goes meanwhile", WITH_PAGER, [
    map(4, 2, { object: 1 }),
    map(4, 2, { near: 0, to: 1 }),
    { kind: "operate", region: 0, near: 0, page: 0, count: 4, operation: "commit", children: "no" },
    { kind: "mappingDestroy", mapping: 1 },
    { kind: "supply", object: 1, page: 0, count: 4 },
    { kind: "resume", thread: 0 },
  ]),
  scene("memory is low for a while", PATIENT, [
    map(4, 2),
    { kind: "memory", level: "low" },
    access("store", 0),
    { kind: "memory", level: "plenty" },
    { kind: "resume", thread: 0 },
    access("load", 0),
  ]),
  scene("protections in a sub-region only fall", PLAIN, [
    region(4, 8, 4),
    map(4, 2, { region: 4 }),
    access("store", 0),
    {
      kind: "protect",
      region: 0,
      near: WINDOW,
      page: 4,
      count: 2,
      permissions: READ,
      children: "yes",
    },
    {
      kind: "protect",
      region: 0,
      near: WINDOW,
      page: 4,
      count: 2,
      permissions: READ_WRITE,
      children: "yes",
    },
    { kind: "unmap", region: 0, near: WINDOW, page: 4, count: 8, children: "yes" },
  ]),
  scene("a copy shares until one is written", PLAIN, [
    map(4, 2),
    access("store", 0),
    { kind: "snapshot", object: 0, page: 0, count: 2, to: 1 },
    map(8, 2, { object: 1, to: 1 }),
    access("load", 0, 1),
    access("store", 0),
    access("load", 0, 1),
    { kind: "resize", object: 0, pages: 1 },
    access("load", 1),
  ]),
  scene("a page of its own lies beside one that is shared", PLAIN, [
    map(4, 4),
    commit(0, 4),
    { kind: "snapshot", object: 0, page: 0, count: 4, to: 1 },
    map(8, 4, { object: 1, to: 1 }),
    access("store", 0),
    access("load", 1, 1),
    access("store", 1),
    access("load", 1, 1),
  ]),
  scene("neighbours that do not continue each other stay two", PLAIN, [
    map(4, 2),
    map(6, 2, { objectPage: 4, to: 1 }),
    { kind: "merge", mapping: 0 },
    { kind: "merge", mapping: 1 },
    { kind: "harvest", tables: "retain", pages: "age" },
    access("store", 1, 1),
  ]),
  scene("what comes next in a walk goes while it waits", WITH_PAGER, [
    map(4, 2, { object: 1 }),
    map(6, 2, { object: 1, objectPage: 2, to: 1 }),
    map(8, 2, { object: 1, objectPage: 4, to: 2 }),
    { kind: "prioritize", region: 0, level: "high" },
    { kind: "mappingDestroy", mapping: 1 },
    map(6, 2, { object: 1, objectPage: 4, to: 3 }),
    { kind: "supply", object: 1, page: 0, count: TO_THE_END },
    { kind: "resume", thread: 0 },
    { kind: "resume", thread: 1 },
  ]),
  scene(
    "two CPUs and a guest",
    PLAIN,
    [
      map(4, 2),
      access("store", 0),
      { kind: "access", cpu: 1, mode: "copy", access: "load", near: 0, page: 0 },
      { kind: "access", cpu: 1, mode: "kernel", access: "load", near: 0, page: 0 },
      { kind: "switch", cpu: 1, aspace: 1 },
      map(8, 2, { region: 1, to: 1 }),
      { kind: "access", cpu: 1, mode: "kernel", access: "load", near: 1, page: 0 },
      { kind: "access", cpu: 1, mode: "user", access: "store", near: 1, page: 0 },
      access("load", 0),
      { kind: "prefetch", cpu: 0, page: 4 },
      { kind: "recreate", aspace: 0 },
    ],
    {
      aspaces: [
        { kind: "user", place: Place.TABLE_EDGE },
        { kind: "guest", place: Place.TOP },
      ],
    },
  ),
  scene("a device is mapped across the edge of a table", WITH_DEVICE, [
    map(44, 8, { object: 1 }),
    access("store", 3),
    { kind: "harvest", tables: "free", pages: "harvest" },
    access("load", 4),
    { kind: "mappingDestroy", mapping: MAPPING_SLOTS },
  ]),
];
