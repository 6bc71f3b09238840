import {
  type CpuMask,
  type Hardware,
  Invalidate,
  type InvalidationScope,
  Status,
  type Tag,
} from "@aspace/arch";
import type { AddressSpaceTag, InvalidationBatch } from "@aspace/page-table";
import { KERNEL_TAG } from "./registers.ts";

/** Tiny's four invalidation instructions. Each reaches the walk caches as far as the TLB. */
export const Drop: Readonly<
  Record<"PAGE" | "TAG" | "PAGE_EVERYWHERE" | "EVERYTHING", InvalidationScope>
> = {
  /** One page under one tag. */
  PAGE: Invalidate.PAGE | Invalidate.TAG | Invalidate.WALK_PAGE,
  /** Everything under one tag. */
  TAG: Invalidate.TAG | Invalidate.WALK_ALL,
  /** One page under every tag, global translations too. */
  PAGE_EVERYWHERE: Invalidate.PAGE | Invalidate.GLOBAL | Invalidate.WALK_PAGE,
  /** Everything. */
  EVERYTHING: Invalidate.GLOBAL | Invalidate.WALK_ALL,
};

const BATCH_LIMIT = 4;

/** Tags of one kind, handed out round robin, so that one given back rests for as long as possible. */
export class TagPool {
  readonly #first: Tag;
  readonly #taken: boolean[];
  #next = 0;

  constructor(first: Tag, count: number) {
    this.#first = first;
    this.#taken = Array.from({ length: count }, () => false);
  }

  /** A free tag, or null. */
  take(): Tag | null {
    const count = this.#taken.length;
    for (let tried = 0; tried < count; tried++) {
      const index = (this.#next + tried) % count;
      if (this.#taken[index] === true) continue;
      this.#taken[index] = true;
      this.#next = index + 1;
      return this.#first + index;
    }
    return null;
  }

  giveBack(tag: Tag): void {
    this.#taken[tag - this.#first] = false;
  }
}

/** How the translations of a user or guest aspace are named and dropped. Every CPU is always asked. */
export class PooledTag implements AddressSpaceTag {
  readonly batchLimit: number = BATCH_LIMIT;
  readonly #hardware: Hardware;
  readonly #pool: TagPool;
  readonly #runsOn: Set<number> = new Set();
  #value: Tag | null = null;

  constructor(hardware: Hardware, pool: TagPool) {
    this.#hardware = hardware;
    this.#pool = pool;
  }

  /** The tag, between `acquire` and `release`. */
  get value(): Tag {
    if (this.#value === null) throw new RangeError("the aspace has no tag");
    return this.#value;
  }

  acquire(): Status {
    this.#value = this.#pool.take();
    return this.#value === null ? Status.NO_RESOURCES : Status.OK;
  }

  release(): void {
    const tag = this.value;
    this.#hardware.bus.invalidate(allCpus(this.#hardware), Drop.TAG, tag, 0);
    this.#pool.giveBack(tag);
    this.#value = null;
  }

  invalidate(batch: InvalidationBatch): void {
    drop(this.#hardware, batch, this.value, Drop.PAGE, Drop.TAG);
  }

  isActive(): boolean {
    return this.#runsOn.size > 0;
  }

  switchIn(cpu: number): void {
    this.#runsOn.add(cpu);
  }

  switchOut(cpu: number): void {
    this.#runsOn.delete(cpu);
  }
}

/** Kernel leaves are global, and walk caches hold kernel tables under whatever tag found them. */
export class KernelTag implements AddressSpaceTag {
  readonly batchLimit: number = BATCH_LIMIT;
  readonly #hardware: Hardware;

  constructor(hardware: Hardware) {
    this.#hardware = hardware;
  }

  acquire(): Status {
    return Status.OK;
  }

  /** Only after a kernel aspace that could not be built: nothing was ever cached. */
  release(): void {}

  invalidate(batch: InvalidationBatch): void {
    drop(this.#hardware, batch, KERNEL_TAG, Drop.PAGE_EVERYWHERE, Drop.EVERYTHING);
  }

  isActive(): boolean {
    return true;
  }
}

function drop(
  hardware: Hardware,
  batch: InvalidationBatch,
  tag: Tag,
  onePage: InvalidationScope,
  everything: InvalidationScope,
): void {
  const cpus = allCpus(hardware);
  if (batch.everything) {
    hardware.bus.invalidate(cpus, everything, tag, 0);
    return;
  }
  for (let i = 0; i < batch.count; i++) {
    hardware.bus.invalidate(cpus, onePage, tag, batch.vpns[i]!);
  }
}

function allCpus(hardware: Hardware): CpuMask {
  return 2 ** hardware.mmus.length - 1;
}
