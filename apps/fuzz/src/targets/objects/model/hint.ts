import { Status } from "@aspace/arch";
import { isInside, pagesOf, type Bytes, type Pages } from "./bounds.ts";
import type { ModelNode } from "./model-node.ts";
import type { ModelObject } from "./model-object.ts";
import { isWait, type SeenPage, type Steps } from "./steps.ts";
import { touch, Want } from "./touch.ts";

export const HintKind = { ALWAYS_NEED: "always-need", DONT_NEED: "dont-need" } as const;
export type HintKind = (typeof HintKind)[keyof typeof HintKind];

/** Advice: it changes no content, but may have to read some in. */
export function* hint(object: ModelObject, bytes: Bytes, kind: HintKind): Steps<Status> {
  if (!object.node.isUnderPager) return Status.OK;
  if (!isInside(object, bytes)) return Status.OUT_OF_RANGE;
  if (kind === HintKind.ALWAYS_NEED) yield* readIn(object.node, pagesOf(object, bytes));
  return Status.OK;
}

/** What a mapping of high priority does first. */
export function* commitHighPriority(object: ModelObject, bytes: Bytes): Steps<Status> {
  const isHigh = object.use === "slice" ? object.highMappings > 0 : object.node.priority > 0;
  if (!isHigh || object.isDiscarded) return Status.OK;
  const { page, end } = pagesOf(object, bytes);
  yield* readIn(object.node, { page, end: Math.min(end, object.sliceOffset + object.sizePages) });
  return Status.OK;
}

/** Asks for what is absent; what cannot be had is left out. */
function* readIn(node: ModelNode, { page, end }: Pages): Steps<void> {
  let last = Math.min(end, node.sizePages);
  for (let at = page; at < last; last = Math.min(last, node.sizePages)) {
    const ready = yield { kind: "page", page: at, isDone: isInMemory };
    if (ready !== Status.OK) {
      at++;
      continue;
    }
    last = Math.min(last, node.sizePages);
    if (at >= last) return;
    const answer = touch(node, at, Want.LOOK, last - at);
    const status = isWait(answer) ? yield answer : answer;
    if (!isWait(answer) || status !== Status.OK) at++;
  }
}

function isInMemory({ value, shown }: SeenPage): boolean {
  return value !== null && shown !== "compressed";
}
