import { Status } from "@aspace/arch";
import { type Cpu, checkCoherence } from "@aspace/machine";
import { checkStatus } from "./check.ts";
import type { CheckedAspace } from "./checked-aspace.ts";
import { type Edit, draw, editsFor, prefetchPictured, warmUp } from "./edits.ts";
import { EVERY_KIND, type Property, type PropertyContext } from "./property.ts";
import type { World } from "./world.ts";

/**
 * Switches and shootdowns at the same time. Both hand a turn to other CPUs at every barrier and
 * invalidation; here one happens at each turn of the other, in all four combinations.
 *
 * ```
 *   edit on CPU 0       entries ── barrier ── invalidate ── invalidate ── free tables
 *   switch on CPU 1          here?      or here?      or here?
 * ```
 */
export const SHOOTDOWN: Property = {
  id: "P-T7",
  title:
    "a CPU that switches at any moment of an operation, or is switching while one runs, sees it",
  kinds: EVERY_KIND,
  run(context) {
    for (const edit of editsFor(context)) {
      for (const direction of ["arrives", "leaves"] as const) {
        for (const first of ["edit", "switch"] as const) {
          eachTurn((turn) => race(new Race(context, edit, direction), first, turn));
        }
      }
    }
  },
};

/** More turns than any operation of the suite gives to other CPUs. */
const MAX_TURNS = 400;

/** Repeats a scenario with its event at the 0th, 1st, ... turn, until there is no such turn. */
function eachTurn(scenario: (turn: number) => boolean): void {
  for (let turn = 0; scenario(turn); turn++) {
    if (turn > MAX_TURNS) throw new RangeError(`an operation gives more than ${MAX_TURNS} turns`);
  }
}

/** A CPU with warm caches that is about to move, and an edit that is about to happen. */
class Race {
  readonly world: World;
  readonly mover: Cpu;
  /** Where the mover sees the subject. */
  readonly home: CheckedAspace;
  readonly #edit: Edit;
  readonly #destination: CheckedAspace;

  constructor(context: PropertyContext, edit: Edit, direction: "arrives" | "leaves") {
    const world = context.world();
    const isKernel = context.kind === "kernel";
    const away = isKernel ? world.createAspace("user") : world.neighbour;
    this.world = world;
    this.mover = world.machine.cpus[1]!;
    this.home = isKernel ? world.neighbour : world.subject;
    this.#edit = edit;
    this.#destination = direction === "arrives" ? this.home : away;
    draw(world);
    warmUp(world);
    if (direction === "arrives") world.switchTo(this.mover.id, away);
  }

  edit(): void {
    checkStatus(this.#edit.name, Status.OK, this.#edit.run(this.world));
  }

  /** Moves, and looks around at once. */
  move(): void {
    this.world.switchTo(this.mover.id, this.#destination);
    prefetchPictured(this.world, [this.mover]);
  }
}

/** Starts one of the two and lets the other happen at one of its turns; false when there is none. */
function race(contest: Race, first: "edit" | "switch", turn: number): boolean {
  const { world, mover, home } = contest;
  const { bus } = world.machine;
  let turns = 0;
  bus.interlude = () => {
    if (turns++ !== turn) return;
    if (first === "edit") contest.move();
    else contest.edit();
  };
  try {
    if (first === "edit") contest.edit();
    else contest.move();
  } finally {
    bus.interlude = null;
  }
  checkCoherence(world.machine);
  world.switchTo(mover.id, home);
  checkCoherence(world.machine);
  warmUp(world);
  return turns > turn;
}
