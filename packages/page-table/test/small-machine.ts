/**
 * Simulated hardware for the engine's own tests: RAM, an allocator that can be told to refuse, a bus
 * and a tag that write everything down in order.
 */
import {
  FRAME_WORDS,
  NO_FRAME,
  Status,
  type Hardware,
  type InvalidationBus,
  type Mmu,
  type PageQueues,
  type Pfn,
  type PhysicalMemory,
  type TableFrames,
  type Vpn,
} from "@aspace/arch";
import type { AddressSpaceTag } from "../src/address-space-tag.ts";
import type { InvalidationBatch } from "../src/invalidation-batch.ts";

/** What reached the hardware, in order. */
export type MachineEvent =
  | { readonly kind: "allocate" | "free" | "synchronize" | "age"; readonly pfn: Pfn }
  | { readonly kind: "refuse" | "barrier" | "acquire" | "release" }
  | InvalidateEvent;

export interface InvalidateEvent {
  readonly kind: "invalidate";
  readonly vpns: readonly Vpn[];
  readonly everything: boolean;
  readonly tables: boolean;
}

/** Frames from here on are devices: they have no page record. */
export const DEVICE_PFN: Pfn = 0x8000_0000;
export const BATCH_LIMIT = 6;
const FRAMES = 96;

export class SmallMachine implements Hardware {
  readonly memory: PhysicalMemory = {
    words: new Int32Array(FRAMES * FRAME_WORDS),
    frameCount: FRAMES,
  };
  readonly mmus: readonly Mmu[] = [];
  readonly tables: TableFrames;
  readonly pages: PageQueues;
  readonly bus: InvalidationBus;
  events: MachineEvent[] = [];
  /** Successful allocations left before the allocator refuses. */
  framesLeft: number = Number.POSITIVE_INFINITY;
  readonly live: Set<Pfn> = new Set();
  /** Called after the event is written down, when other CPUs would run. */
  onBarrier: () => void = () => {};
  onFree: (pfn: Pfn) => void = () => {};
  onSynchronize: () => void = () => {};

  readonly #idle: Pfn[] = Array.from({ length: FRAMES - 1 }, (_, index) => FRAMES - 1 - index);

  constructor() {
    this.tables = { allocate: () => this.#allocate(), free: (pfn) => this.#free(pfn) };
    this.pages = {
      hasRecord: (pfn) => pfn < DEVICE_PFN,
      markAccessed: (pfn) => this.events.push({ kind: "age", pfn }),
    };
    this.bus = {
      barrier: () => {
        this.events.push({ kind: "barrier" });
        this.onBarrier();
      },
      invalidate: () => {
        throw new Error("the engine invalidates through the tag only");
      },
      synchronizeInstructions: (pfn) => {
        this.events.push({ kind: "synchronize", pfn });
        this.onSynchronize();
      },
    };
  }

  count(kind: MachineEvent["kind"]): number {
    return this.events.filter((event) => event.kind === kind).length;
  }

  #allocate(): Pfn {
    const pfn = this.framesLeft > 0 ? this.#idle.pop() : undefined;
    if (pfn === undefined) {
      this.events.push({ kind: "refuse" });
      return NO_FRAME;
    }
    this.framesLeft--;
    this.memory.words.fill(0, pfn * FRAME_WORDS, (pfn + 1) * FRAME_WORDS);
    this.live.add(pfn);
    this.events.push({ kind: "allocate", pfn });
    return pfn;
  }

  #free(pfn: Pfn): void {
    if (!this.live.delete(pfn)) throw new Error(`frame ${pfn} freed while it is not a table`);
    this.#idle.push(pfn);
    this.events.push({ kind: "free", pfn });
    this.onFree(pfn);
  }
}

/** A tag whose pool can be empty and that records each batch it executes. */
export class SmallTag implements AddressSpaceTag {
  readonly batchLimit: number = BATCH_LIMIT;
  active = false;
  tagsLeft = 1;
  onInvalidate: (event: InvalidateEvent) => void = () => {};
  readonly #machine: SmallMachine;

  constructor(machine: SmallMachine) {
    this.#machine = machine;
  }

  acquire(): Status {
    if (this.tagsLeft === 0) return Status.NO_RESOURCES;
    this.tagsLeft--;
    this.#machine.events.push({ kind: "acquire" });
    return Status.OK;
  }

  release(): void {
    this.tagsLeft++;
    this.#machine.events.push({ kind: "release" });
  }

  invalidate(batch: InvalidationBatch): void {
    const event: InvalidateEvent = {
      kind: "invalidate",
      vpns: batch.everything ? [] : [...batch.vpns.subarray(0, batch.count)],
      everything: batch.everything,
      tables: batch.tables,
    };
    this.#machine.events.push(event);
    this.onInvalidate(event);
  }

  isActive(): boolean {
    return this.active;
  }
}
