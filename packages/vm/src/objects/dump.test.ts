import { describe, expect, it } from "vitest";
import {
  anonymousNode,
  createSmallSystem,
  fillPage,
  pagerNode,
  run,
} from "../../test/small-system.ts";
import { cloneOf, objectOf } from "../../test/small-tree.ts";
import { CloneKind } from "./clone.ts";
import { compressPage } from "./compression.ts";
import { markDirty } from "./dirty-state.ts";
import { dumpNode, dumpObject } from "./dump.ts";
import { PageAccess } from "./lookup-cursor.ts";
import { changeHighPriorityCount } from "./memory-priority.ts";
import { LazyPageRequest } from "./page-request.ts";
import { pinRange } from "./pin.ts";
import { AWAITING_CLEAN_INTERVAL_SLOT, DIRTY_INTERVAL_SLOT, MARKER_SLOT } from "./slot.ts";

describe("dumpNode", () => {
  it("shows a tree from the node down: windows, names, shares, runs of equal slots (O-T28)", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 40);
    node.attributionId = 70;
    fillPage(node, 0, 1);
    fillPage(node, 1, 2);
    for (const page of [20, 21, 22, 39]) node.setSlot(page, MARKER_SLOT);
    const clone = cloneOf(node, { page: 1, count: 3 });
    const last = cloneOf(clone);
    fillPage(clone, 0, 3);
    system.compressor.arm();
    compressPage(clone.parent!.parent!, 0);
    changeHighPriorityCount(last, 2);
    run(pinRange(clone, 0, 1, PageAccess.WRITE));
    expect(dumpNode(node.parent!)).toBe(
      `node 2 hidden, 40 pages, charged to 70, priority 1
  0: reference 1
  1: page 0x42000, 1 more leaf
  20-22: marker
  39: marker
  node 1, 40 pages, looks up 40 at 0, charged to 70
  node 4 hidden, 3 pages, looks up 3 at 1, charged to 3, priority 1
    node 3, 3 pages, looks up 3 at 0, charged to 3
      0: page 0x43000, pinned 1
    node 5, 3 pages, looks up 3 at 0, charged to 5, priority 2`,
    );
  });

  it("shows what a pager's root waits for, and how clean its pages are (O-T28)", () => {
    const { system } = createSmallSystem();
    const root = pagerNode(system, 8);
    fillPage(root, 0, 1);
    fillPage(root, 1, 1);
    markDirty(root, 1);
    root.setSlot(2, DIRTY_INTERVAL_SLOT);
    root.setSlot(3, DIRTY_INTERVAL_SLOT);
    root.setSlot(4, AWAITING_CLEAN_INTERVAL_SLOT);
    cloneOf(root, { kind: CloneKind.SNAPSHOT_MODIFIED, page: 7, count: 4 });
    root.source!.getPages(5, 2, new LazyPageRequest());
    expect(dumpNode(root)).toBe(
      `node 1, 8 pages, pager, charged to 0, ${root.source!.dump().replace("\n  ", ", ")}
  0: page 0x41000, clean
  1: page 0x42000, dirty
  2-3: interval
  4: interval awaiting clean
  node 2, 4 pages, looks up 1 at 7, charged to 2`,
    );
  });
});

describe("dumpObject", () => {
  it("names the object, its place in the node, and shows the whole tree (O-T28)", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 4);
    const clone = cloneOf(node);
    const object = objectOf(clone);
    object.setName("heap");
    object.setUserId(12);
    expect(dumpObject(object)).toBe(
      `object 12 "heap": 4 pages of node ${clone.id}\n${dumpNode(node.parent!)}`,
    );
    expect(dumpObject(objectOf(node)).split("\n")[0]).toBe(`object 0: 4 pages of node ${node.id}`);
  });
});
