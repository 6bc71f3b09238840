import { Enlarge, Status, type Vpn } from "@aspace/arch";
import { checkEqual, checkStatus, checkThat } from "./check.ts";
import { watchPages } from "./large-leaves.ts";
import { EVERY_KIND, type Property, needsLargeLeaves } from "./property.ts";
import { RW, RX, touch, userOf } from "./touch.ts";
import type { World } from "./world.ts";

/** Removing mappings. */

const removesTheRange: Property = {
  id: "P-U1",
  title: "after OK every page of the range is absent for query, walks and every CPU",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject, origin, tableSpan } = world;
    const start = origin + tableSpan - 20;
    for (const [at, count] of [
      [0, 40],
      [5, 1],
      [19, 2],
      [10, 30],
      [20, 20],
    ] as const) {
      subject.map(start, world.pages(40), RW | userOf(subject));
      subject.observeWarm(start, 40);
      checkStatus("unmap", Status.OK, subject.unmap(start + at, count));
      subject.observeWarm(start, 40);
      subject.clear();
    }
  },
};

const holes: Property = {
  id: "P-U2",
  title: "unmap of holes is OK and changes nothing",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject, origin, tableSpan } = world;
    subject.map(origin, world.pages(1), RW | userOf(subject));
    const before = world.fingerprint();
    for (const [vpn, count] of [
      [origin + 1, 3],
      [origin + 1, 2 * tableSpan],
      [origin + 1, world.endVpn - origin - 1],
      [world.profile.baseVpn, origin - world.profile.baseVpn],
    ] as const) {
      checkStatus("unmap", Status.OK, subject.unmap(vpn, count));
      checkEqual("the machine", before, world.fingerprint());
    }
  },
};

const alwaysOkWhenEnlarging: Property = {
  id: "P-U3",
  title: "Enlarge.YES is OK without any memory; only leaves that needed a split lose other pages",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject, origin } = world;
    const flags = RW | userOf(subject);
    for (const size of world.leafSizes) {
      for (const [at, count] of cutsOf(size)) {
        for (const refuse of ["first", "second", "all"] as const) {
          subject.mapContiguous(origin, world.device(3 * size, size), 3 * size, flags);
          for (const cpu of world.seers) touch(subject, cpu, origin + size);
          refuseAllocations(world, refuse);
          checkStatus("unmap", Status.OK, subject.unmap(origin + at, count, Enlarge.YES));
          world.machine.tables.failures.failNever();
          subject.observe(origin, 3 * size);
          for (const page of [origin, origin + size, origin + 3 * size - 1]) {
            subject.observeWarm(page, 1);
          }
          subject.clear();
        }
      }
    }
  },
};

/** Ranges over three leaves in a row that cut none, one or two of them; one may be cut twice. */
function cutsOf(size: number): readonly (readonly [number, number])[] {
  if (size === 1) return [[1, 1]];
  return [
    [size, size],
    [size + 1, 1],
    [1, 2 * size],
    [size - 1, size + 1],
    [size, size + 1],
  ];
}

function refuseAllocations(world: World, which: "first" | "second" | "all"): void {
  const { failures } = world.machine.tables;
  if (which === "all") failures.failAlways();
  else failures.failAt(which === "first" ? 1 : 2);
}

const nothingOutsideWithoutEnlarging: Property = {
  id: "P-U4",
  title: "Enlarge.NO without memory fails and changes nothing outside, at no step, for any CPU",
  kinds: EVERY_KIND,
  excludedBy: needsLargeLeaves,
  run(context) {
    const world = context.world();
    const { subject, origin } = world;
    const expected = context.capabilities.splitNeedsBbm ? Status.NOT_SUPPORTED : Status.NO_MEMORY;
    for (const size of world.largeSizes) {
      subject.mapContiguous(origin, world.device(size, size), size, RX | userOf(subject));
      for (const cpu of world.seers) touch(subject, cpu, origin);
      for (const at of [0, Math.floor(size / 2), size - 1]) {
        world.machine.tables.failures.failAlways();
        const others: Vpn[] = [origin, origin + size - 1].filter((vpn) => vpn !== origin + at);
        const faults = watchPages(world, others, () => {
          checkStatus("unmap", expected, subject.unmap(origin + at, 1, Enlarge.NO));
        });
        world.machine.tables.failures.failNever();
        checkEqual("faults of other CPUs outside the range", 0, faults);
        subject.observeWarm(origin, 1);
        subject.observeWarm(origin + at, 1);
      }
      subject.clear();
    }
  },
};

const emptyAgain: Property = {
  id: "P-U5",
  title: "unmapping everything frees every table but the root and the prebuilt ones",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject } = world;
    const prebuilt = context.capabilities.prebuiltTables;
    checkEqual("tablePages of an empty aspace", 1 + prebuilt, subject.aspace.tablePages());
    for (const edge of world.tableEdges()) {
      subject.map(edge - 1, world.pages(2), RW | userOf(subject));
    }
    checkThat("tables while mapped", subject.aspace.tablePages() > 1 + prebuilt);
    for (const cpu of world.seers) touch(subject, cpu, world.tableEdges()[0]!);
    subject.clear();
    checkEqual("tablePages after unmapping all", 1 + prebuilt, subject.aspace.tablePages());
  },
};

const idempotent: Property = {
  id: "P-U6",
  title: "a second unmap of the same range changes nothing",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject, origin } = world;
    const flags = RW | userOf(subject);
    for (const size of world.leafSizes) {
      subject.mapContiguous(origin, world.device(2 * size, size), 2 * size, flags);
      subject.unmap(origin + size, size);
      const before = world.fingerprint();
      checkStatus("second unmap", Status.OK, subject.unmap(origin + size, size));
      checkEqual("the machine", before, world.fingerprint());
      subject.clear();
    }
  },
};

const aroundEdges: Property = {
  id: "P-U7",
  title: "ranges that start or end a page around a table's edge remove exactly their pages",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject } = world;
    for (const edge of world.tableEdges()) {
      for (const from of [-1, 0, 1]) {
        for (const to of [-1, 0, 1].filter((end) => end >= from)) {
          const start = Math.max(edge - 3, world.profile.baseVpn);
          const count = Math.min(edge + 4, world.endVpn) - start;
          subject.map(start, world.pages(count), RW | userOf(subject));
          subject.observeWarm(start, count);
          const room = Math.min(to - from + 1, world.endVpn - edge - from);
          checkStatus("unmap", Status.OK, subject.unmap(edge + from, room));
          subject.observeWarm(start, count);
          subject.clear();
        }
      }
    }
  },
};

export const UNMAP: readonly Property[] = [
  removesTheRange,
  holes,
  alwaysOkWhenEnlarging,
  nothingOutsideWithoutEnlarging,
  emptyAgain,
  idempotent,
  aroundEdges,
];
