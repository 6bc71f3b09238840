import { Status } from "@aspace/arch";
import { describe, expect, it } from "vitest";
import type { SourceRequest, SourceRequestType } from "./outstanding-requests.ts";
import { LazyPageRequest, type RequestHost, RequestType } from "./page-request.ts";
import { type PageProvider, PageSource } from "./page-source.ts";

const { READ, DIRTY, MEMORY } = RequestType;

/** Writes down what it is told. */
class Recorder implements PageProvider {
  readonly log: string[] = [];
  private readonly types: readonly SourceRequestType[];

  constructor(types: readonly SourceRequestType[]) {
    this.types = types;
  }

  supports(type: SourceRequestType): boolean {
    return this.types.includes(type);
  }

  send(request: SourceRequest): void {
    this.log.push(`send ${request.type} ${request.page}+${request.count}`);
  }

  withdraw(request: SourceRequest): void {
    this.log.push(`withdraw ${request.type} ${request.page}+${request.count}`);
  }

  onDetach(): void {
    this.log.push("detach");
  }

  onClose(): void {
    this.log.push("close");
  }
}

function newSource(types: readonly SourceRequestType[] = [READ, DIRTY]): {
  provider: Recorder;
  source: PageSource;
} {
  const provider = new Recorder(types);
  return { provider, source: new PageSource(provider) };
}

/** A new request that waits for the pages. */
function read(source: PageSource, page: number, count: number): LazyPageRequest {
  const request = new LazyPageRequest();
  expect(source.getPages(page, count, request)).toBe(Status.SHOULD_WAIT);
  return request;
}

function dirty(source: PageSource, page: number, count: number): LazyPageRequest {
  const request = new LazyPageRequest();
  expect(source.requestDirtyTransition(page, count, request)).toBe(Status.SHOULD_WAIT);
  return request;
}

const rangeOf = (request: LazyPageRequest): [number, number] => [request.page, request.count];

describe("asking", () => {
  it("sends a range of which nothing is outstanding as it is (O-R3)", () => {
    const { provider, source } = newSource();
    const request = read(source, 4, 6);
    expect(request.isBoundTo(source)).toBe(true);
    expect(rangeOf(request)).toEqual([4, 6]);
    expect(provider.log).toEqual(["send 0 4+6"]);
  });

  it("attaches a range that begins inside an outstanding one, and cuts it at its end (O-R4)", () => {
    const { provider, source } = newSource();
    read(source, 4, 6);
    expect(rangeOf(read(source, 4, 6))).toEqual([4, 6]);
    expect(rangeOf(read(source, 5, 2))).toEqual([5, 2]);
    expect(rangeOf(read(source, 9, 4))).toEqual([9, 1]);
    expect(provider.log).toEqual(["send 0 4+6"]);
    expect(source.outstanding(READ)[0]!.waiters.length).toBe(4);
  });

  it("cuts a range where the next outstanding one begins (O-R4)", () => {
    const { provider, source } = newSource();
    read(source, 4, 2);
    read(source, 10, 2);
    expect(rangeOf(read(source, 1, 9))).toEqual([1, 3]);
    expect(rangeOf(read(source, 6, 9))).toEqual([6, 4]);
    expect(rangeOf(read(source, 12, 9))).toEqual([12, 9]);
    expect(source.outstanding(READ).map(({ page }) => page)).toEqual([1, 4, 6, 10, 12]);
    expect(provider.log.length).toBe(5);
    source.validate();
  });

  it("keeps reads and dirty transitions apart (O-R3)", () => {
    const { provider, source } = newSource();
    read(source, 4, 2);
    dirty(source, 3, 4);
    expect(provider.log).toEqual(["send 0 4+2", "send 1 3+4"]);
    source.onPagesSupplied(0, 9);
    expect(source.outstanding(DIRTY).length).toBe(1);
    source.validate();
  });

  it("says NOT_SUPPORTED when the provider lacks the type, even detached (O-R5)", () => {
    const { provider, source } = newSource([READ]);
    const request = new LazyPageRequest();
    expect(source.trapsDirty).toBe(false);
    expect(source.requestDirtyTransition(0, 1, request)).toBe(Status.NOT_SUPPORTED);
    source.detach();
    expect(source.requestDirtyTransition(0, 1, request)).toBe(Status.NOT_SUPPORTED);
    expect(request.isOutstanding).toBe(false);
    expect(provider.log).toEqual(["detach"]);
  });

  it("cancels a request in use before it looks for others, wherever it was waiting (O-R2)", () => {
    const { provider, source } = newSource();
    const other = newSource();
    const request = read(source, 4, 2);
    source.getPages(5, 3, request);
    expect(rangeOf(request)).toEqual([5, 3]);
    other.source.getPages(0, 1, request);
    expect(provider.log).toEqual(["send 0 4+2", "withdraw 0 4+2", "send 0 5+3", "withdraw 0 5+3"]);
    expect(other.provider.log).toEqual(["send 0 0+1"]);
    source.validate();
    other.source.validate();
  });

  it("cancels a request in use also when it then refuses (O-R2)", () => {
    const { source } = newSource();
    const request = read(source, 4, 2);
    const refusing = newSource([]).source;
    expect(refusing.getPages(0, 1, request)).toBe(Status.NOT_SUPPORTED);
    expect(request.status).toBe(Status.CANCELED);
    expect(source.outstanding(READ)).toEqual([]);
  });

  it("panics when asked for no pages (P17)", () => {
    expect(() => newSource().source.getPages(0, 0, new LazyPageRequest())).toThrow(/^P17/);
  });
});

describe("resolving", () => {
  it("completes a request and all attached when as many pages came as it is long (O-R6)", () => {
    const { provider, source } = newSource();
    const requests = [read(source, 4, 6), read(source, 9, 1)];
    source.onPagesSupplied(0, 6);
    expect(source.outstanding(READ)[0]!.pending).toBe(4);
    source.onPagesSupplied(7, 1);
    source.onPagesSupplied(9, 4);
    expect(source.outstanding(READ)[0]!.pending).toBe(2);
    expect(requests.map(({ isOutstanding }) => isOutstanding)).toEqual([true, true]);
    source.onPagesSupplied(6, 3);
    expect(requests.map(({ status }) => status)).toEqual([Status.OK, Status.OK]);
    expect(provider.log).toEqual(["send 0 4+6", "withdraw 0 4+6"]);
  });

  it("counts a page that came twice twice, so the waiter is woken early (O-R6)", () => {
    const { source } = newSource();
    const request = read(source, 0, 2);
    source.onPagesSupplied(0, 1);
    expect(request.isOutstanding).toBe(true);
    source.onPagesSupplied(0, 1);
    expect(request.isOutstanding).toBe(false);
  });

  it("resolves every request that a range touches and no other (O-R6, P18)", () => {
    const { source } = newSource();
    const requests = [0, 2, 4, 6, 8].map((page) => read(source, page, 2));
    source.onPagesSupplied(3, 4);
    expect(source.outstanding(READ).map(({ pending }) => pending)).toEqual([2, 1, 1, 2]);
    source.onPagesSupplied(2, 5);
    expect(requests.map(({ isOutstanding }) => isOutstanding)).toEqual([
      true,
      false,
      false,
      false,
      true,
    ]);
    source.validate();
  });

  it("does nothing for an empty range, even inside a request (O-R6)", () => {
    const { source } = newSource();
    read(source, 0, 4);
    source.onPagesSupplied(2, 0);
    source.onPagesDirtied(2, 0);
    source.onPagesFailed(2, 0, Status.IO);
    expect(source.outstanding(READ)[0]!.pending).toBe(4);
  });
});

describe("failing", () => {
  it("fails the whole of a request of which any page failed, reads and dirty transitions alike (O-R8)", () => {
    const { provider, source } = newSource();
    const requests = [
      read(source, 0, 4),
      read(source, 1, 1),
      dirty(source, 2, 4),
      read(source, 4, 2),
      dirty(source, 0, 2),
    ];
    source.onPagesFailed(3, 1, Status.IO_DATA_INTEGRITY);
    const failed = Status.IO_DATA_INTEGRITY;
    const waits = Status.SHOULD_WAIT;
    expect(requests.map(({ status }) => status)).toEqual([failed, failed, failed, waits, waits]);
    expect(provider.log.slice(4)).toEqual(["withdraw 0 0+4", "withdraw 1 2+4"]);
    source.validate();
  });

  it("leaves a request that ends where the failure begins, or begins where it ends (O-R8)", () => {
    const { source } = newSource();
    read(source, 0, 3);
    read(source, 4, 3);
    source.onPagesFailed(3, 1, Status.IO);
    expect(source.outstanding(READ).length).toBe(2);
    source.onPagesFailed(2, 3, Status.IO);
    expect(source.outstanding(READ).length).toBe(0);
  });
});

describe("giving up", () => {
  it("withdraws a request that nobody else waits for (O-R7)", () => {
    const { provider, source } = newSource();
    read(source, 4, 2).cancel();
    expect(source.outstanding(READ)).toEqual([]);
    expect(provider.log).toEqual(["send 0 4+2", "withdraw 0 4+2"]);
  });

  it("leaves range and count to those attached, and the provider is not told (O-R7)", () => {
    const { provider, source } = newSource();
    const [first, second, third] = [read(source, 4, 6), read(source, 5, 1), read(source, 9, 1)];
    source.onPagesSupplied(4, 2);
    first.timeOut();
    expect(source.dump()).toBe("source attached\n  READ 4+6 pending 4 waiters 5+1 9+1");
    second.cancel();
    source.validate();
    expect(provider.log).toEqual(["send 0 4+6"]);
    source.onPagesSupplied(6, 4);
    expect(third.status).toBe(Status.OK);
    expect([first.status, second.status]).toEqual([Status.TIMED_OUT, Status.CANCELED]);
  });

  it("panics when a request that waits elsewhere is canceled here (P17)", () => {
    const { source } = newSource();
    const other: RequestHost = newSource().source;
    const request = new LazyPageRequest();
    for (const type of [READ, DIRTY, MEMORY]) {
      request.bind(other, type, 0, 1);
      expect(() => source.cancel(request)).toThrow(/^P17.*waits for nothing here$/);
      request.complete(Status.OK);
    }
  });
});

describe("the end of a source", () => {
  it("wakes everyone with OK on detach, tells the provider last and then refuses (O-R9, P17)", () => {
    const { provider, source } = newSource();
    const requests = [
      read(source, 0, 2),
      read(source, 1, 1),
      dirty(source, 0, 4),
      read(source, 4, 1),
    ];
    source.detach();
    expect(source.isDetached).toBe(true);
    expect(requests.map(({ status }) => status)).toEqual([
      Status.OK,
      Status.OK,
      Status.OK,
      Status.OK,
    ]);
    expect(provider.log.slice(3)).toEqual([
      "withdraw 0 0+2",
      "withdraw 0 4+1",
      "withdraw 1 0+4",
      "detach",
    ]);
    expect(source.getPages(0, 1, requests[0]!)).toBe(Status.BAD_STATE);
    expect(source.requestDirtyTransition(0, 1, requests[0]!)).toBe(Status.BAD_STATE);
    expect(requests[0]!.isOutstanding).toBe(false);
    source.validate();
  });

  it("detaches and closes once, whatever the order (O-R9)", () => {
    const { provider, source } = newSource();
    source.detach();
    source.detach();
    source.close();
    source.close();
    source.detach();
    expect(provider.log).toEqual(["detach", "close"]);
    expect(source.dump()).toBe("source closed");
  });

  it("detaches before it closes (O-R9)", () => {
    const { provider, source } = newSource();
    const request = read(source, 0, 2);
    source.close();
    expect(request.status).toBe(Status.OK);
    expect(source.isDetached).toBe(true);
    expect(provider.log).toEqual(["send 0 0+2", "withdraw 0 0+2", "detach", "close"]);
  });

  it("fails everyone with BAD_STATE when the pager goes first, and is not detached by that (O-R10)", () => {
    const { provider, source } = newSource();
    const requests = [read(source, 0, 2), dirty(source, 0, 4)];
    source.onPagerClosed();
    expect(requests.map(({ status }) => status)).toEqual([Status.BAD_STATE, Status.BAD_STATE]);
    expect(source.isDetached).toBe(false);
    expect(source.getPages(0, 1, requests[0]!)).toBe(Status.BAD_STATE);
    expect(provider.log.slice(2)).toEqual(["withdraw 0 0+2", "withdraw 1 0+4"]);
    expect(source.dump()).toBe("source orphaned");
    source.detach();
    source.onPagerClosed();
    expect(source.isDetached).toBe(true);
    expect(provider.log.slice(4)).toEqual(["detach"]);
  });
});

describe("validation (P17)", () => {
  const broken: readonly [string, (source: PageSource, waiter: LazyPageRequest) => void][] = [
    ["counts wrongly", (source) => (source.outstanding(READ)[0]!.pending = 0)],
    ["counts wrongly", (source) => (source.outstanding(READ)[0]!.pending = 5)],
    ["has no waiter", (source) => (source.outstanding(READ)[0]!.waiters.length = 0)],
    ["does not wait", (_source, waiter) => waiter.complete(Status.OK)],
    ["waits twice", (source, waiter) => source.outstanding(READ)[0]!.waiters.push(waiter)],
    [
      "overlaps the one before",
      (source) => (source.outstanding(READ) as SourceRequest[]).push(source.outstanding(READ)[0]!),
    ],
    [
      "waits outside",
      (source, waiter) => {
        waiter.complete(Status.OK);
        waiter.bind(source, READ, 3, 1);
      },
    ],
    [
      "waits outside",
      (source, waiter) => {
        waiter.complete(Status.OK);
        waiter.bind(source, READ, 7, 2);
      },
    ],
    [
      "does not wait",
      (source, waiter) => {
        waiter.complete(Status.OK);
        waiter.bind(source, DIRTY, 4, 4);
      },
    ],
  ];

  it.each(broken)("finds a request that %s (P17, case %#)", (message, breakIt) => {
    const { source } = newSource();
    const waiter = read(source, 4, 4);
    source.validate();
    breakIt(source, waiter);
    expect(() => source.validate()).toThrow(new RegExp(`^P17: .*${message}`));
  });

  it("finds a request that outlived its provider (P17)", () => {
    const { source } = newSource();
    read(source, 4, 4);
    const [request] = source.outstanding(READ);
    source.detach();
    (source.outstanding(READ) as SourceRequest[]).push(request!);
    const waiter = new LazyPageRequest();
    waiter.bind(source, READ, 4, 4);
    request!.waiters.push(waiter);
    expect(() => source.validate()).toThrow(/^P17: .*outlived its provider$/);
  });
});
