import {
  ALL_ACCESSES,
  Access,
  AccessedCheck,
  AspaceKind,
  Enlarge,
  ExistingEntry,
  MmuFlags,
} from "@aspace/arch";
import { MAX_OPERATIONS } from "./decode.ts";
import { DEVICE_FIRST, MAX_TABLE_FRAMES } from "./frames.ts";
import { FramePattern, type Operation, type Program } from "./operation.ts";
import {
  R,
  RW,
  UR,
  URW,
  URWX,
  access,
  age,
  checkActive,
  everyMisuse,
  failAllocation,
  go,
  look,
  map,
  mapContiguous,
  markAccessed,
  meanwhile,
  prefetch,
  protect,
  read,
  reclaim,
  recreate,
  unmap,
  write,
} from "./scene-operations.ts";

/**
 * What a kernel does with its address spaces, scene by scene: the inputs that a campaign starts from.
 * None is made to trigger a particular hazard. They show each kind of operation at work, and combining
 * them is for the fuzzer. User pages are counted from 2 MiB, so page 512 is a 2 MiB edge.
 */
export interface Scene {
  /** What happens, as a sentence. */
  readonly name: string;
  readonly program: Program;
}

const { USER, KERNEL, GUEST } = AspaceKind;
const { SKIP, UPGRADE } = ExistingEntry;

/** A 2 MiB edge of a user aspace, and what lies around it in its window. */
const EDGE = 512;
const LARGE = 512;
/** A 1 GiB edge of a user aspace. */
const HUGE_EDGE = 2 ** 18 - 512;
const HUGE = 2 ** 18;

type World = Omit<Program, "operations">;

function world(aspaces: readonly AspaceKind[]): World {
  return { cpus: 3, tableFrames: MAX_TABLE_FRAMES, aspaces, checkEvery: MAX_OPERATIONS };
}

const ONE_USER = world([USER]);
const ONE_GUEST = world([GUEST]);
const USER_AND_KERNEL = world([USER, KERNEL]);
const TWO_USERS_AND_KERNEL = world([USER, USER, KERNEL]);
const TWO_USERS = world([USER, USER]);

const USER_SCENES: Readonly<Record<string, readonly Operation[]>> = {
  "pages are written and read by two CPUs, and unmapped": [
    map(EDGE - 2, 4, URW),
    write(0, EDGE - 2),
    write(1, EDGE - 2),
    read(0, EDGE - 2),
    write(1, EDGE),
    unmap(EDGE - 2, 2),
    read(0, EDGE - 2),
    read(0, EDGE),
  ],
  "a mapped page stops one map, is left alone by a second, and replaced by a third": [
    map(EDGE, 1, URW),
    write(0, EDGE),
    map(EDGE - 1, 3, URW, { frame: 8 }),
    map(EDGE - 1, 3, URW, { frame: 8, action: SKIP }),
    map(EDGE - 1, 3, URW, { frame: 16, action: UPGRADE }),
    read(0, EDGE),
  ],
  "one frame is shared by many pages": [
    map(EDGE - 4, 8, URW, { frame: 5, pattern: FramePattern.SAME }),
    write(0, EDGE - 3),
    read(1, EDGE + 3),
  ],
  "permissions are taken away and given back while two CPUs use the pages": [
    map(EDGE - 1, 2, URWX),
    write(0, EDGE),
    write(1, EDGE),
    protect(EDGE - 1, 2, UR),
    access(0, EDGE, Access.USER_WRITE),
    access(1, EDGE, Access.USER_READ),
    protect(EDGE, 1, URW),
    access(1, EDGE, Access.USER_WRITE),
  ],
  "every kind of access is tried": [
    map(EDGE, 1, UR),
    ...ALL_ACCESSES.map((kind) => access(0, EDGE, kind)),
    map(EDGE + 1, 1, RW),
    ...ALL_ACCESSES.map((kind) => access(1, EDGE + 1, kind)),
  ],
  "a 2 MiB leaf is used at both ends and loses its first pages": [
    mapContiguous(EDGE, LARGE, URW),
    write(0, EDGE),
    read(1, EDGE + 31),
    unmap(EDGE, 2),
    read(0, EDGE + 31),
  ],
  "a 2 MiB leaf becomes read-only in part": [
    mapContiguous(EDGE, LARGE, URW),
    protect(EDGE + 4, 4, UR),
    read(0, EDGE + 4),
  ],
  "a page inside a 2 MiB leaf is replaced": [
    mapContiguous(EDGE, LARGE, URW),
    map(EDGE + 1, 2, URW, { frame: 40, action: UPGRADE }),
    write(0, EDGE + 1),
  ],
  "pages in a row are mapped up to a 2 MiB edge and beyond": [
    mapContiguous(EDGE - 3, 5, URW),
    read(0, EDGE + 1),
    unmap(EDGE - 1, 2),
  ],
  "a 1 GiB leaf is mapped and goes as a whole": [
    mapContiguous(HUGE_EDGE, HUGE, URW | MmuFlags.UNCACHED_DEVICE, DEVICE_FIRST),
    read(0, HUGE_EDGE),
    unmap(HUGE_EDGE, HUGE),
  ],
  "a 1 GiB leaf loses pages in its middle": [
    mapContiguous(HUGE_EDGE, HUGE, URW, DEVICE_FIRST),
    protect(HUGE_EDGE + 1, 1, UR),
    unmap(HUGE_EDGE + 3, 1),
  ],
  "a split may not open a gap": [
    mapContiguous(EDGE, LARGE, URW),
    protect(EDGE, 1, UR, Enlarge.NO),
    unmap(EDGE, 1, Enlarge.NO),
  ],
  "another CPU uses a leaf while a neighbour is unmapped": [
    mapContiguous(EDGE, LARGE, URW),
    write(1, EDGE + 8),
    meanwhile(1, EDGE + 8, Access.COPY_READ),
    unmap(EDGE, 1, Enlarge.NO),
  ],
  "another CPU uses a page while it is unmapped": [
    map(EDGE, 3, URW),
    meanwhile(1, EDGE + 1, Access.COPY_WRITE),
    unmap(EDGE, 3),
  ],
};

const AGEING_SCENES: Readonly<Record<string, readonly Operation[]>> = {
  "used pages are reported, and again only when they are used again": [
    map(EDGE, 4, URW),
    read(0, EDGE),
    look(EDGE, 4),
    age(EDGE, 4),
    age(EDGE, 4),
    read(0, EDGE + 1),
    age(EDGE, 4),
  ],
  "a table that nobody used is dropped, and its pages are mapped again": [
    map(EDGE, 4, URW),
    reclaim(EDGE, 4),
    reclaim(EDGE, 4),
    map(EDGE, 4, URW, { action: SKIP }),
  ],
  "a table in use survives": [
    map(EDGE - 2, 4, URW),
    read(0, EDGE + 1),
    reclaim(EDGE - 2, 4),
    read(0, EDGE + 1),
  ],
  "pages are marked as used by hand": [
    map(EDGE, 4, URW),
    age(EDGE, 4),
    markAccessed(EDGE, 2),
    look(EDGE, 4),
  ],
  "large leaves are left alone by ageing": [
    mapContiguous(EDGE, LARGE, URW),
    read(0, EDGE + 2),
    age(EDGE, LARGE),
  ],
};

const SHORTAGE_SCENES: Readonly<Record<string, readonly Operation[]>> = {
  "memory runs out in a map": [
    map(EDGE - 1, 1, URW),
    failAllocation(1),
    map(EDGE, 2, URW),
    map(EDGE, 2, URW),
  ],
  "memory runs out in a run of large leaves": [
    failAllocation(2),
    mapContiguous(EDGE - 1, 2, URW),
    mapContiguous(EDGE - 1, 2, URW),
  ],
  "a leaf that cannot be split is protected": [
    mapContiguous(EDGE, LARGE, URW),
    failAllocation(0),
    protect(EDGE, 1, UR),
    protect(EDGE, 1, UR),
  ],
  "a leaf that cannot be split goes as a whole": [
    mapContiguous(EDGE, LARGE, URW),
    failAllocation(0),
    unmap(EDGE, 1),
    map(EDGE, 1, URW),
  ],
  "an aspace cannot be made for want of memory, and then it can": [
    failAllocation(0),
    recreate(0),
    recreate(0),
    map(EDGE, 1, URW),
  ],
};

const GUEST_SCENES: Readonly<Record<string, readonly Operation[]>> = {
  "a guest's pages are used, protected and unmapped": [
    map(0, 4, RW),
    write(0, 1),
    protect(0, 2, R),
    read(1, 2),
    unmap(0, 4),
  ],
  "a guest's large leaf is split": [
    mapContiguous(1024, LARGE, RW),
    write(0, 1024),
    unmap(1024, 1),
    read(0, 1025),
  ],
  "a guest's pages age": [map(0, 4, RW), write(0, 1), look(0, 4), reclaim(0, 4), age(0, 4)],
};

const KERNEL_SCENES: Readonly<Record<string, readonly Operation[]>> = {
  "the kernel maps, uses and protects pages on several CPUs": [
    map(0, 4, RW, { aspace: 1 }),
    access(0, 0, Access.KERNEL_WRITE, 1),
    access(1, 0, Access.KERNEL_READ, 1),
    protect(0, 1, R, Enlarge.NO, 1),
    access(1, 0, Access.KERNEL_READ, 1),
    unmap(0, 4, Enlarge.NO, 1),
  ],
  "the kernel's large leaf is used from a user aspace": [
    go(0, 0),
    mapContiguous(1024, LARGE, RW, undefined, 1),
    access(0, 1024, Access.KERNEL_WRITE, 1),
    unmap(1024, LARGE, Enlarge.YES, 1),
  ],
};

const SWITCH_SCENES: Readonly<Record<string, readonly Operation[]>> = {
  "a CPU goes back and forth between two aspaces": [
    map(EDGE, 2, URW),
    map(EDGE, 2, URW, { aspace: 1, frame: 8 }),
    write(0, EDGE),
    write(0, EDGE, 1),
    go(0, 0),
    read(0, EDGE),
    unmap(EDGE, 1),
    go(0, 1),
    go(0, 0),
  ],
  "an aspace is made anew while CPUs are in it": [
    map(EDGE, 2, URW),
    write(0, EDGE),
    go(1, 0),
    recreate(0),
    go(0, 0),
    read(0, EDGE),
  ],
  "somebody asks whether an aspace was used": [
    go(0, 0),
    checkActive(AccessedCheck.CLEAR),
    checkActive(AccessedCheck.PEEK),
    go(0, -1),
    checkActive(AccessedCheck.CLEAR),
    checkActive(AccessedCheck.CLEAR, 1),
  ],
  "a prefetcher runs ahead of the edits": [
    map(EDGE, 2, URW),
    prefetch(1, EDGE),
    prefetch(1, EDGE + 2),
    map(EDGE + 2, 1, URW, { frame: 9 }),
    unmap(EDGE, 1),
    read(1, EDGE + 2),
  ],
};

const OTHER_SCENES: Readonly<Record<string, readonly Operation[]>> = {
  "arguments are wrong in every way": [map(0, 1, URW), ...everyMisuse(0)],
  "pages have all cache policies": [
    ...[0, 1, 2, 3].map((policy) => map(EDGE + policy, 1, URW | policy, { frame: policy })),
    protect(EDGE, 4, UR),
    unmap(EDGE, 4),
  ],
};

function scenesIn(
  place: World,
  scripts: Readonly<Record<string, readonly Operation[]>>,
): readonly Scene[] {
  return Object.entries(scripts).map(([name, operations]) => ({
    name,
    program: { ...place, operations },
  }));
}

/** Scripts one after the other in one world, as many as fit: mutations of these have room. */
function medley(name: string, scenes: readonly Scene[]): Scene {
  const [first] = scenes;
  const operations = scenes.flatMap(({ program }) => program.operations);
  return { name, program: { ...first!.program, operations: operations.slice(0, MAX_OPERATIONS) } };
}

const singles = {
  user: scenesIn(ONE_USER, USER_SCENES),
  ageing: scenesIn(ONE_USER, AGEING_SCENES),
  shortage: scenesIn(ONE_USER, SHORTAGE_SCENES),
  guest: scenesIn(ONE_GUEST, GUEST_SCENES),
  kernel: scenesIn(USER_AND_KERNEL, KERNEL_SCENES),
  switches: scenesIn(TWO_USERS, SWITCH_SCENES),
  others: scenesIn(TWO_USERS_AND_KERNEL, OTHER_SCENES),
};

export const SCENES: readonly Scene[] = [
  ...Object.values(singles).flat(),
  medley("the user scenes, one after the other", singles.user),
  medley("pages age in all ways", [...singles.ageing, ...singles.ageing]),
  medley("memory is short all the time", [...singles.shortage, ...singles.ageing]),
];
