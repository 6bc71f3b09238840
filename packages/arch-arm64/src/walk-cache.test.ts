import { ALL_ACCESSES, Access, type WalkCache } from "@aspace/arch";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  BLOCK,
  PAGE,
  PLAIN,
  TCR_48,
  TRANSLATION,
  type Tables,
  VPN,
  bit,
  pathTo,
  stage1Tables,
  status,
  tableAt,
} from "../test/tables.ts";

/** Keeps every step, like a CPU that was never told to forget. */
class KeptSteps implements WalkCache {
  level = 0;
  table = 0;
  rights = 0;
  readonly steps: { tag: number; base: number; level: number; table: number; rights: number }[] =
    [];

  find(tag: number, vpn: number): boolean {
    const covering = this.steps.filter(
      (step) => step.tag === tag && step.base === Math.floor(vpn / 512 ** (step.level + 1)),
    );
    const deepest = covering.toSorted((a, b) => a.level - b.level)[0];
    if (deepest === undefined) return false;
    ({ level: this.level, table: this.table, rights: this.rights } = deepest);
    return true;
  }

  fill(tag: number, vpn: number, level: number, table: number, rights: number): void {
    this.steps.push({ tag, base: Math.floor(vpn / 512 ** (level + 1)), level, table, rights });
  }
}

/** The tables that a walk of `VPN` remembers, with 32-bit output addresses. */
const fills = (change: (tables: Tables) => void): number[] => {
  const tables = pathTo(stage1Tables(TCR_48 & ~(7n << 32n)));
  change(tables);
  const cache = new KeptSteps();
  tables.walk(VPN, Access.USER_READ, cache);
  return cache.steps.map(({ table }) => table);
};

describe("walk caches (G-19)", () => {
  test("each table passed is remembered with the rights above it, under the tag", () => {
    const tables = pathTo(stage1Tables());
    tables.set(3, 209, tableAt(4, bit(61)));
    tables.set(4, 179, tableAt(5, bit(59)));
    const cache = new KeptSteps();
    tables.walk(VPN, Access.COPY_READ, cache);
    expect(cache.steps.map(({ tag, level, table, rights }) => [tag, level, table, rights])).toEqual(
      [
        [2, 2, 3, 0],
        [2, 1, 4, 0b0100],
        [2, 0, 5, 0b0101],
      ],
    );
  });

  test("a walk from the cache reads only below the cached table", () => {
    const tables = pathTo(stage1Tables());
    const cache = new KeptSteps();
    const cold = tables.walk(VPN, Access.USER_READ, cache);
    tables.set(1, 36, 0n);
    tables.set(3, 209, 0n);
    tables.set(4, 179, 0n);
    expect(tables.walk(VPN, Access.USER_READ, cache)).toEqual(cold);
    expect(status(tables.walk(VPN, Access.USER_READ))).toBe(TRANSLATION);
  });

  test("nothing is remembered of descriptors that fault; tables before them are", () => {
    expect(fills((tables) => tables.set(4, 179, 0n))).toEqual([3, 4]);
    expect(fills((tables) => tables.set(4, 179, tableAt(5, bit(40))))).toEqual([3, 4]);
    expect(fills((tables) => tables.set(4, 179, tableAt(64)))).toEqual([3, 4]);
    expect(fills((tables) => tables.set(5, 393, (9n << 12n) | PAGE))).toEqual([3, 4, 5]);
    expect(fills((tables) => tables.set(1, 36, PLAIN | BLOCK))).toEqual([]);
  });

  /** Random descriptors that lead somewhere more often than not. */
  const descriptor = fc
    .record({
      type: fc.constantFrom(0n, 1n, 3n, 3n, 3n),
      frame: fc.integer({ min: 1, max: 70 }),
      low: fc.integer({ min: 0, max: 0x3ff }),
      high: fc.integer({ min: 0, max: 0x7fff }),
    })
    .map(
      ({ type, frame, low, high }) =>
        type | (BigInt(frame) << 12n) | (BigInt(low) << 2n) | (BigInt(high) << 49n),
    );

  test("a walk with a cache answers like a cold one, for any tables and accesses", () => {
    const entries = fc.array(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.nat(3), descriptor), {
      minLength: 8,
      maxLength: 24,
    });
    const accesses = fc.array(
      fc.tuple(
        fc.array(fc.nat(3), { minLength: 4, maxLength: 4 }),
        fc.constantFrom(...ALL_ACCESSES),
        fc.constantFrom(0, 2 ** 52 - 2 ** 36),
      ),
      { minLength: 1, maxLength: 12 },
    );
    fc.assert(
      fc.property(entries, accesses, (written, made) => {
        const tables = stage1Tables();
        for (const [frame, index, entry] of written) tables.set(frame, index, entry);
        const cache = new KeptSteps();
        for (const [[a, b, c, d], access, half] of made) {
          const vpn = half + a! * 2 ** 27 + b! * 2 ** 18 + c! * 512 + d!;
          const cold = tables.walk(vpn, access);
          const warm = tables.walk(vpn, access, cache);
          expect(warm.fault).toBe(cold.fault);
          if (cold.present) expect(warm).toEqual(cold);
        }
      }),
      { numRuns: 300 },
    );
  });
});
