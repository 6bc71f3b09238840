import { NO_FRAME, type Pfn } from "@aspace/arch";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameOwner, Frames, ownerName, type FrameTaker } from "./frames.ts";
import { panicRule } from "../test/fake-mmu.ts";

const FRAMES = 12;
const FIRST = 4;

describe("Frames", () => {
  it("gives every frame number an owner: RESERVED, FREE or DEVICE at power-on (K-2)", () => {
    const frames = new Frames(FRAMES, FIRST);
    expect(frames.ownerOf(FIRST - 1)).toBe(FrameOwner.RESERVED);
    expect(frames.ownerOf(FIRST)).toBe(FrameOwner.FREE);
    expect(frames.ownerOf(FRAMES)).toBe(FrameOwner.DEVICE);
    expect(frames.ownerOf(2 ** 40)).toBe(FrameOwner.DEVICE);
    expect(frames.countOf(FrameOwner.RESERVED)).toBe(FIRST);
  });

  it("hands out the frame freed last, else the lowest never used (K-3)", () => {
    const frames = new Frames(FRAMES, FIRST);
    const taken = [0, 1, 2].map(() => frames.take(FrameOwner.PAGE));
    expect(taken).toEqual([4, 5, 6]);
    frames.give(4);
    frames.give(6);
    expect([0, 1, 2].map(() => frames.take(FrameOwner.TABLE))).toEqual([6, 4, 7]);
  });

  it("answers NO_FRAME when every frame is taken, and never gives out reserved ones (K-3)", () => {
    const frames = new Frames(FRAMES, FIRST);
    for (let i = FIRST; i < FRAMES; i++) expect(frames.take(FrameOwner.PAGE)).toBe(i);
    expect(frames.take(FrameOwner.TABLE)).toBe(NO_FRAME);
    frames.give(9);
    expect(frames.take(FrameOwner.TABLE)).toBe(9);
  });

  it("gives the lowest run that is free and aligned (K-26)", () => {
    const frames = new Frames(FRAMES, FIRST);
    for (let i = 0; i < 4; i++) frames.take(FrameOwner.PAGE);
    frames.give(5);
    frames.give(6);
    expect(frames.takeRun(2, 1, FrameOwner.PAGE)).toBe(5);
    expect(frames.takeRun(2, 3, FrameOwner.PAGE)).toBe(9);
    expect(frames.ownerOf(10)).toBe(FrameOwner.PAGE);
    expect([0, 1, 2].map(() => frames.take(FrameOwner.TABLE))).toEqual([8, 11, NO_FRAME]);
    frames.validate();
  });

  it("allocates frames below a run after the freed ones, as if the run were not there (K-3, K-26)", () => {
    const frames = new Frames(FRAMES, FIRST);
    const page = frames.take(FrameOwner.PAGE);
    expect(frames.takeRun(4, 8, FrameOwner.PAGE)).toBe(8);
    frames.give(page);
    expect([0, 1, 2, 3, 4].map(() => frames.take(FrameOwner.PAGE))).toEqual([4, 5, 6, 7, NO_FRAME]);
  });

  it("changes nothing when there is no such run (K-26)", () => {
    const frames = new Frames(FRAMES, FIRST);
    expect(frames.takeRun(9, 1, FrameOwner.PAGE)).toBe(NO_FRAME);
    expect(frames.takeRun(5, 8, FrameOwner.PAGE)).toBe(NO_FRAME);
    expect(frames.takeRun(1, 16, FrameOwner.PAGE)).toBe(NO_FRAME);
    expect(frames.countOf(FrameOwner.FREE)).toBe(FRAMES - FIRST);
    expect(frames.take(FrameOwner.PAGE)).toBe(FIRST);
  });

  it.each([
    [0, 1],
    [1, 0],
    [1.5, 1],
    [1, -2],
  ])("refuses a run of %s frames at multiples of %s (K-26)", (count, alignment) => {
    const frames = new Frames(FRAMES, FIRST);
    expect(() => frames.takeRun(count, alignment, FrameOwner.PAGE)).toThrow(RangeError);
  });

  it("panics with the caller's rule when a frame is not the owner's (K-2)", () => {
    const frames = new Frames(FRAMES, FIRST);
    const page = frames.take(FrameOwner.PAGE);
    expect(panicRule(() => frames.assertOwner(page, FrameOwner.TABLE, "P-R2"))).toBe("P-R2");
    expect(panicRule(() => frames.assertOwner(2 ** 30, FrameOwner.PAGE, "K-5"))).toBe("K-5");
    expect(() => frames.assertOwner(page, FrameOwner.PAGE, "K-5")).not.toThrow();
  });

  it("notices a frame given back twice when it recounts (K-4)", () => {
    const frames = new Frames(FRAMES, FIRST);
    const page = frames.take(FrameOwner.PAGE);
    frames.give(page);
    frames.give(page);
    expect(panicRule(() => frames.validate())).toBe("K-4");
  });

  it.each([-1, FRAMES + 1, 0.5])("refuses a first frame of %s", (first) => {
    expect(() => new Frames(FRAMES, first)).toThrow(RangeError);
  });

  it("names every owner", () => {
    const names = Object.values(FrameOwner).map((owner) => ownerName(owner));
    expect(new Set(names).size).toBe(names.length);
  });

  it("law: the allocator agrees with a list of frames, whatever the order of calls (K-2, K-3, K-26)", () => {
    const owner = fc.constantFrom(FrameOwner.TABLE, FrameOwner.PAGE);
    const call = fc.oneof(
      owner.map((taker) => ({ taker })),
      fc.nat().map((victim) => ({ victim })),
      fc.record({
        taker: owner,
        count: fc.integer({ min: 1, max: 5 }),
        alignment: fc.constantFrom(1, 2, 3, 4),
      }),
    );
    fc.assert(
      fc.property(fc.array(call, { maxLength: 60 }), (calls) => {
        const frames = new Frames(FRAMES, FIRST);
        const live = new Map<Pfn, FrameTaker>();
        // Next to be allocated last.
        const free = Array.from({ length: FRAMES - FIRST }, (_, i) => FRAMES - 1 - i);
        for (const each of calls) {
          if ("victim" in each) {
            if (live.size === 0) continue;
            const victim = [...live.keys()][each.victim % live.size]!;
            frames.give(victim);
            live.delete(victim);
            free.push(victim);
          } else if ("count" in each) {
            const { count, alignment, taker } = each;
            const run = lowestRun(free, count, alignment);
            expect(frames.takeRun(count, alignment, taker)).toBe(run[0] ?? NO_FRAME);
            for (const pfn of run) {
              free.splice(free.indexOf(pfn), 1);
              live.set(pfn, taker);
            }
          } else {
            const expected = free.pop() ?? NO_FRAME;
            expect(frames.take(each.taker)).toBe(expected);
            if (expected !== NO_FRAME) live.set(expected, each.taker);
          }
          frames.validate();
          for (let pfn = FIRST; pfn < FRAMES; pfn++) {
            expect(frames.ownerOf(pfn)).toBe(live.get(pfn) ?? FrameOwner.FREE);
          }
        }
        frames.reset();
        frames.validate();
        expect(frames.countOf(FrameOwner.FREE)).toBe(FRAMES - FIRST);
        expect(frames.take(FrameOwner.PAGE)).toBe(FIRST);
      }),
    );
  });
});

function lowestRun(free: readonly Pfn[], count: number, alignment: number): readonly Pfn[] {
  for (let first = 0; first < FRAMES; first += alignment) {
    const run = Array.from({ length: count }, (_, i) => first + i);
    if (run.every((pfn) => free.includes(pfn))) return run;
  }
  return [];
}
