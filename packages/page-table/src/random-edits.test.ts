import { AspaceKind } from "@aspace/arch";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { smallOp } from "../test/arbitrary-op.ts";
import { BREAKING, IN_PLACE, UNMARKED, type SmallVariant } from "../test/small-format.ts";
import { perform } from "../test/small-script.ts";
import { SmallWorld } from "../test/small-world.ts";

const WORLDS: readonly [string, AspaceKind, SmallVariant][] = [
  ["user, splits in place", AspaceKind.USER, IN_PLACE],
  ["user, splits by break-before-make", AspaceKind.USER, BREAKING],
  [
    "kernel, splits in place, one prebuilt table",
    AspaceKind.KERNEL,
    { ...IN_PLACE, prebuilt: { first: 1, count: 2 } },
  ],
  ["kernel, splits by break-before-make", AspaceKind.KERNEL, BREAKING],
  ["guest, protect unmaps", AspaceKind.GUEST, { ...BREAKING, protect: "unmaps" }],
  ["guest, no marks", AspaceKind.GUEST, UNMARKED],
];

describe("random edits against a flat map, every step watched", () => {
  test.each(WORLDS)(
    "S-22 S-23 S-24 T-2 T-9 P-M1 P-M6 P-R1 P-T1 P-U3 P-U4: %s",
    (_, kind, variant) => {
      const { treeBase } = new SmallWorld({ kind, variant });
      fc.assert(
        fc.property(fc.array(smallOp(treeBase), { minLength: 1, maxLength: 12 }), (script) => {
          const world = SmallWorld.start({ kind, variant });
          for (const op of script) perform(world, op);
          world.aspace.unmap(world.aspace.baseVpn, world.aspace.pageCount, "yes");
          expect(world.aspace.tablePages()).toBe(1 + variant.prebuilt.count);
        }),
        { seed: 20_240_101, numRuns: 200 },
      );
    },
  );
});
