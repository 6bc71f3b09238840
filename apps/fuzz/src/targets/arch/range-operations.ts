import {
  AspaceKind,
  ExistingEntry,
  MmuFlags,
  Status,
  type Enlarge,
  type MmuFlagSet,
  type Pfn,
  type Vpn,
} from "@aspace/arch";
import type { Leaf } from "@aspace/arch-conformance";
import { expectStatus } from "./expect-status.ts";
import { FramePattern, type Operation } from "./operation.ts";
import type { Stage } from "./outcome.ts";
import type { Resident } from "./resident.ts";
import type { World } from "./world.ts";

/** The operations that change what is mapped: backend, reference, comparison of the two. */

type Of<Kind extends Operation["kind"]> = Extract<Operation, { kind: Kind }>;

const HUGE = 2 ** 18;

/** The resident, to ask what became of its pages, if memory ran out since `before`; else null. */
function refusalSince(before: number, world: World, resident: Resident): Resident | null {
  return world.refusals === before ? null : resident;
}

/** Maps single frames: consecutive ones, or the same one everywhere. */
export function map(stage: Stage, resident: Resident, operation: Of<"map">): Status {
  const { aspace, reference } = resident;
  const { situations, world } = stage;
  const { count, flags, action } = operation;
  const vpn = resident.vpnOf(operation.page);
  const pfns = framesOf(operation);
  const leaves = reference.leavesIn(vpn, count);
  const splits = action === ExistingEntry.UPGRADE && leaves.some((leaf) => leaf.pages > 1);
  if (leaves.length > 0) situations.note("a map met a mapped page");
  if (action === ExistingEntry.UPGRADE && leaves.some((leaf) => replaces(leaf, vpn, pfns))) {
    situations.note("an upgrade replaced a frame");
  }
  const before = world.refusals;
  const status = aspace.map(vpn, pfns, count, flags, action);
  const refusal = refusalSince(before, world, resident);
  expectStatus("P-M1", "map", reference.map(vpn, pfns, count, flags, action, refusal), status);
  if (status === Status.NO_MEMORY) situations.note("a map ran out of memory");
  if (status !== Status.OK) return status;
  if (splits) {
    situations.note("an upgrade split a large leaf");
    resident.splits++;
  }
  resident.forgetPages(vpn, count);
  return status;
}

function framesOf({ pfn, pattern, count }: Of<"map">): Pfn[] {
  const step = pattern === FramePattern.SAME ? 0 : 1;
  return Array.from({ length: count }, (_, i) => pfn + i * step);
}

/** Whether an upgrade gives a base page another frame. */
const replaces = (leaf: Readonly<Leaf>, vpn: Vpn, pfns: readonly Pfn[]): boolean =>
  leaf.pages === 1 && leaf.pfn !== pfns[leaf.vpn - vpn];

/** Maps a run of frames with the largest leaves that fit. */
export function mapContiguous(
  stage: Stage,
  resident: Resident,
  operation: Of<"mapContiguous">,
): Status {
  const { aspace, reference } = resident;
  const { situations, world } = stage;
  const { count, flags, pfn } = operation;
  const vpn = resident.vpnOf(operation.page);
  const before = world.refusals;
  const status = aspace.mapContiguous(vpn, pfn, count, flags);
  const refusal = refusalSince(before, world, resident);
  const expected = reference.mapContiguous(vpn, pfn, count, flags, refusal);
  expectStatus("P-B5", "mapContiguous", expected, status);
  if (status !== Status.OK) return status;
  resident.forgetPages(vpn, count);
  const leaves = reference.leavesIn(vpn, count);
  if (leaves.some((leaf) => leaf.pages === HUGE)) situations.note("a 1 GiB leaf was mapped");
  else if (leaves.some((leaf) => leaf.pages > 1)) situations.note("a 2 MiB leaf was mapped");
  return status;
}

export function unmap(stage: Stage, resident: Resident, operation: Of<"unmap">): Status {
  const { aspace, reference } = resident;
  const { world } = stage;
  const { count, enlarge } = operation;
  const vpn = resident.vpnOf(operation.page);
  const cut = resident.leafCutBy(vpn, count);
  const before = world.refusals;
  const status = aspace.unmap(vpn, count, enlarge);
  const refusal = refusalSince(before, world, resident);
  expectStatus("P-U1", "unmap", reference.unmap(vpn, count, enlarge, refusal), status);
  if (cut !== null) noteSplit(stage, resident, status, "an unmap split a large leaf");
  if (status !== Status.OK) return status;
  if (refusal !== null && cut !== null) {
    stage.situations.note("an unmap lost pages outside its range");
  }
  resident.forgetPages(vpn, count);
  resident.forgetEmptyTables(vpn, count);
  return status;
}

/** Notes what became of a split. Its status depends on the architecture, as does what follows. */
function noteSplit(
  stage: Stage,
  resident: Resident,
  status: Status,
  done: "an unmap split a large leaf" | "a protect split a large leaf",
): void {
  if (status === Status.NOT_SUPPORTED) {
    stage.situations.note("a split was refused for break-before-make");
  } else if (status === Status.NO_MEMORY) {
    stage.situations.note("a split ran out of memory");
  } else {
    stage.situations.note(done);
    resident.splits++;
  }
  stage.outcome.gated = true;
  resident.diverged = true;
}

/** Protects each stretch of one cache policy; the first status that is not OK ends it. */
export function protect(stage: Stage, resident: Resident, operation: Of<"protect">): Status {
  const vpn = resident.vpnOf(operation.page);
  const { count, enlarge } = operation;
  if (resident.aspace.capabilities.protectIsUnmap || resident.kind === AspaceKind.GUEST) {
    stage.outcome.gated = true;
    resident.diverged = true;
  }
  for (const stretch of stretchesOfOnePolicy(resident, vpn, count)) {
    const flags = operation.permissions | stretch.policy;
    const status = protectStretch(stage, resident, stretch.vpn, stretch.count, flags, enlarge);
    if (status !== Status.OK) return status;
  }
  return Status.OK;
}

function protectStretch(
  stage: Stage,
  resident: Resident,
  vpn: Vpn,
  count: number,
  flags: MmuFlagSet,
  enlarge: Enlarge,
): Status {
  const { aspace, reference } = resident;
  const { world } = stage;
  const cut = resident.leafCutBy(vpn, count);
  const removes = reference
    .leavesIn(vpn, count)
    .some((leaf) => (leaf.flags & ~flags & MmuFlags.RWX_MASK) !== 0);
  const before = world.refusals;
  const status = aspace.protect(vpn, count, flags, enlarge);
  const refusal = refusalSince(before, world, resident);
  expectStatus("P-P1", "protect", reference.protect(vpn, count, flags, enlarge, refusal), status);
  if (cut !== null) noteSplit(stage, resident, status, "a protect split a large leaf");
  if (status !== Status.OK) return status;
  if (removes) stage.situations.note("a protect removed a permission");
  resident.forgetPages(vpn, count);
  if (aspace.capabilities.protectIsUnmap) resident.forgetEmptyTables(vpn, count);
  return status;
}

interface Stretch {
  readonly vpn: Vpn;
  readonly count: number;
  readonly policy: MmuFlagSet;
}

/** The range cut where the cache policy of mapped pages changes. */
function stretchesOfOnePolicy(resident: Resident, vpn: Vpn, count: number): Stretch[] {
  const mask = MmuFlags.CACHE_MASK | MmuFlags.NS;
  const { baseVpn, pageCount } = resident.aspace;
  const inside = vpn >= baseVpn && vpn + count <= baseVpn + pageCount;
  const stretches: Stretch[] = [];
  let from = vpn;
  let policy: MmuFlagSet | null = null;
  for (const leaf of inside ? resident.reference.leavesIn(vpn, count) : []) {
    const own = leaf.flags & mask;
    if (policy !== null && policy !== own) {
      stretches.push({ vpn: from, count: leaf.vpn - from, policy });
      from = leaf.vpn;
    }
    policy = own;
  }
  stretches.push({ vpn: from, count: vpn + count - from, policy: policy ?? MmuFlags.CACHED });
  return stretches;
}
