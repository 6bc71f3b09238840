import { KernelPanic, Status, statusName } from "@aspace/arch";
import { RequestType, type Blocking, type LazyPageRequest } from "@aspace/vm";
import { AGAIN, type Need, type Steps, type Wait } from "./model/steps.ts";
import type { ModelObject } from "./model/model-object.ts";
import { expectThat, type Stage } from "./outcome.ts";
import type { AspaceResident } from "./resident.ts";
import { slotFrom } from "./world.ts";

/** A blocking operation, in the kernel and in the model, and how to compare what both come to. */
export interface Task {
  readonly what: string;
  readonly real: Blocking<unknown>;
  readonly model: Steps<unknown>;
  /** Called once, at the end. The status of both. */
  readonly settle: (real: never, expected: never) => Status;
  /** An object that the operation holds until its end. */
  readonly object: ModelObject | null;
  /** A fault belongs to its aspace and ends before it; a CPU's access goes on where it began. */
  readonly fault: { readonly aspace: AspaceResident; readonly cpu: number } | null;
}

/** A task that waits, as a thread of its own would. */
export interface WaitingThread extends Task {
  request: LazyPageRequest;
  /** Where the model stopped. */
  stop: Wait | Need;
}

/** Runs a task to its end, or to where it waits. */
export function begin(stage: Stage, task: Task): Status {
  const { world } = stage;
  if (task.object !== null) task.object.holders++;
  const step = world.attempt(() => task.real.next());
  if (step.done === true) return end(stage, task, step.value, task.model.next(Status.OK));
  const thread: WaitingThread = { ...task, request: step.value, stop: NOWHERE_YET };
  block(stage, thread, task.model.next(Status.OK));
  const slot = slotFrom(world.threads, stage.serial, (waiting) => waiting === null);
  if (slot >= 0) world.threads[slot] = thread;
  else kill(stage, thread);
  return Status.SHOULD_WAIT;
}

const NOWHERE_YET: Need = { kind: "need", patience: "fails" };

/** A thread whose wait has ended goes on. */
export function resume(stage: Stage, slot: number): Status {
  const { world, outcome } = stage;
  const thread = world.threads[slot]!;
  const { status } = thread.request;
  if (thread.fault !== null) {
    world.kernel.contextSwitch(thread.fault.cpu, thread.fault.aspace.real);
  }
  const step = world.attempt(() => thread.real.next(status));
  const isMemory = thread.stop.kind === "need" && status === Status.OK;
  const next = thread.model.next(isMemory ? AGAIN : status);
  // What was mapped before the wait may be gone.
  outcome.mapped.length = 0;
  if (step.done === true) {
    world.threads[slot] = null;
    const ended = end(stage, thread, step.value, next);
    outcome.mapped.length = 0;
    return ended;
  }
  thread.request = step.value;
  block(stage, thread, next);
  return Status.SHOULD_WAIT;
}

/** The thread is gone; it undoes what it must. */
export function kill(stage: Stage, thread: WaitingThread): void {
  thread.request.cancel();
  stage.world.attempt(() => thread.real.return(undefined as never));
  thread.model.return(undefined as never);
  thread.object?.letGo();
}

type Step = IteratorResult<Wait | Need, unknown>;

/** The kernel waits: so must the model, for the same. */
function block(stage: Stage, thread: WaitingThread, first: Step): void {
  const { world } = stage;
  const { request, what } = thread;
  expectThat(request.isOutstanding, "P17", () => `${what} waits for what is complete`);
  const isMemory = request.type === RequestType.MEMORY;
  if (isMemory) {
    expectThat(world.mayWaitForMemory, "P18", () => `${what} waits for memory, which there is`);
    world.lack();
  }
  let step = first;
  while (step.done !== true && step.value.kind === "need") {
    if (isMemory && step.value.patience === "waits") break;
    step = thread.model.next(Status.OK);
  }
  const seen = request.describe();
  expectThat(step.done !== true, "STATUS", () => `${what} waits for ${seen}, expected to end`);
  const stop = step.value as Wait | Need;
  thread.stop = stop;
  if (stop.kind === "need") return;
  const type = stop.ask === "read" ? RequestType.READ : RequestType.DIRTY;
  const isSame = request.type === type && request.page === stop.page;
  expectThat(
    isSame,
    "STATUS",
    () => `${what} waits for ${seen}, expected ${stop.ask} ${stop.page}`,
  );
}

/** The kernel has come to an end: so must the model, the same way. */
function end(stage: Stage, task: Task, real: unknown, first: Step): Status {
  const { world } = stage;
  const isLacking = statusOf(real) === Status.NO_MEMORY && world.mayLackMemory;
  if (isLacking) world.lack();
  let step = first;
  while (step.done !== true && step.value.kind === "need") {
    step = task.model.next(isLacking ? Status.NO_MEMORY : Status.OK);
  }
  if (step.done !== true) {
    const { ask, page } = step.value as Wait;
    const seen = statusName(statusOf(real));
    throw new KernelPanic("STATUS", `${task.what} ended in ${seen}, expected to ${ask} ${page}`);
  }
  const status = task.settle(real as never, step.value as never);
  task.object?.letGo();
  return status;
}

/** Operations end in a status, in a record with one, in a value, or in nothing. */
export function statusOf(result: unknown): Status {
  if (typeof result === "number") return result as Status;
  const hasStatus = typeof result === "object" && result !== null && "status" in result;
  return hasStatus ? (result.status as Status) : Status.OK;
}
