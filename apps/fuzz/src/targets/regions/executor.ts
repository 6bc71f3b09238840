import { KernelPanic, Status, statusName } from "@aspace/arch";
import { endRegion } from "./model/unmap.ts";
import { access, accessedFault, dropTables, fault, harvest, spotOf } from "./cpu-operations.ts";
import { performOnMapping } from "./mapping-operations.ts";
import { create, performOnObject } from "./object-operations.ts";
import { mappingNamed, mappingNear, partOf, targetOf, type Target } from "./near.ts";
import { VDSO_CODE_START, VDSO_PAGES, WINDOW, type Operation } from "./operation.ts";
import type { Outcome, Stage } from "./outcome.ts";
import {
  createRegion,
  destroy,
  map,
  operate,
  prioritize,
  protect,
  unmap,
  unmapPartly,
} from "./region-operations.ts";
import type { AspaceResident, ObjectResident, RegionResident } from "./resident.ts";
import type { SituationCounts } from "./situations.ts";
import { kill, resume, type WaitingThread } from "./threads.ts";
import { slotFrom, type World } from "./world.ts";

type OnPages = Extract<Operation, { readonly region: number; readonly near: number }>;
type OnRegion = Exclude<Extract<Operation, { readonly region: number }>, OnPages>;
type OnAspace = Extract<Operation, { readonly aspace: number }>;

/**
 * Runs operations one after the other: each on the kernel and on the model, comparing what both answer. What it finds
 * wrong it throws as a `KernelPanic` with the rule. What must hold whatever the operation was is for `oracle.ts`.
 */
export class Executor implements Stage {
  readonly world: World;
  readonly situations: SituationCounts;
  readonly outcome: Outcome = { status: null, gated: false, aspace: -1, mapped: [] };
  serial = 0;

  constructor(world: World, situations: SituationCounts) {
    this.world = world;
    this.situations = situations;
  }

  /** Runs one operation, with its number in the program. */
  run(operation: Operation, serial: number): void {
    const { world, outcome } = this;
    this.serial = serial;
    outcome.gated = false;
    outcome.aspace = -1;
    outcome.mapped.length = 0;
    world.fired = false;
    outcome.status = this.#perform(operation);
    // What was skipped leaves no mark: the plan is for the next that is not.
    if (operation.kind !== "failAllocation" && outcome.status !== null) world.plan = null;
  }

  /** Null when there was nothing to do it to. */
  #perform(operation: Operation): Status | null {
    const { world } = this;
    if ("region" in operation) {
      if ("near" in operation) {
        const isMaking = operation.kind === "map" || operation.kind === "createRegion";
        if (!isMaking && isNowhere(world, operation.near)) return null;
        const target = targetOf(world, operation);
        return target === null ? null : this.#performOnPages(target, operation);
      }
      const slot = slotFrom(world.regions, operation.region, (region) => region !== null);
      return slot < 0 ? null : this.#performOnRegion(world.regions[slot]!, operation);
    }
    if ("mapping" in operation) {
      const mapping = mappingNamed(world, operation.mapping);
      return mapping === null ? null : performOnMapping(this, mapping, operation);
    }
    if ("object" in operation) {
      const slot = objectSlot(world, operation);
      if (slot < 0) return null;
      const object = world.objects[slot]!;
      return performOnObject(this, object, inObject(object, { ...operation, object: slot }));
    }
    if ("aspace" in operation) return this.#performOnAspace(operation);
    return this.#performElsewhere(operation);
  }

  #performOnPages(target: Target, operation: OnPages): Status | null {
    switch (operation.kind) {
      case "createRegion":
        return createRegion(this, target, operation);
      case "map":
        return this.#map(target, operation);
      case "unmap":
        return unmap(this, target, operation);
      case "unmapPartly":
        return unmapPartly(this, target);
      case "protect":
        return protect(this, target, operation);
      case "operate":
        return operate(this, target, operation);
    }
  }

  #map(target: Target, operation: Extract<Operation, { readonly kind: "map" }>): Status | null {
    const { world } = this;
    const before = mappingNear(world, operation.near);
    if (before !== null) {
      const object = world.residents.get(before.object)!;
      const vpn = before.base + before.count;
      const next = before.objectPage + before.count;
      const objectPage = next < before.object.size ? next : 0;
      return map(
        this,
        { ...target, vpn, count: operation.count },
        { object, objectPage },
        operation,
      );
    }
    const slot = slotFrom(world.objects, operation.object, (object) => object !== null);
    if (slot < 0) return null;
    const object = world.objects[slot]!;
    const { objectPage } = operation;
    // Code of the vDSO is mapped as it must be, more often than chance would have it.
    const isCode = object.model.isVdso && operation.permissions >= 4 && target.count < 4;
    const count = isCode ? VDSO_PAGES - VDSO_CODE_START : target.count;
    const shown = { object, objectPage: isCode ? VDSO_CODE_START : objectPage };
    return map(this, { ...target, count }, shown, operation);
  }

  #performOnRegion(region: RegionResident, operation: OnRegion): Status | null {
    // A root goes with its aspace only.
    const isRoot = region.model.aspace.root === region.model;
    if (operation.kind === "prioritize") return prioritize(this, region, operation);
    return isRoot ? null : destroy(this, region);
  }

  #performOnAspace(operation: OnAspace): Status | null {
    const { world } = this;
    if (operation.kind === "recreate")
      return this.#recreate(operation.aspace % world.aspaces.length);
    const slot = slotFrom(
      world.aspaces,
      operation.aspace % world.aspaces.length,
      (each) => each !== null,
    );
    const aspace = world.aspaces[slot] ?? null;
    if (aspace === null) return null;
    switch (operation.kind) {
      case "softFault":
      case "accessedFault": {
        const spot = spotOf(this, operation, aspace);
        if (spot === null) return null;
        return operation.kind === "accessedFault"
          ? accessedFault(this, spot, operation)
          : fault(this, spot, operation);
      }
      case "switch":
        world.kernel.contextSwitch(operation.cpu, aspace.real);
        return Status.OK;
      case "dropTables":
        return dropTables(aspace);
    }
  }

  #performElsewhere(
    operation: Exclude<
      Operation,
      OnPages | OnRegion | OnAspace | { readonly mapping: number } | { readonly object: number }
    >,
  ): Status | null {
    const { world } = this;
    switch (operation.kind) {
      case "create":
        return create(this, operation, operation.to);
      case "access":
        return access(this, operation);
      case "prefetch": {
        const place = world.kernel.placeOf(operation.cpu);
        if (place === null) return null;
        world.kernel.machine.cpus[operation.cpu]!.prefetch(place.base + operation.page);
        return Status.OK;
      }
      case "harvest":
        return harvest(this, operation);
      case "failAllocation":
        if (operation.nth === 0) return null;
        world.plan = { what: operation.what, nth: operation.nth };
        return Status.OK;
      case "serve":
        return this.#serve(operation.thread);
      case "memory":
        world.pmm.setLow(operation.level === "low");
        return Status.OK;
      case "resume":
        return this.#resume(operation.thread);
      case "interrupt":
        return this.#interrupt(operation.thread, operation.how);
    }
  }

  /** Who goes on must have been woken. */
  #resume(wanted: number): Status | null {
    const { threads } = this.world;
    const slot = slotFrom(threads, wanted, isReady);
    if (slot < 0) return null;
    this.situations.noteWake(threads[slot]!);
    return resume(this, slot);
  }

  /** The pager reads what a thread waits for, and gives it. */
  #serve(wanted: number): Status | null {
    const { world } = this;
    const slot = slotFrom(world.threads, wanted, (thread) => {
      return thread?.stop.kind === "wait" && thread.request.isOutstanding;
    });
    const thread = world.threads[slot] ?? null;
    if (thread === null || thread.stop.kind !== "wait") return null;
    const { object, page, ask } = thread.stop;
    const { count } = thread.request;
    const resident = world.residents.get(object);
    if (resident === undefined) return null;
    return performOnObject(this, resident, {
      kind: ask === "read" ? "supply" : "dirty",
      object: 0,
      page,
      count,
    });
  }

  /** Who is interrupted must wait. */
  #interrupt(wanted: number, how: "time-out" | "kill"): Status | null {
    const { threads } = this.world;
    const slot = slotFrom(threads, wanted, isWaiting);
    if (slot < 0) return null;
    const thread = threads[slot]!;
    if (how === "time-out") {
      thread.request.timeOut();
      return Status.TIMED_OUT;
    }
    threads[slot] = null;
    kill(this, thread);
    return Status.CANCELED;
  }

  /** Ends an aspace, with the threads that fault in it, and makes another one in its place. */
  #recreate(slot: number): Status | null {
    const { world } = this;
    const aspace = world.aspaces[slot] ?? null;
    if (aspace !== null) this.endAspace(aspace);
    const status = world.createAspace(slot, world.program.aspaces[slot]!);
    this.outcome.gated = true;
    if (status === Status.OK || (status === Status.NO_MEMORY && world.mayLackMemory)) return status;
    throw new KernelPanic("A-1", `a new aspace answered ${statusName(status)}`);
  }

  endAspace(aspace: AspaceResident): void {
    const { world } = this;
    for (const [slot, thread] of world.threads.entries()) {
      if (thread?.fault?.aspace !== aspace) continue;
      kill(this, thread);
      world.threads[slot] = null;
    }
    const status = world.kernel.destroyAspace(aspace.real);
    if (status !== Status.OK) throw new KernelPanic("A-10", `destroy: ${statusName(status)}`);
    aspace.model.vdso = null;
    endRegion(aspace.model.root);
    world.aspaces[aspace.slot] = null;
    for (const [slot, region] of world.regions.entries()) {
      if (region?.aspace === aspace) world.regions[slot] = null;
    }
  }
}

/** Near a mapping, but there is none. */
function isNowhere(world: World, near: number): boolean {
  return near !== WINDOW && mappingNear(world, near) === null;
}

const PAGER_CALLS: readonly Operation["kind"][] = [
  "supply",
  "fail",
  "dirty",
  "writebackBegin",
  "writebackEnd",
  "detach",
];

function isReady(thread: WaitingThread | null): boolean {
  return thread !== null && !thread.request.isOutstanding;
}

function isWaiting(thread: WaitingThread | null): boolean {
  return thread !== null && thread.request.isOutstanding;
}

function isPagers(resident: ObjectResident | null): boolean {
  return resident?.model.isPager === true;
}

/** What a pager does it does to an object of its own, if there is one. */
function objectSlot({ objects }: World, { kind, object }: OnObject): number {
  const slot = PAGER_CALLS.includes(kind) ? slotFrom(objects, object, isPagers) : -1;
  return slot < 0 ? slotFrom(objects, object, (resident) => resident !== null) : slot;
}

type OnObject = Parameters<typeof performOnObject>[2];

/** The operation with pages that the object has, or that lie right behind it. A snapshot may reach further. */
function inObject<O extends OnObject>({ model: { size } }: ObjectResident, operation: O): O {
  if ("count" in operation && operation.kind !== "snapshot") {
    return { ...operation, ...partOf(size, operation) };
  }
  if (!("page" in operation)) return operation;
  return { ...operation, page: partOf(size, { page: operation.page, count: 1 }).page };
}
