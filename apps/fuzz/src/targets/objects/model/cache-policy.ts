import { Status } from "@aspace/arch";
import { CACHED, Use, type ModelObject } from "./model-object.ts";

/** Bits that a policy may use. */
const POLICY_BITS = 3;

/** Changes how mappings are cached. `isCharged`: whether any memory is charged to the object. */
export function setCachePolicy(object: ModelObject, policy: number, isCharged: boolean): Status {
  if ((policy & ~POLICY_BITS) !== 0) return Status.INVALID_ARGS;
  const { node } = object;
  const hasFamily = object.children.size > 0 || object.parent !== null || object.use !== Use.OWNER;
  const isTied = hasFamily || object.isMapped || node.users > 1;
  if (isTied || node.isPinnedBetween(0, node.sizePages)) return Status.BAD_STATE;
  if (isCharged && object.policy !== CACHED) return Status.BAD_STATE;
  object.policy = policy;
  return Status.OK;
}
