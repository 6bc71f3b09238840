import { Access, Enlarge, type Pfn, Status, type Vpn, type Walk, emptyWalk } from "@aspace/arch";
import { checkEqual, checkStatus } from "./check.ts";
import type { CheckedAspace } from "./checked-aspace.ts";
import { EVERY_KIND, type Property, type PropertyContext, needsLargeLeaves } from "./property.ts";
import { POLICIES, RO, RW, RX, modeOf, readOf, store, touch, userOf } from "./touch.ts";
import type { World } from "./world.ts";

/**
 * Leaves above a base page: when they are used, and what splitting one may do.
 *
 * ```
 *   │             large leaf              │   unmap of one page    │ leaves │ │x│ leaves of the smaller size │
 * ```
 */

const largestFit: Property = {
  id: "P-B1",
  title: "mapContiguous uses the largest leaves that alignment and count allow",
  kinds: EVERY_KIND,
  excludedBy: needsLargeLeaves,
  run(context) {
    const world = context.world();
    const { subject, origin } = world;
    const flags = RW | userOf(subject);
    let smaller = 1;
    for (const size of world.largeSizes) {
      // Offsets from a common alignment, in steps of the next smaller size, and what is left over.
      for (const [vpnOffset, pfnOffset, count] of [
        [0, 0, size],
        [0, 0, 2 * size + smaller],
        [0, 0, size - smaller],
        [smaller, smaller, 2 * size],
        [smaller, 0, smaller * 3],
        [0, smaller, size],
        [size - smaller, size - smaller, size + 2 * smaller],
      ] as const) {
        const pfn = world.device(4 * size, size) + pfnOffset;
        const status = subject.mapContiguous(origin + vpnOffset, pfn, count, flags);
        checkStatus(`${count} pages at +${vpnOffset}, frame +${pfnOffset}`, Status.OK, status);
        subject.clear();
      }
      smaller = size;
    }
  },
};

const onePageOfALeaf: Property = {
  id: "P-B2",
  title: "unmap or protect of one page of a large leaf leaves all others as they were",
  kinds: EVERY_KIND,
  excludedBy: needsLargeLeaves,
  run(context) {
    const world = context.world();
    const { subject, origin } = world;
    const flags = RW | userOf(subject);
    for (const size of world.largeSizes) {
      for (const target of [0, 1, 2, size - 3, size - 2, size - 1]) {
        for (const edit of ["unmap", "protect"] as const) {
          subject.mapContiguous(origin, world.device(size, size), size, flags);
          for (const cpu of world.seers) touch(subject, cpu, origin + target);
          if (edit === "unmap") subject.unmap(origin + target, 1);
          else subject.protect(origin + target, 1, readOf(flags));
          subject.observe(origin, size);
          subject.observeWarm(origin + target, 1);
          subject.clear();
        }
      }
    }
  },
};

const wholeLeaf: Property = {
  id: "P-B3",
  title: "unmap or protect of whole leaves allocates nothing and splits nothing",
  kinds: EVERY_KIND,
  excludedBy: needsLargeLeaves,
  run(context) {
    const world = context.world();
    const { subject, origin } = world;
    const flags = RW | userOf(subject);
    for (const size of world.largeSizes) {
      subject.mapContiguous(origin, world.device(2 * size, size), 2 * size, flags);
      const attempts = world.meter.attempts;
      checkStatus("protect", Status.OK, subject.protect(origin, size, readOf(flags)));
      checkStatus("unmap", Status.OK, subject.unmap(origin + size, size, Enlarge.NO));
      subject.observeWarm(origin + size - 1, 2);
      checkStatus("unmap", Status.OK, subject.unmap(origin, size, Enlarge.NO));
      checkEqual("allocations", attempts, world.meter.attempts);
    }
  },
};

const splitKeepsEverything: Property = {
  id: "P-B4",
  title: "a split keeps frame, rights, memory type, accessed and dirty, for every cache policy",
  kinds: EVERY_KIND,
  excludedBy: needsLargeLeaves,
  run(context) {
    const world = context.world();
    const { subject } = world;
    for (const size of world.largeSizes) {
      for (const policy of POLICIES) {
        for (const use of ["nothing", "read", "write"] as const) {
          splitOnce(world, subject, size, RW | policy | userOf(subject), use);
        }
      }
    }
  },
};

function splitOnce(
  world: World,
  subject: CheckedAspace,
  size: number,
  flags: number,
  use: "nothing" | "read" | "write",
): void {
  const { origin } = world;
  const [cpu] = world.seers;
  subject.mapContiguous(origin, world.device(size, size), size, flags);
  if (use === "read") touch(subject, cpu!, origin + 1);
  if (use === "write") store(subject, cpu!, origin + 1, 1);
  const kept = [1, 2, Math.floor(size / 2), size - 1].map((at) => origin + at);
  const before = kept.map((vpn) => describeWalk(world, vpn));
  checkStatus("unmap", Status.OK, subject.unmap(origin, 1, Enlarge.YES));
  kept.forEach((vpn, i) => {
    checkEqual(`page +${vpn - origin} after ${use}`, before[i]!, describeWalk(world, vpn));
  });
  subject.clear();
}

/** Everything a walk says that a split must keep. */
function describeWalk(world: World, vpn: Vpn): string {
  const walk: Walk = emptyWalk();
  world.seers[0]!.mmu.inspect(vpn, Access.KERNEL_READ, walk);
  const { present, pfn, allowed, memoryType, accessed, dirty, global } = walk;
  return JSON.stringify({ present, pfn, allowed, memoryType, accessed, dirty, global });
}

const ontoPopulated: Property = {
  id: "P-B5",
  title: "mapContiguous over something mapped: ALREADY_EXISTS; beside it: OK",
  kinds: EVERY_KIND,
  excludedBy: needsLargeLeaves,
  run(context) {
    const world = context.world();
    const { subject, origin } = world;
    const flags = RW | userOf(subject);
    for (const size of world.largeSizes) {
      for (const at of [0, 1, size - 1]) {
        subject.map(origin + at, world.pages(1), flags);
        mapBeside(world, subject, size, [origin, size], Status.ALREADY_EXISTS);
        mapBeside(world, subject, size, [origin + at, 1], Status.ALREADY_EXISTS);
        const beside = at === 0 ? ([origin + 1, size - 1] as const) : ([origin, at] as const);
        mapBeside(world, subject, size, beside, Status.OK);
        subject.clear();
      }
      subject.mapContiguous(origin, world.device(size, size), size, flags);
      mapBeside(world, subject, size, [origin + size - 1, 2], Status.ALREADY_EXISTS);
      mapBeside(world, subject, size, [origin + size, 2], Status.OK);
      subject.clear();
    }
  },
};

/** Maps small leaves only, up to a table's worth, however large the range could be. */
function mapBeside(
  world: World,
  subject: CheckedAspace,
  size: number,
  [vpn, room]: readonly [Vpn, number],
  expected: Status,
): void {
  const count = expected === Status.OK ? Math.min(room, world.tableSpan) : room;
  const pfn: Pfn = world.device(count, size) + (vpn % size);
  const flags = RX | userOf(subject);
  checkStatus("mapContiguous", expected, subject.mapContiguous(vpn, pfn, count, flags));
  if (expected === Status.OK) subject.unmap(vpn, count);
}

const othersDuringASplit: Property = {
  id: "P-B6",
  title: "while a leaf splits, other CPUs fault on its other pages only where a gap was authorised",
  kinds: EVERY_KIND,
  excludedBy: needsLargeLeaves,
  run(context) {
    for (const edit of ["unmap", "protect"] as const) {
      for (const enlarge of Object.values(Enlarge)) touchDuringSplits(context, edit, enlarge);
    }
  },
};

function touchDuringSplits(
  context: PropertyContext,
  edit: "unmap" | "protect",
  enlarge: Enlarge,
): void {
  const world = context.world();
  const { subject, origin } = world;
  const flags = RW | userOf(subject);
  const { splitNeedsBbm, protectIsUnmap } = context.capabilities;
  const isAuthorised = enlarge === Enlarge.YES || (edit === "protect" && protectIsUnmap);
  const mayFault = isAuthorised && splitNeedsBbm;
  for (const size of world.largeSizes) {
    subject.mapContiguous(origin, world.device(size, size), size, flags);
    for (const cpu of world.seers) touch(subject, cpu, origin);
    const faults = watchPages(world, [origin, origin + size - 1], () => {
      const target = origin + Math.floor(size / 2);
      if (edit === "unmap") subject.unmap(target, 1, enlarge);
      else subject.protect(target, 1, RO | userOf(subject), enlarge);
    });
    const what = `${edit} with enlarge=${enlarge}: faults of other CPUs on the leaf's other pages`;
    if (!mayFault) checkEqual(what, 0, faults);
    subject.observeWarm(origin, 1);
    subject.clear();
  }
}

/** Lets every CPU that sees the subject read pages whenever `operation` gives it a turn; counts faults. */
export function watchPages(world: World, pages: readonly Vpn[], operation: () => void): number {
  const { bus } = world.machine;
  const mode = modeOf(world.subject);
  let faults = 0;
  bus.interlude = () => {
    for (const cpu of world.seers) {
      for (const vpn of pages) if (cpu.load(mode, vpn, 0) !== 0) faults++;
    }
  };
  try {
    operation();
  } finally {
    bus.interlude = null;
  }
  return faults;
}

export const LARGE_LEAVES: readonly Property[] = [
  largestFit,
  onePageOfALeaf,
  wholeLeaf,
  splitKeepsEverything,
  ontoPopulated,
  othersDuringASplit,
];
