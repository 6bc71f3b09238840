import { Enlarge, Status } from "@aspace/arch";
import { type Cpu, checkCoherence } from "@aspace/machine";
import { checkEqual, checkStatus } from "./check.ts";
import type { CheckedAspace } from "./checked-aspace.ts";
import { draw, editsFor, pictured, prefetchPictured, warmUp } from "./edits.ts";
import { CREATED_KINDS, EVERY_KIND, type Property, needsLargeLeaves } from "./property.ts";
import { SHOOTDOWN } from "./shootdown.ts";
import { RW, readOf, touch, userOf } from "./touch.ts";
import type { World } from "./world.ts";

/**
 * What caches may hold. The machine is strict: its CPUs keep every translation and every step of a
 * walk until told otherwise, and walk on their own initiative whenever they get a turn.
 *
 * `CheckedAspace` compares all usable cached entries with cold walks after every operation; the
 * properties here see to it that something is cached when it matters.
 */

/** Runs `turn` whenever the operation gives other CPUs one. */
function withInterlude(world: World, turn: () => void, operation: () => void): void {
  world.machine.bus.interlude = turn;
  try {
    operation();
  } finally {
    world.machine.bus.interlude = null;
  }
}

const noStaleTranslation: Property = {
  id: "P-T1",
  title: "after an operation, every usable cached translation is a fresh walk's or grants less",
  kinds: EVERY_KIND,
  run(context) {
    for (const edit of editsFor(context)) {
      const world = context.world();
      draw(world);
      warmUp(world);
      checkStatus(edit.name, Status.OK, edit.run(world));
      warmUp(world);
    }
  },
};

const noTranslationToFreeFrames: Property = {
  id: "P-T2",
  title: "no usable translation leads to a frame that an operation made free",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject, origin, machine } = world;
    const flags = RW | userOf(subject);
    for (const edit of ["unmap", "upgrade"] as const) {
      const pfns = [machine.pages.allocatePage(), machine.pages.allocatePage()];
      subject.map(origin, pfns, flags);
      subject.observeWarm(origin, 2);
      if (edit === "unmap") subject.unmap(origin, 2);
      else subject.map(origin, world.pages(2), readOf(flags), "upgrade");
      for (const pfn of pfns) machine.pages.freePage(pfn);
      subject.observeWarm(origin, 2);
      subject.clear();
    }
  },
};

const noWalkToFreeTables: Property = {
  id: "P-T3",
  title: "no usable walk-cache entry and no root register leads to a free frame",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject } = world;
    for (const edge of world.tableEdges()) {
      for (const [start, count] of [
        [edge - 1, 2],
        [edge, 1],
      ] as const) {
        subject.map(start, world.pages(count), RW | userOf(subject));
        subject.observeWarm(start, count);
        // Unlinks the tables on one side of the edge, then all; the allocator asks the CPUs.
        subject.unmap(start, 1);
        subject.observeWarm(start, count);
        subject.clear();
        subject.observeWarm(start, count);
      }
    }
  },
};

const noConflicts: Property = {
  id: "P-T4",
  title: "no CPU ever holds two translations of a page of different size, frame or memory type",
  kinds: EVERY_KIND,
  excludedBy: ({ splitNeedsBbm }) =>
    splitNeedsBbm ? null : "not splitNeedsBbm: the architecture allows it",
  run(context) {
    for (const edit of editsFor(context)) {
      const world = context.world();
      draw(world);
      warmUp(world);
      const prefetch = (): void => prefetchPictured(world, world.seers);
      withInterlude(world, prefetch, () => {
        checkStatus(edit.name, Status.OK, edit.run(world));
      });
      warmUp(world);
    }
  },
};

const othersAreLeftAlone: Property = {
  id: "P-T5",
  title: "operations on one aspace change nothing that a CPU sees through another",
  kinds: CREATED_KINDS,
  run(context) {
    for (const edit of editsFor(context)) {
      const world = context.world();
      const { neighbour, origin, tableSpan } = world;
      draw(world);
      const flags = RW | userOf(neighbour);
      neighbour.map(origin, world.pages(4), flags);
      neighbour.map(origin + 2 * tableSpan, world.pages(1), flags);
      warmUp(world);
      warmUp(world, neighbour);
      checkStatus(edit.name, Status.OK, edit.run(world));
      warmUp(world, neighbour);
      neighbour.validate();
    }
  },
};

const kernelEditsReachEveryTag: Property = {
  id: "P-T6",
  title: "kernel edits are seen under every tag on every CPU, walk caches included",
  kinds: ["kernel"],
  run(context) {
    for (const edit of editsFor(context)) {
      const world = context.world();
      const contexts = [world.neighbour, world.createAspace("user"), null];
      draw(world);
      eachContext(world, contexts, (cpu) => {
        for (const vpn of pictured(world)) touch(world.subject, cpu, vpn);
      });
      checkStatus(edit.name, Status.OK, edit.run(world));
      eachContext(world, contexts, (cpu) => {
        checkCoherence(world.machine);
        for (const vpn of pictured(world)) world.subject.observer.accessAll(cpu, vpn);
      });
    }
  },
};

/** Puts every CPU into every context in turn, and calls `visit` there. */
function eachContext(
  world: World,
  contexts: readonly (CheckedAspace | null)[],
  visit: (cpu: Cpu) => void,
): void {
  for (const context of contexts) {
    for (const cpu of world.machine.cpus) {
      world.switchTo(cpu.id, context);
      visit(cpu);
    }
  }
}

const failuresAreCoherentToo: Property = {
  id: "P-T8",
  title: "a failing operation leaves caches coherent and frees nothing that a CPU can reach",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject, origin, tableSpan } = world;
    const { failures } = world.machine.tables;
    const flags = RW | userOf(subject);
    draw(world);
    warmUp(world);
    const prefetch = (): void => prefetchPictured(world, world.seers);
    withInterlude(world, prefetch, () => {
      for (const action of ["error", "skip", "upgrade"] as const) {
        for (const n of [1, 2]) {
          failures.failAt(n);
          subject.map(origin - tableSpan - 1, world.pages(2), flags, action);
          failures.failNever();
          subject.unmap(origin - tableSpan - 1, 2);
        }
      }
      if (needsLargeLeaves(context.capabilities) !== null) return;
      const target = origin + tableSpan + 1;
      failures.failAlways();
      subject.unmap(target, 1, Enlarge.NO);
      subject.protect(target, 1, readOf(flags), Enlarge.NO);
      subject.unmap(target, 1, Enlarge.YES);
      failures.failNever();
    });
    warmUp(world);
  },
};

const noNeedlessInvalidation: Property = {
  id: "P-T9",
  title: "what changes nothing, or only adds where absence is not cached, invalidates nothing",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject, origin, tableSpan, machine } = world;
    const flags = RW | userOf(subject);
    const { log } = machine;
    const silent = (what: string, operation: () => unknown): void => {
      const before = log.invalidations;
      operation();
      checkEqual(`invalidations by ${what}`, before, log.invalidations);
    };
    if (!context.capabilities.cachesInvalid) {
      silent("a new mapping", () => subject.map(origin, world.pages(4), flags));
      silent("mapContiguous", () =>
        subject.mapContiguous(origin + tableSpan, world.device(tableSpan, tableSpan), 2, flags),
      );
    } else subject.map(origin, world.pages(4), flags);
    subject.observeWarm(origin, 4);
    silent("Skip over mapped pages", () => subject.map(origin, world.pages(4), flags, "skip"));
    silent("Error over mapped pages", () => subject.map(origin, world.pages(4), flags));
    silent("unmap of holes", () => subject.unmap(origin + 4, 4));
    silent("query", () => subject.observe(origin, 4));
    if (!context.capabilities.protectIsUnmap) {
      silent("protect to the same flags", () => subject.protect(origin, 4, flags));
      silent("protect of holes", () => subject.protect(origin + 4, 2, flags));
    }
    silent("UpdateAge", () => subject.harvest(origin, 4, "retain", "update-age"));
  },
};

export const TLB: readonly Property[] = [
  noStaleTranslation,
  noTranslationToFreeFrames,
  noWalkToFreeTables,
  noConflicts,
  othersAreLeftAlone,
  kernelEditsReachEveryTag,
  SHOOTDOWN,
  failuresAreCoherentToo,
  noNeedlessInvalidation,
];
