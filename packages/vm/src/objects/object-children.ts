import { Status } from "@aspace/arch";
import { isValue, type Result } from "./blocking.ts";
import { childRange, isRange } from "./byte-range.ts";
import { cloneNode, type CloneKind } from "./clone.ts";
import { CachePolicy, ChildType } from "./vm-object.ts";
import { VmObjectPaged } from "./vm-object-paged.ts";

/** What all children are asked for. */
interface ChildOptions {
  /** Bytes of the parent. */
  readonly offset: bigint;
  /** Bytes. */
  readonly size: bigint;
  /** Whether the child begins with the parent's name; without one otherwise. */
  readonly copyName?: boolean;
}

export interface CloneOptions extends ChildOptions {
  readonly kind: CloneKind;
  readonly resizable?: boolean;
}

export type SliceOptions = ChildOptions;

export interface ReferenceOptions extends ChildOptions {
  readonly resizable?: boolean;
}

/**
 * A copy-on-write child that shows `[offset, offset + size)` of the parent, which may lie beyond its end: there it is zero. With
 * the lock held.
 *
 * @returns NOT_SUPPORTED when the parent is discardable; INVALID_ARGS when it is contiguous, or unless the offset is page aligned;
 *   OUT_OF_RANGE when the size is above the largest object; BAD_STATE unless the policy is CACHED; then as `cloneNode` of clone.ts.
 */
export function createClone(parent: VmObjectPaged, options: CloneOptions): Result<VmObjectPaged> {
  if (parent.isDiscardable) return Status.NOT_SUPPORTED;
  if (parent.isContiguous) return Status.INVALID_ARGS;
  const range = childRange(options.offset, options.size);
  if (!isRange(range)) return range;
  if (parent.cachePolicy !== CachePolicy.CACHED) return Status.BAD_STATE;
  const from = parent.isSlice ? "slice" : "owner";
  const end = parent.sliceOffset + parent.sizePages;
  const page = parent.sliceOffset + range.page;
  const node = cloneNode(parent.node, from, options.kind, page, range.count, end);
  if (!isValue(node)) return node;
  const isResizable = options.resizable === true;
  const child = new VmObjectPaged({
    node,
    childType: ChildType.CLONE,
    parent,
    policy: CachePolicy.CACHED,
    isResizable,
  });
  return named(child, parent, options);
}

/**
 * A child that is a window onto the parent's own pages, of fixed size. A slice of a slice stands on the same node, further in. With
 * the lock held.
 *
 * @returns NOT_SUPPORTED when the parent is discardable; INVALID_ARGS unless the offset is page aligned; OUT_OF_RANGE when the size
 *   is above the largest object; INVALID_ARGS unless all of it lies inside the parent; NOT_SUPPORTED when the parent is resizable;
 *   BAD_STATE unless the policy is CACHED or the parent contiguous; NO_MEMORY.
 */
export function createSlice(parent: VmObjectPaged, options: SliceOptions): Result<VmObjectPaged> {
  if (parent.isDiscardable) return Status.NOT_SUPPORTED;
  const range = childRange(options.offset, options.size);
  if (!isRange(range)) return range;
  if (range.page + range.count > parent.sizePages) return Status.INVALID_ARGS;
  if (parent.isResizable) return Status.NOT_SUPPORTED;
  const isSharable = parent.cachePolicy === CachePolicy.CACHED || parent.isContiguous;
  if (!isSharable) return Status.BAD_STATE;
  if (parent.system.pmm.failures.claims()) return Status.NO_MEMORY;
  const child = new VmObjectPaged({
    node: parent.node,
    childType: ChildType.SLICE,
    parent,
    policy: parent.cachePolicy,
    isResizable: false,
    slice: { page: parent.sliceOffset + range.page, count: range.count },
  });
  return named(child, parent, options);
}

/**
 * A child that is the parent's memory under an identity of its own: it has the same pages, size and resizability at all times, also
 * after the parent is gone. With the lock held.
 *
 * @returns NOT_SUPPORTED when the parent is discardable; INVALID_ARGS unless offset and size are 0; NOT_SUPPORTED when the parent
 *   is contiguous or a slice, or when the child shall be resizable and the parent is not; BAD_STATE unless the policy is CACHED; NO_MEMORY.
 */
export function createReference(
  parent: VmObjectPaged,
  options: ReferenceOptions,
): Result<VmObjectPaged> {
  if (parent.isDiscardable) return Status.NOT_SUPPORTED;
  if (options.offset !== 0n || options.size !== 0n) return Status.INVALID_ARGS;
  if (parent.isContiguous || parent.isSlice) return Status.NOT_SUPPORTED;
  if (options.resizable === true && !parent.isResizable) return Status.NOT_SUPPORTED;
  if (parent.cachePolicy !== CachePolicy.CACHED) return Status.BAD_STATE;
  if (parent.system.pmm.failures.claims()) return Status.NO_MEMORY;
  const child = new VmObjectPaged({
    node: parent.node,
    childType: ChildType.REFERENCE,
    parent,
    policy: CachePolicy.CACHED,
    isResizable: parent.isResizable,
  });
  return named(child, parent, options);
}

function named(child: VmObjectPaged, parent: VmObjectPaged, options: ChildOptions): VmObjectPaged {
  if (options.copyName === true) child.setName(parent.name);
  return child;
}
