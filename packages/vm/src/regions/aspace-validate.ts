import {
  KernelPanic,
  PAGE_SHIFT,
  Status,
  formatAddress,
  type QueryResult,
  type Vpn,
} from "@aspace/arch";
import { NodeBackedObject } from "../objects/node-backed-object.ts";
import type { VmObject } from "../objects/vm-object.ts";
import { endOf, isInRange } from "./extent.ts";
import { validateEntry, validateMapping } from "./mapping-validate.ts";
import type { RegionSystem } from "./region-system.ts";
import type { VmAddressRegion } from "./vm-address-region.ts";
import type { VmAspace } from "./vm-aspace.ts";
import { Mergeable, VmMapping } from "./vm-mapping.ts";
import { LifeCycle, MemoryPriority, type Region } from "./vm-region.ts";
import { VmarFlags } from "./vmar-flags.ts";

const entry: QueryResult = { pfn: 0, flags: 0, leafShift: 0 };

/** Checks every aspace and what they share; panics with the invariant (I-n, or L-1 about locks) that does not hold. */
export function validateRegions(system: RegionSystem): void {
  system.memory.locks.assertNoneHeld("a check between two steps");
  if (system.coalescer.count !== 0) throw new KernelPanic("I-33", "collected pages were forgotten");
  const objects = new Set<VmObject>();
  let highAspaces = 0;
  for (const aspace of system.aspaces) {
    for (const mapping of validateAspace(aspace)) objects.add(mapping.liveObject);
    if (aspace.highPriorityCount > 0) highAspaces++;
  }
  if (system.counters.highPriorityAspaces !== highAspaces) {
    throw new KernelPanic("I-28", `${highAspaces} aspaces have high priority, others are counted`);
  }
  for (const object of objects) validateMappingsOf(object);
}

/** Checks one aspace with all its regions and entries. Answers its mappings, in address order. */
export function validateAspace(aspace: VmAspace): readonly VmMapping[] {
  const { root } = aspace;
  const isWhole = root?.isAlive && root.base === aspace.base && root.pageCount === aspace.pageCount;
  const isRooted = aspace.isDestroyed ? root === null : isWhole === true && root?.parent === null;
  check("I-1", aspace, isRooted, "it has a root exactly while it lives");
  const regions = root === null ? [] : regionsBelow(root);
  const mappings = regions.filter((region) => region.kind === "mapping");
  for (const region of regions) validateRegion(region);
  validateFaultCache(aspace);
  validateVdso(aspace, mappings);
  const high = regions.filter(({ memoryPriority }) => memoryPriority === MemoryPriority.HIGH);
  check("I-28", aspace, aspace.highPriorityCount === high.length, "its high regions are counted");
  if (!aspace.isDestroyed) validateEntries(aspace, mappings);
  return mappings;
}

/** A region and everything in it, in address order. */
function regionsBelow(root: VmAddressRegion): Region[] {
  const found: Region[] = [];
  const work: Region[] = [root];
  for (let region = work.pop(); region !== undefined; region = work.pop()) {
    found.push(region);
    if (region.kind === "mapping") continue;
    const { regions } = region;
    for (let child = regions.last(); child !== null; child = regions.previous(child)) {
      check("I-2", region.aspace, child.parent === region, "children know their parent");
      work.push(child);
    }
  }
  return found;
}

function validateRegion(region: Region): void {
  const { aspace, parent } = region;
  check("I-2", aspace, region.state === LifeCycle.ALIVE, "what is listed is ALIVE");
  const isInside = parent === null || isInRange(parent, region.base, region.pageCount);
  check("I-2", aspace, isInside && region.pageCount > 0, "regions lie in their parents");
  const excess = parent === null ? 0 : region.flags & ~parent.flags & VmarFlags.CAN_RWX;
  check("I-5", aspace, excess === 0, "regions allow no more than their parents");
  if (region.kind === "mapping") {
    validateMapping(region);
    return;
  }
  region.regions.validate();
  let priority: MemoryPriority | null = null;
  const { regions } = region;
  for (let child = regions.first(); child !== null; child = regions.next(child)) {
    if (child.kind === "vmar") continue;
    priority ??= child.memoryPriority;
    check("I-29", aspace, child.memoryPriority === priority, "sibling mappings have one priority");
  }
}

function validateFaultCache(aspace: VmAspace): void {
  const { lastFault } = aspace;
  if (lastFault === null) return;
  const isOurs = lastFault.isAlive && lastFault.aspace === aspace;
  check("I-26", aspace, isOurs, "the last fault's mapping is one of it");
}

/** I-27: one mapping has the vDSO's code, all of it, and no other one executes any of that object. */
function validateVdso(aspace: VmAspace, mappings: readonly VmMapping[]): void {
  const { vdsoCodeMapping: code, system } = aspace;
  if (code !== null) {
    const image = system.vdsoImages.get(code.liveObject);
    const isAll =
      code.objectOffset === image?.codeStartPage &&
      code.objectOffset + code.pageCount === image.pageCount;
    check("I-27", aspace, code.isAlive && isAll, "the vDSO's code is mapped as a whole");
    check("I-27", aspace, code.mergeable === Mergeable.NO, "the vDSO's code never merges");
  }
  for (const mapping of mappings) {
    if (mapping === code || !system.vdsoImages.has(mapping.liveObject)) continue;
    check("I-27", aspace, !mayExecute(mapping), "only one mapping executes the vDSO");
  }
}

function mayExecute(mapping: VmMapping): boolean {
  return (mapping.flags & VmarFlags.CAN_MAP_EXECUTE) !== 0;
}

/**
 * Walks all entries beside the mappings (I-16): nothing is mapped outside of them, and what is inside is
 * judged by the mapping. Holes are passed by whole table entries, so a walk costs what is mapped.
 */
function validateEntries(aspace: VmAspace, mappings: readonly VmMapping[]): void {
  const { arch } = aspace;
  const end = endOf(aspace);
  let at = 0;
  for (let vpn = aspace.base; vpn < end;) {
    if (arch.query(vpn, entry) !== Status.OK) {
      vpn = nextEntry(vpn, entry.leafShift);
      continue;
    }
    while (at < mappings.length && endOf(mappings[at]!) <= vpn) at++;
    const mapping = mappings[at];
    if (mapping === undefined || mapping.base > vpn) {
      throw new KernelPanic("I-16", `${formatAddress(vpn)} is mapped to nobody's memory`);
    }
    validateEntry(mapping, vpn, entry);
    vpn++;
  }
}

function nextEntry(vpn: Vpn, shift: number): Vpn {
  const span = 2 ** (shift - PAGE_SHIFT);
  return (Math.floor(vpn / span) + 1) * span;
}

/** I-9 and I-29, from the object's side. */
function validateMappingsOf(object: VmObject): void {
  let high = 0;
  for (const mapping of object.mappings) {
    if (!(mapping instanceof VmMapping)) continue;
    if (!mapping.isAlive || mapping.object !== object) {
      throw new KernelPanic("I-9", `an object lists mapping ${mapping.id}, which does not show it`);
    }
    if (mapping.memoryPriority === MemoryPriority.HIGH) high++;
  }
  if (object instanceof NodeBackedObject && object.highPriorityCount !== high) {
    throw new KernelPanic(
      "I-29",
      `an object counts ${object.highPriorityCount} high mappings of ${high}`,
    );
  }
}

function check(rule: string, aspace: VmAspace, holds: boolean, what: string): void {
  if (!holds) throw new KernelPanic(rule, `aspace ${aspace.id}: it is not so that ${what}`);
}
