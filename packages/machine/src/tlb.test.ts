import {
  ALL_ALLOWED,
  GUEST_TAGS,
  Invalidate,
  MemoryType,
  emptyWalk,
  type Pfn,
  type Tag,
  type Vpn,
  type Walk,
} from "@aspace/arch";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { panicRule } from "../test/fake-mmu.ts";
import { CachedFrames } from "./cached-frames.ts";
import { Tlb, type TlbConflicts } from "./tlb.ts";
import { emptyTranslation, type Translation } from "./translation.ts";

const RAM_FRAMES = 4096;

function newTlb(conflicts: TlbConflicts = "allowed"): Tlb {
  return new Tlb(0, new CachedFrames(RAM_FRAMES), conflicts);
}

function leaf(fields: Partial<Walk>): Walk {
  return { ...emptyWalk(), present: true, allowed: ALL_ALLOWED, ...fields };
}

function lookup(tlb: Tlb, tag: Tag, vpn: Vpn): Translation | null {
  const out = emptyTranslation();
  return tlb.lookup(tag, vpn, out) ? out : null;
}

/** An entry of the naive model. */
interface Held {
  readonly tag: Tag;
  readonly global: boolean;
  readonly first: Vpn;
  readonly size: number;
  readonly walk: Walk;
  readonly vpn: Vpn;
}

/** The TLB as a list, read straight off rules K-14 and K-15. */
class NaiveTlb {
  held: Held[] = [];

  fill(tag: Tag, vpn: Vpn, walk: Walk): void {
    const pages = 2 ** walk.leafPages;
    const first = Math.floor(vpn / pages) * pages;
    const global = walk.global && tag < GUEST_TAGS;
    this.held = this.held.filter(
      (other) =>
        !(
          other.first === first &&
          other.size === walk.leafPages &&
          other.global === global &&
          (global || other.tag === tag)
        ),
    );
    this.held.push({ tag, global, first, size: walk.leafPages, walk: { ...walk }, vpn });
  }

  lookup(tag: Tag, vpn: Vpn): Held | undefined {
    const covering = this.held
      .filter((entry) => vpn >= entry.first && vpn < entry.first + 2 ** entry.size)
      .toSorted((left, right) => left.size - right.size);
    const own = covering.find((entry) => !entry.global && entry.tag === tag);
    return own ?? (tag < GUEST_TAGS ? covering.find((entry) => entry.global) : undefined);
  }

  invalidate(scope: number, tag: Tag, vpn: Vpn): void {
    this.held = this.held.filter((entry) => {
      const sameStage = entry.tag >= GUEST_TAGS === tag >= GUEST_TAGS;
      const tagHit = entry.global
        ? (scope & Invalidate.GLOBAL) !== 0
        : (scope & Invalidate.TAG) === 0 || entry.tag === tag;
      const pageHit =
        (scope & Invalidate.PAGE) === 0 ||
        (vpn >= entry.first && vpn < entry.first + 2 ** entry.size);
      return !(sameStage && tagHit && pageHit);
    });
  }
}

function leadsTo(entry: Held, pfn: Pfn): boolean {
  const first = entry.walk.pfn - (entry.vpn - entry.first);
  return pfn >= first && pfn < first + 2 ** entry.size;
}

/** The first and last frames of blocks that leaves of the law may map. */
const SAMPLE_FRAMES = [0, 1, 3, 7, 8, 15, 24, 31, 511, 512, 1023, 1536, 2047];

const TAGS = [0, 1, 2, GUEST_TAGS, GUEST_TAGS + 7];
const BASES = [0, 512, 2 ** 32 - 8, 2 ** 52 - 512];
const tagOf = fc.constantFrom(...TAGS);
const vpnOf = fc.tuple(fc.constantFrom(...BASES), fc.nat(7)).map(([base, i]) => base + i);
const step = fc.oneof(
  fc.record({
    kind: fc.constant("fill"),
    tag: tagOf,
    vpn: vpnOf,
    size: fc.constantFrom(0, 0, 3, 9),
    block: fc.constantFrom(0, 1, 3, 2 ** 31, 2 ** 34),
    global: fc.boolean(),
    allowed: fc.nat(ALL_ALLOWED),
    dirty: fc.boolean(),
    memoryType: fc.constantFrom(...Object.values(MemoryType)),
    scope: fc.constant(0),
  }),
  fc.record({ kind: fc.constant("invalidate"), tag: tagOf, vpn: vpnOf, scope: fc.nat(7) }),
);

function expectSame(tlb: Tlb, naive: NaiveTlb, tag: Tag, vpn: Vpn): void {
  const expected = naive.lookup(tag, vpn);
  const actual = lookup(tlb, tag, vpn);
  if (expected === undefined) {
    expect(actual).toBeNull();
    return;
  }
  expect(actual).toEqual({
    leafVpn: expected.first,
    leafPages: expected.size,
    pfn: expected.walk.pfn + (vpn - expected.vpn),
    allowed: expected.walk.allowed,
    dirty: expected.walk.dirty,
    global: expected.walk.global,
    memoryType: expected.walk.memoryType,
    level: expected.walk.level,
  });
}

describe("Tlb", () => {
  it("law: agrees with a list of entries over fills, lookups and invalidations (K-6, K-14, K-15)", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const cached = new CachedFrames(RAM_FRAMES);
        const tlb = new Tlb(0, cached, "allowed");
        const naive = new NaiveTlb();
        for (const each of steps) {
          const { tag, vpn } = each;
          if ("size" in each) {
            const { size, block, global, allowed, dirty, memoryType } = each;
            const pfn = block * 2 ** size + (vpn % 2 ** size);
            const level = size / 3;
            const walk = leaf({ pfn, leafPages: size, global, allowed, dirty, memoryType, level });
            tlb.fill(tag, vpn, walk, allowed);
            naive.fill(tag, vpn, walk);
          } else {
            tlb.invalidate(each.scope, tag, vpn);
            naive.invalidate(each.scope, tag, vpn);
          }
          expect(tlb.count).toBe(naive.held.length);
          for (const pfn of SAMPLE_FRAMES) {
            expect(cached.isInTlb(pfn)).toBe(naive.held.some((entry) => leadsTo(entry, pfn)));
          }
          for (const other of TAGS) expectSame(tlb, naive, other, vpn);
        }
        for (const tag of TAGS) {
          for (const base of BASES) {
            for (let i = 0; i < 8; i++) expectSame(tlb, naive, tag, base + i);
          }
        }
        tlb.reset();
        expect(tlb.count).toBe(0);
      }),
    );
  });

  it("keeps an older translation of the same range when the newer one is speculative (K-20)", () => {
    const tlb = newTlb();
    tlb.fill(1, 5, leaf({ pfn: 70 }), ALL_ALLOWED);
    tlb.fillAbsent(1, 5, leaf({ pfn: 80 }), ALL_ALLOWED);
    tlb.fillAbsent(1, 6, leaf({ pfn: 81 }), ALL_ALLOWED);
    expect(lookup(tlb, 1, 5)?.pfn).toBe(70);
    expect(lookup(tlb, 1, 6)?.pfn).toBe(81);
  });

  it("refuses a large leaf at an unaligned frame (K-7)", () => {
    const tlb = newTlb();
    const crooked = leaf({ pfn: 9, leafPages: 3 });
    expect(panicRule(() => tlb.fill(1, 16, crooked, 0))).toBe("K-7");
  });
});

describe("Tlb where the architecture forbids differing translations (P-T4)", () => {
  const small = leaf({ pfn: 64 });
  const large = leaf({ pfn: 64, leafPages: 3 });

  it("panics about another frame or memory type for the same page", () => {
    expect(conflict(small, leaf({ pfn: 65 }))).toBe("P-T4");
    expect(conflict(small, leaf({ pfn: 64, memoryType: MemoryType.DEVICE }))).toBe("P-T4");
    expect(conflict(small, leaf({ pfn: 65 }), GUEST_TAGS)).toBe("P-T4");
  });

  it("panics about another size, whichever comes first, even with the same frame", () => {
    expect(conflict(small, large)).toBe("P-T4");
    expect(conflict(large, small)).toBe("P-T4");
  });

  it("panics about a large leaf over small ones elsewhere in its range, but not beside it", () => {
    const tlb = newTlb("panic");
    tlb.fill(1, 8 + 7, leaf({ pfn: 64 + 7 }), ALL_ALLOWED);
    expect(() => tlb.fill(1, 0, leaf({ pfn: 0, leafPages: 3 }), 0)).not.toThrow();
    expect(panicRule(() => tlb.fill(1, 8, large, ALL_ALLOWED))).toBe("P-T4");
  });

  it("panics about a global translation beside one of the current tag", () => {
    expect(conflict(small, leaf({ pfn: 65, global: true }))).toBe("P-T4");
    expect(conflict(leaf({ pfn: 65, global: true }), small)).toBe("P-T4");
  });

  it("has nothing against other rights, nor against another tag's view", () => {
    expect(conflict(small, leaf({ pfn: 64, allowed: 1 }))).toBe("no panic");
    const tlb = newTlb("panic");
    tlb.fill(1, 8, small, ALL_ALLOWED);
    expect(() => tlb.fill(2, 8, leaf({ pfn: 90 }), 0)).not.toThrow();
    expect(() => tlb.fill(GUEST_TAGS, 8, leaf({ pfn: 91 }), 0)).not.toThrow();
  });

  it("leaves all of this alone on machines that allow it", () => {
    const tlb = newTlb("allowed");
    tlb.fill(1, 8, small, ALL_ALLOWED);
    expect(() => tlb.fill(1, 8, leaf({ pfn: 128, leafPages: 3 }), 0)).not.toThrow();
    expect(tlb.count).toBe(2);
  });
});

/** The rule that caching one translation of page 8 after another breaks. */
function conflict(first: Walk, second: Walk, tag = 1): string {
  const tlb = newTlb("panic");
  tlb.fill(tag, 8, first, ALL_ALLOWED);
  return panicRule(() => tlb.fillAbsent(tag, 8, second, ALL_ALLOWED));
}
