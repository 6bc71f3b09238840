import {
  KernelPanic,
  MmuFlags,
  formatAddress,
  formatFlags,
  type QueryResult,
  type Vpn,
} from "@aspace/arch";
import { DirtyState } from "../objects/pages.ts";
import { Resolution, resolve } from "../objects/resolve.ts";
import { EMPTY_SLOT, SlotKind, slotKind, slotPage } from "../objects/slot.ts";
import { VmObjectPaged } from "../objects/vm-object-paged.ts";
import type { VmObjectPhysical } from "../objects/vm-object-physical.ts";
import { RunControl } from "./mapping-protection-ranges.ts";
import type { VmMapping } from "./vm-mapping.ts";
import { LifeCycle, MemoryPriority } from "./vm-region.ts";
import { allowsMmuFlags } from "./vmar-flags.ts";

/** What of an entry must be as the protections say: all but what may lag behind them. */
const FIXED_FLAGS = MmuFlags.CACHE_MASK | MmuFlags.USER;

/** Panics with the invariant (I-n) that does not hold for one listed mapping. What the page tables hold of it is judged entry by entry. */
export function validateMapping(mapping: VmMapping): void {
  const { ranges, object, parent } = mapping;
  const isListed = mapping.state === LifeCycle.ALIVE && mapping.pageCount > 0 && parent !== null;
  check("I-2", mapping, isListed, "it is ALIVE, has pages and knows its region");
  check("I-9", mapping, object !== null && object.mappings.has(mapping), "its object lists it");
  check("I-9", mapping, object!.isAlive, "its object lives");
  const { objectOffset, pageCount } = mapping;
  const isOffset = Number.isSafeInteger(objectOffset) && objectOffset >= 0;
  check(
    "I-10",
    mapping,
    isOffset && Number.isSafeInteger(objectOffset + pageCount),
    "it has a page",
  );
  check("I-11", mapping, mapping.generation >= 1, "its generation counts");
  check("I-24", mapping, !mapping.faulting, "it is not in a fault");
  ranges.validate(mapping);
  const policy = object!.cachePolicy;
  check(
    "I-13",
    mapping,
    (ranges.firstFlags & MmuFlags.CACHE_MASK) === policy,
    "it is cached alike",
  );
  ranges.enumerate(mapping, mapping.base, pageCount, (_vpn, _count, flags) => {
    check("I-5", mapping, allowsMmuFlags(mapping.flags, flags), "its flags allow its protections");
    return RunControl.NEXT;
  });
  validateCache(mapping);
}

/** Panics with I-4 unless a mapping that has left the tree has let go of everything. */
export function validateDeadMapping(mapping: VmMapping): void {
  const { ranges, parent, object, pageCount, memoryPriority, state } = mapping;
  check("I-4", mapping, state === LifeCycle.DEAD, "it is DEAD");
  const isGone = parent === null && object === null && pageCount === 0 && ranges.isSingleRegion;
  check("I-4", mapping, isGone, "DEAD, it holds nothing");
  check("I-4", mapping, memoryPriority === MemoryPriority.DEFAULT, "DEAD, it has no priority");
}

/** I-11: an attribution that would be answered from the cache is what a count gives. */
function validateCache(mapping: VmMapping): void {
  const { attributionCache: cache, object, generation, objectOffset, pageCount } = mapping;
  if (cache.mapping !== generation || cache.object !== object!.hierarchy.generation) return;
  const { uncompressedBytes, compressedBytes } = object!.attributedMemoryInRange(
    objectOffset,
    pageCount,
  );
  const isRight =
    cache.counts.uncompressedBytes === uncompressedBytes &&
    cache.counts.compressedBytes === compressedBytes;
  check("I-11", mapping, isRight, "its cached attribution is right");
}

/** Judges what the page tables hold of one page of a mapping, by its protections (I-17, I-20) and its object (I-18, I-19). */
export function validateEntry(mapping: VmMapping, vpn: Vpn, entry: QueryResult): void {
  const { arch, isUser } = mapping.aspace;
  const flags = mapping.ranges.flagsAt(vpn);
  const allowed = arch.capabilities.normalizeFlags(flags);
  const exceeds = (entry.flags & MmuFlags.RWX_MASK & ~allowed) !== 0;
  const differs = ((entry.flags ^ allowed) & FIXED_FLAGS) !== 0;
  if (exceeds || differs || (flags & MmuFlags.READ) === 0) {
    const isWritable = (entry.flags & ~flags & MmuFlags.WRITE) !== 0;
    const seen = `${formatFlags(entry.flags)} at ${formatAddress(vpn)}`;
    throw new KernelPanic(
      isWritable ? "I-20" : "I-17",
      `mapping ${mapping.id}: the entry is ${seen}, but ${formatFlags(flags)} is allowed`,
    );
  }
  const object = mapping.object!;
  const page = mapping.objectOffset + (vpn - mapping.base);
  check("I-18", mapping, page < object.sizePages, "no entry lies past its object");
  if (object instanceof VmObjectPaged) {
    const isWritable = isUser && (entry.flags & MmuFlags.WRITE) !== 0;
    validatePagedEntry(mapping, object, page, entry.pfn, isWritable);
    return;
  }
  const frame = (object as VmObjectPhysical).frameAt(page, 1);
  check("I-18", mapping, entry.pfn === frame, "an entry shows the device");
}

function validatePagedEntry(
  mapping: VmMapping,
  object: VmObjectPaged,
  page: number,
  shown: number,
  isWritable: boolean,
): void {
  const { node, sliceOffset } = object;
  const { pmm } = node.system;
  const found = resolve(node, page + sliceOffset, new Resolution(node));
  const kind = slotKind(found.slot);
  const isAbsent = found.slot === EMPTY_SLOT && found.node.source !== null;
  check("I-18", mapping, !isAbsent && kind !== SlotKind.REFERENCE, `page ${page} has a frame`);
  const frame = kind === SlotKind.PAGE ? slotPage(found.slot) : pmm.zeroPage;
  check("I-18", mapping, shown === frame, `page ${page} is frame ${shown} and not ${frame}`);
  if (!isWritable) return;
  const isOwn = found.node === node && kind === SlotKind.PAGE && !node.isHidden;
  const isDirty = !node.isDirtyTracked || pmm.pages.dirtyState[frame] === DirtyState.DIRTY;
  check("I-19", mapping, isOwn && isDirty, `page ${page} may be written`);
}

function check(rule: string, mapping: VmMapping, holds: boolean, what: string): void {
  if (!holds) throw new KernelPanic(rule, `mapping ${mapping.id}: it is not so that ${what}`);
}
