import {
  Access,
  KernelPanic,
  emptyWalk,
  formatAddress,
  type Pfn,
  type Vpn,
  type Walk,
} from "@aspace/arch";
import type { Leaf } from "@aspace/arch-conformance";
import { isMemory } from "./frames.ts";
import type { SituationCounts } from "./situations.ts";
import type { Resident } from "./resident.ts";
import type { World } from "./world.ts";

/**
 * What a harvest may and must report. The entries themselves say which pages are accessed (a cold
 * walk tells); a page touched since the last harvest must be among them and must be reported.
 */

export interface HarvestExpectation {
  /** Base pages in range with a page record whose entry says "accessed", by page. */
  readonly accessed: ReadonlyMap<Vpn, Pfn>;
  /** Base pages in range with a page record that a CPU touched, by page. */
  readonly touched: ReadonlyMap<Vpn, Pfn>;
  /** What was mapped in range before. */
  readonly leaves: readonly Readonly<Leaf>[];
  /** Large leaves in range whose entry said "accessed" before. */
  readonly accessedLarge: readonly Readonly<Leaf>[];
}

/** Looks at the entries before a harvest and clears the reports. */
export function beginHarvest(
  world: World,
  resident: Resident,
  vpn: Vpn,
  count: number,
): HarvestExpectation {
  const accessed = new Map<Vpn, Pfn>();
  const touched = new Map<Vpn, Pfn>();
  const accessedLarge: Readonly<Leaf>[] = [];
  const leaves = resident.reference.leavesIn(vpn, count);
  for (const leaf of leaves) {
    if (leaf.pages > 1) {
      if (isAccessed(world, resident, leaf.vpn)) accessedLarge.push(leaf);
      continue;
    }
    if (!isMemory(leaf.pfn)) continue;
    if (isAccessed(world, resident, leaf.vpn)) accessed.set(leaf.vpn, leaf.pfn);
    if (resident.touched.has(leaf.vpn)) touched.set(leaf.vpn, leaf.pfn);
  }
  world.machine.pages.clearReports();
  return { accessed, touched, leaves, accessedLarge };
}

// Reused by every look: looking allocates nothing.
const walk: Walk = emptyWalk();

function isAccessed(world: World, resident: Resident, vpn: Vpn): boolean {
  world.watch(resident).inspect(vpn, Access.KERNEL_READ, walk);
  return walk.present && walk.accessed;
}

/** Compares the reports of a harvest with what it had to do. */
export function checkHarvest(
  world: World,
  resident: Resident,
  expectation: HarvestExpectation,
  situations: SituationCounts,
): void {
  if (!resident.aspace.capabilities.accessedBit) {
    if (world.machine.pages.reportCount > 0)
      throw new KernelPanic("P-H1", "reports without an accessed bit");
    return;
  }
  const { accessed, touched } = expectation;
  checkCounts(world, countByFrame(accessed), countByFrame(touched));
  if (touched.size > 0) situations.note("a touched page was harvested");
  checkLargeLeaves(world, resident, expectation);
  checkDropped(resident, expectation, situations);
}

function countByFrame(pages: ReadonlyMap<Vpn, Pfn>): Map<Pfn, number> {
  const counts = new Map<Pfn, number>();
  for (const pfn of pages.values()) counts.set(pfn, (counts.get(pfn) ?? 0) + 1);
  return counts;
}

/** Each frame is reported at least once a touched page, at most once an accessed one. */
function checkCounts(world: World, most: Map<Pfn, number>, least: Map<Pfn, number>): void {
  const { pages } = world.machine;
  const seen = new Map<Pfn, number>();
  for (let i = 0; i < pages.reportCount; i++) {
    const pfn = pages.reportAt(i);
    seen.set(pfn, (seen.get(pfn) ?? 0) + 1);
  }
  for (const [pfn, count] of seen) {
    if (count > (most.get(pfn) ?? 0)) {
      throw new KernelPanic("P-H1", `frame ${formatAddress(pfn)} reported ${count} times`);
    }
  }
  for (const [pfn, count] of least) {
    if ((seen.get(pfn) ?? 0) < count) {
      throw new KernelPanic("P-H1", `touched frame ${formatAddress(pfn)} was not reported`);
    }
  }
}

/** Large leaves are left alone: they lose their accessed bit only when they go altogether. */
function checkLargeLeaves(world: World, resident: Resident, expectation: HarvestExpectation): void {
  for (const leaf of expectation.accessedLarge) {
    if (resident.reference.lookup(leaf.vpn) === null) continue;
    if (!isAccessed(world, resident, leaf.vpn)) {
      throw new KernelPanic("P-H1", `large leaf ${formatAddress(leaf.vpn)} aged without a report`);
    }
  }
}

/** FreeUnaccessed takes nothing from a leaf table that was touched since the last one (P-H4). */
function checkDropped(
  resident: Resident,
  expectation: HarvestExpectation,
  situations: SituationCounts,
): void {
  for (const { vpn } of expectation.leaves) {
    if (!resident.isTableTouched(vpn)) continue;
    if (resident.reference.lookup(vpn) === null) {
      throw new KernelPanic("P-H4", `${formatAddress(vpn)} was dropped with a table in use`);
    }
    situations.note("a touched table survived FreeUnaccessed");
  }
}
