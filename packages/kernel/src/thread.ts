import { KernelPanic, Status } from "@aspace/arch";
import type { Blocking, LazyPageRequest } from "@aspace/vm";

/** What a thread is doing. */
export const ThreadState = {
  /** It could go on. */
  READY: "ready",
  /** It waits for a request that nobody has completed yet. */
  BLOCKED: "blocked",
  DONE: "done",
} as const;
export type ThreadState = (typeof ThreadState)[keyof typeof ThreadState];

/**
 * An operation that may wait, as something that others can be run beside. It goes on when its owner
 * says so, and never by itself: which of several threads is next is always a choice.
 */
export class Thread<T> {
  readonly name: string;
  private readonly operation: Blocking<T>;
  private request: LazyPageRequest | null = null;
  private outcome: { readonly value: T } | null = null;

  constructor(name: string, operation: Blocking<T>) {
    this.name = name;
    this.operation = operation;
  }

  get state(): ThreadState {
    if (this.outcome !== null) return ThreadState.DONE;
    return this.request?.isOutstanding === true ? ThreadState.BLOCKED : ThreadState.READY;
  }

  /** What it waits for, or waited for last; null before its first wait and at its end. */
  get awaits(): LazyPageRequest | null {
    return this.request;
  }

  /** What the operation returned. Panics with L-4 before its end. */
  get result(): T {
    if (this.outcome === null) throw new KernelPanic("L-4", `thread ${this.name} is not done`);
    return this.outcome.value;
  }

  /** Runs to the next wait or to the end. Panics with L-4 unless READY. */
  run(): ThreadState {
    if (this.state !== ThreadState.READY) {
      throw new KernelPanic("L-4", `thread ${this.name} is ${this.state} and cannot run`);
    }
    const step = this.operation.next(this.request?.status ?? Status.OK);
    if (step.done === true) {
      this.outcome = { value: step.value };
      this.request = null;
    } else {
      this.request = step.value;
    }
    return this.state;
  }

  /** Kills a thread that waits: its request is withdrawn, and what it has to undo it undoes. */
  kill(): void {
    if (this.outcome !== null) return;
    this.request?.cancel();
    this.request = null;
    this.operation.return(undefined as never);
  }
}
