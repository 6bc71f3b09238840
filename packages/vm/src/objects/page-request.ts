import { KernelPanic, Status } from "@aspace/arch";

/** What a thread can be waiting for. READ and DIRTY need the pager, MEMORY needs free frames. */
export const RequestType = { READ: 0, DIRTY: 1, MEMORY: 2 } as const;
export type RequestType = (typeof RequestType)[keyof typeof RequestType];

const TYPE_NAMES = ["READ", "DIRTY", "MEMORY"] as const;

export function requestTypeName(type: RequestType): string {
  return TYPE_NAMES[type];
}

/** Whoever will complete a request: a page source, or the allocator for MEMORY. */
export interface RequestHost {
  /** The waiter went away. The host forgets the request and does not complete it. */
  cancel(request: LazyPageRequest): void;
}

/**
 * The place where one thread waits for one thing.
 *
 *              bind                      complete(status)
 *     idle ──────────▶ outstanding ──────────────────────▶ idle
 *                           │ cancel, timeOut                ▲
 *                           └────────────────────────────────┘
 *
 * "Lazy" because nothing exists at the host until an operation finds that it has to wait; most never do.
 * The same object is used again for the next wait. Nobody is called back when it completes: whoever drives
 * the thread looks at `isOutstanding`.
 */
export class LazyPageRequest {
  /** Invariant: null iff idle. */
  private host: RequestHost | null = null;
  private boundType: RequestType = RequestType.READ;
  private firstPage = 0;
  private pageCount = 0;
  private lastStatus: Status = Status.OK;

  /** Bound to a host that has not completed it. */
  get isOutstanding(): boolean {
    return this.host !== null;
  }

  /** How the last wait ended: OK before the first one, SHOULD_WAIT during one. */
  get status(): Status {
    return this.lastStatus;
  }

  /** What the current or last wait is for. */
  get type(): RequestType {
    return this.boundType;
  }

  /** First page waited for, as an offset into the host's object. */
  get page(): number {
    return this.firstPage;
  }

  /** Pages waited for. */
  get count(): number {
    return this.pageCount;
  }

  isBoundTo(host: RequestHost): boolean {
    return this.host === host;
  }

  /**
   * Starts a wait; called by the host. Panics with P17 when the request is outstanding: a host that is
   * given a request in use first cancels it, before it looks at its own records.
   */
  bind(host: RequestHost, type: RequestType, page: number, count: number): void {
    if (this.host !== null) throw new KernelPanic("P17", `${this.describe()} is bound twice`);
    this.host = host;
    this.boundType = type;
    this.firstPage = page;
    this.pageCount = count;
    this.lastStatus = Status.SHOULD_WAIT;
  }

  /**
   * Ends the wait; called by the host, which has forgotten the request by then. Panics with P17 when idle.
   */
  complete(status: Status): void {
    if (this.host === null)
      throw new KernelPanic("P17", `${this.describe()} is completed while idle`);
    if (status === Status.SHOULD_WAIT) {
      throw new KernelPanic("P17", `${this.describe()} cannot complete with SHOULD_WAIT`);
    }
    this.host = null;
    this.lastStatus = status;
  }

  /** The thread gives up, or starts over: ends the wait with CANCELED. Nothing happens when idle. */
  cancel(): void {
    this.giveUp(Status.CANCELED);
  }

  /** The pager took too long: ends the wait with TIMED_OUT. Nothing happens when idle. */
  timeOut(): void {
    this.giveUp(Status.TIMED_OUT);
  }

  describe(): string {
    return `${requestTypeName(this.boundType)} ${this.firstPage}+${this.pageCount}`;
  }

  private giveUp(status: Status): void {
    if (this.host === null) return;
    this.host.cancel(this);
    this.complete(status);
  }
}
