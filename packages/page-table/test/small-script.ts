/** Operations as data, performed on an aspace and on the flat model at once. */
import {
  Enlarge,
  type ExistingEntry,
  type MmuFlagSet,
  Status,
  type Pfn,
  type Vpn,
} from "@aspace/arch";
import type { Outcome } from "./flat-model.ts";
import type { Reading } from "./read-tables.ts";
import type { MachineEvent } from "./small-machine.ts";
import type { SmallWorld } from "./small-world.ts";

interface Range {
  readonly vpn: Vpn;
  readonly count: number;
  /** How many allocations succeed. */
  readonly frames: number;
}

export type SmallOp =
  | (Range & {
      readonly kind: "map";
      readonly pfn: Pfn;
      readonly flags: MmuFlagSet;
      readonly action: ExistingEntry;
    })
  | (Range & { readonly kind: "mapContiguous"; readonly pfn: Pfn; readonly flags: MmuFlagSet })
  | (Range & { readonly kind: "unmap"; readonly enlarge: Enlarge })
  | (Range & { readonly kind: "protect"; readonly flags: MmuFlagSet; readonly enlarge: Enlarge });

export const PLENTY: number = Number.POSITIVE_INFINITY;

/** `count` consecutive frames. */
export function frames(pfn: Pfn, count: number): Pfn[] {
  return Array.from({ length: count }, (_, index) => pfn + index);
}

/**
 * Performs one operation with every check there is: status, allocations and frees, tables against
 * model, strict caches, order of events; RAM untouched by a failure; nobody outside the range hurt.
 * Answers the events, or null when the operation would be a caller's bug.
 */
export function perform(world: SmallWorld, op: SmallOp): MachineEvent[] | null {
  if (op.kind === "protect" && !world.model.mayProtect(op.vpn, op.count, op.flags)) return null;
  const ram = Number.isFinite(op.frames) ? world.machine.memory.words.slice() : null;
  const before = world.read();
  const watch = outsideWatcher(world, op, before);
  const { status, events } = world.withFrames(op.frames, () =>
    world.observe(() => applyTo(world, op), watch),
  );
  const outcome = expectOf(world, op);
  world.checkOutcome(status, events, outcome);
  world.check();
  if (status === Status.OK) return events;
  if (ram !== null) checkUntouched(ram, world.machine.memory.words);
  if (events.some(({ kind }) => kind === "invalidate")) {
    throw new Error("P-T9: a failed operation invalidates");
  }
  return events;
}

function applyTo(world: SmallWorld, op: SmallOp): Status {
  const { aspace } = world;
  switch (op.kind) {
    case "map":
      return aspace.map(op.vpn, frames(op.pfn, op.count), op.count, op.flags, op.action);
    case "mapContiguous":
      return aspace.mapContiguous(op.vpn, op.pfn, op.count, op.flags);
    case "unmap":
      return aspace.unmap(op.vpn, op.count, op.enlarge);
    case "protect":
      return aspace.protect(op.vpn, op.count, op.flags, op.enlarge);
    default:
      return op satisfies never;
  }
}

function expectOf(world: SmallWorld, op: SmallOp): Outcome {
  const { model } = world;
  if (op.count === 0) return { status: Status.OK, allocations: 0, frees: 0 };
  switch (op.kind) {
    case "map":
      return model.map(op.vpn, frames(op.pfn, op.count), op.flags, op.action, op.frames);
    case "mapContiguous":
      return model.mapContiguous(op.vpn, op.pfn, op.count, op.flags, op.frames);
    case "unmap":
      return model.unmap(op.vpn, op.count, op.enlarge, op.frames);
    case "protect":
      return model.protect(op.vpn, op.count, op.flags, op.enlarge, op.frames);
    default:
      return op satisfies never;
  }
}

/** Without leave to enlarge, pages outside the range translate alike at every step (P-U4, P-B6). */
function outsideWatcher(world: SmallWorld, op: SmallOp, before: Reading): (now: Reading) => void {
  const mayGap = world.variant.split === "break-before-make";
  const unmaps = op.kind === "protect" && world.variant.protect === "unmaps";
  const enlarges = unmaps || op.kind === "map" || ("enlarge" in op && op.enlarge === Enlarge.YES);
  const runsOut = Number.isFinite(op.frames);
  if (enlarges && (mayGap || runsOut)) return () => {};
  return (now) => {
    for (const [vpn, { pfn, flags }] of before.pages) {
      if (vpn >= op.vpn && vpn < op.vpn + op.count) continue;
      const page = now.pages.get(vpn);
      if (page?.pfn !== pfn || page.flags !== flags) {
        throw new Error(`P-U4: page ${vpn} outside the range was lost for a moment`);
      }
    }
  };
}

function checkUntouched(before: Int32Array, after: Int32Array): void {
  for (let i = 0; i < before.length; i++) {
    if (before[i] !== after[i]) throw new Error(`P-M6: a failed operation changed word ${i}`);
  }
}
