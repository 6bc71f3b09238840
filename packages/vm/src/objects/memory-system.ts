import type { PageFrames, PhysicalMemory } from "@aspace/arch";
import { LockOrder } from "../lock.ts";
import { Compressor } from "./compressor.ts";
import { MemoryQueues } from "./page-queues.ts";
import { Pmm } from "./pmm.ts";

/** Whether pages of anonymous objects age towards compression, or wait aside in one queue. */
export const AnonymousReclaim = { OFF: "off", ON: "on" } as const;
export type AnonymousReclaim = (typeof AnonymousReclaim)[keyof typeof AnonymousReclaim];

export interface MemorySystemOptions {
  readonly memory: PhysicalMemory;
  readonly frames: PageFrames;
  readonly anonymousReclaim?: AnonymousReclaim;
}

/** What every memory object of one kernel shares. */
export class MemorySystem {
  readonly pmm: Pmm;
  readonly queues: MemoryQueues;
  readonly compressor: Compressor;
  readonly locks: LockOrder = new LockOrder();
  readonly anonymousReclaim: AnonymousReclaim;
  private nextNodeId = 1;

  constructor({ memory, frames, anonymousReclaim = AnonymousReclaim.OFF }: MemorySystemOptions) {
    this.pmm = new Pmm(memory, frames);
    this.queues = new MemoryQueues(this.pmm.pages);
    this.compressor = new Compressor(this.pmm);
    this.anonymousReclaim = anonymousReclaim;
  }

  /** A number for a new node, for dumps: ids are given in the order of creation. */
  takeNodeId(): number {
    return this.nextNodeId++;
  }

  /** Power-on, after RAM and frames were reset. Objects of before are gone. */
  reset(): void {
    this.pmm.reset();
    this.queues.reset();
    this.compressor.reset();
    this.locks.reset();
    this.nextNodeId = 1;
  }
}
