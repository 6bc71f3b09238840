import { describe, expect, test } from "vitest";
import { Prng } from "./prng.ts";

const draw = (prng: Prng, count: number, limit: number): number[] =>
  Array.from({ length: count }, () => prng.below(limit));

describe("A-3: chance comes from a seed and nothing else", () => {
  test("A-3: the same seed draws the same, another one something else", () => {
    expect(draw(new Prng(7), 20, 1000)).toEqual(draw(new Prng(7), 20, 1000));
    expect(draw(new Prng(7), 20, 1000)).not.toEqual(draw(new Prng(8), 20, 1000));
    const prng = new Prng(7);
    const first = draw(prng, 20, 1000);
    prng.reseed(7);
    expect(draw(prng, 20, 1000)).toEqual(first);
  });

  test("A-3: what a seed draws stays the same from version to version", () => {
    const prng = new Prng(1);
    expect([prng.next(), prng.next(), prng.next(), prng.next()]).toMatchInlineSnapshot(`
      [
        909274362,
        1311799249,
        1224002957,
        3973411159,
      ]
    `);
  });

  test.each([1, 2, 3, 7, 8, 1000, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 40, 3 * 2 ** 50, 2 ** 52])(
    "A-3: numbers below %d are integers, in range, and reach both ends of it",
    (limit) => {
      const drawn = draw(new Prng(3), 4000, limit);
      for (const value of drawn) {
        expect(Number.isInteger(value) && value >= 0 && value < limit).toBe(true);
      }
      expect(Math.min(...drawn)).toBeLessThanOrEqual(limit / 100);
      expect(Math.max(...drawn)).toBeGreaterThanOrEqual((limit - 1) * 0.99);
    },
  );

  test("A-3: no number is drawn much more often than another, for each kind of limit", () => {
    for (const [limit, parts] of [
      [5, 5],
      [8, 4],
      [6 * 2 ** 40, 6],
    ] as const) {
      const buckets = Array.from({ length: parts }, () => 0);
      const width = limit / parts;
      for (const value of draw(new Prng(11), 60_000, limit)) buckets[Math.floor(value / width)]!++;
      const even = 60_000 / buckets.length;
      for (const hits of buckets) expect(Math.abs(hits - even)).toBeLessThan(0.05 * even);
    }
  });

  test.each([0, -1, 1.5, 2 ** 52 + 2, Number.NaN])("A-3: nothing is drawn below %d", (limit) => {
    expect(() => new Prng(1).below(limit)).toThrow(RangeError);
  });
});
