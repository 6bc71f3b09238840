import {
  Access,
  ExistingEntry,
  MmuFlags,
  PAGE_SHIFT,
  type Pfn,
  Status,
  type Vpn,
  emptyWalk,
} from "@aspace/arch";
import { ARGUMENTS } from "./arguments.ts";
import { checkEqual, checkStatus, checkThat } from "./check.ts";
import type { CheckedAspace } from "./checked-aspace.ts";
import { EVERY_KIND, type Property } from "./property.ts";
import { LEGAL_FLAGS, POLICIES, RO, RW, RWX, RX, modeOf, store, userOf } from "./touch.ts";
import type { World } from "./world.ts";

/** Mapping lists of frames. */

const ACTIONS: readonly ExistingEntry[] = Object.values(ExistingEntry);

/** More allocations than any operation of the suite makes. */
const MAX_ALLOCATIONS = 64;

const mapsTheRange: Property = {
  id: "P-M1",
  title: "after OK, query and a cold walk agree with what was asked, in range and just outside",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject, tableSpan } = world;
    const flags = RW | userOf(subject);
    for (const edge of [world.origin, ...world.tableEdges(), lastTable(world)]) {
      for (const [start, count] of rangesAround(edge, tableSpan)) {
        if (start < world.profile.baseVpn || start + count > world.endVpn) continue;
        checkStatus("map", Status.OK, subject.map(start, world.pages(count), flags));
        subject.clear();
      }
    }
  },
};

/** First page of the last leaf table. */
const lastTable = (world: World): Vpn => world.endVpn - 1 - ((world.endVpn - 1) % world.tableSpan);

/** Ranges that start or end at an edge, cross it, or fill a table. */
function rangesAround(edge: Vpn, span: number): readonly (readonly [Vpn, number])[] {
  return [
    [edge, 1],
    [edge - 1, 1],
    [edge - 1, 2],
    [edge - 2, 5],
    [edge, span],
    [edge - 1, span + 2],
  ];
}

const flagsAndRights: Property = {
  id: "P-M2",
  title: "for all legal flags, query reports them normalised and every kind of access obeys them",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject, origin } = world;
    for (const flags of LEGAL_FLAGS) {
      for (const size of world.leafSizes) {
        const pfn = world.device(size, size);
        checkStatus("mapContiguous", Status.OK, subject.mapContiguous(origin, pfn, size, flags));
        subject.observeWarm(origin + Math.floor(size / 2), 1);
        subject.clear();
      }
    }
  },
};

const errorAction: Property = {
  id: "P-M5",
  title: "Error meeting a mapped page at index k: ALREADY_EXISTS and nothing changes, for each k",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject, origin, tableSpan } = world;
    const flags = RW | userOf(subject);
    const start = origin + tableSpan - 3;
    for (let k = 0; k < 6; k++) {
      checkStatus("map", Status.OK, subject.map(start + k, world.pages(1), flags));
      subject.observeWarm(start, 6);
      const before = world.fingerprint();
      const status = subject.map(start, world.pages(6), flags);
      checkStatus(`map over page ${k}`, Status.ALREADY_EXISTS, status);
      // The new tables it may have tried cost allocations, but none of them stays.
      checkEqual("the tables", withoutAllocations(before), withoutAllocations(world.fingerprint()));
      subject.clear();
    }
    for (const size of world.largeSizes) {
      subject.mapContiguous(origin, world.device(size, size), size, flags);
      const status = subject.map(origin + size - 1, world.pages(2), flags);
      checkStatus("map over a large leaf", Status.ALREADY_EXISTS, status);
      subject.clear();
    }
  },
};

const withoutAllocations = (fingerprint: string): string =>
  fingerprint.replace(/\d+ allocations/, "allocations");

const failingAllocation: Property = {
  id: "P-M6",
  title: "an allocation failing at each n: NO_MEMORY, and tables and caches as before",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject, origin, tableSpan } = world;
    const flags = RW | userOf(subject);
    for (const action of ACTIONS) {
      // Free table, table in use with pages of the range in it, free table:   |   ...x|x.x ...|.   |
      const start = origin + tableSpan - 2;
      const skipsMapped = action !== ExistingEntry.ERROR;
      subject.map(origin + tableSpan + 2, world.pages(1), flags);
      if (skipsMapped) subject.map(origin + tableSpan, world.pages(1), flags);
      subject.observeWarm(start, 8);
      const count = skipsMapped ? tableSpan + 4 : 4;
      eachFailure(world, () => subject.map(start, world.pages(count), flags, action));
      subject.clear();
    }
    if (context.kind === "kernel") return;
    for (const size of world.largeSizes) {
      subject.mapContiguous(origin, world.device(size, size), size, flags);
      eachFailure(world, () => subject.map(origin + 1, world.pages(2), flags, "upgrade"));
      subject.clear();
    }
  },
};

/**
 * Lets an operation fail at its 1st, 2nd, ... allocation until it succeeds. Each failure must leave
 * tables and caches as they were.
 */
export function eachFailure(world: World, operation: () => Status): void {
  const { failures } = world.machine.tables;
  for (let n = 1; n <= MAX_ALLOCATIONS; n++) {
    const before = withoutInvalidations(world.fingerprint());
    failures.failAt(n);
    const status = operation();
    failures.failNever();
    if (status === Status.OK) {
      checkThat("an operation that allocates", n > 1);
      return;
    }
    checkStatus(`allocation ${n} failing`, Status.NO_MEMORY, status);
    checkEqual("tables and caches", before, withoutInvalidations(world.fingerprint()));
  }
  throw new RangeError(`an operation makes more than ${MAX_ALLOCATIONS} allocations`);
}

const withoutInvalidations = (fingerprint: string): string =>
  withoutAllocations(fingerprint).replace(/\d+ invalidations/, "invalidations");

const skipAction: Property = {
  id: "P-M7",
  title: "Skip keeps frame and flags of mapped pages, large leaves included, and maps the rest",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject, origin } = world;
    const user = userOf(subject);
    const [same, other] = [world.page(), world.page()];
    subject.map(origin + 1, [same], RO | user);
    subject.map(origin + 3, [other], RX | user);
    const pfns = [world.page(), same, world.page(), world.page(), world.page()];
    checkStatus("map", Status.OK, subject.map(origin, pfns, RW | user, "skip"));
    subject.observeWarm(origin, 5);
    subject.clear();
    for (const size of world.largeSizes) {
      subject.mapContiguous(origin, world.device(size, size), size, RO | user);
      for (const start of [origin - 1, origin + size - 1]) {
        checkStatus("map", Status.OK, subject.map(start, world.pages(2), RW | user, "skip"));
      }
      subject.observeWarm(origin, 1);
      subject.clear();
    }
  },
};

const upgradeAction: Property = {
  id: "P-M8",
  title: "Upgrade installs or keeps by the table; no CPU uses the old frame, no write lands in it",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject, origin } = world;
    const user = userOf(subject);
    for (const from of [RO, RW, RX, RWX]) {
      for (const to of [RO, RW, RX, RWX]) {
        for (const fromPolicy of POLICIES) {
          upgradeOnce(world, subject, from | user | fromPolicy, to | user);
        }
      }
    }
    if (context.kind === "kernel") return;
    for (const size of world.largeSizes) {
      subject.mapContiguous(origin, world.device(size, size), size, RW | user);
      subject.observeWarm(origin + 1, 2);
      const status = subject.map(origin + 1, world.pages(1), RO | user, "upgrade");
      checkStatus("upgrade inside a large leaf", Status.OK, status);
      subject.observeWarm(origin, 4);
      subject.clear();
    }
  },
};

/** One cell of the table, for the same frame and for another. */
function upgradeOnce(world: World, subject: CheckedAspace, from: number, to: number): void {
  const { origin } = world;
  const [old, next] = [world.page(), world.page()];
  for (const pfn of [old, next]) {
    subject.map(origin, [old], from);
    subject.observeWarm(origin, 1);
    checkStatus("upgrade", Status.OK, subject.map(origin, [pfn], to, "upgrade"));
    subject.observeWarm(origin, 1);
    if (pfn === next && (to & MmuFlags.WRITE) !== 0) noWriteLandsIn(world, subject, old);
    subject.clear();
  }
}

function noWriteLandsIn(world: World, subject: CheckedAspace, old: Pfn): void {
  const { words } = world.machine.memory;
  const before = words[old * 1024];
  for (const cpu of world.seers) {
    store(subject, cpu, world.origin, 0x1000 + cpu.id);
    checkEqual(`the old frame's word after CPU ${cpu.id}'s write`, before!, words[old * 1024]!);
    cpu.load(modeOf(subject), world.origin, 0);
    checkEqual("the word read back", 0x1000 + cpu.id, cpu.value);
  }
}

const leavesNeighboursAlone: Property = {
  id: "P-M9",
  title: "mapping a page changes no bit of another leaf",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject, origin, tableSpan } = world;
    const flags = RW | userOf(subject);
    subject.map(origin, world.pages(tableSpan), flags);
    subject.map(origin + 2 * tableSpan, world.pages(3), flags);
    subject.unmap(origin + 2, 1);
    const others = [0, 1, 3, tableSpan - 1, 2 * tableSpan, 2 * tableSpan + 2];
    for (const added of [2, tableSpan, 2 * tableSpan - 1, 2 * tableSpan + 3]) {
      const before = others.map((at) => leafWords(world, origin + at)).join(" ");
      checkStatus("map", Status.OK, subject.map(origin + added, world.pages(1), flags));
      checkEqual(
        "other leaves",
        before,
        others.map((at) => leafWords(world, origin + at)).join(" "),
      );
    }
  },
};

/** The leaf entry of a page, as an MMU finds it. */
function leafWords(world: World, vpn: Vpn): string {
  const walk = emptyWalk();
  world.seers[0]!.mmu.inspect(vpn, Access.KERNEL_READ, walk);
  checkThat("a leaf entry", walk.present && walk.entry >= 0);
  const { words } = world.machine.memory;
  return `${walk.entry}:${words[walk.entry]! >>> 0}:${words[walk.entry + 1]! >>> 0}`;
}

const sameBitsForSameMapping: Property = {
  id: "P-M10",
  title: "equal mappings have equal entries, and the MMU sees the memory type of the cache policy",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject, origin } = world;
    const highest: Pfn = 2 ** (world.capabilities.physBits - PAGE_SHIFT) - 1;
    for (const policy of POLICIES) {
      for (const rights of [RO, RW, RX, RWX]) {
        const flags = rights | policy | userOf(subject);
        subject.map(origin, [highest, highest], flags);
        const [, ...first] = leafWords(world, origin).split(":");
        const [, ...second] = leafWords(world, origin + 1).split(":");
        checkEqual("entries of equal mappings", first.join(":"), second.join(":"));
        subject.clear();
      }
    }
  },
};

export const MAP: readonly Property[] = [
  mapsTheRange,
  flagsAndRights,
  ...ARGUMENTS,
  errorAction,
  failingAllocation,
  skipAction,
  upgradeAction,
  leavesNeighboursAlone,
  sameBitsForSameMapping,
];
