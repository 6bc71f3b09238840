import { KernelPanic } from "@aspace/arch";

/**
 * The order in which locks are taken (L-1), outermost first. A lock is taken only while every lock
 * that is already held ranks above it.
 *
 *     ASPACE_LIST ─▶ ASPACE ─▶ OBJECT (one for a whole copy-on-write hierarchy) ─▶ ARCH
 */
export const LockRank = { ASPACE_LIST: 0, ASPACE: 1, OBJECT: 2, ARCH: 3 } as const;
export type LockRank = (typeof LockRank)[keyof typeof LockRank];

/** Which locks are held now. The model runs one thread at a time, so one list is enough (L-5). */
export class LockOrder {
  /** Invariant: ranks ascend strictly. */
  private readonly held: Lock[] = [];

  /** Panics with L-1 when the lock would be taken out of order, or twice. */
  push(lock: Lock): void {
    const innermost = this.held.at(-1);
    if (innermost !== undefined && innermost.rank >= lock.rank) {
      throw new KernelPanic("L-1", `${lock.name} is taken while ${innermost.name} is held`);
    }
    this.held.push(lock);
  }

  /** Panics with L-1 unless the lock is the innermost one held. */
  pop(lock: Lock): void {
    if (this.held.pop() !== lock) throw new KernelPanic("L-1", `${lock.name} is not innermost`);
  }

  /** Panics with L-4 when any lock is held: where others may run, nobody holds one. */
  assertNoneHeld(where: string): void {
    const lock = this.held.at(-1);
    if (lock !== undefined) throw new KernelPanic("L-4", `${lock.name} is held at ${where}`);
  }

  /** Forgets every lock, after a panic was caught outside. */
  reset(): void {
    for (const lock of this.held) lock.forget();
    this.held.length = 0;
  }
}

/** A lock as a token: it blocks nobody, but knows whether it is held and when it may be taken. */
export class Lock {
  readonly rank: LockRank;
  readonly name: string;
  private readonly order: LockOrder;
  private taken = false;

  constructor(order: LockOrder, rank: LockRank, name: string) {
    this.order = order;
    this.rank = rank;
    this.name = name;
  }

  get isHeld(): boolean {
    return this.taken;
  }

  /** Takes the lock. Panics with L-1 when it is held already or out of order. */
  acquire(): void {
    this.order.push(this);
    this.taken = true;
  }

  release(): void {
    this.order.pop(this);
    this.taken = false;
  }

  /** Panics with L-2 unless the lock is held. */
  assertHeld(): void {
    if (!this.taken) throw new KernelPanic("L-2", `${this.name} is not held`);
  }

  forget(): void {
    this.taken = false;
  }
}
