import { Status } from "@aspace/arch";
import { LockState, type ModelObject } from "./model-object.ts";
import { PAGE_SIZE } from "./page-value.ts";

export const LockCall = { LOCK: "lock", TRY_LOCK: "try-lock", UNLOCK: "unlock" } as const;
export type LockCall = (typeof LockCall)[keyof typeof LockCall];

/** A lock call on a discardable object, for `length` bytes from its start. */
export function lockCall(object: ModelObject, call: LockCall, length: number): Status {
  if (!object.isDiscardable) return Status.NOT_SUPPORTED;
  if (length !== object.sizePages * PAGE_SIZE) return Status.OUT_OF_RANGE;
  if (call === LockCall.UNLOCK) return unlock(object);
  if (call === LockCall.TRY_LOCK && object.isDiscarded) return Status.UNAVAILABLE;
  object.lockCount++;
  object.lockState = LockState.LOCKED;
  return Status.OK;
}

function unlock(object: ModelObject): Status {
  if (object.lockCount === 0) return Status.BAD_STATE;
  if (--object.lockCount === 0) object.lockState = LockState.UNLOCKED;
  return Status.OK;
}

/** Whether everything may go; if so it goes. How long nobody used the object is not asked. */
export function discard(object: ModelObject): boolean {
  const { node } = object;
  if (object.lockState !== LockState.UNLOCKED || node.priority > 0) return false;
  if (node.isPinnedBetween(0, node.sizePages)) return false;
  node.cells.clear();
  object.lockState = LockState.DISCARDED;
  return true;
}
