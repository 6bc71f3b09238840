import { NO_FRAME, type Pfn } from "@aspace/arch";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { panicRule } from "../../test/bare-machine.ts";
import { MemoryQueues, Queue, RECLAIM_GENERATIONS } from "./page-queues.ts";
import { PageState, Pages } from "./pages.ts";

const FRAMES = 12;
const QUEUES = Object.values(Queue).filter((queue) => queue !== Queue.NONE);
const OLDEST_AGE = RECLAIM_GENERATIONS - 1;

/** Queues over frames 0..11, all of which are in slots. */
function createQueues(): { readonly queues: MemoryQueues; readonly pages: Pages } {
  const pages = new Pages(FRAMES);
  for (let pfn = 0; pfn < FRAMES; pfn++) pages.open(pfn, PageState.OBJECT);
  return { queues: new MemoryQueues(pages), pages };
}

function framesOf(queues: MemoryQueues, queue: Queue): Pfn[] {
  const frames: Pfn[] = [];
  for (let pfn = queues.first(queue); pfn !== NO_FRAME; pfn = queues.next(pfn)) frames.push(pfn);
  return frames;
}

function rotate(queues: MemoryQueues, times: number): void {
  for (let i = 0; i < times; i++) queues.rotate();
}

describe("MemoryQueues", () => {
  it.each(QUEUES)("P2: keeps the frames of queue %i in order of entry", (queue) => {
    const { queues } = createQueues();
    for (const pfn of [4, 2, 7, 0]) queues.enter(pfn, queue);
    queues.leave(2);
    queues.enter(2, queue);
    expect(framesOf(queues, queue)).toEqual([4, 7, 0, 2]);
    queues.move(4, queue);
    queues.leave(2);
    expect(framesOf(queues, queue)).toEqual([7, 0, 4]);
    expect([queues.countOf(queue), queues.queueOf(7), queues.queueOf(2)]).toEqual([3, queue, 0]);
  });

  it("P2: panics when a frame enters twice, or before it is in a slot", () => {
    const { queues, pages } = createQueues();
    queues.enter(3, Queue.WIRED);
    expect(panicRule(() => queues.enter(3, Queue.ANONYMOUS))).toBe("P2");
    for (const state of [PageState.FREE, PageState.ALLOC, PageState.WIRED]) {
      pages.state[5] = state;
      expect(panicRule(() => queues.enter(5, Queue.ANONYMOUS))).toBe("P2");
    }
    expect(panicRule(() => queues.enter(99, Queue.ANONYMOUS))).toBe("P2");
    expect(panicRule(() => queues.enter(6, Queue.NONE))).toBe("P2");
    expect(queues.queueOf(3)).toBe(Queue.WIRED);
  });

  it("P2: panics when a frame that is in no queue leaves or moves", () => {
    const { queues } = createQueues();
    expect(panicRule(() => queues.leave(3))).toBe("P2");
    expect(panicRule(() => queues.move(3, Queue.RECLAIM))).toBe("P2");
  });

  it("P2: validate misses no frame in a slot and no frame out of one", () => {
    const { queues, pages } = createQueues();
    for (let pfn = 0; pfn < FRAMES; pfn++) queues.enter(pfn, Queue.RECLAIM);
    queues.validate();
    queues.leave(4);
    expect(panicRule(() => queues.validate())).toBe("P2");
    pages.state[4] = PageState.ALLOC;
    queues.validate();
    pages.state[5] = PageState.ALLOC;
    pages.state[4] = PageState.OBJECT;
    expect(panicRule(() => queues.validate())).toBe("P2");
    pages.state[5] = PageState.OBJECT;
    queues.enter(4, Queue.WIRED);
    queues.validate();
    pages.queue[4] = Queue.ANONYMOUS;
    expect(panicRule(() => queues.validate())).toBe("P2");
  });
});

describe("MemoryQueues aging", () => {
  it("O-M12: a frame enters RECLAIM in the newest generation and ages with each rotation, up to the oldest", () => {
    const { queues } = createQueues();
    const start = queues.newestGeneration;
    queues.enter(1, Queue.RECLAIM);
    expect(queues.generationOf(1)).toBe(start);
    for (let age = 0; age <= OLDEST_AGE; age++) {
      expect(queues.peekReclaim(age)).toBe(1);
      expect(queues.peekReclaim(age + 1)).toBe(NO_FRAME);
      expect(queues.newestGeneration - queues.generationOf(1)).toBe(age);
      if (age < OLDEST_AGE) queues.rotate();
    }
    rotate(queues, 5);
    expect(queues.peekReclaim(OLDEST_AGE)).toBe(1);
    expect(queues.newestGeneration - queues.generationOf(1)).toBe(OLDEST_AGE);
  });

  it("O-M12: the frame not used for longest goes first; an access makes it the newest", () => {
    const { queues } = createQueues();
    queues.enter(5, Queue.RECLAIM);
    queues.enter(2, Queue.RECLAIM);
    queues.rotate();
    queues.enter(8, Queue.RECLAIM);
    queues.rotate();
    expect(framesOf(queues, Queue.RECLAIM)).toEqual([5, 2, 8]);
    queues.markAccessed(5);
    expect([queues.peekReclaim(0), queues.peekReclaim(2)]).toEqual([2, 2]);
    queues.leave(2);
    expect([queues.peekReclaim(1), queues.peekReclaim(2)]).toEqual([8, NO_FRAME]);
    expect(queues.generationOf(5)).toBe(queues.newestGeneration);
  });

  it("O-M12: within a generation a second access changes nothing", () => {
    const { queues } = createQueues();
    for (const pfn of [3, 1, 2]) queues.enter(pfn, Queue.RECLAIM);
    queues.markAccessed(3);
    expect(framesOf(queues, Queue.RECLAIM)).toEqual([3, 1, 2]);
  });

  it("O-M12: what is not needed goes before what is old, until it is used", () => {
    const { queues } = createQueues();
    queues.enter(3, Queue.RECLAIM);
    queues.enter(4, Queue.DONT_NEED);
    rotate(queues, 3);
    expect([queues.peekReclaim(0), queues.peekReclaim(OLDEST_AGE)]).toEqual([4, 4]);
    queues.markAccessed(4);
    expect(queues.queueOf(4)).toBe(Queue.RECLAIM);
    expect([queues.peekReclaim(0), queues.peekReclaim(4)]).toEqual([3, NO_FRAME]);
  });

  it("O-M12: an access means nothing in other queues, or in none", () => {
    for (const queue of QUEUES) {
      const { queues } = createQueues();
      queues.enter(1, queue);
      queues.enter(2, queue);
      queues.rotate();
      queues.markAccessed(1);
      queues.markAccessed(3);
      const isAging = queue === Queue.RECLAIM || queue === Queue.DONT_NEED;
      expect([queues.queueOf(1), queues.queueOf(3)]).toEqual([isAging ? Queue.RECLAIM : queue, 0]);
      if (!isAging) expect(framesOf(queues, queue)).toEqual([1, 2]);
      if (!isAging) expect(queues.peekReclaim(0)).toBe(NO_FRAME);
    }
  });

  it("O-M12: frames in slots or hands have page records, others have none", () => {
    const { queues, pages } = createQueues();
    const states = [PageState.FREE, PageState.ALLOC, PageState.OBJECT, PageState.WIRED];
    states.forEach((state, pfn) => (pages.state[pfn] = state));
    const frames = [0, 1, 2, 3, FRAMES, 2 ** 40];
    expect(frames.map((pfn) => queues.hasRecord(pfn))).toEqual([
      false,
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  it("O-M13: reset empties the queues and starts the generations over", () => {
    const { queues, pages } = createQueues();
    const start = queues.newestGeneration;
    for (let pfn = 0; pfn < FRAMES; pfn++) queues.enter(pfn, QUEUES[pfn % QUEUES.length]!);
    rotate(queues, 3);
    queues.reset();
    for (let pfn = 0; pfn < FRAMES; pfn++) expect(pages.queue[pfn]).toBe(Queue.NONE);
    for (const queue of QUEUES) {
      expect([queues.countOf(queue), queues.first(queue)]).toEqual([0, NO_FRAME]);
    }
    expect(queues.newestGeneration).toBe(start);
    for (let pfn = 0; pfn < FRAMES; pfn++) queues.enter(pfn, Queue.RECLAIM);
    queues.validate();
  });

  it("law: P2, O-M12 the queues are lists, and RECLAIM is sorted by last use", () => {
    const pfn = fc.nat(FRAMES - 1);
    const queue = fc.constantFrom(...QUEUES);
    const call = fc.oneof(
      fc.record({ kind: fc.constant("file"), pfn, queue }),
      fc.record({ kind: fc.constantFrom("leave", "access"), pfn }),
      fc.constant({ kind: "rotate", pfn: 0 }),
    );
    fc.assert(
      fc.property(fc.array(call, { maxLength: 80 }), fc.nat(9), (calls, minAge) => {
        const { queues, pages } = createQueues();
        pages.state.fill(PageState.ALLOC);
        /** In order of entry and use: where a frame is and when it was used last. */
        const model = new Map<Pfn, { queue: Queue; usedAt: number }>();
        let now = 0;
        for (const each of calls) {
          const entry = model.get(each.pfn);
          if (each.kind === "rotate") {
            now++;
            queues.rotate();
          } else if ("queue" in each) {
            pages.state[each.pfn] = PageState.OBJECT;
            if (entry === undefined) queues.enter(each.pfn, each.queue);
            else queues.move(each.pfn, each.queue);
            model.delete(each.pfn);
            model.set(each.pfn, { queue: each.queue, usedAt: now });
          } else if (each.kind === "access") {
            queues.markAccessed(each.pfn);
            if (
              entry?.queue === Queue.DONT_NEED ||
              (entry?.queue === Queue.RECLAIM && entry.usedAt < now)
            ) {
              model.delete(each.pfn);
              model.set(each.pfn, { queue: Queue.RECLAIM, usedAt: now });
            }
          } else if (entry !== undefined) {
            queues.leave(each.pfn);
            pages.state[each.pfn] = PageState.ALLOC;
            model.delete(each.pfn);
          }
          queues.validate();
        }
        for (const each of QUEUES) {
          const expected = [...model].filter(([, entry]) => entry.queue === each);
          expect(framesOf(queues, each)).toEqual(expected.map(([frame]) => frame));
          expect(queues.countOf(each)).toBe(expected.length);
        }
        const old = [...model].find(
          ([, entry]) =>
            entry.queue === Queue.RECLAIM && Math.min(now - entry.usedAt, OLDEST_AGE) >= minAge,
        );
        const unneeded = [...model].find(([, entry]) => entry.queue === Queue.DONT_NEED);
        expect(queues.peekReclaim(minAge)).toBe((unneeded ?? old)?.[0] ?? NO_FRAME);
      }),
    );
  });
});
