import { AspaceKind, Enlarge, ExistingEntry, MmuFlags } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { BREAKING, IN_PLACE, type SmallVariant } from "../test/small-format.ts";
import { perform, PLENTY, type SmallOp } from "../test/small-script.ts";
import { SmallWorld } from "../test/small-world.ts";

const { READ, WRITE } = MmuFlags;
const rw = READ | WRITE;

/**
 * A few operations around page 128, where a leaf table, an 8-page leaf and a 64-page leaf end at once:
 *
 * ```
 *   page      112        120        128        136                    192
 *   64        ───────────────────────┤├─────────────────────────────────┤
 *   8         ├──────────┤├──────────┤├──────────┤├─ ...
 *   ops                  │  small ──┼──┼── few   │
 * ```
 */
const OPS: readonly SmallOp[] = [
  {
    kind: "map",
    vpn: 126,
    count: 4,
    pfn: 0x7e,
    flags: READ,
    action: ExistingEntry.SKIP,
    frames: PLENTY,
  },
  {
    kind: "map",
    vpn: 127,
    count: 2,
    pfn: 0x300,
    flags: rw,
    action: ExistingEntry.UPGRADE,
    frames: PLENTY,
  },
  {
    kind: "map",
    vpn: 127,
    count: 10,
    pfn: 0x7f,
    flags: READ,
    action: ExistingEntry.ERROR,
    frames: 1,
  },
  { kind: "mapContiguous", vpn: 120, count: 16, pfn: 0x78, flags: READ, frames: PLENTY },
  { kind: "mapContiguous", vpn: 128, count: 64, pfn: 0x80, flags: rw, frames: PLENTY },
  { kind: "unmap", vpn: 127, count: 2, enlarge: Enlarge.YES, frames: 1 },
  { kind: "unmap", vpn: 120, count: 9, enlarge: Enlarge.NO, frames: 1 },
  { kind: "unmap", vpn: 112, count: 96, enlarge: Enlarge.NO, frames: 0 },
  { kind: "protect", vpn: 125, count: 5, flags: rw, enlarge: Enlarge.YES, frames: 2 },
  { kind: "protect", vpn: 128, count: 8, flags: READ, enlarge: Enlarge.NO, frames: PLENTY },
];

/** Every sequence of `length` operations, by counting in base `OPS.length`. */
function* sequences(length: number): Generator<readonly SmallOp[]> {
  for (let n = 0; n < OPS.length ** length; n++) {
    yield Array.from(
      { length },
      (_, place) => OPS[Math.floor(n / OPS.length ** place) % OPS.length]!,
    );
  }
}

const WORLDS: readonly [string, AspaceKind, SmallVariant][] = [
  ["user, in place", AspaceKind.USER, IN_PLACE],
  ["user, break-before-make", AspaceKind.USER, BREAKING],
];

describe("every sequence of three operations across the edges of tables and large leaves", () => {
  test.each(WORLDS)(
    "S-22 S-23 S-24 T-8 T-9 T-11 P-M1 P-M6 P-R1 P-T1 P-U4: %s",
    (_, kind, variant) => {
      let done = 0;
      for (const script of sequences(3)) {
        const world = SmallWorld.start({ kind, variant });
        for (const op of script) perform(world, op);
        done++;
      }
      expect(done).toBe(OPS.length ** 3);
    },
  );
});
