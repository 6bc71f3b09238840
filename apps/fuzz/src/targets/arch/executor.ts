import { Status, type AspaceKind } from "@aspace/arch";
import { checkActive, harvest, markAccessed } from "./ageing-operations.ts";
import { armInterlude } from "./interlude.ts";
import { recreate } from "./lifecycle.ts";
import { misuse } from "./misuse.ts";
import type { Operation } from "./operation.ts";
import type { Outcome, Stage } from "./outcome.ts";
import { map, mapContiguous, protect, unmap } from "./range-operations.ts";
import type { Resident } from "./resident.ts";
import type { SituationCounts } from "./situations.ts";
import { accessWord } from "./word-access.ts";
import type { World } from "./world.ts";

type Interlude = Extract<Operation, { kind: "interlude" }>;
type RangeOperation = Extract<Operation, { count: number }>;
type SlotOperation = Exclude<
  Operation,
  { kind: "failAllocation" | "interlude" | "switch" | "recreate" }
>;

/**
 * Runs the operations of a program on one world, one after the other. Each asks the backend, asks
 * the reference model, and compares the two; what it finds wrong it throws as a `KernelPanic` with
 * the rule. What must hold whatever the operation was is for `oracle.ts` to look at afterwards.
 */
export class Executor implements Stage {
  readonly world: World;
  readonly situations: SituationCounts;
  readonly outcome: Outcome = { status: null, slot: -1, vpn: 0, count: 0, gated: false };
  /** Waits for the operation that it happens during. */
  #interlude: Interlude | null = null;
  /** Every allocation of the operation to come fails. */
  #failsAll = false;
  #kinds: readonly AspaceKind[] = [];

  constructor(world: World, situations: SituationCounts) {
    this.world = world;
    this.situations = situations;
  }

  /** Forgets what an earlier program left to come; `kinds` are those of the program's slots. */
  reset(kinds: readonly AspaceKind[]): void {
    this.#interlude = null;
    this.#failsAll = false;
    this.#kinds = kinds;
  }

  /**
   * Runs one operation and fills `outcome`. `serial` numbers the operations that were not skipped. A
   * skipped one leaves no mark: without it, the program runs the same.
   */
  run(operation: Operation, serial: number): void {
    const { outcome } = this;
    outcome.status = null;
    outcome.slot = -1;
    outcome.count = 0;
    outcome.gated = false;
    if (!this.#isPossible(operation)) return;
    if (operation.kind === "failAllocation") this.#planFailure(operation.nth);
    else if (operation.kind === "interlude") {
      this.#interlude = operation;
      outcome.status = Status.OK;
    } else this.#perform(operation, serial);
  }

  /** Whether the aspace that an operation names is alive. */
  #isPossible(operation: Operation): boolean {
    if (operation.kind === "failAllocation" || operation.kind === "recreate") return true;
    return operation.aspace < 0 || this.world.residents[operation.aspace] !== null;
  }

  #planFailure(nth: number): void {
    const { failures } = this.world.machine.tables;
    this.#failsAll = nth === 0;
    if (this.#failsAll) failures.failAlways();
    else failures.failAt(nth);
    this.outcome.status = Status.OK;
  }

  #perform(
    operation: Exclude<Operation, { kind: "failAllocation" | "interlude" }>,
    serial: number,
  ): void {
    const { world, outcome } = this;
    const interlude = this.#interlude;
    this.#interlude = null;
    if (interlude !== null) armInterlude(this, interlude, operation);
    if (operation.kind === "switch") {
      world.move(operation.cpu, operation.aspace);
      outcome.status = Status.OK;
    } else if (operation.kind === "recreate") {
      recreate(this, operation.aspace, this.#kinds[operation.aspace]!);
    } else {
      this.#performIn(world.residents[operation.aspace]!, operation, serial);
    }
    world.machine.bus.interlude = null;
    if (this.#failsAll) world.machine.tables.failures.failNever();
    this.#failsAll = false;
  }

  #performIn(resident: Resident, operation: SlotOperation, serial: number): void {
    const { world, outcome } = this;
    if ("count" in operation) this.#edit(resident, operation);
    else if (operation.kind === "accessedSinceLastCheck") {
      checkActive(this, resident, operation.check);
    } else if (operation.kind === "prefetch") {
      world.reach(operation.cpu, resident);
      world.machine.cpus[operation.cpu]!.prefetch(resident.vpnOf(operation.page));
      outcome.status = Status.OK;
    } else accessWord(this, resident, operation, serial);
  }

  /** Operations on a range. Memory that ran out makes what follows differ between architectures. */
  #edit(resident: Resident, operation: RangeOperation): void {
    const { outcome, world } = this;
    outcome.slot = resident.slot;
    outcome.vpn = resident.vpnOf(operation.page);
    outcome.count = operation.count;
    const { refusals } = world;
    outcome.status = this.#runOnRange(resident, operation);
    if (world.refusals !== refusals) resident.diverged = true;
  }

  #runOnRange(resident: Resident, operation: RangeOperation): Status {
    switch (operation.kind) {
      case "map":
        return map(this, resident, operation);
      case "mapContiguous":
        return mapContiguous(this, resident, operation);
      case "unmap":
        return unmap(this, resident, operation);
      case "protect":
        return protect(this, resident, operation);
      case "harvest":
        return harvest(this, resident, operation);
      case "markAccessed":
        return markAccessed(this, resident, operation);
      case "misuse":
        return misuse(this, resident, operation);
    }
  }
}
