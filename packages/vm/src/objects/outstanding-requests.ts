import { KernelPanic, type Status } from "@aspace/arch";
import { type LazyPageRequest, type RequestType, requestTypeName } from "./page-request.ts";

/** The two things a pager is asked for. */
export type SourceRequestType = typeof RequestType.READ | typeof RequestType.DIRTY;

/**
 * A range that the provider was asked for, and everyone who waits for it.
 *
 *     page 4   5   6   7   8   9
 *          ├───────────────────┤     the request, sent once
 *          W0══════════════════      the waiter it was sent for
 *              W1══════              attached: begins inside, asks the provider for nothing
 *                      W2══════      attached: would have run past the end and was cut
 *
 * The range outlives the waiter it was made for: as long as anyone waits, it stays as it is, also at the
 * provider.
 */
export class SourceRequest {
  readonly type: SourceRequestType;
  readonly page: number;
  readonly count: number;
  /**
   * Pages not resolved so far. Only their number is kept, so a page resolved twice counts twice and the
   * request completes early. Invariant: 0 < pending <= count.
   */
  pending: number;
  /** In the order of their arrival. Invariant: never empty, and each begins in the range and ends in it. */
  readonly waiters: LazyPageRequest[] = [];

  constructor(type: SourceRequestType, page: number, count: number) {
    this.type = type;
    this.page = page;
    this.count = count;
    this.pending = count;
  }

  /** The page behind the last one. */
  get end(): number {
    return this.page + this.count;
  }

  completeWaiters(status: Status): void {
    for (const waiter of this.waiters) waiter.complete(status);
  }

  describe(): string {
    const waiters = this.waiters.map((waiter) => `${waiter.page}+${waiter.count}`).join(" ");
    const range = `${requestTypeName(this.type)} ${this.page}+${this.count}`;
    return `${range} pending ${this.pending} waiters ${waiters}`;
  }
}

/** The outstanding requests of one type, in ascending order of pages. Invariant (P17): no two overlap. */
export class OutstandingRequests {
  readonly all: SourceRequest[] = [];

  /** Index of the first request that ends behind the page: it contains the page or lies behind it. */
  indexAt(page: number): number {
    let low = 0;
    let high = this.all.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.all[middle]!.end <= page) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  at(index: number): SourceRequest | undefined {
    return this.all[index];
  }

  insert(index: number, request: SourceRequest): void {
    this.all.splice(index, 0, request);
  }

  removeAt(index: number): void {
    this.all.splice(index, 1);
  }

  /** Panics with P17 when the order, a count or a waiter is not what it must be. */
  validate(): void {
    let end = 0;
    for (const request of this.all) {
      const { page, count, pending, waiters } = request;
      if (page < end) throw new KernelPanic("P17", `${request.describe()} overlaps the one before`);
      if (pending < 1 || pending > count)
        throw new KernelPanic("P17", `${request.describe()} counts wrongly`);
      if (waiters.length === 0) throw new KernelPanic("P17", `${request.describe()} has no waiter`);
      end = request.end;
    }
  }
}
