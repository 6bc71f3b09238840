import { describe, expect, it } from "vitest";
import { panicRule } from "../../test/bare-machine.ts";
import { contiguous } from "../../test/page-contents.ts";
import {
  anonymousNode,
  createSmallSystem,
  fillPage,
  pagerNode,
  run,
} from "../../test/small-system.ts";
import { cloneOf, frameAt, objectOf } from "../../test/small-tree.ts";
import { isValue } from "./blocking.ts";
import { CloneKind } from "./clone.ts";
import { beginCompression, compressPage } from "./compression.ts";
import type { CowNode } from "./cow-node.ts";
import { createObject } from "./create-object.ts";
import { Hierarchy } from "./hierarchy.ts";
import { PageAccess } from "./lookup-cursor.ts";
import { AnonymousReclaim, type MemorySystem } from "./memory-system.ts";
import { LazyPageRequest } from "./page-request.ts";
import { Queue } from "./page-queues.ts";
import { DirtyState, PageState } from "./pages.ts";
import { pinRange } from "./pin.ts";
import { AllocationPolicy } from "./pmm.ts";
import { RequestType } from "./page-request.ts";
import { DIRTY_INTERVAL_SLOT, EMPTY_SLOT, MARKER_SLOT, pageSlot, referenceSlot } from "./slot.ts";
import { validateHierarchy, validateObject, validateSystem } from "./validate.ts";

/**
 *     hidden [0] [1] [2]
 *     /            \
 *     node [ ] [5] [ ]    clone, of pages 1 and 2: [ ] [ ]
 *
 *     root [0], a pager's, and its clone [ ] [7]
 */
interface World {
  readonly system: MemorySystem;
  readonly node: CowNode;
  readonly clone: CowNode;
  readonly hidden: CowNode;
  readonly root: CowNode;
  readonly lazy: CowNode;
}

function build(): World {
  const { system } = createSmallSystem();
  const node = anonymousNode(system, 3);
  node.attributionId = 50;
  for (const page of [0, 1, 2]) fillPage(node, page, page + 1);
  const clone = cloneOf(node, { page: 1, count: 2 });
  fillPage(node, 1, 5);
  const root = pagerNode(system, 3);
  fillPage(root, 0, 6);
  const lazy = cloneOf(root, { kind: CloneKind.SNAPSHOT_MODIFIED });
  fillPage(lazy, 1, 7);
  return { system, node, clone, hidden: node.parent!, root, lazy };
}

/** The rule that is broken after the damage; the frames of ALLOC pages are the damage's. */
function ruleAfter(damage: (world: World) => number | void): string {
  const world = build();
  const held = damage(world) ?? 0;
  return panicRule(() => validateSystem(world.system, [world.node, world.root], held));
}

describe("validateSystem", () => {
  it("finds nothing wrong with an intact world (P1-P20)", () => {
    expect(ruleAfter(() => {})).toBe("no panic");
  });

  const damages: readonly [string, string, (world: World) => number | void][] = [
    [
      "a frame in a slot of nobody's tree",
      "P1",
      ({ system }) => fillPage(anonymousNode(system, 1), 0, 1),
    ],
    [
      "a frame that nobody is known to hold",
      "P1",
      ({ system }) => void system.pmm.allocate(AllocationPolicy.NEVER_WAITS),
    ],
    ["fewer held frames than said", "P1", () => 1],
    [
      "a frame in two slots",
      "P2",
      ({ node, lazy }) => node.slots.set(0, pageSlot(frameAt(lazy, 1))),
    ],
    [
      "content that no slot refers to",
      "P1",
      ({ system, lazy }) => {
        system.compressor.compress(frameAt(lazy, 1));
      },
    ],
    [
      "a reference in two slots",
      "P1",
      ({ system, lazy }) => {
        const slot = referenceSlot(system.compressor.compress(frameAt(lazy, 1)));
        lazy.setSlot(0, slot);
        lazy.setSlot(2, slot);
      },
    ],
    [
      "a wrong backlink to a node",
      "P2",
      ({ system, node, clone }) => void (system.pmm.pages.node[frameAt(node, 1)] = clone),
    ],
    [
      "a wrong backlink to a page",
      "P2",
      ({ system, node }) => void (system.pmm.pages.offset[frameAt(node, 1)] = 2),
    ],
    [
      "a frame in a slot with a wrong state",
      "P2",
      ({ system, node }) => void (system.pmm.pages.state[frameAt(node, 1)] = PageState.ALLOC),
    ],
    [
      "the page of zeroes in a slot",
      "P2",
      ({ system, node }) => node.slots.set(0, pageSlot(system.pmm.zeroPage)),
    ],
    [
      "an anonymous page among the pager's",
      "P2",
      ({ system, node }) => system.queues.move(frameAt(node, 1), Queue.PAGER_BACKED_DIRTY),
    ],
    [
      "a pager's clean page among the dirty",
      "P2",
      ({ system, root }) => system.queues.move(frameAt(root, 0), Queue.PAGER_BACKED_DIRTY),
    ],
    [
      "a dirty page among the clean",
      "P2",
      ({ system, root }) => void (system.pmm.pages.dirtyState[frameAt(root, 0)] = DirtyState.DIRTY),
    ],
    [
      "a page that nobody needs without a hint",
      "P2",
      ({ system, node }) => system.queues.move(frameAt(node, 1), Queue.DONT_NEED),
    ],
    ["a slot behind the end", "P4", ({ node }) => node.setSlot(3, MARKER_SLOT)],
    ["an interval without a pager", "P4", ({ lazy }) => lazy.setSlot(0, DIRTY_INTERVAL_SLOT)],
    ["a reference under a source", "P4", ({ root }) => root.setSlot(1, referenceSlot(1))],
    [
      "miscounted slots",
      "O-M3",
      ({ node }) => void ((node.slots as unknown as { populated: number }).populated = 2),
    ],
    ["a window beyond the node", "P5", ({ clone }) => void (clone.parentLimit = 3)],
    ["a window beyond the parent", "P5", ({ clone }) => void (clone.parentOffset = 2)],
    ["a negative window", "P5", ({ clone }) => void (clone.parentLimit = -1)],
    ["a window into nothing", "P5", ({ root }) => void (root.parentLimit = 1)],
    ["a miscounted offset in the root", "P5", ({ clone }) => void (clone.rootParentOffset = 2)],
    ["a child that its parent does not know", "P5", ({ hidden }) => void hidden.children.pop()],
    ["a child twice", "P5", ({ hidden, node }) => void (hidden.children[1] = node)],
    ["a child of somebody else", "P5", ({ root, clone }) => void root.children.push(clone)],
    [
      "a hidden node with an object",
      "P5",
      ({ hidden, node }) => void (hidden.object = objectOf(node)),
    ],
    [
      "a hidden node with a view",
      "P5",
      ({ hidden, node }) => void hidden.views.add(objectOf(node)),
    ],
    ["a hidden node with pins", "P5", ({ hidden }) => void (hidden.pinnedPageCount = 1)],
    [
      "a hierarchy of its own",
      "P5",
      ({ clone }) => void Object.assign(clone, { hierarchy: new Hierarchy(clone.system.locks) }),
    ],
    [
      "a source below the root",
      "P5",
      ({ root, lazy }) => void Object.assign(lazy, { source: root.source, kind: root.kind }),
    ],
    [
      "a pager's node without a source",
      "P5",
      ({ root }) => void Object.assign(root, { source: null }),
    ],
    [
      "a leaf with a child",
      "P5",
      ({ system, clone }) => {
        const child = anonymousNode(system, 1);
        Object.assign(child, { parent: clone, hierarchy: clone.hierarchy, rootParentOffset: 1 });
        clone.children.push(child);
      },
    ],
    ["one share too many", "P6", ({ hidden }) => hidden.setShareCountOf(hidden.get(0), 1)],
    ["one share too few", "P6", ({ hidden }) => hidden.setShareCountOf(hidden.get(2), 0)],
    ["a hidden page that nobody sees", "P6", ({ node }) => node.setSlot(0, MARKER_SLOT)],
    ["a page that is shared but visible", "P6", ({ node }) => node.setShareCountOf(node.get(1), 1)],
    ["a share that a window hides", "P6", ({ clone }) => void (clone.parentLimit = 1)],
    [
      "a hidden node with the name of no child",
      "P7",
      ({ hidden }) => void (hidden.attributionId = 99),
    ],
    [
      "a pin that is not counted",
      "P15",
      ({ system, node }) => {
        const frame = frameAt(node, 1);
        system.pmm.pages.pinCount[frame] = 1;
        system.queues.move(frame, Queue.WIRED);
      },
    ],
    ["a count without a pin", "P15", ({ lazy }) => void (lazy.pinnedPageCount = 1)],
    [
      "a pin too many",
      "P15",
      ({ system, node }) => {
        run(pinRange(node, 1, 1, PageAccess.READ));
        system.pmm.pages.pinCount[frameAt(node, 1)] = 32;
        node.pinnedPageCount = 32;
      },
    ],
    [
      "a pinned page that may move",
      "P2",
      ({ system, node }) => {
        run(pinRange(node, 1, 1, PageAccess.READ));
        system.queues.move(frameAt(node, 1), Queue.ANONYMOUS);
      },
    ],
    [
      "a tracked page without a pager",
      "P16",
      ({ system, node }) => void (system.pmm.pages.dirtyState[frameAt(node, 1)] = DirtyState.CLEAN),
    ],
    [
      "an untracked page under a pager",
      "P16",
      ({ system, root }) =>
        void (system.pmm.pages.dirtyState[frameAt(root, 0)] = DirtyState.UNTRACKED),
    ],
    [
      "a waiter for what is there",
      "P18",
      ({ root }) => void root.source!.getPages(0, 1, new LazyPageRequest()),
    ],
    [
      "a request of a detached object",
      "P17",
      ({ root }) => {
        root.source!.getPages(1, 1, new LazyPageRequest());
        Object.assign(root.source!, { state: 2 });
      },
    ],
    [
      "priority that a child does not account for",
      "P20",
      ({ hidden }) => void (hidden.highPriorityCount = 1),
    ],
    [
      "priority that the parent does not know",
      "P20",
      ({ node }) => void (node.highPriorityCount = 1),
    ],
    [
      "priority that no mapping accounts for",
      "P20",
      ({ root }) => {
        objectOf(root);
        root.highPriorityCount = 1;
      },
    ],
  ];

  it.each(damages)("finds %s (%s)", (_name, rule, damage) => {
    expect(ruleAfter(damage)).toBe(rule);
  });

  it("finds a reclaimable page of a node with priority (P20)", () => {
    const { system } = createSmallSystem({ anonymousReclaim: AnonymousReclaim.ON });
    const node = anonymousNode(system, 1);
    node.highPriorityCount = 1;
    fillPage(node, 0, 1);
    validateSystem(system, [node]);
    system.queues.move(frameAt(node, 0), Queue.RECLAIM);
    expect(panicRule(() => validateSystem(system, [node]))).toBe("P20");
  });

  it("finds a contiguous node with a page missing, movable or a marker (P2, P4)", () => {
    const rules = [
      (node: CowNode) => node.freeSlot(1, EMPTY_SLOT),
      (node: CowNode) => node.freeSlot(1, MARKER_SLOT),
      (node: CowNode) => node.system.queues.move(frameAt(node, 0), Queue.ANONYMOUS),
    ].map((damage) => {
      const { system } = createSmallSystem();
      const node = contiguous(system);
      validateSystem(system, [node]);
      damage(node);
      return panicRule(() => validateSystem(system, [node]));
    });
    expect(rules).toEqual(["P4", "P4", "P2"]);
  });

  it("knows the frames that the compressor holds, and those that a caller says (P1)", () => {
    const { system, node, root } = build();
    system.compressor.arm();
    validateSystem(system, [node, root]);
    beginCompression(node, 1);
    validateSystem(system, [node, root]);
    system.pmm.allocate(AllocationPolicy.NEVER_WAITS);
    validateSystem(system, [node, root], 1);
  });

  it("knows the compressed contents that a caller says it holds (P1)", () => {
    const { system, node, lazy, root } = build();
    const handle = system.compressor.compress(frameAt(lazy, 1));
    validateSystem(system, [node, root], 0, 1);
    system.compressor.free(handle);
    expect(panicRule(() => validateSystem(system, [node, root], 0, 1))).toBe("P1");
  });

  it("counts references like pages (P1, P6, P8)", () => {
    const { system, node, hidden, root } = build();
    system.compressor.arm();
    compressPage(hidden, 2);
    validateSystem(system, [node, root]);
    hidden.setShareCountOf(hidden.get(2), 2);
    expect(panicRule(() => validateSystem(system, [node, root]))).toBe("P6");
  });

  it("takes any nodes of a tree for the tree (P1)", () => {
    const { system, node, clone, hidden, root, lazy } = build();
    validateSystem(system, [node, clone, hidden, lazy, root]);
    validateSystem(system, [clone, lazy]);
    expect(panicRule(() => validateSystem(system, [clone]))).toBe("P1");
  });

  it("accepts waiters for what is absent (P18)", () => {
    const { system, node, root } = build();
    const request = new LazyPageRequest();
    root.source!.getPages(0, 2, request);
    expect(root.source!.outstanding(RequestType.READ).length).toBe(1);
    validateSystem(system, [node, root]);
  });
});

describe("validateHierarchy and validateObject", () => {
  it("look at the whole tree, from wherever they start (P6)", () => {
    const { node, clone, hidden } = build();
    validateHierarchy(clone);
    validateObject(objectOf(node));
    hidden.setShareCountOf(hidden.get(0), 1);
    expect(panicRule(() => validateHierarchy(clone))).toBe("P6");
    expect(panicRule(() => validateObject(objectOf(node)))).toBe("P6");
  });

  it("look at the locks of a discardable object (P19)", () => {
    const { system, node } = build();
    const object = createObject(system, { size: 4096n, discardable: true });
    if (!isValue(object)) throw new Error("no object");
    validateObject(object);
    object.discardable!.lock();
    validateObject(object);
    Object.assign(object.discardable!, { locks: 0 });
    expect(panicRule(() => validateObject(object))).toBe("P19");
    expect(panicRule(() => validateObject(objectOf(node)))).toBe("no panic");
  });

  it("find an object that its node does not know (P5)", () => {
    const { node } = build();
    const object = objectOf(node);
    node.object = null;
    expect(panicRule(() => validateObject(object))).toBe("P5");
    node.views.add(object);
    expect(panicRule(() => validateObject(object))).toBe("no panic");
  });
});
