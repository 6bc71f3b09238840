import { KernelPanic } from "@aspace/arch";
import { AnonymousReclaim } from "@aspace/vm";
import { describe, expect, test } from "vitest";
import { KERNELS } from "../test/booted.ts";
import { PagerWorld } from "../test/pager-world.ts";
import { World } from "../test/world.ts";

const SEEDS = 6;
const STEPS = 120;

function run(world: World | PagerWorld): void {
  try {
    for (let step = 0; step < STEPS; step++) world.step();
    world.end();
  } catch (error) {
    throw new Error(`${String(error)}\n${world.trace.join("\n")}`, { cause: error });
  }
}

describe.each(KERNELS)("whatever happens, %s", (_, architecture, faultMode) => {
  test.each(Object.values(AnonymousReclaim))(
    "I-1..I-40, P13, P14: every access is answered as the model says, anonymous reclaim %s",
    (anonymousReclaim) => {
      for (let seed = 1; seed <= SEEDS; seed++) {
        run(new World(architecture, seed, { faultMode, anonymousReclaim }));
      }
    },
  );
});

describe.each(KERNELS)("threads in any order, %s", (_, architecture, faultMode) => {
  test.each(Object.values(AnonymousReclaim))(
    "B-9, I-23, I-35, P17: everything is sound at every step, and everybody comes to an end, anonymous reclaim %s",
    (anonymousReclaim) => {
      let accesses = 0;
      for (let seed = 1; seed <= SEEDS; seed++) {
        const world = new PagerWorld(architecture, seed, { faultMode, anonymousReclaim });
        run(world);
        accesses += world.accesses;
      }
      expect(accesses).toBeGreaterThan(5 * SEEDS);
    },
  );
});

describe("the check", () => {
  test.each(["Q-1", "Q-2"])("I-21, I-36: %s is found by what it breaks", (quirk) => {
    const [, architecture, faultMode] = KERNELS[0]!;
    const findings = new Set<string>();
    for (let seed = 1; seed <= 40; seed++) {
      try {
        run(new World(architecture, seed, { faultMode, quirks: [quirk] }));
      } catch (error) {
        const { cause } = error as Error;
        findings.add(cause instanceof KernelPanic ? cause.rule : "model");
      }
    }
    expect([...findings]).not.toEqual([]);
  });
});
