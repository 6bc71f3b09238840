import { Status } from "@aspace/arch";
import {
  callLock,
  commitHighTask,
  commitTask,
  decommit,
  discard,
  hintTask,
  lookup,
  lookupContiguous,
  pinTask,
  readTask,
  resize,
  setCachePolicy,
  setSizeTask,
  take,
  takeModified,
  unpinHeld,
  writeTask,
  zeroTask,
} from "./content-operations.ts";
import { clone, create, drop, reference, slice, unmap } from "./family-operations.ts";
import { fault, map, prioritize, unprioritize } from "./mapping-operations.ts";
import { adoptFreedoms } from "./freedoms.ts";
import { misuse } from "./misuse.ts";
import type { Operation } from "./operation.ts";
import type { Outcome, Stage } from "./outcome.ts";
import {
  closePager,
  detach,
  dirtyTask,
  enumerateDirty,
  fail,
  freshList,
  serve,
  supplyTask,
  writebackBegin,
  writebackEnd,
} from "./pager-operations.ts";
import {
  beginCompression,
  dedup,
  evict,
  finishCompression,
  pageAt,
  scan,
} from "./reclaim-operations.ts";
import type { Resident } from "./resident.ts";
import { resolveSlots } from "./resolve-slots.ts";
import type { SituationCounts } from "./situations.ts";
import { begin, kill, resume, timeOut } from "./tasks.ts";
import type { World } from "./world.ts";

type ObjectOperation = Extract<Operation, { readonly object: number }>;
type OtherOperation = Exclude<Operation, ObjectOperation>;

/**
 * Runs operations one after the other: each on the real objects and on the reference model, comparing what both
 * answer. What it finds wrong it throws as a `KernelPanic` with the rule. What must hold whatever the operation
 * was is for `oracle.ts` to look at afterwards.
 */
export class Executor implements Stage {
  readonly world: World;
  readonly situations: SituationCounts;
  readonly outcome: Outcome = { done: null, status: Status.OK, resident: null };
  serial = 0;

  constructor(world: World, situations: SituationCounts) {
    this.world = world;
    this.situations = situations;
  }

  /** Runs one operation, with its number in the program. */
  run(operation: Operation, serial: number): void {
    const { world, outcome } = this;
    this.serial = serial;
    outcome.status = Status.OK;
    outcome.resident = null;
    outcome.done = resolveSlots(world, operation);
    if (outcome.done === null) return;
    const status = this.#perform(outcome.done);
    if (status === null) {
      // Skipped: it leaves no mark, so a plan for memory stands.
      outcome.done = null;
      return;
    }
    outcome.status = status;
    this.situations.noteOperation(world, outcome.done, status, outcome.resident);
    if (!isPlan(operation)) world.clearPlan();
    world.bury();
    adoptFreedoms(world);
  }

  /** Null when there was nothing to do it to. */
  #perform(operation: Operation): Status | null {
    if (!("object" in operation)) return this.#performElsewhere(operation);
    const resident = this.world.objects[operation.object]!;
    this.outcome.resident = resident;
    return this.#performOn(resident, operation);
  }

  #performElsewhere(operation: OtherOperation): Status | null {
    const { world } = this;
    switch (operation.kind) {
      case "create":
        return world.pagers[operation.pager]!.isClosed
          ? null
          : create(this, operation, operation.to);
      case "unpin":
        unpinHeld(world.pins[operation.pin]!);
        world.pins[operation.pin] = null;
        return Status.OK;
      case "serve":
        return this.#serve(operation.pager, operation.answer, operation.count);
      case "closePager":
        return closePager(world, operation.pager);
      case "finishCompression":
        return world.compression === null ? null : finishCompression(this, operation.result);
      case "scan":
        return scan(world, operation.pages, operation.minAge);
      case "memory":
        world.system.pmm.setLow(operation.level === "low");
        return Status.OK;
      case "failAllocation":
        world.plan.failing = operation.nth;
        return Status.OK;
      case "delayAllocation":
        world.plan.delayed = operation.nth;
        return Status.OK;
      case "resume":
        this.outcome.resident = world.actors[operation.actor]!.resident;
        return resume(this, operation.actor);
      case "interrupt":
        return this.#interrupt(operation.actor, operation.how);
    }
  }

  #serve(pager: number, answer: Parameters<typeof serve>[2], count: number): Status | null {
    const service = serve(this, pager, answer, count);
    if (service === null) return null;
    if (service.kind === "nothing") return Status.OK;
    if (service.kind === "task") return begin(this, "serve", service.task);
    this.outcome.resident = service.resident;
    return service.status;
  }

  #interrupt(slot: number, how: "time-out" | "kill"): Status {
    const actor = this.world.actors[slot]!;
    if (how === "time-out") {
      timeOut(actor);
      return Status.TIMED_OUT;
    }
    this.world.actors[slot] = null;
    kill(this, actor);
    return Status.CANCELED;
  }

  #performOn(resident: Resident, operation: ObjectOperation): Status | null {
    switch (operation.kind) {
      case "read":
      case "write":
      case "commit":
      case "decommit":
      case "zero":
      case "hint":
        return this.#performOnBytes(resident, operation);
      case "clone":
        return clone(this, operation, resident);
      case "slice":
        return slice(this, operation, resident);
      case "reference":
        return reference(this, operation, resident);
      case "drop":
        return drop(this, operation.object);
      case "resize":
        return resize(this, resident, operation.pages);
      case "setSize":
        return begin(this, operation.kind, setSizeTask(resident, operation.bytes));
      case "lock":
        return callLock(this, resident, operation.call);
      case "discard":
        return discard(resident);
      case "setCachePolicy":
        return setCachePolicy(resident, operation.policy);
      case "takeModified":
        return takeModified(resident);
      case "detach":
        return detach(resident);
      case "map":
        return map(resident);
      case "unmap":
        unmap(resident);
        return Status.OK;
      case "prioritize":
        return operation.level === "high" ? prioritize(resident) : unprioritize(resident);
      case "misuse":
        return misuse(this.world, resident, operation.misuse);
      case "supplyList":
        return this.#supplyList(resident, operation.page, operation.list);
      case "evict":
      case "beginCompression":
      case "dedup":
        return this.#reclaim(resident, operation);
      default:
        return this.#performOnPages(resident, operation);
    }
  }

  #performOnBytes(
    resident: Resident,
    operation: Extract<ObjectOperation, { readonly length: number }>,
  ): Status {
    const { kind } = operation;
    switch (kind) {
      case "read":
        return begin(this, kind, readTask(resident, operation));
      case "write":
        return begin(this, kind, writeTask(resident, operation, this.serial));
      case "commit":
        return begin(this, kind, commitTask(resident, operation));
      case "zero":
        return begin(this, kind, zeroTask(resident, operation));
      case "hint":
        return begin(this, kind, hintTask(resident, operation));
      case "decommit":
        return decommit(resident, operation);
    }
  }

  #performOnPages(
    resident: Resident,
    operation: Exclude<
      Extract<ObjectOperation, { readonly count: number }>,
      { readonly kind: "clone" | "slice" }
    >,
  ): Status | null {
    const { kind, page, count } = operation;
    switch (kind) {
      case "pin":
        return begin(this, kind, pinTask(this, resident, operation));
      case "fault":
        return begin(this, kind, fault(resident, operation));
      case "dirty":
        return begin(this, kind, dirtyTask(resident, page, count));
      case "commitHighPriority":
        return begin(this, kind, commitHighTask(resident, page, count));
      case "supply": {
        const list = freshList(this, count, operation.pattern);
        return list === null ? null : begin(this, kind, supplyTask(this, resident, page, list));
      }
      case "lookup":
        return lookup(this, resident, page, count);
      case "lookupContiguous":
        return lookupContiguous(this, resident, page, count);
      case "take":
        return take(this, resident, operation);
      case "fail":
        return fail(resident, page, count, operation.failure);
      case "enumerateDirty":
        return enumerateDirty(resident, page, count);
      case "writebackBegin":
        return writebackBegin(resident, page, count, operation.stored);
      case "writebackEnd":
        return writebackEnd(this, resident, page, count);
    }
  }

  #supplyList(resident: Resident, page: number, slot: number): Status {
    const list = this.world.lists[slot]!;
    this.world.lists[slot] = null;
    return begin(this, "supplyList", supplyTask(this, resident, page, list));
  }

  #reclaim(
    resident: Resident,
    operation: Extract<Operation, { readonly kind: "evict" | "beginCompression" | "dedup" }>,
  ): Status | null {
    const place = pageAt(this, resident, operation.page);
    if (place === null) return null;
    if (operation.kind === "evict") return evict(this, place, operation.hints);
    if (operation.kind === "dedup") return dedup(this, place);
    return this.world.compression === null ? beginCompression(this, place) : null;
  }
}

function isPlan({ kind }: Operation): boolean {
  return kind === "failAllocation" || kind === "delayAllocation";
}
