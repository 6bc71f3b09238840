import type { Operation, OperationKind } from "./operation.ts";
import type { Resident } from "./resident.ts";
import { slotFrom, type World } from "./world.ts";

/** What an operation needs its object to be. Without one the operation is skipped. */
const NEEDS: Partial<Record<OperationKind, (resident: Resident) => boolean>> = {
  map: ({ mapping }) => mapping === null,
  unmap: ({ mapping }) => mapping !== null,
  fault: ({ mapping }) => mapping !== null,
  prioritize: ({ mapping }) => mapping !== null,
  discard: ({ object }) => object.discardable !== null,
};

/**
 * The operation with the slots that it really means (F-4): an empty slot stands for the next one that will do,
 * cyclically. Null when there is none.
 */
export function resolveSlots(world: World, operation: Operation): Operation | null {
  const object = objectOf(world, operation);
  const to = targetOf(world, operation);
  const pin = "pin" in operation ? liveSlot(world.pins, operation.pin) : 0;
  const list = "list" in operation ? liveSlot(world.lists, operation.list) : 0;
  const actor = actorOf(world, operation);
  if (Math.min(object, to, pin, list, actor) < 0) return null;
  return {
    ...operation,
    ...("object" in operation ? { object } : {}),
    ...("to" in operation ? { to } : {}),
    ...("pin" in operation ? { pin } : {}),
    ...("list" in operation ? { list } : {}),
    ...("actor" in operation ? { actor } : {}),
  };
}

function objectOf(world: World, operation: Operation): number {
  if (!("object" in operation)) return 0;
  const needs = NEEDS[operation.kind];
  return slotFrom(world.objects, operation.object, (slot) => {
    const resident = world.objects[slot];
    return resident !== null && resident !== undefined && (needs === undefined || needs(resident));
  });
}

function targetOf(world: World, operation: Operation): number {
  if (!("to" in operation)) return 0;
  const slots =
    operation.kind === "pin" ? world.pins : operation.kind === "take" ? world.lists : world.objects;
  return slotFrom(slots, operation.to, (slot) => slots[slot] === null);
}

function liveSlot(slots: readonly unknown[], wanted: number): number {
  return slotFrom(slots, wanted, (slot) => slots[slot] !== null);
}

/** Who goes on must have been woken; who is interrupted must wait. */
function actorOf(world: World, operation: Operation): number {
  if (!("actor" in operation)) return 0;
  const mustWait = operation.kind === "interrupt";
  return slotFrom(world.actors, operation.actor, (slot) => {
    const actor = world.actors[slot] ?? null;
    return actor !== null && actor.request.isOutstanding === mustWait;
  });
}
