import { Status } from "@aspace/arch";
import { NOTHING_ATTRIBUTED, type AttributionCounts } from "./attribution-counts.ts";
import { attributedMemory } from "./attribution.ts";
import type { Blocking } from "./blocking.ts";
import {
  isRange,
  pagesTouched,
  wholePages,
  type PageRange,
  type PageRangeResult,
} from "./byte-range.ts";
import { NodeKind, isPagerTree, type CowNode } from "./cow-node.ts";
import { DiscardableTracker } from "./discardable.ts";
import { isRangePinned } from "./pin.ts";
import { locked, underLock } from "./under-lock.ts";
import { CachePolicy, ChildType, VmObject, isCachePolicy } from "./vm-object.ts";

export interface NodeBackedOptions {
  readonly node: CowNode;
  readonly childType: ChildType;
  readonly parent: VmObject | null;
  readonly policy: CachePolicy;
  readonly isResizable: boolean;
  /** What a slice shows of the node. */
  readonly slice?: PageRange;
  readonly isDiscardable?: boolean;
}

/** What an operation does to pages of a node. */
export type PageVerb<T> = (node: CowNode, page: number, count: number) => Blocking<T>;

/**
 * What an object that stands on a node is. An owner has a node of its own; a slice and a reference are
 * views of somebody else's, and what is asked of them happens there:
 *
 *     owner        [ node ................................. ]
 *     reference    [ node ................................. ]     same size, always
 *     slice              |sliceOffset [ ........ ] sizePages
 */
export abstract class NodeBackedObject extends VmObject {
  readonly node: CowNode;
  /** Page of `node` at which this object begins; 0 unless it is a slice. */
  readonly sliceOffset: number;
  /** Whether it was locked, unlocked or discarded; null unless the object is discardable. */
  readonly discardable: DiscardableTracker | null;
  readonly isResizable: boolean;
  /** What mappings of this very object contribute to the node's count of the same name (P20). */
  highPriorityCount = 0;
  private readonly slicePages: number | null;
  /** Valid while the hierarchy is of the generation beside it. */
  private attributed: AttributionCounts = NOTHING_ATTRIBUTED;
  private attributedGeneration = 0;

  protected constructor(options: NodeBackedOptions) {
    const { node, slice } = options;
    super({ ...options, system: node.system, hierarchy: node.hierarchy });
    this.node = node;
    this.sliceOffset = slice?.page ?? 0;
    this.slicePages = slice?.count ?? null;
    this.isResizable = options.isResizable;
    this.discardable = options.isDiscardable === true ? new DiscardableTracker(node) : null;
  }

  get sizePages(): number {
    return this.slicePages ?? this.node.sizePages;
  }

  get isPaged(): boolean {
    return true;
  }

  get isContiguous(): boolean {
    return this.node.kind === NodeKind.CONTIGUOUS;
  }

  get isDiscardable(): boolean {
    return this.discardable !== null;
  }

  /** Whether reclaim threw its contents away: until it is locked again there is nothing to look at. */
  get isDiscarded(): boolean {
    return this.discardable !== null && this.discardable.isDiscarded;
  }

  get isUserPagerBacked(): boolean {
    return isPagerTree(this.node);
  }

  get isDirtyTracked(): boolean {
    return this.node.isDirtyTracked;
  }

  get isSlice(): boolean {
    return this.childType === ChildType.SLICE;
  }

  /** Whether the node is, or was, another object's: slices and references are charged nothing. */
  get isView(): boolean {
    return this.isSlice || this.childType === ChildType.REFERENCE;
  }

  /** Whether its pages are kept in memory for its own sake: those of a slice also may be for its parent's. */
  get isHighPriority(): boolean {
    return (this.isSlice ? this.highPriorityCount : this.node.highPriorityCount) > 0;
  }

  attributedMemoryInRange(page: number, count: number): AttributionCounts {
    if (this.isView || page >= this.sizePages) return NOTHING_ATTRIBUTED;
    const trimmed = Math.min(count, this.sizePages - page);
    if (trimmed < this.sizePages) return attributedMemory(this.node, page, trimmed);
    if (this.attributedGeneration !== this.hierarchy.generation) {
      this.attributed = attributedMemory(this.node, page, trimmed);
      this.attributedGeneration = this.hierarchy.generation;
    }
    return this.attributed;
  }

  isRangePinned(page: number, count: number): boolean {
    if (page + count > this.sizePages) return false;
    return isRangePinned(this.node, page + this.sliceOffset, count);
  }

  /**
   * Decides how mappings are cached.
   *
   * @returns INVALID_ARGS for bits outside the policy; BAD_STATE when memory is charged to the object and the
   *   policy was not CACHED before, or when it has pinned pages, mappings, children, a parent, slices or references,
   *   or is a slice or reference itself, also of an object that is gone.
   */
  setCachePolicy(policy: number): Status {
    if (!isCachePolicy(policy)) return Status.INVALID_ARGS;
    return this.locked(() => {
      if (this.hasRelations || this.node.pinnedPageCount > 0) return Status.BAD_STATE;
      const { uncompressedBytes, compressedBytes } = this.attributedMemoryInRange(
        0,
        this.sizePages,
      );
      const isCharged = uncompressedBytes + compressedBytes > 0;
      if (isCharged && this.policy !== CachePolicy.CACHED) return Status.BAD_STATE;
      this.policy = policy;
      return Status.OK;
    });
  }

  /** Whether anybody relies on the policy as it is. */
  private get hasRelations(): boolean {
    const isRelated = this.parent !== null || this.children.size > 0;
    return isRelated || this.isView || this.mappings.size > 0;
  }

  /** The pages that a range of bytes touches, in this object; OUT_OF_RANGE unless all of it is inside. */
  protected touched(offset: bigint, length: bigint): PageRangeResult {
    return pagesTouched(offset, length, this.sizePages);
  }

  /** The same for a range that must be page aligned: INVALID_ARGS before all else. */
  protected aligned(offset: bigint, length: bigint): PageRangeResult {
    return wholePages(offset, length, this.sizePages);
  }

  /** Where a range of this object begins in the node. */
  protected nodePage({ page }: PageRange): number {
    return page + this.sliceOffset;
  }

  /** BAD_STATE unless the policy is CACHED: the kernel must not touch bytes that others see past the cache. */
  protected get cachedStatus(): Status {
    return this.policy === CachePolicy.CACHED ? Status.OK : Status.BAD_STATE;
  }

  /** NOT_FOUND when there are no contents to look at. */
  protected get contentStatus(): Status {
    return this.isDiscarded ? Status.NOT_FOUND : Status.OK;
  }

  /** Whether the kernel can move bytes of so many pages. */
  protected bytesStatus(pageCount: number): Status {
    return this.cachedStatus === Status.OK && pageCount > 0
      ? this.contentStatus
      : this.cachedStatus;
  }

  /** Does something that cannot wait to the pages of a page-aligned range, or answers what is wrong with it. */
  protected onAligned<T>(
    offset: bigint,
    length: bigint,
    verb: (node: CowNode, page: number, count: number) => T,
  ): T | Status {
    return this.locked(() => {
      const range = this.aligned(offset, length);
      return isRange(range) ? verb(this.node, this.nodePage(range), range.count) : range;
    });
  }

  protected locked<T>(step: () => T): T {
    return locked(this.hierarchy, step);
  }

  /** Runs an operation with the lock held, but while it waits. In progress it holds the object. */
  protected *blocking<T>(begin: () => Blocking<T>, recheck: () => Status = isFine): Blocking<T> {
    this.retain();
    try {
      const { hierarchy, system } = this;
      return yield* underLock({ hierarchy, locks: system.locks, begin, recheck });
    } finally {
      this.release();
    }
  }

  /** Does something to the pages of a range, or answers what is wrong with it. */
  protected *onPages(range: PageRangeResult, verb: PageVerb<Status>): Blocking<Status> {
    if (!isRange(range)) return range;
    return yield* verb(this.node, this.nodePage(range), range.count);
  }

  /** `onPages`, for a verb that cannot do without contents: NOT_FOUND when the object is discarded. */
  protected *onContent(range: PageRangeResult, verb: PageVerb<Status>): Blocking<Status> {
    if (!isRange(range)) return range;
    if (range.count === 0) return Status.OK;
    if (this.isDiscarded) return Status.NOT_FOUND;
    return yield* verb(this.node, this.nodePage(range), range.count);
  }
}

function isFine(): Status {
  return Status.OK;
}
