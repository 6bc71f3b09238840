import { Status, type Vpn } from "@aspace/arch";
import { assertOk } from "./mapping-object-changes.ts";
import { everythingIn } from "./region-enumerator.ts";
import type { RegionSystem } from "./region-system.ts";
import type { VmAspace } from "./vm-aspace.ts";
import type { Region } from "./vm-region.ts";

/** Is shown a region and how deep it lies, 0 for the root; answers whether to go on. */
export type RegionVisitor = (region: Region, depth: number) => boolean;

/**
 * Shows every region and mapping of an aspace, parents before their children, in address order.
 * BAD_STATE once destroyed; CANCELED when the visitor does not want to go on. The visitor runs with the
 * aspace's lock held and changes nothing.
 */
export function enumerateChildren(aspace: VmAspace, visit: RegionVisitor): Status {
  aspace.lock.acquire();
  try {
    const { root } = aspace;
    if (root === null) return Status.BAD_STATE;
    if (!visit(root, 0)) return Status.CANCELED;
    const walk = everythingIn(root);
    for (let region = walk.next(); region !== null; region = walk.next()) {
      if (!visit(region, walk.depth)) return Status.CANCELED;
    }
    return Status.OK;
  } finally {
    aspace.lock.release();
  }
}

/** The deepest region or the mapping that contains a page; null outside, and once destroyed. */
export function findDeepestRegion(aspace: VmAspace, vpn: Vpn): Region | null {
  aspace.lock.acquire();
  try {
    const { root } = aspace;
    if (root === null || !root.isInRange(vpn, 1)) return null;
    let found: Region = root;
    while (found.kind === "vmar") {
      const child: Region | null = found.regions.findRegion(vpn);
      if (child === null) break;
      found = child;
    }
    return found;
  } finally {
    aspace.lock.release();
  }
}

/** Empties the page tables of every user aspace: faults bring back what is used. Other aspaces keep theirs. */
export function dropAllUserPageTables(system: RegionSystem): void {
  system.listLock.acquire();
  try {
    for (const aspace of system.aspaces) dropUserPageTables(aspace);
  } finally {
    system.listLock.release();
  }
}

/** The same for one aspace. Nothing happens unless it is a live user aspace. */
export function dropUserPageTables(aspace: VmAspace): void {
  if (!aspace.isUser) return;
  aspace.lock.acquire();
  try {
    if (aspace.isDestroyed) return;
    assertOk("A-13", aspace.arch.unmap(aspace.base, aspace.pageCount, aspace.enlarge));
  } finally {
    aspace.lock.release();
  }
}
