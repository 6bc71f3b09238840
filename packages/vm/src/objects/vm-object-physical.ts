import { KernelPanic, Status, type Pfn } from "@aspace/arch";
import { NOTHING_ATTRIBUTED, type AttributionCounts } from "./attribution-counts.ts";
import { finished, type Blocking, type Result } from "./blocking.ts";
import {
  addressRange,
  childRange,
  isPageAligned,
  isRange,
  pagesTouched,
  wholePages,
  type PageRange,
} from "./byte-range.ts";
import { Hierarchy } from "./hierarchy.ts";
import type { PageAccess } from "./lookup-cursor.ts";
import { Visit, type LookupVisit } from "./lookup.ts";
import type { MemorySystem } from "./memory-system.ts";
import type { SliceOptions } from "./object-children.ts";
import { locked } from "./under-lock.ts";
import { CachePolicy, ChildType, VmObject, isCachePolicy } from "./vm-object.ts";

export interface PhysicalObjectOptions {
  /** Physical address, in bytes. */
  readonly base: bigint;
  /** Bytes. */
  readonly size: bigint;
}

/**
 * An object that stands for device memory at a physical address.
 *
 * @returns INVALID_ARGS unless base and size are page aligned, the size is not 0 and the end fits 64 bits; NO_MEMORY.
 */
export function createPhysicalObject(
  system: MemorySystem,
  { base, size }: PhysicalObjectOptions,
): Result<VmObjectPhysical> {
  const frames = addressRange(base, size);
  if (!isRange(frames)) return frames;
  if (system.pmm.failures.claims()) return Status.NO_MEMORY;
  return new VmObjectPhysical({ system, frames, parent: null, policy: CachePolicy.UNCACHED });
}

interface PhysicalOptions {
  readonly system: MemorySystem;
  readonly frames: PageRange;
  readonly parent: VmObjectPhysical | null;
  readonly policy: CachePolicy;
}

/**
 * Physical addresses as an object. There is nothing to commit, copy, supply or reclaim: page n is frame `base + n`, always.
 * The frames are devices', outside RAM, and nobody owns them. What is asked for in bytes that is not answered here
 * is NOT_SUPPORTED.
 */
export class VmObjectPhysical extends VmObject {
  private readonly frames: PageRange;

  constructor({ system, frames, parent, policy }: PhysicalOptions) {
    const hierarchy = parent?.hierarchy ?? new Hierarchy(system.locks);
    const childType = parent === null ? ChildType.NOT_CHILD : ChildType.SLICE;
    super({ system, hierarchy, childType, parent, policy });
    this.frames = frames;
    parent?.retain();
  }

  get sizePages(): number {
    return this.frames.count;
  }

  get isPaged(): boolean {
    return false;
  }

  get isContiguous(): boolean {
    return true;
  }

  get isResizable(): boolean {
    return false;
  }

  get isDiscardable(): boolean {
    return false;
  }

  get isUserPagerBacked(): boolean {
    return false;
  }

  get isDirtyTracked(): boolean {
    return false;
  }

  /** Device memory is nobody's. */
  attributedMemoryInRange(_page: number, _count: number): AttributionCounts {
    return NOTHING_ATTRIBUTED;
  }

  /** Device memory does not move. */
  isRangePinned(_page: number, _count: number): boolean {
    return true;
  }

  /**
   * Decides how mappings are cached.
   *
   * @returns INVALID_ARGS for bits outside the policy; OK when it is the policy already; BAD_STATE when the object is mapped, has
   *   children or is a child.
   */
  setCachePolicy(policy: number): Status {
    if (!isCachePolicy(policy)) return Status.INVALID_ARGS;
    if (policy === this.policy) return Status.OK;
    const isUsed = this.mappings.size > 0 || this.children.size > 0;
    if (isUsed || this.childType === ChildType.SLICE) return Status.BAD_STATE;
    this.policy = policy;
    return Status.OK;
  }

  /**
   * An object for a part of the addresses, which keeps this one alive.
   *
   * @returns INVALID_ARGS unless the offset is page aligned; OUT_OF_RANGE when the size is above the largest object; INVALID_ARGS
   *   when it is 0 or not all of it is inside; NO_MEMORY.
   */
  createSlice({ offset, size, copyName }: SliceOptions): Result<VmObjectPhysical> {
    const range = childRange(offset, size);
    if (!isRange(range)) return range;
    if (range.count === 0 || range.page + range.count > this.sizePages) return Status.INVALID_ARGS;
    if (this.system.pmm.failures.claims()) return Status.NO_MEMORY;
    const frames = { page: this.frames.page + range.page, count: range.count };
    const { system, policy, hierarchy } = this;
    return locked(hierarchy, () => {
      const slice = new VmObjectPhysical({ system, frames, parent: this, policy });
      if (copyName === true) slice.setName(this.name);
      return slice;
    });
  }

  /** INVALID_ARGS when the range is empty or not page aligned; OUT_OF_RANGE unless all of it is inside; otherwise OK without doing anything. */
  pinRange(offset: bigint, length: bigint, _access: PageAccess): Blocking<Status> {
    if (length === 0n) return finished(Status.INVALID_ARGS);
    const range = wholePages(offset, length, this.sizePages);
    return finished(isRange(range) ? Status.OK : range);
  }

  unpinRange(_offset: bigint, _length: bigint): void {}

  /**
   * Shows `visit` each page of the range, in ascending order.
   *
   * @returns INVALID_ARGS when the range is empty; OUT_OF_RANGE unless all of it is inside; then what `visit` decides.
   */
  lookup(offset: bigint, length: bigint, visit: LookupVisit): Status {
    const range =
      length === 0n ? Status.INVALID_ARGS : pagesTouched(offset, length, this.sizePages);
    if (!isRange(range)) return range;
    for (let page = range.page; page < range.page + range.count; page++) {
      const answer = visit(page, this.frames.page + page);
      if (answer === Visit.STOP) return Status.OK;
      if (answer !== Visit.NEXT) return answer;
    }
    return Status.OK;
  }

  /** The frame behind `offset`; INVALID_ARGS when the range is empty or the offset not page aligned; OUT_OF_RANGE unless all of it is inside. */
  lookupContiguous(offset: bigint, length: bigint): Pfn | Status {
    if (length === 0n || !isPageAligned(offset)) return Status.INVALID_ARGS;
    const range = pagesTouched(offset, length, this.sizePages);
    return isRange(range) ? this.frames.page + range.page : range;
  }

  /** The frame behind a page, which `count - 1` others of the object follow. Panics with O-V6 unless all of them are inside. */
  frameAt(page: number, count: number): Pfn {
    if (page < 0 || count < 1 || page + count > this.sizePages) {
      throw new KernelPanic("O-V6", `pages ${page}+${count} of ${this.sizePages} physical ones`);
    }
    return this.frames.page + page;
  }

  /** There is no tree that an id could mean anything to. */
  protected identify(_id: number): void {}

  protected destroy(): void {
    const { parent } = this;
    const bereaved = locked(this.hierarchy, () => this.leaveFamily());
    bereaved?.onZeroChildren?.();
    if (parent instanceof VmObjectPhysical) parent.release();
  }
}
