import { FRAME_WORDS, PAGE_BYTES, Status, type Pfn } from "@aspace/arch";
import type { Machine } from "@aspace/machine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FIRST_FRAME, bareMachine, panicRule } from "../../test/bare-machine.ts";
import { LazyPageRequest, RequestType } from "./page-request.ts";
import { PageState } from "./pages.ts";
import { AllocationPolicy, Pmm } from "./pmm.ts";

const { CAN_WAIT, NEVER_WAITS } = AllocationPolicy;
const POLICIES = [CAN_WAIT, NEVER_WAITS] as const;

/** A Pmm with `free` frames left after the page of zeroes. */
function createPmm(free: number): { readonly pmm: Pmm; readonly machine: Machine } {
  const machine = bareMachine(free + 1);
  return { pmm: new Pmm(machine.memory, machine.pages), machine };
}

/** Takes frames until none is left. */
function drain(pmm: Pmm): Pfn[] {
  const frames: Pfn[] = [];
  expect(pmm.allocateMany(pmm.freeCount, NEVER_WAITS, frames)).toBe(Status.OK);
  return frames;
}

describe("Pmm allocation", () => {
  it.each(POLICIES)("O-M5: gives a frame to one that is %s, until there is none", (policy) => {
    const { pmm } = createPmm(2);
    const frames = [pmm.allocate(policy), pmm.allocate(policy)];
    expect(frames).toEqual([FIRST_FRAME + 1, FIRST_FRAME + 2]);
    expect(frames.map((pfn) => pmm.pages.state[pfn])).toEqual([PageState.ALLOC, PageState.ALLOC]);
    expect([pmm.freeCount, pmm.liveCount]).toEqual([0, 2]);
    expect(pmm.allocate(NEVER_WAITS)).toBe(Status.NO_MEMORY);
    expect(pmm.allocate(CAN_WAIT)).toBe(Status.SHOULD_WAIT);
    pmm.free(frames[0]!);
    expect(pmm.allocate(policy)).toBe(frames[0]);
    pmm.validate();
  });

  it("O-M5: low memory is for those who never wait", () => {
    const { pmm } = createPmm(3);
    pmm.setLow(true);
    expect(pmm.isLow).toBe(true);
    expect(pmm.allocate(CAN_WAIT)).toBe(Status.SHOULD_WAIT);
    expect(pmm.allocate(NEVER_WAITS)).toBe(FIRST_FRAME + 1);
    pmm.setLow(false);
    expect(pmm.isLow).toBe(false);
    expect(pmm.allocate(CAN_WAIT)).toBe(FIRST_FRAME + 2);
  });

  it("O-M6: allocates many frames, or none of them", () => {
    const { pmm } = createPmm(4);
    const frames: Pfn[] = [7];
    expect(pmm.allocateMany(5, NEVER_WAITS, frames)).toBe(Status.NO_MEMORY);
    expect(pmm.allocateMany(5, CAN_WAIT, frames)).toBe(Status.SHOULD_WAIT);
    expect([frames, pmm.freeCount]).toEqual([[7], 4]);
    expect(pmm.allocateMany(4, CAN_WAIT, frames)).toBe(Status.OK);
    expect(frames).toEqual([7, 65, 66, 67, 68]);
    expect(pmm.liveCount).toBe(4);
  });

  it("O-M6: no frames can always be had, and are no attempt", () => {
    const { pmm } = createPmm(0);
    pmm.setLow(true);
    pmm.failures.failAt(1);
    expect(POLICIES.map((policy) => pmm.allocateMany(0, policy, []))).toEqual([
      Status.OK,
      Status.OK,
    ]);
    expect(pmm.failures.isPending()).toBe(true);
  });

  it("O-M6: allocates aligned runs, low memory or not", () => {
    const { pmm } = createPmm(7);
    pmm.setLow(true);
    expect(pmm.allocateContiguous(3, 4)).toBe(68);
    expect([68, 69, 70].map((pfn) => pmm.pages.state[pfn])).toEqual([1, 1, 1]);
    expect(pmm.allocateContiguous(4, 1)).toBe(Status.NOT_FOUND);
    expect(pmm.allocateContiguous(1, 128)).toBe(Status.NOT_FOUND);
    expect([pmm.freeCount, pmm.liveCount]).toEqual([4, 3]);
    pmm.free(69);
    expect(pmm.allocateContiguous(2, 1)).toBe(65);
    pmm.validate();
  });

  it.each(POLICIES)(
    "O-M14: fails the planned attempt with NO_MEMORY for one that is %s",
    (policy) => {
      const { pmm } = createPmm(4);
      pmm.failures.failAt(2);
      const frames: Pfn[] = [];
      expect(pmm.allocateMany(2, policy, frames)).toBe(Status.OK);
      expect(pmm.allocateMany(2, policy, frames)).toBe(Status.NO_MEMORY);
      expect([frames.length, pmm.liveCount]).toEqual([2, 2]);
      pmm.setLow(true);
      pmm.failures.failAlways();
      expect(pmm.allocate(policy)).toBe(Status.NO_MEMORY);
      expect(pmm.allocateContiguous(1, 1)).toBe(Status.NOT_FOUND);
      expect(pmm.freeCount).toBe(2);
    },
  );

  it("O-M14: delays the planned attempt of those who can wait, and no other", () => {
    const { pmm } = createPmm(4);
    pmm.delays.failAt(2);
    expect(pmm.allocate(CAN_WAIT)).toBe(FIRST_FRAME + 1);
    expect(pmm.allocate(NEVER_WAITS)).toBe(FIRST_FRAME + 2);
    expect(pmm.allocateContiguous(1, 1)).toBe(FIRST_FRAME + 3);
    expect(pmm.allocate(CAN_WAIT)).toBe(Status.SHOULD_WAIT);
    expect([pmm.liveCount, pmm.allocate(CAN_WAIT)]).toEqual([3, FIRST_FRAME + 4]);
  });

  it("P1: panics when a frame is freed that nobody holds, or that somebody still uses", () => {
    const { pmm } = createPmm(4);
    const [pinned, queued, placed, free] = drain(pmm) as [Pfn, Pfn, Pfn, Pfn];
    pmm.pages.pinCount[pinned] = 1;
    pmm.pages.queue[queued] = 1;
    pmm.pages.state[placed] = PageState.OBJECT;
    pmm.free(free);
    for (const pfn of [pinned, queued, placed, free, 3, 2 ** 30]) {
      expect(panicRule(() => pmm.free(pfn))).toBe("P1");
    }
    expect([pmm.freeCount, pmm.liveCount]).toEqual([1, 3]);
  });

  it("O-M4: a frame that comes back has a blank record", () => {
    const { pmm } = createPmm(1);
    const pfn = pmm.allocate(CAN_WAIT);
    for (const array of [pmm.pages.shareCount, pmm.pages.dirtyState, pmm.pages.alwaysNeed]) {
      array[pfn] = 2;
    }
    pmm.free(pfn);
    expect(pmm.allocate(CAN_WAIT)).toBe(pfn);
    const { shareCount, dirtyState, alwaysNeed } = pmm.pages;
    expect([shareCount[pfn], dirtyState[pfn], alwaysNeed[pfn]]).toEqual([0, 0, 0]);
  });

  it("P1: notices a lost frame when it recounts", () => {
    const { pmm } = createPmm(2);
    const pfn = pmm.allocate(CAN_WAIT);
    pmm.validate();
    pmm.pages.state[pfn] = PageState.FREE;
    expect(panicRule(() => pmm.validate())).toBe("P1");
    pmm.pages.state[pfn] = PageState.WIRED;
    expect(panicRule(() => pmm.validate())).toBe("P1");
    pmm.pages.state[pfn] = PageState.ALLOC;
    pmm.pages.open(pfn + 1, PageState.WIRED);
    expect(panicRule(() => pmm.validate())).toBe("P1");
  });
});

describe("Pmm waiters", () => {
  it("O-M7: wait while memory is low and complete with OK when it is not", () => {
    const { pmm } = createPmm(2);
    const requests = [new LazyPageRequest(), new LazyPageRequest()];
    pmm.setLow(true);
    for (const request of requests) expect(pmm.waitForMemory(request)).toBe(Status.SHOULD_WAIT);
    pmm.serviceWaiters();
    pmm.setLow(true);
    expect(requests.map((request) => request.isOutstanding)).toEqual([true, true]);
    expect(requests[0]!.type).toBe(RequestType.MEMORY);
    pmm.setLow(false);
    expect(requests.map((request) => request.isOutstanding)).toEqual([false, false]);
    expect(requests.map((request) => request.status)).toEqual([Status.OK, Status.OK]);
  });

  it("O-M7: complete although memory was never low, when somebody looks after them", () => {
    const { pmm } = createPmm(2);
    const request = new LazyPageRequest();
    pmm.delays.failAt(1);
    expect(pmm.allocate(CAN_WAIT)).toBe(Status.SHOULD_WAIT);
    pmm.waitForMemory(request);
    pmm.serviceWaiters();
    expect([request.isOutstanding, request.status]).toEqual([false, Status.OK]);
  });

  it("O-M7: are forgotten when they cancel, and wait once however often they ask", () => {
    const { pmm } = createPmm(2);
    const [gone, again] = [new LazyPageRequest(), new LazyPageRequest()];
    pmm.waitForMemory(gone);
    pmm.waitForMemory(again);
    pmm.waitForMemory(again);
    gone.cancel();
    pmm.serviceWaiters();
    expect([gone.status, again.status]).toEqual([Status.CANCELED, Status.OK]);
    pmm.serviceWaiters();
    pmm.waitForMemory(again);
    expect(again.isOutstanding).toBe(true);
    pmm.serviceWaiters();
    expect(again.isOutstanding).toBe(false);
  });
});

describe("Pmm contents", () => {
  it("O-M8: the page of zeroes is WIRED and cannot be written, zeroed or freed", () => {
    const { pmm, machine } = createPmm(2);
    expect(pmm.zeroPage).toBe(FIRST_FRAME);
    expect(pmm.pages.state[pmm.zeroPage]).toBe(PageState.WIRED);
    expect(pmm.isZero(pmm.zeroPage)).toBe(true);
    expect(pmm.liveCount).toBe(0);
    const page = pmm.allocate(CAN_WAIT);
    for (const write of [
      () => pmm.zero(pmm.zeroPage),
      () => pmm.markWritten(pmm.zeroPage),
      () => pmm.copy(page, pmm.zeroPage),
      () => pmm.writeBytes(pmm.zeroPage, 0, new Uint8Array(1)),
    ]) {
      expect(panicRule(write)).toBe("O-M8");
    }
    expect(panicRule(() => pmm.free(pmm.zeroPage))).toBe("P1");
    machine.memory.words[pmm.zeroPage * FRAME_WORDS + 7] = 1;
    expect(panicRule(() => pmm.validate())).toBe("O-M8");
  });

  it("O-M8: the page of zeroes is zero whatever the frame held before", () => {
    const machine = bareMachine(2);
    const pfn = machine.pages.allocatePage();
    machine.pages.markWritten(pfn);
    machine.memory.words.fill(-1, pfn * FRAME_WORDS, (pfn + 1) * FRAME_WORDS);
    machine.pages.freePage(pfn);
    const pmm = new Pmm(machine.memory, machine.pages);
    expect([pmm.zeroPage, pmm.isZero(pfn)]).toEqual([pfn, true]);
  });

  it("O-M8: a Pmm without a frame for zeroes does not come to be", () => {
    const machine = bareMachine(1);
    machine.pages.allocatePage();
    expect(() => new Pmm(machine.memory, machine.pages)).toThrow(RangeError);
  });

  it.each([0, 1, FRAME_WORDS - 1])(
    "zeroes, copies and recognises all of a frame, word %i too",
    (word) => {
      const { pmm } = createPmm(3);
      const [from, to, other] = drain(pmm) as [Pfn, Pfn, Pfn];
      for (const pfn of [from, to, other]) pmm.markWritten(pfn);
      pmm.memory.words.fill(5, to * FRAME_WORDS, (other + 1) * FRAME_WORDS);
      pmm.memory.words[from * FRAME_WORDS + word] = 1 << 31;
      expect(pmm.isZero(from)).toBe(false);
      pmm.copy(from, to);
      expect(frameWords(pmm, to)).toEqual(frameWords(pmm, from));
      pmm.zero(to);
      expect([pmm.isZero(to), pmm.isZero(from)]).toEqual([true, false]);
      expect(frameWords(pmm, other)).toEqual(new Int32Array(FRAME_WORDS).fill(5));
    },
  );

  it("O-M9: bytes are the words, low byte first, and stay inside their frame", () => {
    const { pmm } = createPmm(3);
    const [before, pfn, after] = drain(pmm) as [Pfn, Pfn, Pfn];
    pmm.writeBytes(pfn, 2, Uint8Array.of(0x11, 0x22, 0x83));
    expect([...frameWords(pmm, pfn).subarray(0, 2)]).toEqual([0x2211_0000, 0x83]);
    expect([1, 2, 4, 5].map((offset) => pmm.readByte(pfn, offset))).toEqual([0, 0x11, 0x83, 0]);
    pmm.writeBytes(pfn, 0, new Uint8Array(PAGE_BYTES).fill(9));
    expect([pmm.isZero(before), pmm.isZero(after)]).toEqual([true, true]);
    expect(pmm.readByte(pfn, PAGE_BYTES - 1)).toBe(9);
  });

  it("O-M9: law: what was written is read, whatever the place and length", () => {
    const { pmm } = createPmm(1);
    const pfn = pmm.allocate(CAN_WAIT);
    const model = new Uint8Array(PAGE_BYTES);
    const write = fc.tuple(fc.nat(PAGE_BYTES), fc.uint8Array({ maxLength: 64 }));
    fc.assert(
      fc.property(write, ([offset, bytes]) => {
        const from = bytes.subarray(0, PAGE_BYTES - offset);
        pmm.writeBytes(pfn, offset, from);
        model.set(from, offset);
        const read = new Uint8Array(PAGE_BYTES);
        pmm.readBytes(pfn, 0, read);
        expect(read).toEqual(model);
        const part = new Uint8Array(from.length);
        pmm.readBytes(pfn, offset, part);
        expect(part).toEqual(from);
      }),
    );
  });

  it.each([
    [-1, 1],
    [PAGE_BYTES, 1],
    [PAGE_BYTES - 3, 4],
    [Number.NaN, 1],
  ])("O-M9: panics about bytes that leave the page: at %s, %s of them", (offset, length) => {
    const { pmm } = createPmm(1);
    const pfn = pmm.allocate(CAN_WAIT);
    const bytes = new Uint8Array(length);
    expect(panicRule(() => pmm.readBytes(pfn, offset, bytes))).toBe("O-M9");
    expect(panicRule(() => pmm.writeBytes(pfn, offset, bytes))).toBe("O-M9");
    if (length === 1) expect(panicRule(() => pmm.readByte(pfn, offset))).toBe("O-M9");
  });

  it("O-M9: finds its bytes when RAM does not start its buffer", () => {
    const { pages } = bareMachine(2);
    const frameCount = FIRST_FRAME + 2;
    const words = new Int32Array(new ArrayBuffer((frameCount + 1) * PAGE_BYTES), PAGE_BYTES);
    const pmm = new Pmm({ words, frameCount }, pages);
    const pfn = pmm.allocate(CAN_WAIT);
    pmm.writeBytes(pfn, 4, Uint8Array.of(7));
    expect(words[pfn * FRAME_WORDS + 1]).toBe(7);
  });

  it("O-M13: whatever is written is announced, so that power-on finds it", () => {
    const { pmm, machine } = createPmm(2);
    const [first, second] = drain(pmm) as [Pfn, Pfn];
    pmm.writeBytes(first, 0, Uint8Array.of(1));
    pmm.copy(first, second);
    machine.reset();
    expect([pmm.isZero(first), pmm.isZero(second)]).toEqual([true, true]);
  });
});

describe("Pmm reset", () => {
  it("O-M13: forgets everything, and gets a new page of zeroes", () => {
    const { pmm, machine } = createPmm(5);
    const request = new LazyPageRequest();
    const [first] = drain(pmm) as [Pfn];
    pmm.pages.pinCount[first] = 1;
    pmm.pages.state[first] = PageState.OBJECT;
    pmm.setLow(true);
    pmm.failures.failAlways();
    pmm.delays.failAlways();
    pmm.waitForMemory(request);
    machine.reset();
    expect(machine.pages.allocatePage()).toBe(FIRST_FRAME);
    pmm.reset();
    expect(request.status).toBe(Status.CANCELED);
    expect(pmm.zeroPage).toBe(FIRST_FRAME + 1);
    expect([pmm.freeCount, pmm.liveCount, pmm.isLow]).toEqual([4, 0, false]);
    expect(pmm.allocate(CAN_WAIT)).toBe(FIRST_FRAME + 2);
    expect(pmm.pages.pinCount[first]).toBe(0);
    pmm.validate();
  });
});

function frameWords({ memory }: Pmm, pfn: Pfn): Int32Array {
  return memory.words.subarray(pfn * FRAME_WORDS, (pfn + 1) * FRAME_WORDS);
}
