import {
  NonTerminalAction,
  PAGE_SHIFT,
  Status,
  TerminalAction,
  type QueryResult,
} from "@aspace/arch";
import { checkEqual, checkStatus } from "./check.ts";
import { EVERY_KIND, type Property, needsAccessedBit } from "./property.ts";
import { RW, touch, userOf } from "./touch.ts";

/** Reading what is mapped. */

const changesNothing: Property = {
  id: "P-Q1",
  title: "query changes no memory, no cache and no accessed state",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject, origin } = world;
    const flags = RW | userOf(subject);
    subject.map(origin, world.pages(2), flags);
    for (const size of world.largeSizes) {
      subject.mapContiguous(origin + size, world.device(size, size), size, flags);
    }
    touch(subject, world.seers[0]!, origin);
    const before = world.fingerprint();
    const found: QueryResult = { pfn: 0, flags: 0, leafShift: 0 };
    for (const size of world.leafSizes) {
      for (const at of [-1, 0, 1]) subject.aspace.query(origin + size + at, found);
    }
    checkStatus("query", Status.OUT_OF_RANGE, subject.aspace.query(world.endVpn, found));
    checkEqual("the machine", before, world.fingerprint());
  },
};

const insideLeaves: Property = {
  id: "P-Q2",
  title: "inside a leaf of any size, query answers the exact page",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject, origin } = world;
    for (const size of world.leafSizes) {
      const pfn = world.device(size, size);
      subject.mapContiguous(origin, pfn, size, RW | userOf(subject));
      subject.observe(origin, size);
      subject.clear();
    }
  },
};

const unaccessedLeaves: Property = {
  id: "P-Q3",
  title: "query finds a leaf whose accessed bit is clear",
  kinds: EVERY_KIND,
  excludedBy: needsAccessedBit,
  run(context) {
    const world = context.world();
    const { subject, origin } = world;
    subject.map(origin, world.pages(4), RW | userOf(subject));
    for (let at = 0; at < 4; at++) touch(subject, world.seers[0]!, origin + at);
    const { RETAIN } = NonTerminalAction;
    const { UPDATE_AGE_AND_HARVEST } = TerminalAction;
    checkStatus("harvest", Status.OK, subject.harvest(origin, 4, RETAIN, UPDATE_AGE_AND_HARVEST));
    subject.observe(origin, 4);
  },
};

const sizesOfHoles: Property = {
  id: "P-Q4",
  title: "where nothing is mapped, query says how large the hole around the page is at least",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject, origin } = world;
    const found: QueryResult = { pfn: 0, flags: 0, leafShift: 0 };
    subject.map(origin, world.pages(1), RW | userOf(subject));
    for (const size of world.leafSizes) {
      for (const at of [1, size, size + 1, 2 * size - 1]) {
        if (subject.aspace.query(origin + at, found) !== Status.NOT_FOUND) continue;
        const span = 2 ** (found.leafShift - PAGE_SHIFT);
        checkEqual("the hole is a page at least", true, found.leafShift >= PAGE_SHIFT);
        const start = Math.floor((origin + at) / span) * span;
        const holdsOrigin = start <= origin && origin < start + span;
        checkEqual(`a hole of ${span} pages around page ${at}`, false, holdsOrigin);
      }
    }
  },
};

export const QUERY: readonly Property[] = [
  changesNothing,
  insideLeaves,
  unaccessedLeaves,
  sizesOfHoles,
];
