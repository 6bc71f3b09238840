import { Status } from "@aspace/arch";

/** What a pager is asked for. */
export const Ask = { READ: "read", DIRTY: "dirty" } as const;
export type Ask = (typeof Ask)[keyof typeof Ask];

/** Somebody who waits. Done from the moment that the wait ended, with how it ended. */
export interface Waiter {
  /** SHOULD_WAIT until then. */
  status: Status;
}

/** One range that the pager was asked for. */
export interface Asked {
  readonly page: number;
  readonly count: number;
  /** Pages that nobody has answered for yet, by number only. */
  pending: number;
  readonly waiters: Waiter[];
  /** Whether the pager has read that it was asked. */
  isRead: boolean;
}

/**
 * What one pager-backed node has asked its pager for and not got, as in section 5 of the object rules:
 * ranges of one kind do not overlap, and whoever begins inside one waits with it.
 */
export class ModelSource {
  readonly trapsDirty: boolean;
  readonly asked: Record<Ask, Asked[]> = { read: [], dirty: [] };
  /** The object let go of the pager. */
  isDetached = false;
  /** The pager went away. */
  isOrphan = false;
  /** The pager has not read yet that the object let go of it. */
  isFarewellUnread = false;

  /** Which pager it is that has the pages. */
  readonly pager: number;

  constructor(pager: number, trapsDirty: boolean) {
    this.pager = pager;
    this.trapsDirty = trapsDirty;
  }

  /** What the pager has still to read: what it is asked, and in the end that it will not be asked again. */
  get packetCount(): number {
    const asked = [...this.asked.read, ...this.asked.dirty].filter(({ isRead }) => !isRead);
    return asked.length + Number(this.isFarewellUnread);
  }

  /** The object lets go of the pager, for good. Once is enough. */
  detach(): void {
    if (this.isDetached) return;
    this.failAll(Status.OK);
    this.isDetached = true;
    this.isFarewellUnread = !this.isOrphan;
  }

  /** The pager goes away, with all it has not read. */
  lose(): void {
    this.isFarewellUnread = false;
    if (this.isGone) return;
    this.failAll(Status.BAD_STATE);
    this.isOrphan = true;
  }

  get isGone(): boolean {
    return this.isDetached || this.isOrphan;
  }

  /** How many of `count` pages from `page` on one wait can be for. */
  trim(ask: Ask, page: number, count: number): number {
    for (const range of this.asked[ask]) {
      const end = range.page + range.count;
      if (range.page <= page && page < end) return Math.min(count, end - page);
      if (range.page > page && range.page < page + count) return range.page - page;
    }
    return count;
  }

  /** Begins a wait for a range that `trim` has cut. */
  ask(ask: Ask, page: number, count: number, waiter: Waiter): void {
    const ranges = this.asked[ask];
    const host = ranges.find((range) => range.page <= page && page < range.page + range.count);
    if (host !== undefined) {
      host.waiters.push(waiter);
      return;
    }
    ranges.push({ page, count, pending: count, waiters: [waiter], isRead: false });
    ranges.sort((one, other) => one.page - other.page);
  }

  /** Pages were supplied, or became dirty, or will never be needed. */
  resolve(ask: Ask, page: number, count: number): void {
    if (this.isDetached) return;
    for (const range of this.asked[ask]) {
      const overlap = Math.min(page + count, range.page + range.count) - Math.max(page, range.page);
      if (overlap <= 0) continue;
      range.pending -= overlap;
      if (range.pending <= 0) this.end(ask, range, Status.OK);
    }
  }

  /** A failure of any page of a range is a failure of all of it. */
  fail(page: number, count: number, status: Status): void {
    for (const ask of count > 0 ? [Ask.READ, Ask.DIRTY] : []) {
      for (const range of this.asked[ask]) {
        if (range.page < page + count && page < range.page + range.count)
          this.end(ask, range, status);
      }
    }
  }

  failAll(status: Status): void {
    for (const ask of [Ask.READ, Ask.DIRTY]) {
      for (const range of this.asked[ask]) this.end(ask, range, status);
    }
  }

  /** A waiter gives up; a range without one is not asked for any more. */
  forget(waiter: Waiter): void {
    for (const ask of [Ask.READ, Ask.DIRTY]) {
      this.asked[ask] = this.asked[ask].filter((range) => {
        const at = range.waiters.indexOf(waiter);
        if (at >= 0) range.waiters.splice(at, 1);
        return range.waiters.length > 0;
      });
    }
  }

  /** Makes a new list: somebody may be going through the old one. */
  private end(ask: Ask, range: Asked, status: Status): void {
    this.asked[ask] = this.asked[ask].filter((each) => each !== range);
    for (const waiter of range.waiters) waiter.status = status;
  }
}
