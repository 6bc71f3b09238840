import {
  Enlarge,
  KernelPanic,
  MmuFlags,
  Status,
  statusName,
  type MmuFlagSet,
  type Vpn,
} from "@aspace/arch";
import type { Extent } from "./extent.ts";
import { RunControl } from "./mapping-protection-ranges.ts";
import type { VmAspace } from "./vm-aspace.ts";
import type { VmMapping } from "./vm-mapping.ts";
import { LifeCycle } from "./vm-region.ts";
import { VmarFlags } from "./vmar-flags.ts";

/**
 * What a mapping does when its object changes: the object's lock is held, an aspace's never is.
 * Nothing here touches ranges, sizes or the tree; only page tables, which are a cache.
 */

/**
 * Where pages of the object show (M-11):
 *
 *     object     |────[page ▒▒▒▒▒▒▒▒ ]──────|
 *     mapping          |──────────────────|
 *     answer           [▒▒▒▒▒▒]               in the address space; null when none shows
 */
export function whereShown(mapping: VmMapping, page: number, count: number): Extent | null {
  const { objectOffset } = mapping;
  const from = Math.max(page, objectOffset);
  const end = Math.min(page + count, objectOffset + mapping.pageCount);
  if (from >= end) return null;
  return { base: mapping.base + (from - objectOffset), pageCount: end - from };
}

/**
 * The frames behind a range may change (M-12). While the mapping handles a fault, the change is mostly
 * its own doing: a copy was made of the very page that the fault is about to map. Taking that one
 * entry out first would be for nothing, so it is put off, and made up for if the fault fails.
 */
export function aspaceUnmap(mapping: VmMapping, page: number, count: number): void {
  assertCalledBack(mapping);
  const { aspace } = mapping;
  if (mapping.faulting && aspace.system.quirks.faultDropsCallbacks) return;
  const shown = whereShown(mapping, page, count);
  if (shown === null) return;
  assertMayChange(mapping);
  if (shown.pageCount === 1 && shown.base === mapping.faultingVpn) {
    mapping.hasDeferredUnmap = true;
    return;
  }
  const status = aspace.arch.unmap(shown.base, shown.pageCount, aspace.enlarge);
  assertOk("M-12", status);
}

/** The range must not be written any more (M-13). What faults may grant stays recorded: a write faults and asks again. */
export function aspaceRemoveWrite(mapping: VmMapping, page: number, count: number): void {
  assertCalledBack(mapping);
  if ((mapping.flags & VmarFlags.CAN_MAP_WRITE) === 0) return;
  const shown = whereShown(mapping, page, count);
  if (shown === null) return;
  assertMayChange(mapping);
  mapping.ranges.enumerate(mapping, shown.base, shown.pageCount, (vpn, run, flags) => {
    if ((flags & MmuFlags.WRITE) !== 0) {
      assertOk("M-13", protectOrUnmap(mapping.aspace, vpn, run, flags & ~MmuFlags.WRITE));
    }
    return RunControl.NEXT;
  });
}

/** Pages lost their last pin: no plain kernel mapping may show them (M-14). */
export function aspaceDebugUnpin(mapping: VmMapping, page: number, count: number): void {
  assertCalledBack(mapping);
  if (whereShown(mapping, page, count) !== null) assertMayChange(mapping);
}

/**
 * Lowers what the entries of a range allow to `flags`, or takes them out: where nothing is left to allow,
 * and where lowering fails and more may go than was asked (M-7). Panics with M-7 on flags with WRITE:
 * no entry may gain it here, since nobody asked the object.
 */
export function protectOrUnmap(
  aspace: VmAspace,
  vpn: Vpn,
  count: number,
  flags: MmuFlagSet,
): Status {
  if ((flags & MmuFlags.WRITE) !== 0) throw new KernelPanic("M-7", "an entry would gain WRITE");
  // Page tables know no entry that cannot be read.
  if ((flags & MmuFlags.READ) !== 0) {
    const status = aspace.arch.protect(vpn, count, flags, aspace.enlarge);
    if (status === Status.OK || aspace.enlarge === Enlarge.NO) return status;
  }
  return aspace.arch.unmap(vpn, count, aspace.enlarge);
}

/** Panics with `rule` when a step that cannot fail did. */
export function assertOk(rule: string, status: Status): void {
  if (status !== Status.OK)
    throw new KernelPanic(rule, `page tables answered ${statusName(status)}`);
}

function assertCalledBack(mapping: VmMapping): void {
  mapping.assertState(LifeCycle.ALIVE, "M-12");
  mapping.liveObject.hierarchy.lock.assertHeld();
}

/** Nobody handles a kernel fault: pages under a kernel mapping are pinned, unless it says that it manages itself. */
function assertMayChange(mapping: VmMapping): void {
  const { aspace, flags } = mapping;
  if (aspace.isUser || aspace.isGuest) return;
  if ((flags & VmarFlags.DEBUG_DYNAMIC_KERNEL_MAPPING) !== 0) return;
  throw new KernelPanic("M-12", `kernel mapping ${mapping.id} would lose pages`);
}
