import { FRAME_WORDS, NO_FRAME, Status, type Pfn } from "@aspace/arch";
import type { Machine } from "@aspace/machine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bareMachine, panicRule } from "../../test/bare-machine.ts";
import { COMPRESSED_ZERO, COMPRESSION_FAILED, Compressor } from "./compressor.ts";
import { AllocationPolicy, Pmm } from "./pmm.ts";

interface Bench {
  readonly machine: Machine;
  readonly pmm: Pmm;
  readonly compressor: Compressor;
  readonly reset: () => void;
}

function createCompressor(free = 8): Bench {
  const machine = bareMachine(free + 1);
  const pmm = new Pmm(machine.memory, machine.pages);
  const compressor = new Compressor(pmm);
  const reset = (): void => {
    machine.reset();
    pmm.reset();
    compressor.reset();
  };
  return { machine, pmm, compressor, reset };
}

/** A frame whose first and last words are `value`. */
function page(pmm: Pmm, value: number, shareCount = 0): Pfn {
  const pfn = pmm.allocate(AllocationPolicy.NEVER_WAITS);
  pmm.zero(pfn);
  pmm.markWritten(pfn);
  pmm.memory.words[pfn * FRAME_WORDS] = value;
  pmm.memory.words[(pfn + 1) * FRAME_WORDS - 1] = value;
  pmm.pages.shareCount[pfn] = shareCount;
  return pfn;
}

function words({ memory }: Pmm, pfn: Pfn): Int32Array {
  return memory.words.slice(pfn * FRAME_WORDS, (pfn + 1) * FRAME_WORDS);
}

describe("Compressor", () => {
  it("O-M10: gives back content and share count as often as it is asked", () => {
    const { pmm, compressor } = createCompressor();
    const [source, target] = [page(pmm, 7, 3), page(pmm, 1)];
    const content = words(pmm, source);
    const handle = compressor.compress(source);
    expect(handle).toBeGreaterThanOrEqual(0);
    pmm.zero(source);
    for (let i = 0; i < 2; i++) {
      compressor.decompressInto(handle, target);
      expect(words(pmm, target)).toEqual(content);
      expect(pmm.pages.shareCount[target]).toBe(3);
      pmm.zero(target);
    }
    expect(compressor.liveCount).toBe(1);
  });

  it("O-M13: announces what it writes, so that power-on finds it", () => {
    const { machine, pmm, compressor } = createCompressor();
    const handle = compressor.compress(page(pmm, 7));
    const target = pmm.allocate(AllocationPolicy.NEVER_WAITS);
    compressor.decompressInto(handle, target);
    machine.reset();
    expect(pmm.isZero(target)).toBe(true);
  });

  it("O-M10: keeps the share count while nobody looks", () => {
    const { pmm, compressor } = createCompressor();
    const handle = compressor.compress(page(pmm, 7, 3));
    compressor.setShareCount(handle, compressor.shareCount(handle) - 1);
    const target = page(pmm, 0);
    compressor.decompressInto(handle, target);
    expect([compressor.shareCount(handle), pmm.pages.shareCount[target]]).toEqual([2, 2]);
  });

  it("O-M10: a page of zeroes and one that does not fit leave nothing behind", () => {
    const { pmm, compressor } = createCompressor();
    compressor.failures.failAt(1);
    expect(compressor.compress(page(pmm, 0))).toBe(COMPRESSED_ZERO);
    const full = page(pmm, 5);
    expect(compressor.compress(full)).toBe(COMPRESSION_FAILED);
    expect(compressor.liveCount).toBe(0);
    expect(compressor.compress(full)).toBeGreaterThanOrEqual(0);
  });

  it("O-M10: panics when a handle is used that names nothing", () => {
    const { pmm, compressor } = createCompressor();
    const target = page(pmm, 1);
    const handle = compressor.compress(target);
    compressor.free(handle);
    expect(compressor.liveCount).toBe(0);
    for (const dead of [handle, 0, 99, -1]) {
      for (const use of [
        () => compressor.free(dead),
        () => compressor.shareCount(dead),
        () => compressor.setShareCount(dead, 1),
        () => compressor.decompressInto(dead, target),
      ]) {
        expect(panicRule(use)).toBe("O-M10");
      }
    }
  });

  it("law: O-M10 the compressor is a map from handles to contents", () => {
    const call = fc.record({
      value: fc.integer(),
      victim: fc.option(fc.nat(), { freq: 2, nil: null }),
    });
    fc.assert(
      fc.property(fc.array(call, { maxLength: 40 }), (calls) => {
        const { pmm, compressor } = createCompressor(2);
        const frame = page(pmm, 0);
        const model = new Map<number, number>();
        for (const { value, victim } of calls) {
          const handles = [...model.keys()];
          if (victim !== null && handles.length > 0) {
            const handle = handles[victim % handles.length]!;
            compressor.free(handle);
            model.delete(handle);
          } else if (value !== 0) {
            pmm.memory.words[frame * FRAME_WORDS] = value;
            const handle = compressor.compress(frame);
            expect(model.has(handle)).toBe(false);
            expect(compressor.isTemporary(handle)).toBe(false);
            model.set(handle, value);
          }
          expect(compressor.liveCount).toBe(model.size);
          for (const [handle, expected] of model) {
            compressor.decompressInto(handle, frame);
            expect(pmm.memory.words[frame * FRAME_WORDS]).toBe(expected);
          }
        }
      }),
    );
  });
});

describe("Compressor, temporary reference", () => {
  it("O-M11: needs a spare frame, which comes and goes with arm and disarm", () => {
    const { pmm, compressor } = createCompressor(2);
    const frame = page(pmm, 4);
    expect(compressor.isArmed).toBe(false);
    expect(panicRule(() => compressor.beginTemporary(frame))).toBe("O-M11");
    expect([compressor.arm(), compressor.arm()]).toEqual([Status.OK, Status.OK]);
    expect([compressor.isArmed, compressor.frameCount, pmm.freeCount]).toEqual([true, 1, 0]);
    compressor.disarm();
    compressor.disarm();
    expect([compressor.isArmed, compressor.frameCount, pmm.freeCount]).toEqual([false, 0, 1]);
    pmm.failures.failAt(1);
    expect(compressor.arm()).toBe(Status.NO_MEMORY);
    expect(compressor.isArmed).toBe(false);
  });

  it("O-M11: stands for one frame, with the frame's share count, until it ends", () => {
    const { pmm, compressor } = createCompressor();
    const frame = page(pmm, 4, 2);
    compressor.arm();
    expect([compressor.temporaryPage(), compressor.isTemporary(0)]).toEqual([NO_FRAME, false]);
    const handle = compressor.beginTemporary(frame);
    expect([compressor.temporaryPage(), compressor.isTemporary(handle)]).toEqual([frame, true]);
    expect(compressor.isArmed).toBe(false);
    compressor.setShareCount(handle, 1);
    expect([compressor.shareCount(handle), pmm.pages.shareCount[frame]]).toEqual([1, 1]);
    const stored = compressor.compress(frame);
    expect([compressor.isTemporary(stored), compressor.shareCount(stored)]).toEqual([false, 1]);
    expect(panicRule(() => compressor.beginTemporary(frame))).toBe("O-M11");
    expect(panicRule(() => compressor.disarm())).toBe("O-M11");
    compressor.endTemporary();
    expect([compressor.isTemporary(handle), compressor.isArmed]).toEqual([false, true]);
    expect(panicRule(() => compressor.endTemporary())).toBe("O-M11");
  });

  it("O-M11: becomes a page even when there is no memory and every allocation fails", () => {
    const { pmm, compressor } = createCompressor(2);
    const frame = page(pmm, 4, 2);
    compressor.arm();
    compressor.beginTemporary(frame);
    pmm.failures.failAlways();
    expect(compressor.frameCount).toBe(2);
    const copy = compressor.takeTemporary();
    expect(compressor.frameCount).toBe(1);
    expect(copy).not.toBe(frame);
    expect(words(pmm, copy)).toEqual(words(pmm, frame));
    expect(pmm.pages.shareCount[copy]).toBe(2);
    expect(panicRule(() => compressor.takeTemporary())).toBe("O-M11");
    compressor.endTemporary();
    expect(compressor.isArmed).toBe(false);
    pmm.free(copy);
    pmm.free(frame);
    expect(pmm.liveCount).toBe(0);
  });

  it("O-M11: owns nothing, so that freeing it frees nothing", () => {
    const { pmm, compressor } = createCompressor();
    const frame = page(pmm, 4);
    compressor.arm();
    compressor.free(compressor.beginTemporary(frame));
    expect([compressor.temporaryPage(), compressor.liveCount, pmm.liveCount]).toEqual([
      frame,
      0,
      2,
    ]);
    expect(panicRule(() => createCompressor().compressor.takeTemporary())).toBe("O-M11");
  });

  it("O-M13: reset forgets what is stored, the spare frame, the failures and the compression under way", () => {
    const { pmm, compressor, reset } = createCompressor();
    const first = compressor.compress(page(pmm, 3));
    compressor.free(compressor.compress(page(pmm, 4)));
    compressor.arm();
    compressor.beginTemporary(page(pmm, 5));
    compressor.failures.failAlways();
    reset();
    expect([compressor.liveCount, compressor.isArmed, compressor.temporaryPage()]).toEqual([
      0,
      false,
      NO_FRAME,
    ]);
    expect(panicRule(() => compressor.shareCount(first))).toBe("O-M10");
    expect(compressor.compress(page(pmm, 6))).toBe(first);
    expect(compressor.arm()).toBe(Status.OK);
    expect([compressor.isArmed, pmm.liveCount]).toEqual([true, 2]);
  });
});
