/** Random operations near the edges of leaf tables, large leaves and the tables above them. */
import { Enlarge, ExistingEntry, MmuFlags, type MmuFlagSet, type Vpn } from "@aspace/arch";
import fc from "fast-check";
import { DEVICE_PFN } from "./small-machine.ts";
import { PLENTY, type SmallOp } from "./small-script.ts";

/** Around an edge of 8, of 64 and of 512 pages; relative to the first page of the tables. */
const CENTRES = [40, 128, 512] as const;

const flags: fc.Arbitrary<MmuFlagSet> = fc
  .record({
    permissions: fc.constantFrom(0, 4, 16, 20, 32, 36, 48, 52),
    fixed: fc.constantFrom(0, 0, 0, 0, 0, 0, MmuFlags.WRITE_COMBINING, MmuFlags.NS | 1),
  })
  .map(({ permissions, fixed }) => MmuFlags.READ | permissions | fixed);

const frames = fc.oneof(
  { weight: 3, arbitrary: fc.constant(PLENTY) },
  { weight: 1, arbitrary: fc.nat(4) },
);

export function smallOp(treeBase: Vpn): fc.Arbitrary<SmallOp> {
  const range = fc
    .record({
      centre: fc.constantFrom(...CENTRES),
      offset: fc.integer({ min: -12, max: 12 }),
      aligned: fc.boolean(),
      count: fc.oneof(fc.nat(10), fc.constantFrom(8, 16, 64, 72, 128, 150)),
    })
    .map(({ centre, offset, aligned, count }) => {
      const start = centre + offset;
      return { vpn: treeBase + (aligned ? start - (start % 8) : start), count };
    });
  /** Frames that suit large leaves, the same frames shifted by one, and device frames. */
  const pfnOffset = fc.constantFrom(0x10_0000, 0x10_0000, 0x10_0001, 0x10_0008, DEVICE_PFN);
  const enlarge = fc.constantFrom(Enlarge.NO, Enlarge.YES);
  const action = fc.constantFrom(...Object.values(ExistingEntry));
  const map = fc
    .record({ range, frames, pfnOffset, flags, action })
    .map((op) => ({ kind: "map", ...placed(op, treeBase), action: op.action }) as const);
  const mapContiguous = fc
    .record({ range, frames, pfnOffset, flags })
    .map((op) => ({ kind: "mapContiguous", ...placed(op, treeBase) }) as const);
  const unmap = fc
    .record({ range, frames, enlarge })
    .map((op) => ({ kind: "unmap", ...op.range, frames: op.frames, enlarge: op.enlarge }) as const);
  const protect = fc.record({ range, frames, flags, enlarge }).map(
    (op) =>
      ({
        kind: "protect",
        ...op.range,
        frames: op.frames,
        flags: op.flags,
        enlarge: op.enlarge,
      }) as const,
  );
  return fc.oneof(map, mapContiguous, unmap, protect);
}

interface Placed {
  readonly range: { readonly vpn: Vpn; readonly count: number };
  readonly frames: number;
  readonly pfnOffset: number;
  readonly flags: MmuFlagSet;
}

function placed(
  { range, frames: allowed, pfnOffset, flags: wanted }: Placed,
  treeBase: Vpn,
): { vpn: Vpn; count: number; pfn: number; flags: MmuFlagSet; frames: number } {
  return { ...range, pfn: range.vpn - treeBase + pfnOffset, flags: wanted, frames: allowed };
}
