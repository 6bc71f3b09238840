import { GUEST_TAGS, Invalidate, type Pfn, type Tag, type Vpn } from "@aspace/arch";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { panicRule } from "../test/fake-mmu.ts";
import { CachedFrames } from "./cached-frames.ts";
import { FrameOwner, Frames } from "./frames.ts";
import { PagingStructureCache } from "./walk-cache.ts";

const TABLE_PAGES = [3, 6, 36];

interface World {
  readonly cache: PagingStructureCache;
  readonly frames: Frames;
  readonly cached: CachedFrames;
  readonly tables: readonly Pfn[];
}

function newCache(): World {
  const frames = new Frames(64, 8);
  const cached = new CachedFrames(64);
  const tables = Array.from({ length: 8 }, () => frames.take(FrameOwner.TABLE));
  return {
    cache: new PagingStructureCache(0, frames, cached, TABLE_PAGES),
    frames,
    cached,
    tables,
  };
}

interface Step {
  readonly tag: Tag;
  readonly vpn: Vpn;
  readonly level: number;
  readonly table: Pfn;
  readonly rights: number;
}

const sameTable = (left: Step, tag: Tag, vpn: Vpn, level: number): boolean =>
  left.tag === tag &&
  left.level === level &&
  Math.floor(left.vpn / 2 ** TABLE_PAGES[level]!) === Math.floor(vpn / 2 ** TABLE_PAGES[level]!);

/** K-16 in words of a list. */
function dropped(step: Step, scope: number, tag: Tag, vpn: Vpn): boolean {
  if (step.tag >= GUEST_TAGS !== tag >= GUEST_TAGS) return false;
  if ((scope & Invalidate.TAG) !== 0 && step.tag !== tag) return false;
  if ((scope & Invalidate.WALK_ALL) !== 0) return true;
  return (scope & Invalidate.WALK_PAGE) !== 0 && sameTable(step, step.tag, vpn, step.level);
}

const TAGS = [0, 3, GUEST_TAGS, GUEST_TAGS + 1];
const vpnOf = fc
  .tuple(fc.constantFrom(0, 2 ** 36, 2 ** 52 - 64), fc.nat(63))
  .map(([base, place]) => base + place);
const call = fc.record({
  kind: fc.constantFrom("fill", "fill", "invalidate"),
  tag: fc.constantFrom(...TAGS),
  vpn: vpnOf,
  level: fc.nat(2),
  table: fc.nat(7),
  rights: fc.integer(),
  scope: fc.nat(31),
});

describe("PagingStructureCache", () => {
  it("law: agrees with a list of steps, deepest first (K-6, K-16)", () => {
    fc.assert(
      fc.property(fc.array(call, { maxLength: 60 }), (calls) => {
        const { cache, cached, tables } = newCache();
        let model: Step[] = [];
        for (const { kind, tag, vpn, level, table, rights, scope } of calls) {
          if (kind === "fill") {
            cache.fill(tag, vpn, level, tables[table]!, rights);
            model = model.filter((step) => !sameTable(step, tag, vpn, level));
            model.push({ tag, vpn, level, table: tables[table]!, rights });
          } else {
            cache.invalidate(scope, tag, vpn);
            model = model.filter((step) => !dropped(step, scope, tag, vpn));
          }
          expect(cache.count).toBe(model.length);
          for (const pfn of tables) {
            expect(cached.isInWalkCache(pfn)).toBe(model.some((step) => step.table === pfn));
          }
          for (const other of TAGS) {
            const [expected] = model
              .filter((step) => sameTable(step, other, vpn, step.level))
              .toSorted((left, right) => left.level - right.level);
            expect(cache.find(other, vpn)).toBe(expected !== undefined);
            if (expected !== undefined) expect(cache).toMatchObject(steppedTo(expected));
          }
        }
        cache.reset();
        expect(cache.count).toBe(0);
      }),
    );
  });

  it("panics when it leads to a frame that is no table any more (P-T3)", () => {
    const { cache, frames, tables } = newCache();
    cache.fill(1, 0, 0, tables[0]!, 7);
    frames.give(tables[0]!);
    expect(panicRule(() => cache.find(1, 0))).toBe("P-T3");
    expect(panicRule(() => cache.find(2, 0))).toBe("no panic");
  });

  it("panics when it leads outside RAM (P-T3)", () => {
    const { cache } = newCache();
    cache.fill(1, 0, 0, 2 ** 39 + 5, 7);
    expect(panicRule(() => cache.find(1, 0))).toBe("P-T3");
    expect(cache.table).toBe(2 ** 39 + 5);
  });

  it("refuses a level that the MMU does not have (K-8)", () => {
    const { cache, tables } = newCache();
    expect(panicRule(() => cache.fill(1, 0, 3, tables[0]!, 7))).toBe("K-8");
  });
});

function steppedTo({ level, table, rights }: Step): Partial<Step> {
  return { level, table, rights };
}
