import { MmuFlags, NO_FRAME, Status, type ArchVmAspace } from "@aspace/arch";
import { checkEqual, checkPanics, checkStatus, checkThat } from "./check.ts";
import type { CheckedAspace } from "./checked-aspace.ts";
import { CREATED_KINDS, EVERY_KIND, type Property, type PropertyContext } from "./property.ts";
import { RW, readOf, userOf } from "./touch.ts";
import type { World } from "./world.ts";

/** Birth and death of an aspace: nothing leaks, nothing dies that is in use. */

const created = ({ kind }: PropertyContext): "user" | "guest" =>
  kind === "guest" ? "guest" : "user";

/** More allocations than any `init` makes. */
const MAX_INIT_ALLOCATIONS = 1024;

const initThenDestroy: Property = {
  id: "P-L1",
  title: "init then destroy returns every frame, also after use",
  kinds: CREATED_KINDS,
  run(context) {
    const world = context.world();
    const before = world.machine.tables.live;
    const unused = world.createAspace(created(context));
    checkThat("a root after init", unused.aspace.rootPfn !== NO_FRAME);
    world.destroyAspace(unused);
    checkEqual("tables after init and destroy", before, world.machine.tables.live);
    const used = world.createAspace(created(context));
    used.map(world.origin, world.pages(world.tableSpan + 1), RW);
    used.clear();
    world.destroyAspace(used);
    checkEqual("tables after use and destroy", before, world.machine.tables.live);
  },
};

const destroyWithoutInit: Property = {
  id: "P-L2",
  title: "destroy without init, after a failed init and twice is fine and leaks nothing",
  kinds: CREATED_KINDS,
  run(context) {
    const world = context.world();
    const before = world.machine.tables.live;
    world.system.createAspace(created(context)).destroy();
    const failed = world.system.createAspace(created(context));
    world.machine.tables.failures.failAt(1);
    checkStatus("init without memory", Status.NO_MEMORY, failed.init());
    world.machine.tables.failures.failNever();
    failed.destroy();
    const twice = world.system.createAspace(created(context));
    checkStatus("init", Status.OK, twice.init());
    twice.destroy();
    twice.destroy();
    checkEqual("tables", before, world.machine.tables.live);
  },
};

const failingInit: Property = {
  id: "P-L3",
  title: "init that fails at its n-th allocation leaks nothing and can be tried again, for each n",
  kinds: EVERY_KIND,
  run(context) {
    if (context.kind === "kernel") failingStart(context);
    else failingCreation(context);
  },
};

function failingCreation(context: PropertyContext): void {
  const world = context.world();
  const before = world.machine.tables.live;
  const aspace = world.system.createAspace(created(context));
  const failed = failuresOf(world, () => aspace.init());
  checkThat("init to allocate something", failed > 0);
  checkThat("a root after init", aspace.rootPfn !== NO_FRAME);
  aspace.destroy();
  checkEqual("tables", before, world.machine.tables.live);
}

/** The kernel aspace is built by `start`, which the world has done: here it is done again, without memory. */
function failingStart(context: PropertyContext): void {
  const world = context.world();
  const { architecture, tagLimit, quirks } = world.options;
  world.machine.reset();
  const system = architecture.boot(world.hardware, { quirks, tagLimit });
  const failed = failuresOf(world, () => system.start());
  checkThat("start to allocate something", failed > 0);
  checkThat("a kernel root after start", system.kernel.rootPfn !== NO_FRAME);
}

/** Lets `init` fail at its 1st, 2nd, ... allocation until it succeeds; answers how often it failed. */
function failuresOf(world: World, init: () => Status): number {
  const before = world.machine.tables.live;
  for (let n = 1; n <= MAX_INIT_ALLOCATIONS; n++) {
    world.machine.tables.failures.failAt(n);
    const status = init();
    world.machine.tables.failures.failNever();
    if (status === Status.OK) return n - 1;
    checkStatus(`init with allocation ${n} failing`, Status.NO_MEMORY, status);
    checkEqual(`tables after allocation ${n} failed`, before, world.machine.tables.live);
  }
  throw new RangeError(`init makes more than ${MAX_INIT_ALLOCATIONS} allocations`);
}

const destroyInUse: Property = {
  id: "P-L4",
  title: "destroy with a live mapping, or while a CPU runs the aspace, is detected",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject } = world;
    if (context.kind === "kernel") {
      checkPanics("destroy of the kernel aspace", () => subject.aspace.destroy());
      return;
    }
    const mapped = world.createAspace(created(context));
    mapped.map(world.origin, world.pages(1), RW);
    checkPanics("destroy with a live mapping", () => mapped.aspace.destroy());
    checkPanics("destroy of a running aspace", () => subject.aspace.destroy());
  },
};

const disabledUpdates: Property = {
  id: "P-L5",
  title: "after disableUpdates every edit is detected and query works",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject, origin } = world;
    const flags = RW | userOf(subject);
    subject.map(origin, world.pages(1), flags);
    checkPanics("disableUpdates while mapped", () => subject.aspace.disableUpdates());
    subject.clear();
    subject.aspace.disableUpdates();
    const enlarge = world.usualEnlarge;
    const edits: readonly (readonly [string, (aspace: ArchVmAspace) => Status])[] = [
      ["map", (aspace) => aspace.map(origin, world.pages(1), 1, flags, "error")],
      ["mapContiguous", (aspace) => aspace.mapContiguous(origin, world.page(), 1, flags)],
      ["unmap", (aspace) => aspace.unmap(origin, 1, enlarge)],
      ["protect", (aspace) => aspace.protect(origin, 1, MmuFlags.READ, enlarge)],
    ];
    for (const [name, edit] of edits) {
      checkPanics(`${name} after disableUpdates`, () => edit(subject.aspace));
    }
    subject.observe(origin, 1);
  },
};

const tagExhaustion: Property = {
  id: "P-L6",
  title: "without tags init answers NO_RESOURCES; a freed tag is used again and hits nothing old",
  kinds: CREATED_KINDS,
  run(context) {
    const tagLimit = 4;
    const world = context.world({ tagLimit });
    const before = world.machine.tables.live;
    const holders: CheckedAspace[] = [];
    while (holders.length <= tagLimit) {
      const next = world.system.createAspace(created(context));
      const status = next.init();
      next.destroy();
      if (status !== Status.OK) {
        checkStatus("init without a tag", Status.NO_RESOURCES, status);
        break;
      }
      holders.push(world.createAspace(created(context)));
    }
    // A second stage may be known by its root alone (EPT), and then never runs out.
    const mayBeEndless = context.kind === "guest";
    checkThat(`at most ${tagLimit} tags`, holders.length <= tagLimit || mayBeEndless);
    checkThat("some tags", holders.length > 0);
    for (const holder of holders) recycle(world, holder, created(context));
    checkEqual("tables", before, world.machine.tables.live);
  },
};

/** Uses an aspace on every CPU, destroys it, and looks for what it left behind from its successor. */
function recycle(world: World, old: CheckedAspace, kind: "user" | "guest"): void {
  const { origin, machine, tableSpan } = world;
  const flags = RW | userOf(old);
  old.map(origin, world.pages(2), flags);
  for (const cpu of machine.cpus) world.switchTo(cpu.id, old);
  old.observeWarm(origin, 2);
  for (const cpu of machine.cpus) world.switchTo(cpu.id, null);
  old.clear();
  world.destroyAspace(old);
  const successor = world.createAspace(kind);
  successor.map(origin + 1, world.pages(1), readOf(flags));
  successor.map(origin + tableSpan, world.pages(1), flags);
  for (const cpu of machine.cpus) world.switchTo(cpu.id, successor);
  successor.observeWarm(origin, 2);
  successor.observeWarm(origin + tableSpan, 1);
  for (const cpu of machine.cpus) world.switchTo(cpu.id, null);
  successor.clear();
  world.destroyAspace(successor);
}

export const LIFECYCLE: readonly Property[] = [
  initThenDestroy,
  destroyWithoutInit,
  failingInit,
  destroyInUse,
  disabledUpdates,
  tagExhaustion,
];
