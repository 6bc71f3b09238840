import { KernelPanic, Status, type Pfn } from "@aspace/arch";
import type { Hierarchy } from "./hierarchy.ts";
import { AnonymousReclaim, type MemorySystem } from "./memory-system.ts";
import { PageList } from "./page-list.ts";
import { Queue } from "./page-queues.ts";
import type { LazyPageRequest } from "./page-request.ts";
import type { PageSource } from "./page-source.ts";
import { DirtyState, PageState } from "./pages.ts";
import type { AllocationPolicy } from "./pmm.ts";
import {
  EMPTY_SLOT,
  SlotKind,
  pageSlot,
  slotKind,
  slotPage,
  slotReference,
  type Slot,
} from "./slot.ts";
import type { VmObjectPaged } from "./vm-object-paged.ts";

/** Where content comes from when neither a node nor its ancestors have any. */
export const NodeKind = {
  /** From nowhere: it is zero. Clones and hidden nodes are anonymous too. */
  ANONYMOUS: "anonymous",
  /** All pages are there from the start, side by side in RAM, and stay. */
  CONTIGUOUS: "contiguous",
  /** A pager supplies it; the root of its tree. */
  PAGER: "pager",
} as const;
export type NodeKind = (typeof NodeKind)[keyof typeof NodeKind];

export interface CowNodeOptions {
  readonly system: MemorySystem;
  readonly hierarchy: Hierarchy;
  readonly kind: NodeKind;
  readonly sizePages: number;
  readonly policy: AllocationPolicy;
  readonly visibility: Visibility;
  readonly source?: PageSource | null;
}

/** Visible nodes are used by objects. Hidden ones are common pasts of several, and immutable. */
export const Visibility = { VISIBLE: "visible", HIDDEN: "hidden" } as const;
export type Visibility = (typeof Visibility)[keyof typeof Visibility];

/**
 * A list of pages with a place in a copy-on-write tree. What a node does not have itself it sees in
 * its parent, through a window:
 *
 *     parent   |----------[=================]--------|
 *                         ^parentOffset
 *     node                |----------------- - - - -|
 *                         0                ^        ^sizePages
 *                                          parentLimit: from here on the node never looks up
 *
 * Units: pages everywhere.
 */
export class CowNode {
  readonly system: MemorySystem;
  readonly hierarchy: Hierarchy;
  readonly kind: NodeKind;
  readonly isHidden: boolean;
  /** Whether an allocation for this node may be told to wait for memory. */
  readonly policy: AllocationPolicy;
  readonly id: number;
  /** Only the root of a tree has one (P5). */
  readonly source: PageSource | null;
  /** Changed only through this class, so that the generation moves with it. Clones swap whole lists. */
  slots: PageList;
  sizePages: number;

  parent: CowNode | null = null;
  /** Page of the parent at which this node's page 0 lies. */
  parentOffset = 0;
  /** First page of this node for which the parent is not consulted. Invariant: at most `sizePages`; 0 without a parent. */
  parentLimit = 0;
  /** Sum of the `parentOffset`s up to the root. */
  rootParentOffset = 0;
  /** Of a hidden node exactly two: the one it was made from, then the clone. */
  readonly children: CowNode[] = [];

  /** Of a visible node: its object's id. Of a hidden one: that of one of its children (P7). */
  attributionId = 0;
  /** The object whose own node this is; null once it died, and in hidden nodes. */
  object: VmObjectPaged | null = null;
  /** Slices and references: objects that use the node without owning it. */
  readonly views: Set<VmObjectPaged> = new Set();

  /** Pins, not pinned pages (P15). */
  pinnedPageCount = 0;
  /** Mappings with high priority, plus children whose own count is not 0 (P20). */
  highPriorityCount = 0;
  everPinned = false;
  /** Whether content changed since a stats query last reset it. */
  modified = false;
  /** Pages that reclaim took from this node. */
  reclamationEvents = 0;

  constructor(options: CowNodeOptions) {
    this.system = options.system;
    this.hierarchy = options.hierarchy;
    this.kind = options.kind;
    this.isHidden = options.visibility === Visibility.HIDDEN;
    this.policy = options.policy;
    this.source = options.source ?? null;
    this.sizePages = options.sizePages;
    this.id = options.system.takeNodeId();
    this.slots = new PageList(options.system.pmm.failures);
  }

  /** Whether pages of this node are clean or dirty: only a pager wants to know. */
  get isDirtyTracked(): boolean {
    return this.source !== null;
  }

  /** Whether nobody needs the node any more. */
  get isUnused(): boolean {
    return this.object === null && this.views.size === 0 && this.children.length === 0;
  }

  /** Something that attribution or contents depend on has changed. */
  changed(): void {
    this.hierarchy.generation++;
  }

  get(page: number): Slot {
    return this.slots.get(page);
  }

  /**
   * A frame for this node, or why there is none: NO_MEMORY, or SHOULD_WAIT with `request` bound to
   * the return of memory. The frame is ALLOC and its contents are anything.
   */
  allocate(request: LazyPageRequest): Pfn | Status {
    const { pmm } = this.system;
    const frame = pmm.allocate(this.policy);
    if (frame === Status.SHOULD_WAIT) pmm.waitForMemory(request);
    return frame;
  }

  /** Puts something that holds no frame into a slot, or empties it. What was there is the caller's. */
  setSlot(page: number, slot: Slot): void {
    this.slots.set(page, slot);
    this.changed();
  }

  /** Puts a frame into an empty slot, Marker or interval: ALLOC becomes OBJECT, queued by the table in `queueFor`. */
  insertPage(page: number, frame: Pfn, dirtyState: DirtyState): void {
    const { pages } = this.system.pmm;
    if (pages.state[frame]! !== PageState.ALLOC) {
      throw new KernelPanic(
        "P1",
        `frame ${frame} enters node ${this.id} but is not held by anyone`,
      );
    }
    pages.state[frame] = PageState.OBJECT;
    pages.dirtyState[frame] = dirtyState;
    pages.shareCount[frame] = 0;
    pages.alwaysNeed[frame] = 0;
    pages.node[frame] = this;
    pages.offset[frame] = page;
    this.setSlot(page, pageSlot(frame));
    this.system.queues.enter(frame, this.queueFor(frame));
  }

  /** Takes the frame out of a slot, which becomes `left`: OBJECT becomes ALLOC, in no queue. Panics with P15 when pinned. */
  removePage(page: number, left: Slot): Pfn {
    const frame = slotPage(this.get(page));
    const { pages } = this.system.pmm;
    if (pages.pinCount[frame]! > 0) {
      throw new KernelPanic("P15", `page ${page} of node ${this.id} is pinned and cannot go`);
    }
    this.system.queues.leave(frame);
    pages.state[frame] = PageState.ALLOC;
    pages.node[frame] = null;
    this.setSlot(page, left);
    return frame;
  }

  /** Frees whatever a slot holds; it becomes `left`. */
  freeSlot(page: number, left: Slot): void {
    const slot = this.get(page);
    const kind = slotKind(slot);
    if (kind === SlotKind.PAGE) {
      this.system.pmm.free(this.removePage(page, left));
      return;
    }
    if (kind === SlotKind.REFERENCE) this.system.compressor.free(slotReference(slot));
    if (slot !== left) this.setSlot(page, left);
  }

  /** Moves an entry to an empty slot or Marker of another node of the tree: a frame keeps everything but its place. */
  moveSlot(page: number, to: CowNode, toPage: number): void {
    const slot = this.get(page);
    this.setSlot(page, EMPTY_SLOT);
    to.setSlot(toPage, slot);
    if (slotKind(slot) !== SlotKind.PAGE) return;
    const frame = slotPage(slot);
    const { pages } = this.system.pmm;
    pages.node[frame] = to;
    pages.offset[frame] = toPage;
    if (this.highPriorityCount > 0 !== to.highPriorityCount > 0) to.requeue(frame);
  }

  /** How many other leaves see an entry of this hidden node (P6). */
  shareCountOf(slot: Slot): number {
    return slotKind(slot) === SlotKind.PAGE
      ? this.system.pmm.pages.shareCount[slotPage(slot)]!
      : this.system.compressor.shareCount(slotReference(slot));
  }

  setShareCountOf(slot: Slot, count: number): void {
    if (slotKind(slot) === SlotKind.PAGE) this.system.pmm.pages.shareCount[slotPage(slot)] = count;
    else this.system.compressor.setShareCount(slotReference(slot), count);
  }

  /** Files a frame of this node anew after something that decides its queue has changed. */
  requeue(frame: Pfn): void {
    this.system.queues.move(frame, this.queueFor(frame));
  }

  /**
   * The queue that a frame of this node belongs in. Events put it elsewhere for a while: a fresh
   * zero page, a hint that it is not needed, a compression that failed.
   */
  queueFor(frame: Pfn): Queue {
    const { pages } = this.system.pmm;
    if (pages.pinCount[frame]! > 0 || this.kind === NodeKind.CONTIGUOUS) return Queue.WIRED;
    if (this.isDirtyTracked) {
      if (pages.dirtyState[frame]! !== DirtyState.CLEAN) return Queue.PAGER_BACKED_DIRTY;
      return this.highPriorityCount > 0 ? Queue.HIGH_PRIORITY : Queue.RECLAIM;
    }
    if (this.system.anonymousReclaim === AnonymousReclaim.OFF) return Queue.ANONYMOUS;
    return this.highPriorityCount > 0 ? Queue.HIGH_PRIORITY : Queue.RECLAIM;
  }
}

/** The root of a node's tree. */
export function rootOf(node: CowNode): CowNode {
  let root = node;
  while (root.parent !== null) root = root.parent;
  return root;
}

/** Whether a pager supplies the tree's content, which a clone inherits. */
export function isPagerTree(node: CowNode): boolean {
  return rootOf(node).source !== null;
}
