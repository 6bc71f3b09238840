import { describe, expect, it } from "vitest";
import { panicRule } from "../../test/bare-machine.ts";
import {
  anonymousNode,
  createSmallSystem,
  fillPage,
  pagerNode,
  run,
  valueAt,
} from "../../test/small-system.ts";
import {
  chargedPages,
  cloneOf,
  contents,
  frameAt,
  objectOf,
  sharesAt,
  watch,
} from "../../test/small-tree.ts";
import { setAttributionId } from "./attribution.ts";
import { CloneKind } from "./clone.ts";
import { beginCompression, compressPage, finishCompression } from "./compression.ts";
import type { CowNode } from "./cow-node.ts";
import { changeHighPriorityCount } from "./memory-priority.ts";
import { AnonymousReclaim } from "./memory-system.ts";
import { LazyPageRequest } from "./page-request.ts";
import { PageSource } from "./page-source.ts";
import { Queue } from "./page-queues.ts";
import { resizeNode } from "./resize.ts";
import { MARKER_SLOT, SlotKind, slotKind } from "./slot.ts";
import { tearDownIfUnused } from "./teardown.ts";
import { UserPager } from "./user-pager.ts";
import { validateSystem } from "./validate.ts";
import { zeroPages } from "./zero.ts";

const { SNAPSHOT_AT_LEAST_ON_WRITE, SNAPSHOT_MODIFIED } = CloneKind;

describe("tearDownIfUnused", () => {
  it("frees everything a node has (O-T20, P3)", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 40);
    for (const page of [0, 17, 39]) fillPage(node, page, 1);
    system.compressor.arm();
    compressPage(node, 17);
    system.compressor.disarm();
    tearDownIfUnused(node);
    expect(system.pmm.liveCount).toBe(0);
    expect(system.compressor.liveCount).toBe(0);
    validateSystem(system, []);
  });

  it("leaves a node alone that an object, a slice or a clone needs (O-T20)", () => {
    const { system } = createSmallSystem();
    const owned = anonymousNode(system, 1);
    fillPage(owned, 0, 1);
    objectOf(owned);
    tearDownIfUnused(owned);
    const viewed = anonymousNode(system, 1);
    fillPage(viewed, 0, 2);
    viewed.views.add(objectOf(owned));
    tearDownIfUnused(viewed);
    const root = pagerNode(system, 1);
    fillPage(root, 0, 3);
    cloneOf(root, { kind: SNAPSHOT_MODIFIED });
    tearDownIfUnused(root);
    expect([owned, viewed, root].map((node) => valueAt(node, 0))).toEqual([1, 2, 3]);
  });

  it("ends ancestors that only it had kept, up to one that is needed (O-T20)", () => {
    const { system } = createSmallSystem();
    const root = pagerNode(system, 2);
    const kind = SNAPSHOT_AT_LEAST_ON_WRITE;
    const nodes = [root];
    for (let depth = 0; depth < 3; depth++) {
      fillPage(nodes.at(-1)!, 0, depth);
      nodes.push(cloneOf(nodes.at(-1)!, { kind }));
    }
    const [, first, second, third] = nodes as [CowNode, CowNode, CowNode, CowNode];
    objectOf(first);
    tearDownIfUnused(second);
    tearDownIfUnused(third);
    expect(first.children.length).toBe(0);
    expect(root.children.length).toBe(1);
    expect(system.pmm.liveCount).toBe(2);
    first.object = null;
    tearDownIfUnused(first);
    expect(system.pmm.liveCount).toBe(0);
    validateSystem(system, []);
  });

  it("closes the source of a root, once nobody looks at it any more (O-T20, P17)", () => {
    const { system } = createSmallSystem();
    const pager = new UserPager();
    const source = pager.createSource({ key: 5, trapsDirty: true });
    const root = pagerNode(system, 2, source);
    const request = new LazyPageRequest();
    source.getPages(0, 1, request);
    const clone = cloneOf(root, { kind: SNAPSHOT_MODIFIED });
    tearDownIfUnused(root);
    expect(source.isDetached).toBe(false);
    tearDownIfUnused(clone);
    expect(source.isDetached).toBe(true);
    expect(request.isOutstanding).toBe(false);
    expect(source).toBeInstanceOf(PageSource);
  });

  it("panics when the node still has priority (O-T20, P20)", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 1);
    changeHighPriorityCount(node, 1);
    expect(panicRule(() => tearDownIfUnused(node))).toBe("P20");
  });
});

describe("merging a hidden node into the child that is left", () => {
  it("moves what the child sees, with its frames, into its pages (O-T21)", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 6);
    for (const page of [1, 2, 3, 5]) fillPage(node, page, page);
    const clone = cloneOf(node, { page: 1, count: 4 });
    fillPage(clone, 1, 20);
    const log = watch(clone);
    const frame = frameAt(clone.parent!, 3);
    tearDownIfUnused(node);
    expect(contents(clone)).toEqual([1, 20, 3, 0]);
    expect(frameAt(clone, 2)).toBe(frame);
    expect(system.pmm.pages.offset[frame]).toBe(2);
    expect([clone.parent, clone.parentLimit]).toEqual([null, 0]);
    expect(system.pmm.liveCount).toBe(3);
    expect(log.told).toEqual([]);
    validateSystem(system, [clone]);
  });

  it("moves references with their share counts (O-T21, P6)", () => {
    const { system } = createSmallSystem();
    const first = anonymousNode(system, 2);
    fillPage(first, 0, 7);
    const second = cloneOf(first);
    const third = cloneOf(second);
    const hidden = first.parent!;
    system.compressor.arm();
    compressPage(hidden, 0);
    system.compressor.disarm();
    tearDownIfUnused(first);
    const rest = second.parent!;
    expect(slotKind(rest.get(0))).toBe(SlotKind.REFERENCE);
    expect(sharesAt(rest, 0)).toBe(1);
    expect([valueAt(second, 0), valueAt(third, 0)]).toEqual([7, 7]);
    validateSystem(system, [second]);
  });

  it("moves markers that the child sees, and drops all others (O-T21)", () => {
    const { system } = createSmallSystem();
    const first = anonymousNode(system, 4);
    for (const page of [0, 1, 2, 3]) fillPage(first, page, page + 1);
    const node = cloneOf(first);
    run(zeroPages(node, 0, 3, { pages: 0 }));
    const clone = cloneOf(node, { page: 1, count: 2 });
    const hidden = node.parent!;
    expect([0, 1, 2].map((page) => hidden.get(page))).toEqual([1, 2, 3].map(() => MARKER_SLOT));
    fillPage(clone, 1, 9);
    tearDownIfUnused(node);
    expect(clone.get(0)).toBe(MARKER_SLOT);
    expect(contents(clone)).toEqual([0, 9]);
    validateSystem(system, [first]);
  });

  it("panics when an entry is left that nobody sees (O-T21, P6)", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 2);
    fillPage(node, 0, 7);
    const clone = cloneOf(node);
    fillPage(clone, 0, 8);
    node.parent!.setShareCountOf(node.parent!.get(0), 1);
    expect(panicRule(() => tearDownIfUnused(node))).toBe("P6");
  });

  it("keeps what the child could not see out of its sight: the limit comes before the offset (O-T22)", () => {
    const { system } = createSmallSystem();
    const root = pagerNode(system, 8);
    for (const page of [0, 1, 2, 3, 4, 5, 6, 7]) fillPage(root, page, page + 1);
    const node = cloneOf(root, { kind: SNAPSHOT_MODIFIED, page: 3, count: 4 });
    const clone = cloneOf(node, { kind: SNAPSHOT_MODIFIED, page: 1, count: 3 });
    const hidden = node.parent!;
    hidden.parentLimit = 3;
    expect(contents(clone)).toEqual([5, 6, 0]);
    tearDownIfUnused(node);
    expect([clone.parent!.id, clone.parentOffset, clone.parentLimit]).toEqual([root.id, 4, 2]);
    expect(contents(clone)).toEqual([5, 6, 0]);
    validateSystem(system, [root]);
  });

  it("closes the window of a child that began behind the end of the hidden node's own (O-T22)", () => {
    const { system } = createSmallSystem();
    const root = pagerNode(system, 8);
    for (const page of [0, 1, 2, 3, 4, 5, 6, 7]) fillPage(root, page, page + 1);
    const node = cloneOf(root, { kind: SNAPSHOT_MODIFIED, page: 0, count: 8 });
    resizeNode(node, 2);
    resizeNode(node, 8);
    const clone = cloneOf(node, { kind: SNAPSHOT_MODIFIED, page: 4, count: 3 });
    tearDownIfUnused(node);
    expect([clone.parentOffset, clone.parentLimit]).toEqual([4, 0]);
    expect(contents(clone)).toEqual([0, 0, 0]);
    validateSystem(system, [root]);
  });

  it("puts the child into the hidden node's place among its siblings (O-T22, P5)", () => {
    const { system } = createSmallSystem();
    const first = anonymousNode(system, 4);
    const second = cloneOf(first, { page: 1, count: 3 });
    const third = cloneOf(first, { page: 2, count: 2 });
    const top = second.parent!;
    const ids = (): number[] => top.children.map(({ id }) => id);
    expect(ids()).toEqual([first.parent!.id, second.id]);
    tearDownIfUnused(first);
    expect(ids()).toEqual([third.id, second.id]);
    expect([third.parentOffset, third.parentLimit, third.rootParentOffset]).toEqual([2, 2, 2]);
    validateSystem(system, [third]);
  });

  it("makes a page again of what is being compressed (O-T9)", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 2);
    fillPage(node, 0, 7);
    const clone = cloneOf(node);
    system.compressor.arm();
    const compression = beginCompression(node.parent!, 0)!;
    tearDownIfUnused(node);
    expect(slotKind(clone.get(0))).toBe(SlotKind.PAGE);
    expect(finishCompression(compression)).toBe("lost");
    expect(valueAt(clone, 0)).toBe(7);
    validateSystem(system, [clone]);
  });

  it("keeps priority and queues as they are (O-T8, P20)", () => {
    const anonymousReclaim = AnonymousReclaim.ON;
    const { system } = createSmallSystem({ anonymousReclaim });
    const first = anonymousNode(system, 2);
    fillPage(first, 0, 7);
    fillPage(first, 1, 8);
    const second = cloneOf(first);
    const third = cloneOf(second);
    changeHighPriorityCount(second, 1);
    tearDownIfUnused(third);
    const top = first.parent!;
    expect(top.highPriorityCount).toBe(1);
    const frame = frameAt(top, 0);
    tearDownIfUnused(first);
    expect(system.queues.queueOf(frame)).toBe(Queue.HIGH_PRIORITY);
    changeHighPriorityCount(second, -1);
    system.queues.move(frame, Queue.FAILED_RECLAIM);
    validateSystem(system, [second]);
    const fourth = cloneOf(second);
    tearDownIfUnused(second);
    expect(system.queues.queueOf(frame)).toBe(Queue.FAILED_RECLAIM);
    validateSystem(system, [fourth]);
  });

  it("moves the generation on, because others may be charged now (O-T22, P8)", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 1);
    setAttributionId(node, node.id);
    fillPage(node, 0, 7);
    const first = cloneOf(node);
    const second = cloneOf(node);
    resizeNode(node, 0);
    expect([chargedPages(first), chargedPages(second)]).toEqual([0, 1]);
    const { generation } = node.hierarchy;
    tearDownIfUnused(node);
    expect([chargedPages(first), chargedPages(second)]).toEqual([1, 0]);
    expect(first.hierarchy.generation).toBeGreaterThan(generation);
    validateSystem(system, [first]);
  });
});

describe("chains of a thousand snapshots", () => {
  const DEPTH = 1000;

  /** Each is the clone of the one before, and wrote the page of its number, modulo 8. */
  function chain(clones: "of the newest" | "of the first"): CowNode[] {
    const { system } = createSmallSystem({ frames: 3000 });
    const nodes = [anonymousNode(system, 8)];
    fillPage(nodes[0]!, 0, 1);
    for (let i = 1; i < DEPTH; i++) {
      const from = clones === "of the newest" ? nodes.at(-1)! : nodes[0]!;
      nodes.push(cloneOf(from));
      fillPage(nodes.at(-1)!, i % 8, i + 1);
    }
    return nodes;
  }

  const orders: readonly [string, (nodes: CowNode[]) => CowNode[]][] = [
    ["oldest first", (nodes) => nodes],
    ["newest first", (nodes) => nodes.toReversed()],
    ["every other one first", (nodes) => nodes.toSorted((a, b) => (a.id % 4) - (b.id % 4))],
  ];

  it.each(orders)("work, and go %s (O-T23, P3)", (_name, order) => {
    for (const clones of ["of the newest", "of the first"] as const) {
      const nodes = chain(clones);
      const last = nodes.at(-1)!;
      const { system } = last;
      expect(valueAt(last, (DEPTH - 1) % 8)).toBe(DEPTH);
      expect(valueAt(last, 0)).toBe(clones === "of the newest" ? DEPTH - 7 : 1);
      fillPage(last, 0, 5000);
      const snapshot = cloneOf(last);
      fillPage(last, 0, 6000);
      expect(valueAt(snapshot, 0)).toBe(5000);
      for (const node of order(nodes)) tearDownIfUnused(node);
      expect(snapshot.parent).toBe(null);
      expect(valueAt(snapshot, 0)).toBe(5000);
      validateSystem(system, [snapshot]);
      tearDownIfUnused(snapshot);
      validateSystem(system, []);
    }
  });

  it("are checked as a whole (O-T23, P5-P8)", () => {
    const nodes = chain("of the newest");
    validateSystem(nodes[0]!.system, nodes);
  });

  it("of clones that look up end in one go (O-T23)", () => {
    const { system } = createSmallSystem({ frames: 3000 });
    const root = pagerNode(system, 2);
    const kind = SNAPSHOT_AT_LEAST_ON_WRITE;
    let last = root;
    for (let i = 0; i < DEPTH; i++) {
      fillPage(last, 0, i);
      last = cloneOf(last, { kind });
    }
    expect(system.pmm.liveCount).toBe(DEPTH);
    validateSystem(system, [last]);
    tearDownIfUnused(last);
    expect(system.pmm.liveCount).toBe(0);
  });
});
