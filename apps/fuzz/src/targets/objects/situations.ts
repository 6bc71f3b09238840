import { Status } from "@aspace/arch";
import { RequestType } from "@aspace/vm";
import type { Actor } from "./actor.ts";
import type { Operation } from "./operation.ts";
import type { Resident } from "./resident.ts";
import type { World } from "./world.ts";

/**
 * Situations worth reaching (F-13). Each is counted when it happens; a campaign lists those that stayed at zero,
 * because silence about a situation nobody reached is not evidence.
 */
export const SITUATIONS = [
  "a wait for content ended well",
  "a wait for leave to write ended well",
  "a wait for memory ended well",
  "a wait failed",
  "a wait timed out",
  "a waiting operation was killed",
  "two operations waited at once",
  "an object was resized while an operation waited",
  "a pager was detached while an operation waited",
  "a pager closed while an operation waited",
  "a snapshot of a snapshot was made",
  "a lazy clone of a lazy clone was made",
  "a clone of what is modified was made",
  "a slice of a slice was made",
  "a reference outlived its owner",
  "a node outlived its last object",
  "a snapshot outlived its sibling",
  "a pinned page kept an object from shrinking",
  "a page was pinned as often as can be",
  "an operation ran out of memory",
  "a page was evicted",
  "a page was compressed",
  "a page changed while it was compressed",
  "a page of zeroes was replaced by a marker",
  "a discardable object was discarded",
  "a lock found the content discarded",
  "a page was written while it was written back",
  "a supplied page met one that was there",
  "a taken list was supplied",
  "high priority kept a page from being reclaimed",
] as const;

export type Situation = (typeof SITUATIONS)[number];

export class SituationCounts {
  readonly counts: Record<Situation, number>;

  constructor() {
    this.counts = Object.fromEntries(SITUATIONS.map((name) => [name, 0])) as Record<
      Situation,
      number
    >;
  }

  note(situation: Situation): void {
    this.counts[situation]++;
  }

  noteIf(isSo: boolean, situation: Situation): void {
    if (isSo) this.note(situation);
  }

  /** What a woken operation had waited for, and how that went. */
  noteWake({ request }: Actor): void {
    const { status, type } = request;
    if (status === Status.TIMED_OUT) this.note("a wait timed out");
    else if (status !== Status.OK) this.note("a wait failed");
    else if (type === RequestType.READ) this.note("a wait for content ended well");
    else if (type === RequestType.DIRTY) this.note("a wait for leave to write ended well");
    else this.note("a wait for memory ended well");
  }

  /** What an operation came to that says more than its answer. */
  noteOperation(
    world: World,
    operation: Operation,
    status: Status,
    resident: Resident | null,
  ): void {
    const isDone = status === Status.OK;
    const waiting = world.actors.filter((actor) => actor !== null);
    this.noteIf(waiting.length > 1, "two operations waited at once");
    this.noteIf(status === Status.NO_MEMORY, "an operation ran out of memory");
    switch (operation.kind) {
      case "resize":
        this.noteIf(status === Status.BAD_STATE, "a pinned page kept an object from shrinking");
        this.noteIf(
          isDone && waiting.length > 0,
          "an object was resized while an operation waited",
        );
        return;
      case "detach":
        this.noteIf(isDone && waiting.length > 0, "a pager was detached while an operation waited");
        return;
      case "closePager":
        this.noteIf(waiting.length > 0, "a pager closed while an operation waited");
        return;
      case "clone":
        if (isDone && resident !== null) this.noteClone(world, operation.to);
        return;
      case "slice":
        this.noteIf(isDone && resident?.model.use === "slice", "a slice of a slice was made");
        return;
      case "pin":
        this.noteIf(status === Status.UNAVAILABLE, "a page was pinned as often as can be");
        return;
      case "discard":
        this.noteIf(isDone, "a discardable object was discarded");
        return;
      case "dedup":
        this.noteIf(isDone, "a page of zeroes was replaced by a marker");
        return;
      case "supplyList":
        this.noteIf(isDone, "a taken list was supplied");
        return;
      case "drop":
        if (resident !== null) this.noteDrop(resident);
    }
  }

  private noteClone(world: World, slot: number): void {
    const node = world.objects[slot]?.model.node;
    if (node === undefined) return;
    const hasPager = node.isUnderPager;
    this.noteIf(!hasPager && node.siblings.size > 2, "a snapshot of a snapshot was made");
    this.noteIf(hasPager && node.siblings.size > 1, "a clone of what is modified was made");
    const above = node.window?.node.window ?? null;
    this.noteIf(above !== null, "a lazy clone of a lazy clone was made");
  }

  private noteDrop({ model }: Resident): void {
    if (model.isAlive) return;
    const { node } = model;
    this.noteIf(model.use === "owner" && node.users > 0, "a reference outlived its owner");
    this.noteIf(node.users === 0 && node.lookers.size > 0, "a node outlived its last object");
    this.noteIf(node.siblings.size > 0 && node.users === 0, "a snapshot outlived its sibling");
  }
}
