import { FRAME_WORDS } from "@aspace/arch";
import { describe, expect, it } from "vitest";
import { MAX_FRAMES, Ram } from "./ram.ts";

describe("Ram", () => {
  it("can be as large as 8 GiB without being paid for (K-1)", () => {
    const ram = new Ram(MAX_FRAMES);
    expect(ram.words.length).toBe(MAX_FRAMES * FRAME_WORDS);
    expect(ram.words[ram.words.length - 1]).toBe(0);
  });

  it.each([0, -1, 1.5, MAX_FRAMES + 1])("refuses %s frames (K-1)", (frameCount) => {
    expect(() => new Ram(frameCount)).toThrow(RangeError);
  });

  it("zeroes exactly the written frames on reset (K-13)", () => {
    const ram = new Ram(8);
    for (const pfn of [3, 5, 3]) {
      ram.markWritten(pfn);
      ram.words.fill(-1, pfn * FRAME_WORDS, (pfn + 1) * FRAME_WORDS);
    }
    ram.reset();
    expect(ram.words.every((word) => word === 0)).toBe(true);
    ram.markWritten(3);
    ram.words[3 * FRAME_WORDS] = 7;
    ram.reset();
    expect(ram.words[3 * FRAME_WORDS]).toBe(0);
  });

  it("zeroes one frame and leaves its neighbours alone", () => {
    const ram = new Ram(3);
    for (const pfn of [0, 1, 2]) ram.markWritten(pfn);
    ram.words.fill(9);
    ram.zeroFrame(1);
    const sums = [0, 1, 2].map((pfn) =>
      ram.words
        .subarray(pfn * FRAME_WORDS, (pfn + 1) * FRAME_WORDS)
        .reduce((sum, word) => sum + word, 0),
    );
    expect(sums).toEqual([9 * FRAME_WORDS, 0, 9 * FRAME_WORDS]);
  });
});
