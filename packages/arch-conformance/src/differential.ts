import {
  type Architecture,
  type AspaceKind,
  Enlarge,
  ExistingEntry,
  MmuFlags,
  type MmuFlagSet,
  PAGE_SHIFT,
  type QueryResult,
  Status,
  formatFlags,
  statusName,
} from "@aspace/arch";
import { PropertyFailure } from "./check.ts";
import { Random } from "./random.ts";
import { POLICIES, RO, RW, RWX, RX, userOf } from "./touch.ts";
import { World } from "./world.ts";

/**
 * P-X1: the same script gives the same statuses and the same answers of `query` on every backend,
 * after `normalizeFlags`, as far as no capability says otherwise. Pages are counted from each
 * backend's own origin, so geometries with other leaf sizes take part too: for them the script keeps
 * to leaves of a size that all have.
 */
export function differential(
  contestants: readonly Contestant[],
  kind: AspaceKind,
  seed: number,
): void {
  const [first, ...others] = contestants;
  if (first === undefined) return;
  const common = commonGround(contestants, kind);
  const expected = runScript(first, kind, common, seed);
  for (const other of others) {
    const seen = runScript(other, kind, common, seed);
    expected.forEach((line, step) => {
      if (line === seen[step]) return;
      const message = `step ${step} on ${nameOf(first)}: ${line}; on ${nameOf(other)}: ${seen[step]}`;
      throw new PropertyFailure(message, "P-X1");
    });
  }
}

/** A backend to compare, with the quirks it has. */
export interface Contestant {
  readonly architecture: Architecture;
  readonly quirks: ReadonlySet<string>;
}

const nameOf = ({ architecture }: Contestant): string => architecture.name;

/** What all the backends agree on, for one kind of aspace. */
interface CommonGround {
  /** Pages of the leaves that all of them have. */
  readonly leafSizes: readonly number[];
  readonly protects: boolean;
  /** The flags that every backend keeps. */
  normalize(flags: MmuFlagSet): MmuFlagSet;
}

const SCRIPT_STEPS = 150;

function commonGround(contestants: readonly Contestant[], kind: AspaceKind): CommonGround {
  const all = contestants.map(({ architecture }) => architecture.aspaces[kind]);
  const shifts = all[0]!.capabilities.leafShifts.filter((shift) =>
    all.every(({ capabilities }) => capabilities.leafShifts.includes(shift)),
  );
  return {
    leafSizes: shifts.map((shift) => 2 ** (shift - PAGE_SHIFT)),
    protects: all.every(({ capabilities }) => !capabilities.protectIsUnmap),
    normalize: (flags) =>
      all.reduce((kept, { capabilities }) => capabilities.normalizeFlags(kept), flags),
  };
}

/** Runs the script that the seed stands for; answers a line for each step. */
function runScript(
  { architecture, quirks }: Contestant,
  kind: AspaceKind,
  common: CommonGround,
  seed: number,
): string[] {
  const { tagLimit } = architecture;
  const world = new World({ architecture, kind, quirks, tagLimit, trace: [] });
  const random = new Random(seed);
  return Array.from({ length: SCRIPT_STEPS }, () => runStep(world, common, random));
}

/** Draws one step, always with the same number of draws, and does it. */
function runStep(world: World, common: CommonGround, random: Random): string {
  const { subject, origin } = world;
  const size = random.pick(common.leafSizes);
  const at = random.below(6) * size + random.below(3);
  const vpn = origin + at;
  const count = random.pick([1, 2, 3, size]);
  const flags = drawFlags(world, random);
  const action = random.pick(Object.values(ExistingEntry));
  const choice = random.below(4);
  let status: Status = Status.OK;
  if (choice === 0) {
    const pfns = Array.from({ length: Math.min(count, 8) }, (_, i) => 1 + ((at + i) % 64));
    status = subject.map(vpn, pfns, flags, action);
  } else if (choice === 1) {
    status = subject.mapContiguous(vpn, commonFrame(at, size), count, flags);
  } else if (choice === 2) {
    status = subject.unmap(vpn, count, Enlarge.YES);
  } else if (common.protects) {
    const policy = subject.reference.policyIn(vpn, count);
    const rights = flags & (MmuFlags.RWX_MASK | MmuFlags.USER);
    if (policy !== null) status = subject.protect(vpn, count, rights | policy, Enlarge.YES);
  }
  return `${statusName(status)} ${describePage(world, common, vpn)}`;
}

/** A frame number that means the same on every backend, congruent to the page modulo `size`. */
const commonFrame = (at: number, size: number): number => 2 ** 20 + 4 * size + at;

function drawFlags(world: World, random: Random): MmuFlagSet {
  return random.pick([RO, RW, RX, RWX]) | random.pick(POLICIES) | userOf(world.subject);
}

function describePage(world: World, common: CommonGround, vpn: number): string {
  const found: QueryResult = { pfn: 0, flags: 0, leafShift: 0 };
  const status = world.subject.aspace.query(vpn, found);
  if (status !== Status.OK) return statusName(status);
  const flags = formatFlags(common.normalize(found.flags));
  return `frame ${found.pfn} ${flags} leaf 2^${found.leafShift}`;
}
