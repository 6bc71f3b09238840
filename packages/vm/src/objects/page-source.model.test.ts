import { Status } from "@aspace/arch";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SourceRequest, SourceRequestType } from "./outstanding-requests.ts";
import { LazyPageRequest, RequestType } from "./page-request.ts";
import { type PageProvider, PageSource } from "./page-source.ts";

/**
 * The page source against a model that knows no ranges: each page of each type has the number of the
 * request it was asked for with, or nothing, and everything is a loop over single pages.
 */

type Step =
  | { kind: "ask"; type: SourceRequestType; waiter: number; page: number; count: number }
  | { kind: "resolve"; type: SourceRequestType; page: number; count: number }
  | { kind: "fail"; page: number; count: number }
  | { kind: "cancel"; waiter: number }
  | { kind: "time out"; waiter: number }
  | { kind: "orphan" }
  | { kind: "detach" };

interface ModelWaiter {
  status: Status;
  /** Of the request it waits for, while the status is SHOULD_WAIT. */
  request: number;
  page: number;
  count: number;
}

/** What can be seen of either side. */
interface World {
  step(step: Step): Status | null;
  /** Status, page and count of each waiter; what is outstanding; what the provider was told in this step. */
  look(): unknown;
}

class Model implements World {
  private readonly waiters: ModelWaiter[];
  /** By type, then page: the request that asked for the page, 0 for none. */
  private readonly asked: [number[], number[]];
  /** By request: pages that came, and those it has. */
  private readonly came: number[] = [0];
  private requestCount = 0;
  private told: string[] = [];
  private refuses = false;
  private detached = false;

  constructor(waiterCount: number, pageCount: number) {
    const blank = (): number[] => Array.from({ length: pageCount }, () => 0);
    this.asked = [blank(), blank()];
    this.waiters = Array.from({ length: waiterCount }, () => ({
      status: Status.OK,
      request: 0,
      page: 0,
      count: 0,
    }));
  }

  step(step: Step): Status | null {
    switch (step.kind) {
      case "ask":
        return this.ask(step.type, this.waiters[step.waiter]!, step.page, step.count);
      case "resolve":
        this.resolve(step.type, step.page, step.count);
        return null;
      case "fail":
        for (const type of [0, 1] as const) {
          for (let page = step.page; page < step.page + step.count; page++) {
            const request = this.asked[type][page]!;
            if (request !== 0) this.finish(request, Status.IO);
          }
        }
        return null;
      case "cancel":
        this.leave(this.waiters[step.waiter]!, Status.CANCELED);
        return null;
      case "time out":
        this.leave(this.waiters[step.waiter]!, Status.TIMED_OUT);
        return null;
      case "orphan":
        this.finishAll(Status.BAD_STATE);
        this.refuses = true;
        return null;
      case "detach":
        this.finishAll(Status.OK);
        if (!this.detached) this.told.push("detach");
        this.detached = this.refuses = true;
        return null;
    }
  }

  look(): unknown {
    const told = this.told;
    this.told = [];
    const outstanding = this.asked.map((pages) =>
      [...new Set(pages)]
        .filter((request) => request !== 0)
        .map((request) => [pages.indexOf(request), this.pendingOf(request)]),
    );
    const waiters = this.waiters.map(({ status, page, count }) => [status, page, count]);
    return { waiters, outstanding, told: told.toSorted() };
  }

  private ask(type: SourceRequestType, waiter: ModelWaiter, page: number, count: number): Status {
    this.leave(waiter, Status.CANCELED);
    if (this.refuses) return Status.BAD_STATE;
    const pages = this.asked[type];
    let request = pages[page]!;
    let length = 1;
    while (length < count && pages[page + length] === request) length++;
    if (request === 0) {
      request = ++this.requestCount;
      pages.fill(request, page, page + length);
      this.came[request] = 0;
      this.told.push(`send ${type} ${page}+${length}`);
    }
    Object.assign(waiter, { status: Status.SHOULD_WAIT, request, page, count: length });
    return Status.SHOULD_WAIT;
  }

  private resolve(type: SourceRequestType, page: number, count: number): void {
    for (let at = page; at < page + count; at++) this.came[this.asked[type][at]!]!++;
    for (let at = page; at < page + count; at++) {
      const request = this.asked[type][at]!;
      if (request !== 0 && this.pendingOf(request) <= 0) this.finish(request, Status.OK);
    }
  }

  private pendingOf(request: number): number {
    return this.asked.flat().filter((each) => each === request).length - this.came[request]!;
  }

  private leave(waiter: ModelWaiter, status: Status): void {
    if (waiter.status !== Status.SHOULD_WAIT) return;
    waiter.status = status;
    const isShared = this.waiters.some(
      (each) => each.status === Status.SHOULD_WAIT && each.request === waiter.request,
    );
    if (!isShared) this.finish(waiter.request, status);
  }

  private finish(request: number, status: Status): void {
    for (const waiter of this.waiters) {
      if (waiter.status === Status.SHOULD_WAIT && waiter.request === request)
        waiter.status = status;
    }
    for (const type of [0, 1] as const) {
      const page = this.asked[type].indexOf(request);
      if (page < 0) continue;
      const count = this.asked[type].filter((each) => each === request).length;
      this.told.push(`withdraw ${type} ${page}+${count}`);
      this.asked[type].fill(0, page, page + count);
    }
  }

  private finishAll(status: Status): void {
    for (const request of new Set(this.asked.flat()))
      if (request !== 0) this.finish(request, status);
  }
}

class Real implements World, PageProvider {
  private readonly source = new PageSource(this);
  private readonly waiters: LazyPageRequest[];
  private told: string[] = [];

  constructor(waiterCount: number) {
    this.waiters = Array.from({ length: waiterCount }, () => new LazyPageRequest());
  }

  supports(): boolean {
    return true;
  }

  send({ type, page, count }: SourceRequest): void {
    this.told.push(`send ${type} ${page}+${count}`);
  }

  withdraw({ type, page, count }: SourceRequest): void {
    this.told.push(`withdraw ${type} ${page}+${count}`);
  }

  onDetach(): void {
    this.told.push("detach");
  }

  onClose(): void {
    this.told.push("close");
  }

  step(step: Step): Status | null {
    const { source } = this;
    switch (step.kind) {
      case "ask": {
        const request = this.waiters[step.waiter]!;
        return step.type === RequestType.READ
          ? source.getPages(step.page, step.count, request)
          : source.requestDirtyTransition(step.page, step.count, request);
      }
      case "resolve":
        if (step.type === RequestType.READ) source.onPagesSupplied(step.page, step.count);
        else source.onPagesDirtied(step.page, step.count);
        return null;
      case "fail":
        source.onPagesFailed(step.page, step.count, Status.IO);
        return null;
      case "cancel":
        this.waiters[step.waiter]!.cancel();
        return null;
      case "time out":
        this.waiters[step.waiter]!.timeOut();
        return null;
      case "orphan":
        source.onPagerClosed();
        return null;
      case "detach":
        source.detach();
        return null;
    }
  }

  look(): unknown {
    this.source.validate();
    const told = this.told;
    this.told = [];
    const outstanding = [RequestType.READ, RequestType.DIRTY].map((type) =>
      this.source.outstanding(type).map(({ page, pending }) => [page, pending]),
    );
    const waiters = this.waiters.map(({ status, page, count }) => [status, page, count]);
    return { waiters, outstanding, told: told.toSorted() };
  }
}

interface Size {
  readonly pages: number;
  readonly waiters: number;
}

function rangesOf(pages: number): { page: number; count: number }[] {
  return Array.from({ length: pages }, (_, page) =>
    Array.from({ length: pages - page }, (__, index) => ({ page, count: index + 1 })),
  ).flat();
}

/** Every step that can be taken in a world of reads only. */
function readSteps({ pages, waiters }: Size): Step[] {
  const type = RequestType.READ;
  const steps: Step[] = [];
  for (const range of rangesOf(pages)) {
    for (let waiter = 0; waiter < waiters; waiter++)
      steps.push({ kind: "ask", type, waiter, ...range });
    steps.push({ kind: "resolve", type, ...range }, { kind: "fail", ...range });
  }
  for (let waiter = 0; waiter < waiters; waiter++) steps.push({ kind: "cancel", waiter });
  return steps;
}

/** Takes the steps on both sides; the last one, which no shorter sequence has checked, is compared. */
function compareLast(size: Size, steps: readonly Step[]): void {
  const model = new Model(size.waiters, size.pages);
  const real = new Real(size.waiters);
  let [expected, actual]: (Status | null)[] = [null, null];
  for (const step of steps) {
    expected = model.step(step) as Status | null;
    actual = real.step(step) as Status | null;
  }
  const [modelView, realView] = [JSON.stringify(model.look()), JSON.stringify(real.look())];
  if (expected !== actual || modelView !== realView) {
    expect({ steps, status: actual, view: realView }).toEqual({
      steps,
      status: expected,
      view: modelView,
    });
  }
}

/**
 * Every sequence of so many steps that begins with waiter 0 asking, in the order of an odometer: nothing
 * else does anything at first, and one waiter is like another. Returns how many there were.
 */
function compareAll(size: Size, length: number): number {
  const steps = readSteps(size);
  const firstSteps = steps.filter((step) => step.kind === "ask" && step.waiter === 0);
  const choices = Array.from({ length }, (_, at) => (at === 0 ? firstSteps : steps));
  const digits = choices.map(() => 0);
  for (let count = 1; ; count++) {
    compareLast(
      size,
      choices.map((choice, at) => choice[digits[at]!]!),
    );
    let at = length - 1;
    while (at >= 0 && ++digits[at]! === choices[at]!.length) digits[at--] = 0;
    if (at < 0) return count;
  }
}

const SAMPLE: Size = { pages: 12, waiters: 6 };

function arbitraryStep({ pages, waiters }: Size): fc.Arbitrary<Step> {
  const waiter = fc.nat(waiters - 1);
  const type = fc.constantFrom(RequestType.READ, RequestType.DIRTY);
  const range = fc.constantFrom(...rangesOf(pages));
  const asks = fc
    .record({ type, waiter, range })
    .map(({ range: { page, count }, ...rest }): Step => ({ kind: "ask", ...rest, page, count }));
  const resolves = fc.record({ type, range }).map(({ range: { page, count }, ...rest }): Step => ({
    kind: "resolve",
    ...rest,
    page,
    count,
  }));
  return fc.oneof(
    { weight: 40, arbitrary: asks },
    { weight: 25, arbitrary: resolves },
    { weight: 5, arbitrary: range.map((pick): Step => ({ kind: "fail", ...pick })) },
    { weight: 10, arbitrary: waiter.map((pick): Step => ({ kind: "cancel", waiter: pick })) },
    { weight: 5, arbitrary: waiter.map((pick): Step => ({ kind: "time out", waiter: pick })) },
    { weight: 1, arbitrary: fc.constantFrom<Step[]>({ kind: "orphan" }, { kind: "detach" }) },
  );
}

describe("PageSource against a model of single pages", () => {
  it("agrees after every sequence of up to 3 steps, 3 waiters over 3 pages (O-R3, O-R4, O-R6, O-R7, O-R8, P17)", () => {
    const size = { pages: 3, waiters: 3 };
    const counts = [1, 2, 3].map((length) => compareAll(size, length));
    expect(counts).toEqual([6, 6 * 33, 6 * 33 ** 2]);
  });

  it("agrees after every sequence of 4 steps, 2 waiters over 3 pages (O-R3, O-R4, O-R6, O-R7, O-R8, P17)", () => {
    expect(compareAll({ pages: 3, waiters: 2 }, 4)).toBe(6 * 26 ** 3);
  });

  it("agrees after every sequence of 3 steps, 2 waiters over 4 pages (O-R3, O-R4, O-R6, O-R7, O-R8, P17)", () => {
    expect(compareAll({ pages: 4, waiters: 2 }, 3)).toBe(10 * 42 ** 2);
  });

  it("agrees in long random sequences, with both types, timeouts and the end of the source (O-R2 to O-R10, P17)", () => {
    fc.assert(
      fc.property(
        fc.array(arbitraryStep(SAMPLE), { minLength: 1, maxLength: 60, size: "max" }),
        (steps) => {
          const model = new Model(SAMPLE.waiters, SAMPLE.pages);
          const real = new Real(SAMPLE.waiters);
          for (const step of steps) {
            const expected = model.step(step);
            expect({ step, status: real.step(step) }).toEqual({ step, status: expected });
            expect({ step, view: real.look() }).toEqual({ step, view: model.look() });
          }
        },
      ),
      { numRuns: 400 },
    );
  });
});
