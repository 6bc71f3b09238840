import { Status } from "@aspace/arch";
import type { ModelObject } from "./model-object.ts";
import { isWait, type Steps } from "./steps.ts";
import { touch, type Want } from "./touch.ts";

/** A page fault: looks up pages of an object as a mapping does, all anew after every wait. */
export function* fault(
  object: ModelObject,
  page: number,
  count: number,
  want: Want,
): Steps<Status> {
  const { node } = object;
  const at = page + object.sliceOffset;
  for (;;) {
    const ready = yield { kind: "page", page: at, isDone: () => false };
    if (ready !== Status.OK) return ready;
    if (count < 1 || page + count > object.sizePages) return Status.OUT_OF_RANGE;
    if (object.isDiscarded) return Status.NOT_FOUND;
    const answer = touch(node, at, want, count);
    if (!isWait(answer)) return answer;
    const status = yield answer;
    if (status !== Status.OK) return status;
  }
}
