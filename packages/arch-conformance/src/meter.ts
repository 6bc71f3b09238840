import {
  type InvalidationBus,
  KernelPanic,
  NO_FRAME,
  type Pfn,
  type TableFrames,
} from "@aspace/arch";

/**
 * Most calls that a backend makes to the machine in one operation. Far above what any operation of
 * the suite needs; a backend that gets there loops.
 */
const CALL_LIMIT = 200_000;

/**
 * Stands between a backend and its machine and counts: which tables are live, how many allocations
 * were refused, and how many calls the running operation made, so that a backend that loops around
 * the machine ends in a failed property.
 */
export class Meter {
  readonly tables: TableFrames;
  readonly bus: InvalidationBus;
  /** Calls to `allocate` so far, and how many of them got nothing. */
  attempts = 0;
  refusals = 0;
  readonly #live = new Set<Pfn>();
  #callsLeft = CALL_LIMIT;

  constructor(tables: TableFrames, bus: InvalidationBus) {
    this.tables = {
      allocate: () => this.#noteAllocation(tables.allocate()),
      free: (pfn) => {
        this.#spend();
        tables.free(pfn);
        this.#live.delete(pfn);
      },
    };
    this.bus = {
      barrier: () => {
        this.#spend();
        bus.barrier();
      },
      invalidate: (cpus, scope, tag, vpn) => {
        this.#spend();
        bus.invalidate(cpus, scope, tag, vpn);
      },
      synchronizeInstructions: (pfn) => bus.synchronizeInstructions(pfn),
    };
  }

  /** The live tables, in ascending order. */
  liveTables(): Pfn[] {
    return [...this.#live].toSorted((a, b) => a - b);
  }

  /** A new operation starts. */
  renewBudget(): void {
    this.#callsLeft = CALL_LIMIT;
  }

  #noteAllocation(pfn: Pfn): Pfn {
    this.#spend();
    this.attempts++;
    if (pfn === NO_FRAME) this.refusals++;
    else this.#live.add(pfn);
    return pfn;
  }

  #spend(): void {
    if (--this.#callsLeft < 0) {
      throw new KernelPanic("P-T9", `an operation made more than ${CALL_LIMIT} calls: a loop`);
    }
  }
}
