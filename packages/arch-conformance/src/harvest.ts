import {
  Access,
  AccessedCheck,
  Enlarge,
  FaultFlags,
  NonTerminalAction,
  type Pfn,
  Status,
  TerminalAction,
  type Vpn,
  emptyWalk,
} from "@aspace/arch";
import { checkEqual, checkStatus, checkThat } from "./check.ts";
import type { CheckedAspace } from "./checked-aspace.ts";
import {
  CREATED_KINDS,
  EVERY_KIND,
  type Property,
  needsAccessedBit,
  needsLargeLeaves,
} from "./property.ts";
import { RW, readOf, touch, userOf } from "./touch.ts";
import type { World } from "./world.ts";

/** Finding out which pages were used. */

const { RETAIN, FREE_UNACCESSED } = NonTerminalAction;
const { UPDATE_AGE, UPDATE_AGE_AND_HARVEST } = TerminalAction;

/** Maps data pages from the origin on and harvests once, so that only later touches count. */
function primedPages(world: World, count: number): Pfn[] {
  const { subject, origin } = world;
  const pfns = world.pages(count);
  checkStatus("map", Status.OK, subject.map(origin, pfns, RW | userOf(subject)));
  subject.harvest(origin, count, RETAIN, UPDATE_AGE_AND_HARVEST);
  return pfns;
}

const sorted = (pfns: readonly Pfn[]): string => pfns.toSorted((a, b) => a - b).join(" ");

/** Harvests the first pages and checks that exactly these frames were reported, once each. */
function harvestReports(
  world: World,
  count: number,
  terminal: TerminalAction,
  expected: readonly Pfn[],
  what: string,
): void {
  const { subject, origin, machine } = world;
  machine.pages.clearReports();
  checkStatus("harvest", Status.OK, subject.harvest(origin, count, RETAIN, terminal));
  const reported = Array.from({ length: machine.pages.reportCount }, (_, i) =>
    machine.pages.reportAt(i),
  );
  checkEqual(`frames reported ${what}`, sorted(expected), sorted(reported));
}

const reportsTouchedPages: Property = {
  id: "P-H1",
  title: "touched pages are reported exactly once, untouched ones not; without accessed bits, none",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject, origin, tableSpan } = world;
    const count = tableSpan + 3;
    const pfns = primedPages(world, count);
    const touched = [0, 2, tableSpan - 1, tableSpan, tableSpan + 2];
    touched.forEach((at, i) => {
      const { seers } = world;
      touch(subject, seers[i % seers.length]!, origin + at);
      if (i % 2 === 0) touch(subject, seers[0]!, origin + at);
    });
    const expected = context.capabilities.accessedBit ? touched.map((at) => pfns[at]!) : [];
    harvestReports(world, count, UPDATE_AGE_AND_HARVEST, expected, "after touches");
  },
};

const reportsUntilHarvested: Property = {
  id: "P-H2",
  title: "UpdateAge reports again; UpdateAgeAndHarvest once until the next touch, which is seen",
  kinds: EVERY_KIND,
  excludedBy: needsAccessedBit,
  run(context) {
    const world = context.world();
    const { subject, origin } = world;
    const pfns = primedPages(world, 3);
    // Every CPU twice: the second touch meets what the CPU cached in the first.
    for (const cpu of [...world.seers, ...world.seers]) {
      touch(subject, cpu, origin + 1);
      harvestReports(world, 3, UPDATE_AGE, [pfns[1]!], "the first time");
      harvestReports(world, 3, UPDATE_AGE, [pfns[1]!], "the second time");
      harvestReports(world, 3, UPDATE_AGE_AND_HARVEST, [pfns[1]!], "for the last time");
      harvestReports(world, 3, UPDATE_AGE_AND_HARVEST, [], "without a touch");
    }
  },
};

const retainKeepsEverything: Property = {
  id: "P-H3",
  title: "Retain frees nothing, changes no mapping, and leaves large leaves' accessed bits alone",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject, origin, tableSpan } = world;
    const flags = RW | userOf(subject);
    subject.map(origin, world.pages(3), flags);
    let end = origin + tableSpan;
    const larges: Vpn[] = [];
    for (const size of world.largeSizes) {
      const first = origin + size * (size === tableSpan ? 1 : 2);
      const pfn = size === tableSpan ? world.contiguousPages(size) : world.device(size, size);
      checkStatus("map", Status.OK, subject.mapContiguous(first, pfn, size, flags));
      touch(subject, world.seers[0]!, first + 1);
      larges.push(first);
      end = first + size;
    }
    touch(subject, world.seers[0]!, origin);
    const tables = subject.aspace.tablePages();
    const before = larges.map((vpn) => isAccessed(world, vpn)).join(" ");
    for (const terminal of Object.values(TerminalAction)) {
      for (const count of [end - origin, end - origin - 1]) {
        checkStatus("harvest", Status.OK, subject.harvest(origin, count, RETAIN, terminal));
        checkEqual("tablePages", tables, subject.aspace.tablePages());
        const after = larges.map((vpn) => isAccessed(world, vpn)).join(" ");
        checkEqual("accessed bits of large leaves", before, after);
      }
    }
    for (const vpn of [origin, ...larges]) subject.observeWarm(vpn, 1);
  },
};

function isAccessed(world: World, vpn: Vpn): boolean {
  const walk = emptyWalk();
  world.seers[0]!.mmu.inspect(vpn, Access.KERNEL_READ, walk);
  return walk.accessed;
}

const freesOnlyUnaccessed: Property = {
  id: "P-H4",
  title:
    "FreeUnaccessed removes only mappings in range and never from a table accessed since the last",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject, origin, tableSpan } = world;
    if (context.kind === "kernel") {
      const status = subject.harvest(origin, 1, FREE_UNACCESSED, UPDATE_AGE);
      checkStatus("FreeUnaccessed in the kernel", Status.NOT_SUPPORTED, status);
      return;
    }
    for (const edit of ["map", "protect"] as const) keepsWhatWasEdited(world, edit);
    keepsPartlyCoveredLeaf(world);
    for (const terminal of Object.values(TerminalAction)) {
      const flags = RW | userOf(subject);
      const used = origin;
      const unused = origin + tableSpan;
      subject.map(used, world.pages(tableSpan), flags);
      subject.map(unused, world.pages(tableSpan), flags);
      for (const vpn of [used, unused]) touch(subject, world.seers[0]!, vpn + 1);
      freeUnaccessed(subject, used, 2 * tableSpan, terminal);
      checkEqual("pages kept of tables just accessed", 2 * tableSpan, subject.reference.size);
      for (let round = 0; round < 3; round++) {
        touch(subject, world.seers[round % world.seers.length]!, used + 1);
        freeUnaccessed(subject, used, tableSpan + 3, terminal);
        const inUse = subject.reference.leavesIn(used, tableSpan).length;
        checkEqual("pages kept of the table in use", tableSpan, inUse);
        const outside = subject.reference.leavesIn(unused + 3, tableSpan - 3).length;
        checkEqual("pages kept outside the range", tableSpan - 3, outside);
      }
      subject.observeWarm(used, 2 * tableSpan);
      subject.clear();
    }
  },
};

/** A large leaf that the range covers in part stays, however long nobody used its table. */
function keepsPartlyCoveredLeaf(world: World): void {
  const { subject, origin } = world;
  for (const size of world.largeSizes) {
    const pfn = world.device(size, size);
    subject.mapContiguous(origin, pfn, size, RW | userOf(subject));
    for (let round = 0; round < 2; round++) {
      freeUnaccessed(subject, origin, size - 1, UPDATE_AGE);
      freeUnaccessed(subject, origin + 1, size - 1, UPDATE_AGE);
    }
    checkEqual("leaves", 1, subject.reference.size);
    subject.clear();
  }
}

/** A page that an edit made usable without an access fault counts as used once it was touched. */
function keepsWhatWasEdited(world: World, edit: "map" | "protect"): void {
  const { subject, origin, capabilities } = world;
  const flags = RW | userOf(subject);
  if (edit === "protect" && capabilities.protectIsUnmap) return;
  subject.map(origin, world.pages(1), flags);
  touch(subject, world.seers[0]!, origin);
  freeUnaccessed(subject, origin, 2, UPDATE_AGE_AND_HARVEST);
  checkEqual("pages kept after a touch", 1, subject.reference.size);
  const edited = edit === "map" ? origin + 1 : origin;
  if (edit === "map") subject.map(edited, world.pages(1), flags);
  else subject.protect(edited, 1, readOf(flags));
  touch(subject, world.seers[0]!, edited);
  freeUnaccessed(subject, origin, 2, UPDATE_AGE_AND_HARVEST);
  checkThat(`the page touched after ${edit} to be kept`, subject.reference.lookup(edited) !== null);
  subject.clear();
}

function freeUnaccessed(
  subject: CheckedAspace,
  vpn: Vpn,
  count: number,
  terminal: TerminalAction,
): void {
  checkStatus("harvest", Status.OK, subject.harvest(vpn, count, FREE_UNACCESSED, terminal));
}

const ignoresDevices: Property = {
  id: "P-H5",
  title: "frames without a page record are never reported",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject, origin, machine } = world;
    subject.map(origin, [world.device(1, 1), world.page()], RW | userOf(subject));
    for (const at of [0, 1]) touch(subject, world.seers[0]!, origin + at);
    for (const terminal of Object.values(TerminalAction)) {
      machine.pages.clearReports();
      checkStatus("harvest", Status.OK, subject.harvest(origin, 1, RETAIN, terminal));
      checkEqual("reports of a device", 0, machine.pages.reportCount);
    }
    subject.observeWarm(origin, 2);
  },
};

const accessedSinceLastCheck: Property = {
  id: "P-H6",
  title:
    "accessedSinceLastCheck false means that a harvest reports nothing; clearing leaves activity",
  kinds: CREATED_KINDS,
  run(context) {
    const world = context.world();
    const { subject, origin } = world;
    const { PEEK, CLEAR } = AccessedCheck;
    const { aspace } = subject;
    subject.map(origin, world.pages(2), RW | userOf(subject));
    checkEqual("after an edit", true, aspace.accessedSinceLastCheck(PEEK));
    checkEqual("on clearing", true, aspace.accessedSinceLastCheck(CLEAR));
    checkEqual("cleared, but active", true, aspace.accessedSinceLastCheck(PEEK));
    touch(subject, world.seers[0]!, origin);
    for (const cpu of world.seers) world.switchTo(cpu.id, null);
    checkEqual("after the last CPU left", true, aspace.accessedSinceLastCheck(CLEAR));
    subject.harvest(origin, 2, RETAIN, UPDATE_AGE_AND_HARVEST);
    checkEqual("inactive and cleared", false, aspace.accessedSinceLastCheck(PEEK));
    world.machine.pages.clearReports();
    subject.harvest(origin, 2, RETAIN, UPDATE_AGE);
    checkEqual("reports of an inactive aspace", 0, world.machine.pages.reportCount);
    world.switchTo(0, subject);
    checkEqual("after a switch to it", true, aspace.accessedSinceLastCheck(PEEK));
    world.switchTo(0, null);
    checkEqual("after the switch away", true, aspace.accessedSinceLastCheck(CLEAR));
    subject.unmap(origin, 1);
    checkEqual("after an edit while inactive", true, aspace.accessedSinceLastCheck(CLEAR));
  },
};

const splitKeepsAge: Property = {
  id: "P-H7",
  title:
    "pages of an accessed large leaf survive one FreeUnaccessed after a split, and are reported",
  kinds: EVERY_KIND,
  excludedBy: (capabilities) => needsAccessedBit(capabilities) ?? needsLargeLeaves(capabilities),
  run(context) {
    const world = context.world();
    const { subject, origin, machine } = world;
    const size = world.largeSizes[0]!;
    const pfn = world.contiguousPages(size);
    subject.mapContiguous(origin, pfn, size, RW | userOf(subject));
    touch(subject, world.seers[0]!, origin + 1);
    checkStatus("splitting unmap", Status.OK, subject.unmap(origin, 1, Enlarge.YES));
    machine.pages.clearReports();
    subject.harvest(origin, size, RETAIN, UPDATE_AGE);
    checkThat("accessed pages reported after the split", machine.pages.reportsOf(pfn + 1) === 1);
    if (context.kind === "kernel") return;
    freeUnaccessed(subject, origin, size, UPDATE_AGE);
    checkEqual("pages left", size - 1, subject.reference.leavesIn(origin, size).length);
    subject.observeWarm(origin, size);
  },
};

const markEndsAccessFault: Property = {
  id: "P-H8",
  title: "an access fault is answered by markAccessed: the retry succeeds",
  kinds: EVERY_KIND,
  excludedBy: ({ markAccessedSupported }) =>
    markAccessedSupported ? null : "not markAccessedSupported",
  run(context) {
    const world = context.world();
    const { subject, origin, machine } = world;
    const { architecture } = world.options;
    const access = context.kind === "kernel" ? Access.KERNEL_READ : Access.USER_READ;
    const pfns = primedPages(world, 4);
    for (const cpu of world.seers) {
      const fault = cpu.access(origin + 1, access);
      const isAccessFault = (architecture.faultFlags(fault) & FaultFlags.ACCESS) !== 0;
      checkThat(`an access fault on CPU ${cpu.id}`, fault !== 0 && isAccessFault);
      const invalidations = machine.log.invalidations;
      checkStatus("markAccessed", Status.OK, subject.markAccessed(origin, 3));
      checkEqual("invalidations", invalidations, machine.log.invalidations);
      checkEqual("fault of the retry", 0, cpu.access(origin + 1, access));
      harvestReports(world, 4, UPDATE_AGE_AND_HARVEST, pfns.slice(0, 3), "after markAccessed");
    }
  },
};

export const HARVEST: readonly Property[] = [
  reportsTouchedPages,
  reportsUntilHarvested,
  retainKeepsEverything,
  freesOnlyUnaccessed,
  ignoresDevices,
  accessedSinceLastCheck,
  splitKeepsAge,
  markEndsAccessFault,
];
