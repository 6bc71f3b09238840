import type { Machine } from "@aspace/machine";
import {
  AnonymousReclaim,
  MemorySystem,
  UserPager,
  type Compression,
  type CowNode,
  type SpliceList,
} from "@aspace/vm";
import type { Actor } from "./actor.ts";
import { bareMachine, resetMachine } from "./bare-machine.ts";
import type { ModelNode } from "./model/model-node.ts";
import type { ModelSource } from "./model/model-source.ts";
import { Onlooker } from "./onlooker.ts";
import {
  Mappings,
  ACTOR_SLOTS,
  LIST_SLOTS,
  OBJECT_SLOTS,
  PAGERS,
  PIN_SLOTS,
  type Program,
} from "./operation.ts";
import type { Resident } from "./resident.ts";

/** A range that somebody pinned, to be unpinned exactly so. */
export interface HeldPin {
  readonly resident: Resident;
  readonly page: number;
  readonly count: number;
}

/** Fewer free frames than this, and an operation that needs several may fail for want of one. */
const SHORTAGE_FRAMES = 40;

/** What the next operation's attempts to get memory come to; 0 for all of them, null for no plan. */
interface MemoryPlan {
  failing: number | null;
  delayed: number | null;
}

/**
 * A kernel's memory objects and everyone who uses them: handles, mappings, pins, pagers, splice lists, and
 * operations that wait. Used again from run to run: `start` brings it back to power-on.
 */
export class World {
  readonly objects: (Resident | null)[] = [];
  readonly pins: (HeldPin | null)[] = [];
  readonly lists: (SpliceList | null)[] = [];
  readonly actors: (Actor | null)[] = [];
  /** All that live, with a slot or without. */
  readonly residents: Set<Resident> = new Set();
  /** The model of each visible node, by the real one. */
  readonly nodes: Map<CowNode, ModelNode> = new Map();
  /** Pager-backed objects by the key in their pager's packets. */
  readonly paged: Map<number, Resident> = new Map();
  /** What the model knows of them, also when the object is gone. */
  readonly sources: Map<number, ModelSource> = new Map();
  pagers: UserPager[] = [];
  compression: Compression | null = null;
  mappings: Mappings = Mappings.ON_REQUEST;
  readonly plan: MemoryPlan = { failing: null, delayed: null };
  /** Whether the last attempt may have failed, or had to wait, for want of memory. */
  mayLackMemory = false;
  mayWaitForMemory = false;
  /** Attempts that failed, or had to wait, because it was planned; since the start. */
  planned = 0;
  private readonly machines: Record<"off" | "on", Machine> = {
    off: bareMachine(),
    on: bareMachine(),
  };
  private readonly systems: Partial<Record<"off" | "on", MemorySystem>> = {};
  private current: { system: MemorySystem; onlooker: Onlooker } | null = null;

  get system(): MemorySystem {
    if (this.current === null) throw new Error("the world has not started");
    return this.current.system;
  }

  get onlooker(): Onlooker {
    if (this.current === null) throw new Error("the world has not started");
    return this.current.onlooker;
  }

  /** Powers on with nothing in any slot. */
  start({ frames, anonymousReclaim, mappings }: Program): void {
    this.mappings = mappings;
    const machine = this.machines[anonymousReclaim];
    const desk = resetMachine(machine, frames);
    const system = this.systemOf(anonymousReclaim, machine);
    this.current = { system, onlooker: new Onlooker(system, desk) };
    this.pagers = Array.from({ length: PAGERS }, () => new UserPager());
    this.residents.clear();
    this.nodes.clear();
    this.paged.clear();
    this.sources.clear();
    this.compression = null;
    this.planned = 0;
    this.clearPlan();
    empty(this.objects, OBJECT_SLOTS);
    empty(this.pins, PIN_SLOTS);
    empty(this.lists, LIST_SLOTS);
    empty(this.actors, ACTOR_SLOTS);
  }

  /** Runs a step of real code under the plan for memory, which is used up. */
  attempt<T>(step: () => T): T {
    const { pmm } = this.system;
    const { failing, delayed } = this.plan;
    plan(pmm.failures, failing);
    plan(pmm.delays, delayed);
    const freeBefore = pmm.freeCount;
    const wasLow = pmm.isLow;
    const result = step();
    const isShort = Math.min(freeBefore, pmm.freeCount) < SHORTAGE_FRAMES;
    const hasFailed = hasHappened(pmm.failures, failing);
    const wasDelayed = hasHappened(pmm.delays, delayed);
    this.planned += Number(hasFailed) + Number(wasDelayed);
    this.mayLackMemory = isShort || hasFailed;
    this.mayWaitForMemory = isShort || wasLow || wasDelayed;
    pmm.failures.failNever();
    pmm.delays.failNever();
    return result;
  }

  clearPlan(): void {
    this.plan.failing = null;
    this.plan.delayed = null;
  }

  /** Nobody holds these any more. */
  bury(): void {
    for (const resident of this.residents) if (!resident.isAlive) this.residents.delete(resident);
  }

  private systemOf(reclaim: "off" | "on", { memory, pages }: Machine): MemorySystem {
    const known = this.systems[reclaim];
    if (known !== undefined) {
      known.reset();
      return known;
    }
    const anonymousReclaim = reclaim === "on" ? AnonymousReclaim.ON : AnonymousReclaim.OFF;
    const system = new MemorySystem({ memory, frames: pages, anonymousReclaim });
    this.systems[reclaim] = system;
    return system;
  }
}

type Failures = MemorySystem["pmm"]["failures"];

function plan(failures: Failures, nth: number | null): void {
  if (nth === 0) failures.failAlways();
  else if (nth !== null) failures.failAt(nth);
}

function hasHappened(failures: Failures, nth: number | null): boolean {
  return nth === 0 || (nth !== null && !failures.isPending());
}

function empty<T>(slots: (T | null)[], count: number): void {
  slots.length = 0;
  for (let slot = 0; slot < count; slot++) slots.push(null);
}

/** The slot, or the next one cyclically that passes; -1 for none. */
export function slotFrom(
  slots: readonly unknown[],
  wanted: number,
  passes: (slot: number) => boolean,
): number {
  for (let step = 0; step < slots.length; step++) {
    const slot = (wanted + step) % slots.length;
    if (passes(slot)) return slot;
  }
  return -1;
}
