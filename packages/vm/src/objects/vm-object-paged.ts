import { KernelPanic, Status, type Pfn } from "@aspace/arch";
import { setAttributionId } from "./attribution.ts";
import type { Blocking, Result } from "./blocking.ts";
import { bytesOf, isPageAligned, isRange, positionOf, roundSize } from "./byte-range.ts";
import { commitRange } from "./commit.ts";
import type { CowNode } from "./cow-node.ts";
import { decommitRange, decommitSupport } from "./decommit.ts";
import { detachSource } from "./detach.ts";
import { dirtyPages } from "./dirty-pages.ts";
import { enumerateDirtyRanges, type DirtyRange } from "./dirty-ranges.ts";
import type { DiscardableTracker } from "./discardable.ts";
import { dumpObject } from "./dump.ts";
import { failPageRequests, isFailureCode } from "./fail-requests.ts";
import { hintAlwaysNeed, hintDontNeed } from "./hint.ts";
import { LookupCursor, type PageAccess } from "./lookup-cursor.ts";
import { lookupContiguous, lookupPages, type LookupVisit } from "./lookup.ts";
import { changeHighPriorityCount, commitHighPriorityPages } from "./memory-priority.ts";
import { NodeBackedObject, type NodeBackedOptions } from "./node-backed-object.ts";
import {
  createClone,
  createReference,
  createSlice,
  type CloneOptions,
  type ReferenceOptions,
  type SliceOptions,
} from "./object-children.ts";
import { pinRange, unpinRange } from "./pin.ts";
import { resizeNode } from "./resize.ts";
import type { SpliceList } from "./splice-list.ts";
import { supplyPages } from "./supply.ts";
import { takePages } from "./take.ts";
import { tearDownIfUnused } from "./teardown.ts";
import { readBytes, writeBytes, type BytePosition, type Transfer } from "./transfer.ts";
import { validateObject } from "./validate.ts";
import { Hint, type VmObject } from "./vm-object.ts";
import { writebackBegin, writebackEnd, type WritebackKind } from "./writeback.ts";
import { zeroRange } from "./zero.ts";

export interface VmObjectPagedOptions extends NodeBackedOptions {
  /** Every page is pinned once, from before the object begins to its end. */
  readonly isAlwaysPinned?: boolean;
}

/** What `lockRange` found. */
export interface DiscardedMemory {
  /** The size, when everything was discarded and is zero now; else 0. */
  readonly discardedBytes: bigint;
}

/**
 * An object made of pages, as its users see it.
 *
 * This is the edge between bytes and pages: arguments are checked in the order that each method documents, converted, and
 * given to the verb in the file of its name. Nothing has changed when a check refuses. Offsets, lengths and sizes are bytes,
 * unsigned 64-bit, where they are `bigint`s, and pages where they are `number`s. An operation in progress holds the object.
 */
export class VmObjectPaged extends NodeBackedObject {
  private readonly isAlwaysPinned: boolean;

  constructor(options: VmObjectPagedOptions) {
    super(options);
    this.isAlwaysPinned = options.isAlwaysPinned === true;
    const { node } = this;
    if (this.isView) {
      node.views.add(this);
      node.changed();
      return;
    }
    node.object = this;
  }

  /**
   * Gives the object pages of its own for every page that the range touches; on a clone that copies.
   *
   * @returns OUT_OF_RANGE unless all of the range is inside; OK when it is empty; NOT_FOUND when the object is discarded;
   *   then as `commitRange` of commit.ts. A shrink meanwhile ends it with OK.
   */
  override commitRange(offset: bigint, length: bigint): Blocking<Status> {
    const begin = (): Blocking<Status> => this.onContent(this.touched(offset, length), commitRange);
    return this.blocking(begin, () => this.contentStatus);
  }

  /**
   * Commits the pages that the range touches, and keeps them where they are until `unpinRange`.
   *
   * @returns INVALID_ARGS when the range is empty; OUT_OF_RANGE unless all of it is inside; NOT_FOUND when the
   *   object is discarded; then as `pinRange` of pin.ts: all pages are pinned or none.
   */
  override pinRange(offset: bigint, length: bigint, access: PageAccess): Blocking<Status> {
    return this.blocking(
      () => {
        const range = length === 0n ? Status.INVALID_ARGS : this.touched(offset, length);
        return this.onContent(range, (node, page, count) => pinRange(node, page, count, access));
      },
      () => this.contentStatus,
    );
  }

  /** Undoes one `pinRange` of the very same range. Panics with P15 when there was none. */
  override unpinRange(offset: bigint, length: bigint): void {
    const range = this.touched(offset, length);
    if (!isRange(range) || length === 0n) {
      throw new KernelPanic("P15", "a range is unpinned that cannot be pinned");
    }
    this.locked(() => unpinRange(this.node, this.nodePage(range), range.count));
  }

  /**
   * Gives back what is stored in a range, which then is zero.
   *
   * @returns NOT_SUPPORTED when contiguous; OUT_OF_RANGE unless all of the range is inside; OK when it is empty;
   *   NOT_SUPPORTED when the node has a parent, as it also has after it was cloned, or a pager; INVALID_ARGS unless
   *   offset and length are page aligned; BAD_STATE when a page of the range is pinned.
   */
  override decommitRange(offset: bigint, length: bigint): Status {
    return this.locked(() => {
      if (this.isContiguous) return Status.NOT_SUPPORTED;
      const range = this.touched(offset, length);
      if (!isRange(range)) return range;
      if (length === 0n) return Status.OK;
      const support = decommitSupport(this.node);
      if (support !== Status.OK) return support;
      if (!isPageAligned(offset) || !isPageAligned(length)) return Status.INVALID_ARGS;
      return decommitRange(this.node, this.nodePage(range), range.count);
    });
  }

  /**
   * Makes every byte of a range zero, and frees pages for that where it can.
   *
   * @returns BAD_STATE unless the policy is CACHED; OUT_OF_RANGE unless all of the range is inside, both also after a
   *   wait; then as `zeroRange` of zero.ts. What was zeroed before a failure stays zero.
   */
  override zeroRange(offset: bigint, length: bigint): Blocking<Status> {
    return this.blocking(() => this.zero(offset, length));
  }

  /**
   * Fills `into` with the bytes from `offset` on.
   *
   * Ends in OUT_OF_RANGE unless all of the range is inside; BAD_STATE unless the policy is CACHED; OK when the range is
   * empty; NOT_FOUND when the object is discarded; then as `readBytes` of transfer.ts.
   */
  override read(offset: bigint, into: Uint8Array): Blocking<Transfer> {
    return this.blocking(
      () => this.transfer(offset, into, readBytes),
      () => this.bytesStatus(1),
    );
  }

  /** Stores all of `from` at `offset`. Ends as `read` does. */
  override write(offset: bigint, from: Uint8Array): Blocking<Transfer> {
    return this.blocking(
      () => this.transfer(offset, from, writeBytes),
      () => this.bytesStatus(1),
    );
  }

  /**
   * Changes the size, rounded up to pages. What a shrink cuts off is gone: growing again shows zero.
   *
   * @returns UNAVAILABLE unless resizable; OUT_OF_RANGE above the largest object; then as `resizeNode` of resize.ts.
   */
  override resize(size: bigint): Status {
    return this.locked(() => this.resizeLocked(size));
  }

  /**
   * `resize`, and makes zero what lies behind the last byte in its page. Ends as `resize` does, but first in BAD_STATE
   * when there is something to make zero and the policy is not CACHED; or as `zeroRange`, with the size changed.
   */
  override setSize(size: bigint): Blocking<Status> {
    return this.blocking(() => this.settle(size));
  }

  /**
   * Shows `visit` each page of the object's own in the range, in ascending order. Pages count from the object's start.
   *
   * @returns INVALID_ARGS when the range is empty; OUT_OF_RANGE unless all of it is inside; then what `visit` decides.
   */
  override lookup(offset: bigint, length: bigint, visit: LookupVisit): Status {
    return this.locked(() => {
      const range = length === 0n ? Status.INVALID_ARGS : this.touched(offset, length);
      if (!isRange(range)) return range;
      return lookupPages(this.node, this.nodePage(range), range.count, (page, frame) =>
        visit(page - this.sliceOffset, frame),
      );
    });
  }

  /**
   * The first frame behind a range that lies side by side in RAM.
   *
   * @returns INVALID_ARGS when the range is empty or not page aligned; OUT_OF_RANGE unless all of it is inside;
   *   BAD_STATE for more than a page of an object that is not contiguous; NOT_FOUND when a page is not there.
   */
  override lookupContiguous(offset: bigint, length: bigint): Pfn | Status {
    return length === 0n ? Status.INVALID_ARGS : this.onAligned(offset, length, lookupContiguous);
  }

  /**
   * Takes all content out of a range, which then is zero.
   *
   * @returns NOT_SUPPORTED when contiguous; BAD_STATE when the object has children or is a slice; INVALID_ARGS unless
   *   offset and length are page aligned; OUT_OF_RANGE unless all of the range is inside; then as `takePages` of take.ts.
   */
  takePages(offset: bigint, length: bigint): Result<SpliceList> {
    if (this.isContiguous) return Status.NOT_SUPPORTED;
    if (this.children.size > 0 || this.isSlice) return Status.BAD_STATE;
    return this.onAligned(offset, length, takePages);
  }

  /**
   * A pager gives contents to the pages from `offset` on, as many as the list has positions. The list is used up.
   *
   * @returns INVALID_ARGS unless the object is a pager's and the offset page aligned; then as `supplyPages` of supply.ts.
   */
  supplyPages(offset: bigint, list: SpliceList): Blocking<Status> {
    return this.blocking(() => this.supply(offset, list));
  }

  /**
   * A pager gives up on requests that have a page in the range.
   *
   * @returns INVALID_ARGS unless the object is a pager's, offset and length are page aligned and `failure` is one that a
   *   pager may give; OUT_OF_RANGE unless all of the range is inside.
   */
  failPageRequests(offset: bigint, length: bigint, failure: Status): Status {
    if (this.node.source === null || !isFailureCode(failure)) return Status.INVALID_ARGS;
    return this.onAligned(offset, length, (node, page, count) => {
      failPageRequests(node, page, count, failure);
      return Status.OK;
    });
  }

  /**
   * A pager lets pages become dirty.
   *
   * @returns INVALID_ARGS unless offset and length are page aligned; NOT_SUPPORTED unless the object traps dirty pages;
   *   OUT_OF_RANGE unless all of the range is inside; then as `dirtyPages` of dirty-pages.ts.
   */
  dirtyPages(offset: bigint, length: bigint): Blocking<Status> {
    return this.blocking(() => this.dirty(offset, length));
  }

  /**
   * Shows `visit` the runs of pages that the pager has yet to store, or to finish storing, in ascending order. Pages
   * count from the object's start. False ends the enumeration, with OK.
   *
   * @returns INVALID_ARGS unless offset and length are page aligned; NOT_SUPPORTED unless the object's own node has a
   *   pager; OUT_OF_RANGE unless all of the range is inside.
   */
  enumerateDirtyRanges(
    offset: bigint,
    length: bigint,
    visit: (range: DirtyRange) => boolean,
  ): Status {
    return this.locked(() => {
      const range = this.aligned(offset, length);
      if (range === Status.INVALID_ARGS) return range;
      if (!this.isDirtyTracked) return Status.NOT_SUPPORTED;
      if (!isRange(range)) return range;
      const runs = enumerateDirtyRanges(this.node, this.nodePage(range), range.count);
      runs.every((run) => visit({ ...run, page: run.page - this.sliceOffset }));
      return Status.OK;
    });
  }

  /**
   * A pager begins to store a range.
   *
   * @returns INVALID_ARGS unless offset and length are page aligned; OUT_OF_RANGE unless all of the range is inside;
   *   NOT_SUPPORTED unless the object's own node has a pager.
   */
  writebackBegin(offset: bigint, length: bigint, content: WritebackKind): Status {
    return this.onAligned(offset, length, (node, page, count) => {
      if (!node.isDirtyTracked) return Status.NOT_SUPPORTED;
      writebackBegin(node, page, count, content);
      return Status.OK;
    });
  }

  /** A pager has stored a range. Statuses are those of `writebackBegin`. */
  writebackEnd(offset: bigint, length: bigint): Status {
    return this.onAligned(offset, length, (node, page, count) => {
      if (!node.isDirtyTracked) return Status.NOT_SUPPORTED;
      writebackEnd(node, page, count);
      return Status.OK;
    });
  }

  /** A pager lets go of the object, for good. INVALID_ARGS unless the object's own node has a pager; OK also when it has done so before. */
  detachSource(): Status {
    return this.locked(() => {
      if (this.node.source === null) return Status.INVALID_ARGS;
      detachSource(this.node);
      return Status.OK;
    });
  }

  /**
   * Says how a range of a pager's object, or of a clone of one, will be used.
   *
   * @returns OK for all other objects; OUT_OF_RANGE unless all of the range is inside; otherwise OK, whatever pages could not be had.
   */
  override hintRange(offset: bigint, length: bigint, hint: Hint): Blocking<Status> {
    return this.blocking(() => this.hint(offset, length, hint));
  }

  /**
   * Keeps a discardable object from being discarded, once more. The length must be the whole size.
   *
   * @returns How many bytes have been discarded, 0 or the size; NOT_SUPPORTED unless discardable; OUT_OF_RANGE unless
   *   the range is the whole object.
   */
  lockRange(offset: bigint, length: bigint): Result<DiscardedMemory> {
    return this.onDiscardable<Result<DiscardedMemory>>(offset, length, (tracker) => ({
      discardedBytes: tracker.lock() ? 0n : length,
    }));
  }

  /** `lockRange`, but UNAVAILABLE, without a lock, when the object is discarded. */
  tryLockRange(offset: bigint, length: bigint): Status {
    return this.onDiscardable(offset, length, (tracker) => tracker.tryLock());
  }

  /** Takes back one lock. NOT_SUPPORTED, OUT_OF_RANGE as `lockRange`; BAD_STATE when the object is not locked. */
  unlockRange(offset: bigint, length: bigint): Status {
    return this.onDiscardable(offset, length, (tracker) => tracker.unlock());
  }

  /** A copy-on-write child; `createClone` of object-children.ts. */
  override createClone(options: CloneOptions): Result<VmObjectPaged> {
    return this.locked(() => createClone(this, options));
  }

  /** A child that shows a part of the object, pages and all; `createSlice` of object-children.ts. */
  override createSlice(options: SliceOptions): Result<VmObjectPaged> {
    return this.locked(() => createSlice(this, options));
  }

  /** A child that is the same memory under another identity; `createReference` of object-children.ts. */
  override createReference(options: ReferenceOptions): Result<VmObjectPaged> {
    return this.locked(() => createReference(this, options));
  }

  /** Whether content was changed since this was last asked. Always false without a pager. */
  takeModified(): boolean {
    const wasModified = this.node.modified;
    this.node.modified = false;
    return wasModified;
  }

  /** Content is changed behind the object's back, through a mapping. */
  override markModifiedLocked(): void {
    this.hierarchy.lock.assertHeld();
    if (this.isDirtyTracked) this.node.modified = true;
  }

  /**
   * A cursor over pages of the object, valid while the lock is held and nothing else changes the hierarchy. Its own page
   * numbers are those of `node`.
   *
   * @returns OUT_OF_RANGE unless there are pages in the range and all of them are inside; NOT_FOUND when discarded.
   */
  lookupCursorLocked(page: number, count: number): Result<LookupCursor> {
    this.hierarchy.lock.assertHeld();
    if (count < 1 || page + count > this.sizePages) return Status.OUT_OF_RANGE;
    if (this.isDiscarded) return Status.NOT_FOUND;
    return new LookupCursor(this.node, page + this.sliceOffset, count);
  }

  override changeHighPriorityCountLocked(delta: 1 | -1): void {
    this.hierarchy.lock.assertHeld();
    this.highPriorityCount += delta;
    changeHighPriorityCount(this.node, delta);
  }

  override commitHighPriorityPages(page: number, count: number): Blocking<void> {
    return this.blocking(() => this.commitHighPriority(page, count));
  }

  /** Panics with the first of P1..P20 that the object's hierarchy breaks. */
  validate(): void {
    validateObject(this);
  }

  /** The object and its tree as text; stable. */
  dump(): string {
    return dumpObject(this);
  }

  protected identify(id: number): void {
    if (!this.isView) this.locked(() => setAttributionId(this.node, id));
  }

  protected destroy(): void {
    const bereaved = this.locked(() => this.destroyLocked());
    bereaved?.onZeroChildren?.();
  }

  private destroyLocked(): VmObject | null {
    const { node } = this;
    if (this.isAlwaysPinned) unpinRange(node, 0, node.sizePages);
    if (this.isView) node.views.delete(this);
    else node.object = null;
    const bereaved = this.leaveFamily();
    node.changed();
    tearDownIfUnused(node);
    return bereaved;
  }

  private *supply(offset: bigint, list: SpliceList): Blocking<Status> {
    try {
      const range = this.aligned(offset, bytesOf(list.count));
      if (this.node.source === null) return Status.INVALID_ARGS;
      if (!isRange(range)) return range;
      return yield* supplyPages(this.node, this.nodePage(range), list);
    } finally {
      list.free();
    }
  }

  private *dirty(offset: bigint, length: bigint): Blocking<Status> {
    const range = this.aligned(offset, length);
    if (range === Status.INVALID_ARGS) return range;
    if (this.node.source?.trapsDirty !== true) return Status.NOT_SUPPORTED;
    if (!isRange(range)) return range;
    return yield* dirtyPages(this.node, this.nodePage(range), range.count);
  }

  private *hint(offset: bigint, length: bigint, hint: Hint): Blocking<Status> {
    if (!this.isUserPagerBacked) return Status.OK;
    const range = this.touched(offset, length);
    if (!isRange(range)) return range;
    const page = this.nodePage(range);
    if (hint === Hint.ALWAYS_NEED) return yield* hintAlwaysNeed(this.node, page, range.count);
    hintDontNeed(this.node, page, range.count);
    return Status.OK;
  }

  private *commitHighPriority(page: number, count: number): Blocking<void> {
    const end = Math.min(page + count, this.sizePages);
    if (!this.isHighPriority || this.isDiscarded || page >= end) return;
    yield* commitHighPriorityPages(this.node, page + this.sliceOffset, end - page);
  }

  private onDiscardable<T>(
    offset: bigint,
    length: bigint,
    act: (tracker: DiscardableTracker) => T,
  ): T | Status {
    const { discardable } = this;
    if (discardable === null) return Status.NOT_SUPPORTED;
    if (offset !== 0n || length !== bytesOf(this.sizePages)) return Status.OUT_OF_RANGE;
    return this.locked(() => act(discardable));
  }

  private *transfer(offset: bigint, bytes: Uint8Array, verb: TransferVerb): Blocking<Transfer> {
    const range = this.touched(offset, BigInt(bytes.length));
    const status = isRange(range) ? this.bytesStatus(range.count) : range;
    if (status !== Status.OK) return { status, bytes: 0 };
    return yield* verb(this.node, positionOf(offset, this.sliceOffset), bytes);
  }

  private *zero(offset: bigint, length: bigint): Blocking<Status> {
    if (this.cachedStatus !== Status.OK) return this.cachedStatus;
    const range = this.touched(offset, length);
    if (!isRange(range)) return range;
    const from = positionOf(offset, this.sliceOffset);
    const to = positionOf(offset + length, this.sliceOffset);
    return yield* zeroRange(this.node, from, to, () => this.cachedStatus);
  }

  private resizeLocked(size: bigint): Status {
    if (!this.isResizable) return Status.UNAVAILABLE;
    const rounded = roundSize(size);
    return isRange(rounded) ? resizeNode(this.node, rounded.count) : rounded;
  }

  /** Resizes, and zeroes the end of what is the last page then. Where the object grew that is zero already. */
  private *settle(size: bigint): Blocking<Status> {
    const before = bytesOf(this.sizePages);
    const hasTail = size < before && !isPageAligned(size);
    if (hasTail && this.isResizable && this.cachedStatus !== Status.OK) return this.cachedStatus;
    const status = this.resizeLocked(size);
    if (status !== Status.OK || !hasTail) return status;
    return yield* this.zero(size, bytesOf(this.sizePages) - size);
  }
}

/** Moves bytes between an array and a node. */
type TransferVerb = (node: CowNode, at: BytePosition, bytes: Uint8Array) => Blocking<Transfer>;
