import { Status } from "@aspace/arch";
import type { Dirt } from "./cell.ts";
import type { Ask, ModelSource } from "./model-source.ts";
import type { PageValue } from "./page-value.ts";

/** The operation has to wait for the pager. */
export interface Wait {
  readonly kind: "wait";
  readonly ask: Ask;
  readonly source: ModelSource;
  /** In the node of the source. */
  readonly page: number;
  /** Pages asked for, before outstanding requests cut the range. */
  readonly count: number;
}

/** What a slot holds. */
export type Holds = "page" | "compressed" | "marker" | "interval" | "nothing";

/** What an onlooker sees of one page of the real node. */
export interface SeenPage {
  /** What the node's own slot holds. */
  readonly own: Holds;
  /** What the slot holds that the content is in, whoever's it is. */
  readonly shown: Holds;
  /** What a read would return, or null when only the pager knows. */
  readonly value: PageValue | null;
  readonly dirt: Dirt;
  readonly pins: number;
}

/**
 * The operation is about to do a page. When memory runs out only the real objects know how far they came,
 * so each page says how to recognise that it was done.
 */
export interface AtPage {
  readonly kind: "page";
  readonly page: number;
  /** `isRetry`: the real operation was seen to be at work on this very page before. */
  readonly isDone: (seen: SeenPage, isRetry: boolean) => boolean;
}

/**
 * An operation of the model that may wait. Resumed with OK it looks at everything again; with anything else it
 * ends with that, keeping what it had done.
 */
export type Steps<T> = Generator<Wait | AtPage, T, Status>;

export function isWait(answer: Status | Wait): answer is Wait {
  return typeof answer === "object";
}

/** Runs steps that are known not to wait, to their end. */
export function finish<T>(steps: Steps<T>): T {
  let step = steps.next();
  while (step.done !== true) {
    if (step.value.kind === "wait") throw new Error("the reference model waits where it must not");
    step = steps.next(Status.OK);
  }
  return step.value;
}
