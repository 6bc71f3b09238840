import { PAGE_SHIFT, Status, type Pfn } from "@aspace/arch";
import type { Result } from "./blocking.ts";
import { isRange, roundSize } from "./byte-range.ts";
import { CowNode, NodeKind, Visibility } from "./cow-node.ts";
import { complete } from "./driving.ts";
import { Hierarchy } from "./hierarchy.ts";
import { PageAccess } from "./lookup-cursor.ts";
import type { MemorySystem } from "./memory-system.ts";
import type { PageSource } from "./page-source.ts";
import { DirtyState } from "./pages.ts";
import { pinRange } from "./pin.ts";
import { AllocationPolicy } from "./pmm.ts";
import { locked } from "./under-lock.ts";
import { CachePolicy, ChildType } from "./vm-object.ts";
import { VmObjectPaged, type VmObjectPagedOptions } from "./vm-object-paged.ts";

export interface ObjectOptions {
  /** Bytes, rounded up to pages. */
  readonly size: bigint;
  readonly resizable?: boolean;
  /** Its contents may be thrown away while nobody has locked it. */
  readonly discardable?: boolean;
  /** All pages are there and pinned, from the start to the end. */
  readonly alwaysPinned?: boolean;
  /** Whether operations wait for memory; NEVER_WAITS unless told otherwise. Creation never waits. */
  readonly policy?: AllocationPolicy;
}

/**
 * An anonymous object: zero until it is written.
 *
 * @returns INVALID_ARGS when it shall be resizable and always pinned; OUT_OF_RANGE when the size is above the largest object;
 *   NO_MEMORY.
 */
export function createObject(system: MemorySystem, options: ObjectOptions): Result<VmObjectPaged> {
  const isResizable = options.resizable === true;
  if (isResizable && options.alwaysPinned === true) return Status.INVALID_ARGS;
  const size = roundSize(options.size);
  if (!isRange(size)) return size;
  const node = createRoot(system, NodeKind.ANONYMOUS, {
    sizePages: size.count,
    policy: options.policy ?? AllocationPolicy.NEVER_WAITS,
  });
  if (node === null) return Status.NO_MEMORY;
  const isAlwaysPinned = options.alwaysPinned === true && size.count > 0;
  if (isAlwaysPinned) {
    const status = commitAndPin(node);
    if (status !== Status.OK) return status;
  }
  return owner(node, { isResizable, isAlwaysPinned, isDiscardable: options.discardable === true });
}

export interface ContiguousObjectOptions {
  /** Bytes, rounded up to pages. */
  readonly size: bigint;
  /** Of the physical address; a page's, 12, unless told otherwise. */
  readonly alignmentLog2?: number;
}

/**
 * An object whose pages lie side by side in RAM, are all there, zero, and stay. It is never resizable.
 *
 * @returns INVALID_ARGS when the size is 0 or the alignment not in 12..63; OUT_OF_RANGE when the size is above the largest object;
 *   NO_MEMORY, also when there is memory enough, but not in one piece.
 */
export function createContiguousObject(
  system: MemorySystem,
  { size, alignmentLog2 = PAGE_SHIFT }: ContiguousObjectOptions,
): Result<VmObjectPaged> {
  const isAlignment = Number.isInteger(alignmentLog2) && alignmentLog2 >= PAGE_SHIFT;
  if (size === 0n || !isAlignment || alignmentLog2 > 63) return Status.INVALID_ARGS;
  const rounded = roundSize(size);
  if (!isRange(rounded)) return rounded;
  const { count } = rounded;
  const policy = AllocationPolicy.NEVER_WAITS;
  const node = createRoot(system, NodeKind.CONTIGUOUS, { sizePages: count, policy });
  if (node === null) return Status.NO_MEMORY;
  const first = system.pmm.allocateContiguous(count, 2 ** (alignmentLog2 - PAGE_SHIFT));
  if (first < 0) return Status.NO_MEMORY;
  const frames = Array.from({ length: count }, (_, index) => first + index);
  if (!fill(node, frames)) return Status.NO_MEMORY;
  return owner(node, { isResizable: false });
}

export interface PagerObjectOptions {
  /** Bytes, rounded up to pages. */
  readonly size: bigint;
  /** From `UserPager.createSource`, used for no other object. The object closes it in the end. */
  readonly source: PageSource;
  readonly resizable?: boolean;
}

/**
 * An object whose contents a pager supplies: absent until it does. Operations wait for memory too.
 *
 * @returns OUT_OF_RANGE when the size is above the largest object; NO_MEMORY. The source is as it was then.
 */
export function createPagerObject(
  system: MemorySystem,
  options: PagerObjectOptions,
): Result<VmObjectPaged> {
  const size = roundSize(options.size);
  if (!isRange(size)) return size;
  const node = createRoot(system, NodeKind.PAGER, {
    sizePages: size.count,
    policy: AllocationPolicy.CAN_WAIT,
    source: options.source,
  });
  if (node === null) return Status.NO_MEMORY;
  return owner(node, { isResizable: options.resizable === true });
}

interface RootOptions {
  readonly sizePages: number;
  readonly policy: AllocationPolicy;
  readonly source?: PageSource;
}

/** A node in a hierarchy of its own, or null without memory for it. */
function createRoot(system: MemorySystem, kind: NodeKind, options: RootOptions): CowNode | null {
  if (system.pmm.failures.claims()) return null;
  const hierarchy = new Hierarchy(system.locks);
  return new CowNode({ system, hierarchy, kind, visibility: Visibility.VISIBLE, ...options });
}

type OwnerTraits = Pick<VmObjectPagedOptions, "isResizable" | "isDiscardable" | "isAlwaysPinned">;

function owner(node: CowNode, traits: OwnerTraits): VmObjectPaged {
  return new VmObjectPaged({
    ...traits,
    node,
    childType: ChildType.NOT_CHILD,
    parent: null,
    policy: CachePolicy.CACHED,
  });
}

/** Gives a new node all its pages, of which there are some, pinned. Unless that ends in OK nothing is left of it. */
function commitAndPin(node: CowNode): Status {
  const { pmm } = node.system;
  const frames: Pfn[] = [];
  const status = pmm.allocateMany(node.sizePages, AllocationPolicy.NEVER_WAITS, frames);
  if (status !== Status.OK) return status;
  if (!fill(node, frames)) return Status.NO_MEMORY;
  const pinning = (): Status =>
    complete(pinRange(node, 0, node.sizePages, PageAccess.READ), () => {});
  return locked(node.hierarchy, pinning);
}

/** Puts a zeroed frame into each slot of a new node. False: there is no slot memory, and the frames are free again. */
function fill(node: CowNode, frames: readonly Pfn[]): boolean {
  const { pmm } = node.system;
  if (!frames.every((_, page) => node.slots.reserve(page))) {
    for (const frame of frames) pmm.free(frame);
    return false;
  }
  for (const [page, frame] of frames.entries()) {
    pmm.zero(frame);
    node.insertPage(page, frame, DirtyState.UNTRACKED);
  }
  return true;
}
