import { NO_FRAME, Status } from "@aspace/arch";
import {
  Compressor,
  CowNode,
  DiscardableTracker,
  LazyPageRequest,
  LookupCursor,
  MemoryQueues,
  PageSource,
  Pmm,
  SpliceList,
  VmObjectPaged,
} from "@aspace/vm";

/** A slip that somebody could make in the objects, made on purpose. */
export interface Defect {
  /** What goes wrong, as a sentence. */
  readonly name: string;
  /** Rules that may be seen broken first. */
  readonly rules: RegExp;
  /** Makes it; call what it answers to take it back. */
  readonly plant: () => () => void;
}

/** Puts something in the place of a method of all objects of a class. */
function replaced<T extends object, K extends keyof T>(
  prototype: T,
  name: K,
  replacement: (original: T[K]) => T[K],
): () => () => void {
  return () => {
    const original = prototype[name];
    prototype[name] = replacement(original);
    return () => void (prototype[name] = original);
  };
}

/** For tests of the oracles (F-11, F-14): each must be found by the seed corpus or by a few random programs. */
export const DEFECTS: readonly Defect[] = [
  {
    name: "a copied page is not copied",
    rules: /^P9$/,
    plant: replaced(Pmm.prototype, "copy", () => () => {}),
  },
  {
    name: "a new page of zeroes shows what was there before",
    rules: /^(?:P9|F-14)$/,
    plant: replaced(Pmm.prototype, "zero", () => () => {}),
  },
  {
    name: "nobody counts who shares a page",
    rules: /^P6$/,
    plant: replaced(CowNode.prototype, "setShareCountOf", () => () => {}),
  },
  {
    name: "a page that moves does not know where to",
    rules: /^P\d+$/,
    plant: replaced(
      CowNode.prototype,
      "moveSlot",
      (moveSlot) =>
        function (this: CowNode, page, to, toPage) {
          moveSlot.call(this, page, to, toPage);
          this.system.pmm.pages.offset.fill(0);
        },
    ),
  },
  {
    name: "the generation stands still",
    rules: /^P8$/,
    plant: replaced(CowNode.prototype, "changed", () => () => {}),
  },
  {
    name: "a frame that leaves a slot is not freed",
    rules: /^P[13]$/,
    plant: replaced(
      CowNode.prototype,
      "freeSlot",
      (freeSlot) =>
        function (this: CowNode, page, left) {
          const { pmm } = this.system;
          const { free } = pmm;
          pmm.free = () => {};
          freeSlot.call(this, page, left);
          pmm.free = free;
        },
    ),
  },
  {
    name: "what is in a splice list is not freed",
    rules: /^P[13]$/,
    plant: replaced(SpliceList.prototype, "free", () => () => {}),
  },
  {
    name: "supplied pages wake nobody",
    rules: /^P1[78]$/,
    plant: replaced(PageSource.prototype, "onPagesSupplied", () => () => {}),
  },
  {
    name: "a page that may be dirty now wakes nobody",
    rules: /^P1[78]$/,
    plant: replaced(PageSource.prototype, "onPagesDirtied", () => () => {}),
  },
  {
    name: "a failure reaches only who waits for its first page",
    rules: /^P1[78]$/,
    plant: replaced(
      PageSource.prototype,
      "onPagesFailed",
      (onPagesFailed) =>
        function (this: PageSource, page, _count, status) {
          onPagesFailed.call(this, page, 1, status);
        },
    ),
  },
  {
    name: "who gives up waiting is still waited for",
    rules: /^(?:P1[78]|STATUS)$/,
    plant: replaced(LazyPageRequest.prototype, "cancel", () => () => {}),
  },
  {
    name: "every page that is looked up may be written",
    rules: /^P14$/,
    plant: replaced(
      LookupCursor.prototype,
      "requirePage",
      (requirePage) =>
        function (this: LookupCursor, access, maxPages, request) {
          const status = requirePage.call(this, access, maxPages, request);
          if (status === Status.OK) this.isWritable = true;
          return status;
        },
    ),
  },
  {
    name: "a page that is not there is shown as the page of zeroes",
    rules: /^P1[34]$/,
    plant: replaced(
      LookupCursor.prototype,
      "maybePage",
      (maybePage) =>
        function (this: LookupCursor, access) {
          const frame = maybePage.call(this, access);
          return frame === NO_FRAME ? 0 : frame;
        },
    ),
  },
  {
    name: "whatever is compressed is taken for zero",
    rules: /^P(?:9|11)$/,
    plant: replaced(Compressor.prototype, "compress", () => () => -1),
  },
  {
    name: "what is locked is discarded all the same",
    rules: /^P19$/,
    plant: replaced(DiscardableTracker.prototype, "discard", () => () => true),
  },
  {
    name: "a page stays in its queue, whatever becomes of it",
    rules: /^P2$/,
    plant: replaced(MemoryQueues.prototype, "move", () => () => {}),
  },
  {
    name: "an object grows when it should shrink",
    rules: /^(?:STATUS|P12)$/,
    plant: replaced(
      VmObjectPaged.prototype,
      "resize",
      (resize) =>
        function (this: VmObjectPaged, size) {
          return resize.call(this, size === 0x1000n ? 0x2000n : size);
        },
    ),
  },
];
