import { Status, VPN_LIMIT, statusName } from "@aspace/arch";
import { describe, expect, it } from "vitest";
import { contiguous } from "../../test/page-contents.ts";
import {
  anonymousNode,
  createSmallSystem,
  fillPage,
  pagerNode,
  run,
  valueAt,
} from "../../test/small-system.ts";
import { cloneOf, contents, frameAt, objectOf, sharesAt, watch } from "../../test/small-tree.ts";
import { isValue } from "./blocking.ts";
import { CloneKind, cloneNode } from "./clone.ts";
import { beginCompression, compressPage, finishCompression } from "./compression.ts";
import type { CowNode } from "./cow-node.ts";
import { dumpNode } from "./dump.ts";
import { PageAccess } from "./lookup-cursor.ts";
import { changeHighPriorityCount } from "./memory-priority.ts";
import { AnonymousReclaim, type MemorySystem } from "./memory-system.ts";
import { pinRange, unpinRange } from "./pin.ts";
import { resizeNode } from "./resize.ts";
import { MARKER_SLOT, SlotKind, slotKind } from "./slot.ts";
import { tearDownIfUnused } from "./teardown.ts";
import { validateSystem } from "./validate.ts";

const { SNAPSHOT, SNAPSHOT_AT_LEAST_ON_WRITE, SNAPSHOT_MODIFIED } = CloneKind;
const KINDS = [SNAPSHOT, SNAPSHOT_AT_LEAST_ON_WRITE, SNAPSHOT_MODIFIED] as const;

/** A clone of a pager's root, with content of its own at page 1. */
function pagerClone(system: MemorySystem): CowNode {
  const clone = cloneOf(pagerNode(system, 4), { kind: SNAPSHOT_AT_LEAST_ON_WRITE });
  fillPage(clone, 1, 5);
  return clone;
}

function idsOf(nodes: readonly CowNode[]): number[] {
  return nodes.map(({ id }) => id);
}

/** Where a node hangs, and how much it can see there: `at 5 of node 1, sees 2`. */
function placeOf({ parent, parentOffset, parentLimit }: CowNode): string {
  return `at ${parentOffset} of node ${parent?.id ?? 0}, sees ${parentLimit}`;
}

/** How a node is cloned: under a new hidden node, from below the node or its root, or why not. */
function outcome(node: CowNode, parent: "owner" | "slice", kind: CloneKind): string {
  const clone = cloneNode(node, parent, kind, 0, node.sizePages);
  if (!isValue(clone)) return statusName(clone);
  validateSystem(node.system, [clone]);
  return clone.parent!.isHidden ? "snapshot" : "lazy";
}

const MATRIX: readonly [string, (system: MemorySystem) => CowNode, string][] = [
  ["an anonymous node", (system) => anonymousNode(system, 4), "snapshot snapshot snapshot"],
  [
    "an anonymous clone",
    (system) => cloneOf(anonymousNode(system, 4)),
    "snapshot snapshot snapshot",
  ],
  ["a pager's root", (system) => pagerNode(system, 4), "NOT_SUPPORTED lazy lazy"],
  ["a clone of a pager's root", pagerClone, "NOT_SUPPORTED lazy snapshot"],
  [
    "a clone of a pager's root that has a clone",
    (system) => {
      const clone = pagerClone(system);
      cloneOf(clone, { kind: SNAPSHOT_AT_LEAST_ON_WRITE });
      return clone;
    },
    "NOT_SUPPORTED lazy NOT_SUPPORTED",
  ],
  [
    "a clone of a clone of a pager's root",
    (system) => cloneOf(pagerClone(system), { kind: SNAPSHOT_AT_LEAST_ON_WRITE }),
    "NOT_SUPPORTED lazy NOT_SUPPORTED",
  ],
  [
    "a clone of a pager's root that was snapshotted",
    (system) => {
      const clone = pagerClone(system);
      cloneOf(clone, { kind: SNAPSHOT_MODIFIED });
      return clone;
    },
    "NOT_SUPPORTED snapshot snapshot",
  ],
  [
    "the snapshot of a clone of a pager's root",
    (system) => cloneOf(pagerClone(system), { kind: SNAPSHOT_MODIFIED }),
    "NOT_SUPPORTED snapshot snapshot",
  ],
  ["a contiguous node", contiguous, "INVALID_ARGS INVALID_ARGS INVALID_ARGS"],
];

const SLICE_MATRIX: typeof MATRIX = [
  [
    "an anonymous node",
    (system) => anonymousNode(system, 4),
    "NOT_SUPPORTED NOT_SUPPORTED NOT_SUPPORTED",
  ],
  [
    "an anonymous clone",
    (system) => cloneOf(anonymousNode(system, 4)),
    "NOT_SUPPORTED NOT_SUPPORTED NOT_SUPPORTED",
  ],
  ["a pager's root", (system) => pagerNode(system, 4), "NOT_SUPPORTED lazy lazy"],
  ["a clone of a pager's root", pagerClone, "NOT_SUPPORTED lazy NOT_SUPPORTED"],
  [
    "the snapshot of a clone of a pager's root",
    (system) => cloneOf(pagerClone(system), { kind: SNAPSHOT_MODIFIED }),
    "NOT_SUPPORTED NOT_SUPPORTED NOT_SUPPORTED",
  ],
  ["a contiguous node", contiguous, "INVALID_ARGS INVALID_ARGS INVALID_ARGS"],
];

describe("cloneNode: what is supported", () => {
  it.each(MATRIX)("of %s (O-T3)", (_name, build, expected) => {
    const outcomes = KINDS.map((kind) => outcome(build(createSmallSystem().system), "owner", kind));
    expect(outcomes.join(" ")).toBe(expected);
  });

  it.each(SLICE_MATRIX)("of a slice of %s (O-T3)", (_name, build, expected) => {
    const outcomes = KINDS.map((kind) => outcome(build(createSmallSystem().system), "slice", kind));
    expect(outcomes.join(" ")).toBe(expected);
  });

  it("may be snapshotted again once nothing else hangs from the clone of a pager (O-T3)", () => {
    const { system } = createSmallSystem();
    const clone = pagerClone(system);
    const lazy = cloneOf(clone, { kind: SNAPSHOT_AT_LEAST_ON_WRITE });
    expect(cloneNode(clone, "owner", SNAPSHOT_MODIFIED, 0, 4)).toBe(Status.NOT_SUPPORTED);
    objectOf(clone);
    tearDownIfUnused(lazy);
    expect(outcome(clone, "owner", SNAPSHOT_MODIFIED)).toBe("snapshot");
  });
});

describe("cloneNode: what refuses", () => {
  it("comes in order: kind, pins, addresses, memory (O-T4)", () => {
    const { system } = createSmallSystem();
    const clone = pagerClone(system);
    const { failures } = system.pmm;
    run(pinRange(clone, 1, 1, PageAccess.READ));
    failures.failAlways();
    const refusal = (kind: CloneKind, page: number): unknown =>
      cloneNode(clone, "owner", kind, page, 4);
    expect(refusal(SNAPSHOT, VPN_LIMIT)).toBe(Status.NOT_SUPPORTED);
    expect(refusal(SNAPSHOT_MODIFIED, VPN_LIMIT)).toBe(Status.BAD_STATE);
    expect(refusal(SNAPSHOT_AT_LEAST_ON_WRITE, VPN_LIMIT)).toBe(Status.INVALID_ARGS);
    unpinRange(clone, 1, 1);
    expect(refusal(SNAPSHOT_MODIFIED, VPN_LIMIT)).toBe(Status.INVALID_ARGS);
    expect(refusal(SNAPSHOT_MODIFIED, 0)).toBe(Status.NO_MEMORY);
    expect(refusal(SNAPSHOT_AT_LEAST_ON_WRITE, 0)).toBe(Status.NO_MEMORY);
  });

  it("does not care about pins where the clone only looks up (O-T4, P15)", () => {
    const { system } = createSmallSystem();
    const clone = pagerClone(system);
    run(pinRange(clone, 1, 1, PageAccess.READ));
    expect(outcome(clone, "owner", SNAPSHOT_AT_LEAST_ON_WRITE)).toBe("lazy");
  });

  it("counts addresses from the root: an end at 2^64 bytes is one too many (O-T4)", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 4);
    const high = cloneOf(node, { page: VPN_LIMIT - 8, count: 4 });
    expect(high.rootParentOffset).toBe(VPN_LIMIT - 8);
    expect(isValue(cloneNode(high, "owner", SNAPSHOT, 2, 5))).toBe(true);
    expect(cloneNode(high, "owner", SNAPSHOT, 2, 6)).toBe(Status.INVALID_ARGS);
    expect(cloneNode(high, "owner", SNAPSHOT, 0, 8)).toBe(Status.INVALID_ARGS);
  });

  it("has changed nothing, wherever memory ran out (O-T4, P21)", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 4);
    fillPage(node, 1, 7);
    cloneOf(node);
    fillPage(node, 2, 8);
    const log = watch(node);
    const before = dumpNode(node.parent!);
    const { generation } = node.hierarchy;
    for (const attempt of [1, 2]) {
      system.pmm.failures.failAt(attempt);
      expect(cloneNode(node, "owner", SNAPSHOT, 0, 4)).toBe(Status.NO_MEMORY);
      expect(system.pmm.failures.isPending()).toBe(false);
      expect(dumpNode(node.parent!)).toBe(before);
    }
    expect(log.told).toEqual([]);
    expect(node.hierarchy.generation).toBe(generation);
    validateSystem(system, [node]);

    const lazy = pagerClone(system);
    system.pmm.failures.failAt(1);
    const kind = SNAPSHOT_AT_LEAST_ON_WRITE;
    expect(cloneNode(lazy, "owner", kind, 0, 4)).toBe(Status.NO_MEMORY);
    expect(lazy.children.length).toBe(0);
  });
});

describe("cloneNode: snapshots", () => {
  it("puts a hidden node with all pages in the node's place, and node and clone below it (O-T5, P5)", () => {
    const { system } = createSmallSystem();
    const elder = anonymousNode(system, 6);
    elder.attributionId = 40;
    const node = cloneOf(elder, { page: 2, count: 4 });
    fillPage(node, 1, 7);
    const frame = frameAt(node, 1);
    const place = node.parent!;
    const clone = cloneOf(node, { page: 1, count: 8 });
    const hidden = node.parent!;
    expect(hidden.isHidden).toBe(true);
    expect(hidden.sizePages).toBe(4);
    expect(hidden.attributionId).toBe(node.attributionId);
    expect(placeOf(hidden)).toBe(`at 2 of node ${place.id}, sees 4`);
    expect(idsOf(hidden.children)).toEqual([node.id, clone.id]);
    expect(idsOf(place.children)).toEqual([elder.id, hidden.id]);
    expect(placeOf(node)).toBe(`at 0 of node ${hidden.id}, sees 4`);
    expect(placeOf(clone)).toBe(`at 1 of node ${hidden.id}, sees 3`);
    expect(clone.sizePages).toBe(8);
    expect([hidden, node, clone].map((each) => each.rootParentOffset)).toEqual([2, 2, 3]);
    expect(clone.hierarchy === node.hierarchy).toBe(true);
    expect(node.slots.populatedCount).toBe(0);
    expect(frameAt(hidden, 1)).toBe(frame);
    expect(system.pmm.pages.node[frame]!.id).toBe(hidden.id);
    validateSystem(system, [node]);
  });

  it("moves markers and references too (O-T5)", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 4);
    fillPage(node, 0, 7);
    system.compressor.arm();
    compressPage(node, 0);
    system.compressor.disarm();
    node.setSlot(2, MARKER_SLOT);
    const clone = cloneOf(node, { page: 0, count: 4 });
    const hidden = node.parent!;
    expect([0, 2].map((page) => slotKind(hidden.get(page)))).toEqual([
      SlotKind.REFERENCE,
      SlotKind.MARKER,
    ]);
    expect(sharesAt(hidden, 0)).toBe(1);
    expect(contents(clone)).toEqual([7, 0, 0, 0]);
    validateSystem(system, [node]);
  });

  it("shares exactly what the node sees in the range, of its own and of hidden ancestors (O-T6, P6)", () => {
    const { system } = createSmallSystem();
    const first = anonymousNode(system, 6);
    for (const page of [0, 1, 2, 3, 4, 5]) fillPage(first, page, page + 1);
    const node = cloneOf(first, { page: 1, count: 4 });
    const oldest = node.parent!;
    fillPage(node, 1, 20);
    resizeNode(node, 3);
    resizeNode(node, 4);
    expect([0, 1, 2, 3, 4, 5].map((page) => sharesAt(oldest, page))).toEqual([0, 1, 0, 1, 0, 0]);
    const clone = cloneOf(node, { page: 1, count: 3 });
    expect([0, 1, 2, 3, 4, 5].map((page) => sharesAt(oldest, page))).toEqual([0, 1, 0, 2, 0, 0]);
    expect(sharesAt(node.parent!, 1)).toBe(1);
    expect(contents(clone)).toEqual([20, 4, 0]);
    validateSystem(system, [node]);
  });

  it("shares nothing where clone and node do not overlap; the excess reads zero (O-T6)", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 3);
    for (const page of [0, 1, 2]) fillPage(node, page, page + 1);
    const behind = cloneOf(node, { page: 5, count: 2 });
    expect(placeOf(behind)).toBe(`at 5 of node ${node.parent!.id}, sees 0`);
    expect(contents(behind)).toEqual([0, 0]);
    const across = cloneOf(node, { page: 2, count: 2 });
    expect(contents(across)).toEqual([3, 0]);
    expect([0, 1, 2].map((page) => sharesAt(behind.parent!, page))).toEqual([0, 0, 1]);
    validateSystem(system, [node]);
  });

  it("takes write permission from all of the node, also outside the range (O-T7, P14)", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 6);
    fillPage(node, 5, 7);
    const log = watch(node);
    const clone = cloneOf(node, { page: 1, count: 2 });
    expect(log.told).toEqual(["remove write 0+6"]);
    const ofClone = watch(clone);
    cloneOf(node, { page: 9, count: 1 });
    expect(log.told).toEqual(["remove write 0+6", "remove write 0+6"]);
    expect(ofClone.told).toEqual([]);
  });

  it("hands the priority of the node on to its hidden node (O-T8, P20)", () => {
    const { system } = createSmallSystem({ anonymousReclaim: AnonymousReclaim.ON });
    const first = anonymousNode(system, 2);
    fillPage(first, 0, 1);
    const node = cloneOf(first);
    changeHighPriorityCount(node, 2);
    const top = node.parent!;
    expect(top.highPriorityCount).toBe(1);
    const clone = cloneOf(node);
    expect([top, node.parent!, node, clone].map((each) => each.highPriorityCount)).toEqual([
      1, 1, 2, 0,
    ]);
    validateSystem(system, [node]);
    changeHighPriorityCount(node, -2);
    expect(top.highPriorityCount).toBe(0);
    validateSystem(system, [node]);
  });

  it("makes a page again of what is being compressed (O-T9)", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 2);
    fillPage(node, 0, 7);
    system.compressor.arm();
    const compression = beginCompression(node, 0)!;
    const clone = cloneOf(node);
    expect(slotKind(node.parent!.get(0))).toBe(SlotKind.PAGE);
    expect(finishCompression(compression)).toBe("lost");
    expect([valueAt(node, 0), valueAt(clone, 0)]).toEqual([7, 7]);
    validateSystem(system, [node]);
  });

  it("moves the generation on (P8)", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 2);
    const { generation } = node.hierarchy;
    cloneOf(node);
    expect(node.hierarchy.generation).toBeGreaterThan(generation);
    const root = pagerNode(system, 2);
    const before = root.hierarchy.generation;
    cloneOf(root, { kind: SNAPSHOT_MODIFIED });
    expect(root.hierarchy.generation).toBeGreaterThan(before);
  });

  it("of a pager's clone freezes what that had, and goes on to look at the root (O-T5)", () => {
    const { system } = createSmallSystem();
    const clone = pagerClone(system);
    const snapshot = cloneOf(clone, { kind: SNAPSHOT_MODIFIED });
    fillPage(clone, 1, 6);
    fillPage(clone.parent!.parent!, 0, 3);
    expect(contents(snapshot)).toEqual([3, 5, 0, 0]);
    expect(contents(clone)).toEqual([3, 6, 0, 0]);
    validateSystem(system, [clone]);
  });
});

describe("cloneNode: clones that look up", () => {
  const kind = SNAPSHOT_AT_LEAST_ON_WRITE;

  it("see the parent until they write, and the parent never sees them (O-T16, P9)", () => {
    const { system } = createSmallSystem();
    const root = pagerNode(system, 4);
    fillPage(root, 1, 5);
    const clone = cloneOf(root, { kind, page: 1, count: 3 });
    expect(placeOf(clone)).toBe(`at 1 of node ${root.id}, sees 3`);
    expect(clone.rootParentOffset).toBe(1);
    expect(clone.source).toBe(null);
    fillPage(root, 1, 6);
    expect(valueAt(clone, 0)).toBe(6);
    fillPage(clone, 0, 7);
    fillPage(root, 1, 8);
    expect([valueAt(clone, 0), valueAt(root, 1)]).toEqual([7, 8]);
    validateSystem(system, [root]);
  });

  it("lose write permission in the cloned range only (O-T7)", () => {
    const { system } = createSmallSystem();
    const root = pagerNode(system, 4);
    const log = watch(root);
    cloneOf(root, { kind, page: 2, count: 5 });
    cloneOf(root, { kind, page: 4, count: 5 });
    expect(log.told).toEqual(["remove write 2+2"]);
  });

  it("hang from the nearest node that has anything in the range (O-T17)", () => {
    const { system } = createSmallSystem();
    const root = pagerNode(system, 8);
    const clone = cloneOf(root, { kind, page: 1, count: 6 });
    fillPage(clone, 3, 5);
    const withContent = cloneOf(clone, { kind, page: 3, count: 2 });
    expect(placeOf(withContent)).toBe(`at 3 of node ${clone.id}, sees 2`);
    const without = cloneOf(clone, { kind, page: 4, count: 4 });
    expect(placeOf(without)).toBe(`at 5 of node ${root.id}, sees 2`);
    expect(without.rootParentOffset).toBe(5);
    clone.setSlot(5, MARKER_SLOT);
    const withMarker = cloneOf(clone, { kind, page: 4, count: 2 });
    expect(placeOf(withMarker)).toBe(`at 4 of node ${clone.id}, sees 2`);
    validateSystem(system, [root]);
  });

  it("keep to the windows on the way up, in the pages of each node (O-T17)", () => {
    const { system } = createSmallSystem();
    const root = pagerNode(system, 8);
    const clone = cloneOf(root, { kind, page: 2, count: 6 });
    resizeNode(clone, 4);
    resizeNode(clone, 6);
    expect(clone.parentLimit).toBe(4);
    for (const page of [2, 3, 4, 5, 6, 7]) fillPage(root, page, page);
    const inside = cloneOf(clone, { kind, page: 1, count: 2 });
    expect(placeOf(inside)).toBe(`at 3 of node ${root.id}, sees 2`);
    const across = cloneOf(clone, { kind, page: 3, count: 3 });
    expect(placeOf(across)).toBe(`at 5 of node ${root.id}, sees 1`);
    expect(contents(across)).toEqual([5, 0, 0]);
    const behind = cloneOf(clone, { kind, page: 5, count: 1 });
    expect(placeOf(behind)).toBe(`at 7 of node ${root.id}, sees 0`);
    expect(contents(behind)).toEqual([0]);
    const beyond = cloneOf(clone, { kind, page: 7, count: 2 });
    expect(placeOf(beyond)).toBe(`at 9 of node ${root.id}, sees 0`);
    validateSystem(system, [root]);
  });

  it("of a node in between do not see what it writes later (O-T17)", () => {
    const { system } = createSmallSystem();
    const root = pagerNode(system, 2);
    fillPage(root, 0, 1);
    const between = cloneOf(root, { kind });
    const last = cloneOf(between, { kind });
    fillPage(between, 0, 2);
    expect([root, between, last].map((node) => valueAt(node, 0))).toEqual([1, 2, 1]);
    validateSystem(system, [root]);
  });

  it("of a slice end where the slice ends (O-T16)", () => {
    const { system } = createSmallSystem();
    const root = pagerNode(system, 6);
    for (const page of [0, 1, 2, 3, 4, 5]) fillPage(root, page, page);
    const clone = cloneNode(root, "slice", kind, 2, 3, 4);
    if (!isValue(clone)) throw new Error("no clone");
    expect(contents(clone)).toEqual([2, 3, 0]);
    const behind = cloneNode(root, "slice", kind, 5, 1, 4);
    if (!isValue(behind)) throw new Error("no clone");
    expect(placeOf(behind)).toBe(`at 5 of node ${root.id}, sees 0`);
  });
});
