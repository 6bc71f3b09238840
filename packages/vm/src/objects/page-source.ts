import { KernelPanic, Status } from "@aspace/arch";
import {
  OutstandingRequests,
  SourceRequest,
  type SourceRequestType,
} from "./outstanding-requests.ts";
import { type LazyPageRequest, type RequestHost, RequestType } from "./page-request.ts";

/**
 * Whoever gets the pages: in the kernel a user pager, in tests anything. It is told and does not call back
 * into the source from these methods.
 */
export interface PageProvider {
  supports(type: SourceRequestType): boolean;
  /** Ask for these pages. Never overlaps another request of the type that was sent and not withdrawn. */
  send(request: SourceRequest): void;
  /** Nobody waits any more: the request is complete or given up. */
  withdraw(request: SourceRequest): void;
  /** The object lets go of the provider. Everything sent was withdrawn. Called once. */
  onDetach(): void;
  /** The object is gone. Called once, after `onDetach`. */
  onClose(): void;
}

/**
 * ATTACHED to DETACHED, or by way of ORPHANED: the provider went first, and took with it what only it could
 * give.
 */
export const SourceState = { ATTACHED: 0, ORPHANED: 1, DETACHED: 2, CLOSED: 3 } as const;
export type SourceState = (typeof SourceState)[keyof typeof SourceState];

const STATE_NAMES = ["attached", "orphaned", "detached", "closed"] as const;
const TYPES = [RequestType.READ, RequestType.DIRTY] as const;

/**
 * Keeps the outstanding requests of one pager-backed object and sees to it that the provider is never asked
 * twice for the same page. Pages are offsets in the object that has the source (the root of its tree),
 * wherever the fault happened.
 *
 *     operation ──getPages──▶ PageSource ──send──▶ provider ──packet──▶ pager
 *         ▲                       │                                       │
 *         └── isOutstanding ── complete ◀── onPagesSupplied ◀── supply ───┘
 */
export class PageSource implements RequestHost {
  private readonly provider: PageProvider;
  /** By type: reads and dirty transitions do not see each other. */
  private readonly requests: readonly [OutstandingRequests, OutstandingRequests] = [
    new OutstandingRequests(),
    new OutstandingRequests(),
  ];
  private state: SourceState = SourceState.ATTACHED;

  constructor(provider: PageProvider) {
    this.provider = provider;
  }

  /** The pager went away on its own, and what it supplied cannot be had again. */
  get isOrphaned(): boolean {
    return this.state === SourceState.ORPHANED;
  }

  /** The object was detached (or closed). A pager that went away on its own does not count. */
  get isDetached(): boolean {
    return this.state >= SourceState.DETACHED;
  }

  /** Whether a page is written only after the pager has agreed to it. */
  get trapsDirty(): boolean {
    return this.provider.supports(RequestType.DIRTY);
  }

  /**
   * Asks for contents. The request is bound to as much of the pages as one wait can be for: to where the
   * outstanding request that contains `page` ends, or else to where the next one begins. A request in use
   * is cancelled first.
   *
   * @returns NOT_SUPPORTED when the provider does not read, BAD_STATE when detached or the pager is gone,
   *   else SHOULD_WAIT.
   */
  getPages(page: number, count: number, request: LazyPageRequest): Status {
    return this.request(RequestType.READ, page, count, request);
  }

  /**
   * Asks for leave to make pages dirty; the same as `getPages` otherwise. NOT_SUPPORTED without dirty
   * trapping.
   */
  requestDirtyTransition(page: number, count: number, request: LazyPageRequest): Status {
    return this.request(RequestType.DIRTY, page, count, request);
  }

  /**
   * The pages have contents now. READ requests are complete once as many pages were supplied as they are
   * long.
   */
  onPagesSupplied(page: number, count: number): void {
    this.resolve(RequestType.READ, page, count);
  }

  /** The pages are dirty now, or will have to be asked for again. */
  onPagesDirtied(page: number, count: number): void {
    this.resolve(RequestType.DIRTY, page, count);
  }

  /**
   * Completes with the status every request, of either type, that has a page in the range: all of it
   * (O-R8).
   */
  onPagesFailed(page: number, count: number, status: Status): void {
    if (count < 1) return;
    for (const type of TYPES) {
      const list = this.requests[type];
      const index = list.indexAt(page);
      for (
        let next = list.at(index);
        next !== undefined && next.page < page + count;
        next = list.at(index)
      ) {
        this.finish(list, index, status);
      }
    }
  }

  /**
   * Lets go of the provider: everyone who waits goes on with OK, asks again and gets BAD_STATE. Once is
   * enough.
   */
  detach(): void {
    if (this.isDetached) return;
    this.finishAll(Status.OK);
    this.state = SourceState.DETACHED;
    this.provider.onDetach();
  }

  /** The object is gone. Detaches first. Once is enough. */
  close(): void {
    if (this.state === SourceState.CLOSED) return;
    this.detach();
    this.state = SourceState.CLOSED;
    this.provider.onClose();
  }

  /**
   * The pager is gone: who waits fails with BAD_STATE. That is not a detach, what was supplied stays
   * (O-R10).
   */
  onPagerClosed(): void {
    if (this.state !== SourceState.ATTACHED) return;
    this.finishAll(Status.BAD_STATE);
    this.state = SourceState.ORPHANED;
  }

  /** A waiter gives up; called by the request. The provider hears of it when nobody else waits. */
  cancel(request: LazyPageRequest): void {
    const { list, index, position } = this.find(request);
    const outstanding = list.at(index)!;
    outstanding.waiters.splice(position, 1);
    if (outstanding.waiters.length > 0) return;
    list.removeAt(index);
    this.provider.withdraw(outstanding);
  }

  /** What the provider has been asked for, in ascending order of pages. Not to be kept. */
  outstanding(type: SourceRequestType): readonly SourceRequest[] {
    return this.requests[type].all;
  }

  /** Panics with P17 when a request or a waiter is not what it must be. */
  validate(): void {
    const seen = new Set<LazyPageRequest>();
    for (const type of TYPES) {
      this.requests[type].validate();
      for (const outstanding of this.requests[type].all) {
        if (this.state !== SourceState.ATTACHED) {
          throw new KernelPanic("P17", `${outstanding.describe()} outlived its provider`);
        }
        for (const waiter of outstanding.waiters) {
          this.validateWaiter(outstanding, waiter);
          if (seen.has(waiter)) throw new KernelPanic("P17", `${waiter.describe()} waits twice`);
          seen.add(waiter);
        }
      }
    }
  }

  /** One line for the state and one a request; stable. */
  dump(): string {
    const lines = [`source ${STATE_NAMES[this.state]}`];
    for (const { all } of this.requests) for (const each of all) lines.push(`  ${each.describe()}`);
    return lines.join("\n");
  }

  private request(
    type: SourceRequestType,
    page: number,
    count: number,
    request: LazyPageRequest,
  ): Status {
    // Before anything is looked at, or the request could be attached to what it leaves behind.
    request.cancel();
    if (!this.provider.supports(type)) return Status.NOT_SUPPORTED;
    if (this.state !== SourceState.ATTACHED) return Status.BAD_STATE;
    if (count < 1) throw new KernelPanic("P17", `a request for ${count} pages`);
    const list = this.requests[type];
    const index = list.indexAt(page);
    const next = list.at(index);
    if (next !== undefined && next.page <= page) {
      request.bind(this, type, page, Math.min(count, next.end - page));
      next.waiters.push(request);
      return Status.SHOULD_WAIT;
    }
    const length = next === undefined ? count : Math.min(count, next.page - page);
    const sent = new SourceRequest(type, page, length);
    request.bind(this, type, page, length);
    sent.waiters.push(request);
    list.insert(index, sent);
    this.provider.send(sent);
    return Status.SHOULD_WAIT;
  }

  private resolve(type: SourceRequestType, page: number, count: number): void {
    const list = this.requests[type];
    const end = page + count;
    let index = list.indexAt(page);
    for (let next = list.at(index); next !== undefined && next.page < end; next = list.at(index)) {
      next.pending -= Math.min(end, next.end) - Math.max(page, next.page);
      if (next.pending <= 0) this.finish(list, index, Status.OK);
      else index += 1;
    }
  }

  private finishAll(status: Status): void {
    for (const list of this.requests) while (list.all.length > 0) this.finish(list, 0, status);
  }

  /** Takes the request off the list before anyone learns of it. */
  private finish(list: OutstandingRequests, index: number, status: Status): void {
    const request = list.at(index)!;
    list.removeAt(index);
    this.provider.withdraw(request);
    request.completeWaiters(status);
  }

  private find(request: LazyPageRequest): {
    list: OutstandingRequests;
    index: number;
    position: number;
  } {
    if (request.type !== RequestType.MEMORY) {
      const list = this.requests[request.type];
      const index = list.indexAt(request.page);
      const position = list.at(index)?.waiters.indexOf(request) ?? -1;
      if (position >= 0) return { list, index, position };
    }
    throw new KernelPanic("P17", `${request.describe()} waits for nothing here`);
  }

  private validateWaiter(outstanding: SourceRequest, waiter: LazyPageRequest): void {
    if (!waiter.isBoundTo(this) || waiter.type !== outstanding.type) {
      throw new KernelPanic("P17", `${waiter.describe()} is listed and does not wait`);
    }
    if (waiter.page < outstanding.page || waiter.page + waiter.count > outstanding.end) {
      throw new KernelPanic("P17", `${waiter.describe()} waits outside ${outstanding.describe()}`);
    }
  }
}
