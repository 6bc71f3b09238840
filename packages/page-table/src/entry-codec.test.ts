import { MmuFlags } from "@aspace/arch";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BREAKING, IN_PLACE, SMALL_FRAME_BITS, smallFormat } from "../test/small-format.ts";
import { EntryCodec } from "./entry-codec.ts";

const inPlace = new EntryCodec(smallFormat(IN_PLACE));
const breaking = new EntryCodec(smallFormat(BREAKING));
const { READ, WRITE, USER, EXECUTE, NS, WRITE_COMBINING } = MmuFlags;

describe("an entry format compiled into numbers", () => {
  test("T-1: a frame written as the loops write it is read back, over both halves", () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** SMALL_FRAME_BITS - 1 }), fc.nat(0xfff), (pfn, attributes) => {
        const lo = (pfn << inPlace.frameBit) | attributes;
        const hi = (pfn * inPlace.hiScale) | (1 << 31);
        expect(inPlace.tablePfn(lo, hi)).toBe(pfn);
        expect(inPlace.leafPfn(lo, hi, 0)).toBe(pfn);
      }),
      { seed: 20_240_104 },
    );
  });

  test("T-1: attributes among the frame bits of a large leaf are no part of its frame", () => {
    const cacheBit = 1 << 12;
    const lo = (64 << 12) | cacheBit | 1;
    expect(inPlace.leafPfn(lo, 0, 1)).toBe(64);
    expect(inPlace.leafPfn(lo, 0, 2)).toBe(64);
  });

  test("T-1: level 0 holds only leaves, levels above the top leaf level only tables", () => {
    for (const codec of [inPlace, breaking]) {
      for (const lo of [0x001, 0x101, 0x401]) {
        expect(codec.isLeaf(lo, 0)).toBe(true);
        expect(codec.isLeaf(lo, 3)).toBe(false);
      }
    }
  });

  test("T-1: a leaf is told from a table by a bit it has, or by a bit that only tables have", () => {
    const large = 0x100;
    const table = 0x400;
    expect([inPlace.isLeaf(1 | large, 2), inPlace.isLeaf(1, 2)]).toEqual([true, false]);
    expect([breaking.isLeaf(1, 2), breaking.isLeaf(1 | table, 2)]).toEqual([true, false]);
  });

  test("T-1: leaf bits of every legal flag word and level are the format's own", () => {
    const format = smallFormat(IN_PLACE);
    for (let flags = 0; flags < MmuFlags.INVALID; flags++) {
      if ((flags & READ) === 0) continue;
      for (let level = 0; level <= format.topLeafLevel; level++) {
        const row = flags * inPlace.levels + level;
        const bits = { lo: inPlace.leafLo[row], hi: inPlace.leafHi[row] };
        expect(bits).toEqual(format.leafBits(flags, level));
      }
    }
  });

  test("T-34: what protect must not change is what flags can change but permissions do not", () => {
    for (let level = 0; level <= 2; level++) {
      const halves = (flags: number): number[] => {
        const row = flags * inPlace.levels + level;
        return [
          inPlace.leafLo[row]! & inPlace.fixedLo[level]!,
          inPlace.leafHi[row]! & inPlace.fixedHi[level]!,
        ];
      };
      expect(halves(READ | WRITE | USER | EXECUTE)).toEqual(halves(READ));
      expect(halves(READ | NS)).not.toEqual(halves(READ));
      expect(halves(READ | WRITE_COMBINING)).not.toEqual(halves(READ));
    }
  });

  test("T-35: only where software sets accessed bits does protect set them", () => {
    expect([inPlace.reviveLo, inPlace.reviveHi]).toEqual([0, 0]);
    expect([breaking.reviveLo, breaking.reviveHi]).toEqual([0x40, 0]);
  });
});
