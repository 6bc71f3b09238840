import { Lock, LockRank, type LockOrder } from "../lock.ts";

/**
 * What all objects and nodes of one copy-on-write tree share: a lock, and a count that moves when
 * what they hold may have moved. Parts that a teardown separates keep sharing both, which is legal.
 *
 * Invariant: while `generation` is unchanged, every object's attribution over every range is too (P8).
 */
export class Hierarchy {
  readonly lock: Lock;
  /** Starts at 1, so that a cache that starts at 0 never hits by accident. */
  generation = 1;

  constructor(locks: LockOrder) {
    this.lock = new Lock(locks, LockRank.OBJECT, "object lock");
  }
}
