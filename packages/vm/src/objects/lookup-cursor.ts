import { KernelPanic, NO_FRAME, Status, type Pfn } from "@aspace/arch";
import type { CowNode } from "./cow-node.ts";
import { decompressSlot } from "./compression.ts";
import { markDirty } from "./dirty-state.ts";
import { ZeroFork, forkPage, forkZero } from "./fork.ts";
import type { LazyPageRequest } from "./page-request.ts";
import { DirtyState } from "./pages.ts";
import { Resolution, resolve } from "./resolve.ts";
import { EMPTY_SLOT, MARKER_SLOT, SlotKind, slotKind, slotPage } from "./slot.ts";

/** What somebody is going to do with a page. */
export const PageAccess = { READ: "read", WRITE: "write" } as const;
export type PageAccess = (typeof PageAccess)[keyof typeof PageAccess];

/**
 * Walks over pages of a node and says for each which frame stands behind it, making one if need be.
 *
 *     node    |- - - - [====== window ======] - - -|
 *                          ^page: what the next call is about
 *
 * `require...` insists: it copies, decompresses, allocates and asks the pager. OK leaves the answer in
 * `frame` and `isWritable` and steps to the next page; any other status leaves the cursor where it is.
 * `maybePage`, `ifExistPages` and `skipMissingPages` take what is there and change no content.
 *
 * Good for as long as nobody else changes the hierarchy, so never across a wait. Every call resolves
 * anew, and pages cost the host no allocation. Calls that would leave the window panic with O-C1.
 */
export class LookupCursor {
  /** The frame of the page that the last `require...` stepped over: the page of zeroes at times, when it was only to be read. */
  frame: Pfn = NO_FRAME;
  /**
   * Whether that frame may be written, without another question, until mappings are told of a change: it
   * belongs to the node, nobody shares it, and no pager wants to hear of it (P14).
   */
  isWritable = false;
  private readonly node: CowNode;
  private at: number;
  private readonly end: number;
  private readonly found: Resolution;
  private zeroFork: ZeroFork = ZeroFork.SCAN;
  private marksAccessed = true;

  /** For pages `[page, page + count)` of a visible node: at least one, and all of them inside. */
  constructor(node: CowNode, page: number, count: number) {
    if (page < 0 || count < 1 || page + count > node.sizePages) {
      throw new KernelPanic("O-C1", `a cursor for ${page}+${count} of ${node.sizePages} pages`);
    }
    this.node = node;
    this.at = page;
    this.end = page + count;
    this.found = new Resolution(node);
  }

  /** The page that the next call is about. */
  get page(): number {
    return this.at;
  }

  /** Pages of the window from there on. */
  get remaining(): number {
    return this.end - this.at;
  }

  /** New pages of zeroes are here to stay: nobody need look whether they are still zero. */
  disableZeroFork(): void {
    this.zeroFork = ZeroFork.ORDINARY;
  }

  /** Looking does not count as use. What was read to make a copy still counts. */
  disableMarkAccessed(): void {
    this.marksAccessed = false;
  }

  /**
   * The frame to read the page from, or one to write it to.
   *
   * A wait asks for at most `maxPages`, which must be inside the window.
   *
   * @returns OK; NO_MEMORY or BAD_STATE (the pager is gone), with contents as they were; SHOULD_WAIT with
   *   `request` bound, to be tried again after the wait. A page may have been decompressed in any case.
   */
  requirePage(access: PageAccess, maxPages: number, request: LazyPageRequest): Status {
    if (access === PageAccess.WRITE) return this.requireOwnedPage(access, maxPages, request);
    const status = this.look(maxPages, request);
    if (status !== Status.OK) return status;
    const { slot, node: owner } = this.found;
    if (slotKind(slot) === SlotKind.PAGE) {
      const frame = slotPage(slot);
      return this.give(frame, owner === this.node && !this.isUnannounced(frame));
    }
    if (this.isAbsent()) return this.requestContent(maxPages, request);
    return this.give(this.node.system.pmm.zeroPage, false);
  }

  /**
   * The node's own page, made if it has none; with WRITE one that may be written. Statuses are those of
   * `requirePage`.
   *
   * Where no pager traps dirty pages, WRITE makes dirty up to `maxPages` pages that are there, not only the one.
   */
  requireOwnedPage(access: PageAccess, maxPages: number, request: LazyPageRequest): Status {
    const status = this.look(maxPages, request);
    if (status !== Status.OK) return status;
    const { node, found } = this;
    if (this.isAbsent()) return this.requestContent(maxPages, request);
    if (slotKind(found.slot) !== SlotKind.PAGE) return this.ownZero(access, maxPages, request);
    if (found.node !== node) return this.giveNew(forkPage(node, this.at, found, request), true);
    const frame = slotPage(found.slot);
    if (!this.isUnannounced(frame)) return this.give(frame, true);
    if (access === PageAccess.READ) return this.give(frame, false);
    if (this.trapsDirty()) return this.requestDirty(maxPages, request);
    this.dirtyRun(maxPages);
    return this.give(frame, true);
  }

  /**
   * The page's frame if it is there to be used as it is, else NO_FRAME; steps to the next page either way.
   * To be read: any page, also an ancestor's. To be written: the node's own, unless a pager tracks it.
   */
  maybePage(access: PageAccess): Pfn {
    this.assertInside(1);
    const { slot } = resolve(this.node, this.at, this.found);
    const frame = this.isUsable(access) ? slotPage(slot) : NO_FRAME;
    if (frame !== NO_FRAME && this.marksAccessed) this.node.system.queues.markAccessed(frame);
    this.at++;
    return frame;
  }

  /**
   * Writes the frames of the next pages to `out`, from index `at` on, and steps over them: those that are
   * usable as `maybePage` says and lie side by side in one node, at most `max`.
   *
   * @returns How many. None while accesses are marked.
   */
  ifExistPages(access: PageAccess, max: number, out: Float64Array, at: number): number {
    this.assertInside(max);
    const { node: owner, page } = resolve(this.node, this.at, this.found);
    if (this.marksAccessed || !this.isUsable(access)) return 0;
    const limit = throughRun(this.node, this.at, owner, max);
    let run = 0;
    for (; run < limit; run++) {
      const slot = owner.get(page + run);
      if (slotKind(slot) !== SlotKind.PAGE) break;
      out[at + run] = slotPage(slot);
    }
    this.at += run;
    return run;
  }

  /**
   * Steps over pages for which nothing at all is known, not even that they are zero, as far as that is
   * easy to tell. What follows may be more of the same.
   *
   * @returns How many.
   */
  skipMissingPages(): number {
    this.assertInside(1);
    resolve(this.node, this.at, this.found);
    const run = this.emptyRun(this.remaining);
    this.at += run;
    return run;
  }

  /** Resolves the page into `found`, decompressed. */
  private look(maxPages: number, request: LazyPageRequest): Status {
    this.assertInside(maxPages);
    const { node, found } = this;
    resolve(node, this.at, found);
    if (slotKind(found.slot) !== SlotKind.REFERENCE) return Status.OK;
    const frame = decompressSlot(found.node, found.page, request);
    if (frame < 0) return frame as Status;
    resolve(node, this.at, found);
    return Status.OK;
  }

  /** A page of its own where the node shows zero. */
  private ownZero(access: PageAccess, maxPages: number, request: LazyPageRequest): Status {
    const { node, found } = this;
    if (!node.isDirtyTracked) return this.giveZero(DirtyState.UNTRACKED, request);
    // The pager knows of a marker and the page may be clean; an interval it has yet to store.
    if (access === PageAccess.READ && found.slot === MARKER_SLOT) {
      return this.giveZero(DirtyState.CLEAN, request);
    }
    if (this.trapsDirty()) return this.requestDirty(maxPages, request);
    return this.giveZero(DirtyState.DIRTY, request);
  }

  private giveZero(dirtyState: DirtyState, request: LazyPageRequest): Status {
    const frame = forkZero(this.node, this.at, dirtyState, this.zeroFork, request);
    return this.giveNew(frame, dirtyState !== DirtyState.CLEAN);
  }

  private giveNew(frame: Pfn | Status, isWritable: boolean): Status {
    return frame < 0 ? (frame as Status) : this.give(frame, isWritable);
  }

  private give(frame: Pfn, isWritable: boolean): Status {
    this.frame = frame;
    this.isWritable = isWritable;
    this.at++;
    if (this.marksAccessed) this.node.system.queues.markAccessed(frame);
    return Status.OK;
  }

  private requestContent(maxPages: number, request: LazyPageRequest): Status {
    const { node: owner, page } = this.found;
    return owner.source!.getPages(page, this.emptyRun(maxPages), request);
  }

  /** Asks leave to write for as many pages as need it. Those that might be evicted meanwhile count as used. */
  private requestDirty(maxPages: number, request: LazyPageRequest): Status {
    const { node, at } = this;
    let run = 0;
    for (; run < maxPages; run++) {
      const slot = node.get(at + run);
      if (slot === EMPTY_SLOT) break;
      if (slotKind(slot) !== SlotKind.PAGE) continue;
      if (!this.isUnannounced(slotPage(slot))) break;
      node.system.queues.markAccessed(slotPage(slot));
    }
    return node.source!.requestDirtyTransition(at, run, request);
  }

  /** Makes dirty the pages that are there, from this one on. */
  private dirtyRun(maxPages: number): void {
    const { node, at } = this;
    for (let page = at; page < at + maxPages; page++) {
      if (slotKind(node.get(page)) !== SlotKind.PAGE) return;
      markDirty(node, page);
    }
  }

  /** Whether what was found is nothing, and only a pager knows better. */
  private isAbsent(): boolean {
    return this.found.slot === EMPTY_SLOT && this.found.node.source !== null;
  }

  private isUsable(access: PageAccess): boolean {
    const { node, found } = this;
    if (slotKind(found.slot) !== SlotKind.PAGE) return false;
    return access === PageAccess.READ || (found.node === node && !node.isDirtyTracked);
  }

  /** Whether a page of this node has to become dirty before it is written. */
  private isUnannounced(frame: Pfn): boolean {
    const { node } = this;
    return node.isDirtyTracked && node.system.pmm.pages.dirtyState[frame] !== DirtyState.DIRTY;
  }

  private trapsDirty(): boolean {
    return this.node.source!.trapsDirty;
  }

  /** How many pages from here on, at most `count`, are empty in the owner of the one found: 0 if that is not. */
  private emptyRun(count: number): number {
    const { node: owner, page } = this.found;
    const limit = page + throughRun(this.node, this.at, owner, count);
    return owner.slots.nextPopulated(page, limit) - page;
  }

  private assertInside(count: number): void {
    if (count >= 1 && count <= this.remaining) return;
    throw new KernelPanic(
      "O-C1",
      `${count} pages at ${this.at} of a window that ends at ${this.end}`,
    );
  }
}

/**
 * How many pages from `page` on, at most `count`, a node sees in the same owner: no window on the way up
 * ends and no node below the owner has content of its own.
 */
function throughRun(node: CowNode, page: number, owner: CowNode, count: number): number {
  let run = count;
  for (let at = node, atPage = page; at !== owner && at.parent !== null; at = at.parent) {
    run = Math.min(run, at.parentLimit - atPage);
    run = at.slots.nextPopulated(atPage, atPage + run) - atPage;
    atPage += at.parentOffset;
  }
  return run;
}
