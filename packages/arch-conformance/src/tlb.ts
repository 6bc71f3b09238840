import { Enlarge, NonTerminalAction, Status, TerminalAction, type Vpn } from "@aspace/arch";
import { type Cpu, checkCoherence } from "@aspace/machine";
import { checkEqual, checkStatus } from "./check.ts";
import type { CheckedAspace } from "./checked-aspace.ts";
import {
  CREATED_KINDS,
  EVERY_KIND,
  type Property,
  type PropertyContext,
  needsLargeLeaves,
} from "./property.ts";
import { RO, RW, RX, readOf, touch, userOf } from "./touch.ts";
import type { World } from "./world.ts";

/**
 * What caches may hold. The machine is strict: its CPUs keep every translation and every step of a
 * walk until told otherwise, and walk on their own initiative whenever they get a turn.
 *
 * `CheckedAspace` compares all usable cached entries with cold walks after every operation; the
 * properties here see to it that something is cached when it matters.
 */

/** An edit of a small picture that every property draws alike, and that takes something away. */
interface Edit {
  readonly name: string;
  readonly run: (world: World) => Status;
}

/**
 * The picture, from the origin, in tables and in large leaves of the smallest size:
 *
 * ```
 *   +0               +span                +2 span     +3 span
 *   │ p p p p . . . .│ L L L L L L L L L L │ q . . .   │
 * ```
 */
function draw(world: World): void {
  const { subject, origin, tableSpan } = world;
  const flags = RW | userOf(subject);
  subject.map(origin, world.pages(4), flags);
  if (world.largeSizes.length > 0) {
    subject.mapContiguous(origin + tableSpan, world.device(tableSpan, tableSpan), tableSpan, flags);
  }
  subject.map(origin + 2 * tableSpan, world.pages(1), flags);
}

/** Pages of the picture that CPUs have in their caches. */
function pictured(world: World): Vpn[] {
  const { origin, tableSpan } = world;
  return [0, 1, 3, tableSpan, tableSpan + 3, 2 * tableSpan - 1, 2 * tableSpan].map(
    (at) => origin + at,
  );
}

function warmUp(world: World, aspace: CheckedAspace = world.subject): void {
  for (const vpn of pictured(world)) {
    for (const cpu of world.seersOf(aspace)) aspace.observer.accessAll(cpu, vpn);
  }
}

function edits(context: PropertyContext): Edit[] {
  const { protectIsUnmap, splitNeedsBbm, leafShifts } = context.capabilities;
  const list: Edit[] = [
    { name: "unmap a page", run: ({ subject, origin }) => subject.unmap(origin + 1, 1) },
    { name: "unmap a table", run: ({ subject, origin }) => subject.unmap(origin, 4) },
    {
      name: "unmap everything",
      run: ({ subject, origin, tableSpan }) => subject.unmap(origin, 3 * tableSpan),
    },
    {
      name: "replace a frame",
      run: (world) => {
        const flags = RX | userOf(world.subject);
        return world.subject.map(world.origin + 1, world.pages(1), flags, "upgrade");
      },
    },
    {
      name: "replace a frame, read-only",
      run: (world) => {
        const flags = RO | userOf(world.subject);
        return world.subject.map(world.origin, world.pages(2), flags, "upgrade");
      },
    },
    {
      name: "harvest",
      run: ({ subject, origin, tableSpan }) =>
        subject.harvest(origin, 3 * tableSpan, "retain", "update-age-and-harvest"),
    },
  ];
  if (!protectIsUnmap) list.push(protectEdit("write-protect everything", 0, 3));
  const canSplit = leafShifts.length > 1 && !(splitNeedsBbm && context.kind === "kernel");
  if (canSplit) list.push(...splittingEdits(context));
  if (context.kind !== "kernel") list.push(freeingEdit());
  return list;
}

/** Write-protects from one table edge of the picture to another. */
function protectEdit(name: string, from: number, to: number): Edit {
  return {
    name,
    run: ({ subject, origin, tableSpan }) => {
      const flags = readOf(RW) | userOf(subject);
      return subject.protect(origin + from * tableSpan, (to - from) * tableSpan, flags);
    },
  };
}

/** A page in the middle of the picture's large leaf. */
const inLeaf = ({ origin, tableSpan }: World): Vpn => origin + tableSpan + 3;

function splittingEdits({ kind, capabilities }: PropertyContext): Edit[] {
  const list: Edit[] = [
    { name: "unmap inside a large leaf", run: (world) => world.subject.unmap(inLeaf(world), 1) },
  ];
  if (!capabilities.protectIsUnmap) {
    list.push({
      name: "protect inside a large leaf",
      run: (world) => world.subject.protect(inLeaf(world), 1, RO | userOf(world.subject)),
    });
  }
  if (kind !== "kernel") {
    list.push({
      name: "upgrade inside a large leaf",
      run: (world) => {
        const flags = RW | userOf(world.subject);
        return world.subject.map(inLeaf(world), world.pages(1), flags, "upgrade");
      },
    });
  }
  return list;
}

/** Twice, so that the second call finds tables unaccessed. */
function freeingEdit(): Edit {
  return {
    name: "free unaccessed tables",
    run: ({ subject, origin, tableSpan }) => {
      const { FREE_UNACCESSED } = NonTerminalAction;
      const { UPDATE_AGE_AND_HARVEST } = TerminalAction;
      subject.harvest(origin, 3 * tableSpan, FREE_UNACCESSED, UPDATE_AGE_AND_HARVEST);
      return subject.harvest(origin, 3 * tableSpan, FREE_UNACCESSED, UPDATE_AGE_AND_HARVEST);
    },
  };
}

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
    for (const edit of edits(context)) {
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
    for (const edit of edits(context)) {
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
    for (const edit of edits(context)) {
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
    for (const edit of edits(context)) {
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

/** More turns than any operation of the suite gives to other CPUs. */
const MAX_TURNS = 400;

const switchesDuringShootdown: Property = {
  id: "P-T7",
  title:
    "a CPU that switches at any moment of an operation, or is switching while one runs, sees it",
  kinds: EVERY_KIND,
  run(context) {
    for (const edit of edits(context)) {
      for (const arrives of [true, false]) {
        eachTurn((turn) => switchAtTurn(context, edit, arrives, turn));
        eachTurn((turn) => editAtTurn(context, edit, arrives, turn));
      }
    }
  },
};

/** Repeats a scenario with its event at the 0th, 1st, ... turn, until there is no such turn. */
function eachTurn(scenario: (turn: number) => boolean): void {
  for (let turn = 0; scenario(turn); turn++) {
    if (turn > MAX_TURNS) throw new RangeError(`an operation gives more than ${MAX_TURNS} turns`);
  }
}

/** A CPU with warm caches enters or leaves the subject in the middle of an edit. */
function switchAtTurn(
  context: PropertyContext,
  edit: Edit,
  arrives: boolean,
  turn: number,
): boolean {
  const world = context.world();
  const [, mover] = world.machine.cpus;
  const away = context.kind === "kernel" ? world.createAspace("user") : world.neighbour;
  const home = context.kind === "kernel" ? world.neighbour : world.subject;
  draw(world);
  warmUp(world);
  if (arrives) world.switchTo(mover!.id, away);
  const happened = duringTurn(
    world,
    turn,
    () => {
      world.switchTo(mover!.id, arrives ? home : away);
      prefetchPictured(world, [mover!]);
    },
    () => checkStatus(edit.name, Status.OK, edit.run(world)),
  );
  checkCoherence(world.machine);
  world.switchTo(mover!.id, home);
  checkCoherence(world.machine);
  warmUp(world);
  return happened;
}

/** The subject is edited while a CPU is in the middle of entering or leaving it. */
function editAtTurn(context: PropertyContext, edit: Edit, arrives: boolean, turn: number): boolean {
  const world = context.world();
  const [, mover] = world.machine.cpus;
  const away = context.kind === "kernel" ? world.createAspace("user") : world.neighbour;
  const home = context.kind === "kernel" ? world.neighbour : world.subject;
  draw(world);
  warmUp(world);
  if (arrives) world.switchTo(mover!.id, away);
  const happened = duringTurn(
    world,
    turn,
    () => checkStatus(edit.name, Status.OK, edit.run(world)),
    () => world.switchTo(mover!.id, arrives ? home : away),
  );
  checkCoherence(world.machine);
  world.switchTo(mover!.id, home);
  checkCoherence(world.machine);
  warmUp(world);
  return happened;
}

/** Runs `event` at one turn of `operation`; answers whether there was such a turn. */
function duringTurn(world: World, turn: number, event: () => void, operation: () => void): boolean {
  let turns = 0;
  withInterlude(
    world,
    () => {
      if (turns++ === turn) event();
    },
    operation,
  );
  return turns > turn;
}

/** Lets CPUs walk to the picture on their own initiative, whatever is there in the middle of an edit. */
function prefetchPictured(world: World, cpus: readonly Cpu[]): void {
  for (const cpu of cpus) for (const vpn of pictured(world)) cpu.prefetch(vpn);
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
      const inLeaf = origin + tableSpan + 1;
      failures.failAlways();
      subject.unmap(inLeaf, 1, Enlarge.NO);
      subject.protect(inLeaf, 1, readOf(flags), Enlarge.NO);
      subject.unmap(inLeaf, 1, Enlarge.YES);
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
  switchesDuringShootdown,
  failuresAreCoherentToo,
  noNeedlessInvalidation,
];
