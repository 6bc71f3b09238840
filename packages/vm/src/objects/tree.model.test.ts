import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSmallSystem, type SmallSystem } from "../../test/small-system.ts";
import { SmallPagerWorld, type PagerWorldStep } from "../../test/small-pager-world.ts";
import { SmallWorld, type WorldStep } from "../../test/small-world.ts";
import { CloneKind } from "./clone.ts";
import { AnonymousReclaim } from "./memory-system.ts";

const MOST_PAGES = 6;

const node = fc.nat(7);
const page = fc.nat(MOST_PAGES - 1);
const step: fc.Arbitrary<WorldStep> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("write"), node, page }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("clone"),
      node,
      page: fc.nat(MOST_PAGES + 1),
      count: fc.nat(MOST_PAGES),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("zero"), node, page, count: fc.nat(MOST_PAGES) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("compress"), node, page }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("begin compression"), node, page }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("finish compression"), node }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("toggle priority"), node }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("rename"), node }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("starve"), node, page }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("resize"), node, size: fc.nat(MOST_PAGES) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("destroy"), node }) },
);

/** Plays random histories, and says how many steps they had. */
function play(small: SmallSystem, numRuns: number): number {
  let taken = 0;
  const histories = fc.array(step, { minLength: 5, maxLength: 40, size: "max" });
  fc.assert(
    fc.property(histories, (steps) => {
      small.machine.reset();
      small.system.reset();
      const world = new SmallWorld(small);
      for (const each of steps) {
        if (world.nodes.length === 0) world.begin(MOST_PAGES);
        world.step(each);
      }
      taken += steps.length;
      world.end();
    }),
    { numRuns, seed: 20240607 },
  );
  return taken;
}

describe("an anonymous tree", () => {
  it("shows in every node what deep copies would show, whatever is done to it (P1-P10, P12, P20, P21)", () => {
    expect(play(createSmallSystem({ frames: 300 }), 1000)).toBeGreaterThan(15_000);
  });

  it("does so too when anonymous pages age (P1-P10, P12, P20, P21)", () => {
    const anonymousReclaim = AnonymousReclaim.ON;
    const small = createSmallSystem({ frames: 300, anonymousReclaim });
    expect(play(small, 500)).toBeGreaterThan(7000);
  });
});

const pagerStep: fc.Arbitrary<PagerWorldStep> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("write"), node, page }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("clone"),
      node,
      how: fc.constantFrom(CloneKind.SNAPSHOT_MODIFIED, CloneKind.SNAPSHOT_AT_LEAST_ON_WRITE),
      page: fc.nat(MOST_PAGES + 1),
      count: fc.nat(MOST_PAGES),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("zero"), node, page, count: fc.nat(MOST_PAGES) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("resize"), node, size: fc.nat(MOST_PAGES) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("destroy"), node }) },
);

describe("a pager's tree", () => {
  it("shows what is certain, and lets nobody see what is not theirs to see (P1-P10, P12)", () => {
    const small = createSmallSystem({ frames: 300 });
    const steps = fc.array(pagerStep, { minLength: 5, maxLength: 30, size: "max" });
    let taken = 0;
    fc.assert(
      fc.property(steps, (history) => {
        small.machine.reset();
        small.system.reset();
        const world = new SmallPagerWorld(small, MOST_PAGES);
        for (const each of history) world.step(each);
        taken += history.length;
        world.end();
      }),
      { numRuns: 800, seed: 20240608 },
    );
    expect(taken).toBeGreaterThan(10_000);
  });
});
