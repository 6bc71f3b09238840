import { Status } from "@aspace/arch";
import type { Blocking } from "./blocking.ts";
import type { LockOrder } from "../lock.ts";
import type { Hierarchy } from "./hierarchy.ts";

/** Runs a step that cannot wait, with the lock of a hierarchy held. */
export function locked<T>({ lock }: Hierarchy, step: () => T): T {
  lock.acquire();
  try {
    return step();
  } finally {
    lock.release();
  }
}

export interface LockedOperation<T> {
  readonly hierarchy: Hierarchy;
  /** To see that nobody holds a lock during a wait (L-4). */
  readonly locks: LockOrder;
  /** Starts the operation, with the lock held. */
  readonly begin: () => Blocking<T>;
  /** Asked after each wait that ended in OK: the operation goes on with its answer as the wait's status. */
  readonly recheck: () => Status;
}

/**
 * Runs an operation with the lock of its hierarchy held, but for the times it waits:
 *
 *     lock    ├────────┤                    ├────────┤
 *     caller           yield request ─ ─ ─ ▶ resume(status)
 *
 * A caller may also give up while it waits, with `return()` on the generator, as if its thread were
 * killed. What the operation has to undo then, its request first of all, it undoes with the lock.
 */
export function* underLock<T>(options: LockedOperation<T>): Blocking<T> {
  const { begin, recheck, locks } = options;
  const { lock } = options.hierarchy;
  let waiting: Blocking<T | undefined> | null = null;
  lock.acquire();
  try {
    const operation = begin();
    let step = operation.next();
    while (step.done !== true) {
      waiting = operation;
      lock.release();
      locks.assertNoneHeld("a wait");
      const status = yield step.value;
      lock.acquire();
      waiting = null;
      step = operation.next(status === Status.OK ? recheck() : status);
    }
    return step.value;
  } finally {
    if (waiting !== null) {
      lock.acquire();
      waiting.return(undefined);
    }
    lock.release();
  }
}
