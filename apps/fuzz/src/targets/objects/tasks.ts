import { KernelPanic, Status, statusName } from "@aspace/arch";
import { RequestType, type LazyPageRequest } from "@aspace/vm";
import type { Actor, Task } from "./actor.ts";
import { Ask, type Waiter } from "./model/model-source.ts";
import type { AtPage, Wait } from "./model/steps.ts";
import type { OperationKind } from "./operation.ts";
import { expectThat, type Stage } from "./outcome.ts";
import { slotFrom } from "./world.ts";

/**
 * Blocking operations as threads: the real generator and the model's run side by side, and stop where the
 * real one stops.
 *
 *     real   ───▶ yield READ 4+2        the model must wait for the same, and is told how it ends
 *     model  ───▶ yield wait 4+2
 *
 *     real   ───▶ yield MEMORY          the model knows no shortage; it goes on page by page for as long
 *     model  ─▶ page 0 ─▶ page 1 ─▮     as what it would do is seen done
 */
export function begin(stage: Stage, kind: OperationKind, task: Task): Status {
  const { world } = stage;
  const step = world.attempt(() => task.code.next());
  task.resident.hold();
  if (step.done === true) return end(stage, { ...task, page: null }, step.value, Status.OK);
  const request = step.value;
  const actor: Actor = { ...task, kind, serial: stage.serial, request, waiter: null, page: null };
  block(stage, actor, request, Status.OK);
  const slot = slotFrom(world.actors, stage.serial, (free) => world.actors[free] === null);
  if (slot >= 0) world.actors[slot] = actor;
  else kill(stage, actor);
  return Status.SHOULD_WAIT;
}

/** An actor whose wait has ended goes on. */
export function resume(stage: Stage, slot: number): Status {
  const { world } = stage;
  const actor = world.actors[slot]!;
  const { status } = actor.request;
  stage.situations.noteWake(actor);
  const step = world.attempt(() => actor.code.next(status));
  if (step.done === true) {
    world.actors[slot] = null;
    return end(stage, actor, step.value, status);
  }
  block(stage, actor, step.value, status);
  return Status.SHOULD_WAIT;
}

/** The pager took too long; the actor will go on and learn of it. */
export function timeOut(actor: Actor): void {
  actor.request.timeOut();
  if (actor.waiter === null) return;
  forget(actor, actor.waiter);
  actor.waiter.status = Status.TIMED_OUT;
}

/** The actor's thread is gone; it undoes what it must. */
export function kill(stage: Stage, actor: Actor): void {
  stage.situations.note("a waiting operation was killed");
  stage.world.attempt(() => actor.code.return(undefined as never));
  if (actor.waiter !== null) forget(actor, actor.waiter);
  actor.model.return(undefined as never);
  actor.resident.letGo();
}

function forget(actor: Actor, waiter: Waiter): void {
  actor.resident.model.node.root.source?.forget(waiter);
}

/** The real operation waits: so must the model, unless it is for memory. */
function block(stage: Stage, actor: Actor, request: LazyPageRequest, resumedWith: Status): void {
  actor.request = request;
  expectThat(
    request.isOutstanding,
    "P17",
    () => "an operation waits for a request that is complete",
  );
  if (request.type === RequestType.MEMORY) {
    blockForMemory(stage, actor, resumedWith);
    return;
  }
  const step = drive(stage, actor, resumedWith, "to-the-wait");
  actor.page = null;
  const seen = request.describe();
  expectThat(step.done !== true, "STATUS", () => `waits for ${seen}, expected to end`);
  const wait = step.value as Wait;
  const { source, ask, page } = wait;
  const count = source.trim(ask, page, wait.count);
  const type = ask === Ask.READ ? RequestType.READ : RequestType.DIRTY;
  const isSame = request.type === type && request.page === page && request.count === count;
  expectThat(isSame, "P17", () => `waits for ${seen}, expected ${ask} ${page}+${count}`);
  actor.waiter = { status: Status.SHOULD_WAIT };
  source.ask(ask, page, count, actor.waiter);
}

function blockForMemory({ world, ...rest }: Stage, actor: Actor, resumedWith: Status): void {
  actor.waiter = null;
  expectThat(world.mayWaitForMemory, "P18", () => "an operation waits for memory, which there is");
  const { mayWait } = actor.resident.model.node;
  expectThat(
    mayWait,
    "STATUS",
    () => "an operation waits for memory on an object that never waits",
  );
  const step = drive({ world, ...rest }, actor, resumedWith, "as-far-as-seen");
  const page = step.done !== true && step.value.kind === "page" ? step.value : null;
  expectThat(page !== null, "STATUS", () => "waits for memory, but needs none");
  actor.page = page;
}

/** The real operation has ended: so must the model's, the same way. */
function end(stage: Stage, task: Progress, real: unknown, resumedWith: Status): Status {
  const isStarved = statusOf(real) === Status.NO_MEMORY && stage.world.mayLackMemory;
  let step = drive(stage, task, resumedWith, isStarved ? "as-far-as-seen" : "to-the-wait");
  if (isStarved && step.done !== true && step.value.kind === "page") {
    step = task.model.next(Status.NO_MEMORY);
  }
  if (step.done !== true) {
    const { kind, page } = step.value;
    throw new KernelPanic(
      "STATUS",
      `ended in ${statusName(statusOf(real))}, expected to ${kind} at page ${page}`,
    );
  }
  const status = task.settle(real as never, step.value as never);
  task.resident.letGo();
  return status;
}

type ModelStep = IteratorResult<Wait | AtPage, unknown>;

/** A task, and the page at which its model stopped for want of memory. */
type Progress = Task & Pick<Actor, "page">;

function drive(
  { world }: Stage,
  { resident, model, page: stoppedAt }: Progress,
  status: Status,
  limit: "to-the-wait" | "as-far-as-seen",
): ModelStep {
  const isStopped = stoppedAt !== null && status === Status.OK;
  let step: ModelStep = isStopped ? { done: false, value: stoppedAt } : model.next(status);
  while (step.done !== true && step.value.kind === "page") {
    const { page, isDone } = step.value;
    const isRetry = step.value === stoppedAt;
    if (
      limit === "as-far-as-seen" &&
      !isDone(world.onlooker.see(resident.object.node, page), isRetry)
    )
      break;
    step = model.next(Status.OK);
  }
  return step;
}

/** Operations end in a status, in a record with one, or in nothing. */
function statusOf(result: unknown): Status {
  if (typeof result === "number") return result as Status;
  if (typeof result === "object" && result !== null && "status" in result) {
    return result.status as Status;
  }
  return Status.OK;
}
