import { describe, expect, it } from "vitest";
import { anonymousNode, createSmallSystem, fillPage, pagerNode } from "../../test/small-system.ts";
import { MappingLog, cloneOf, objectOf, watch } from "../../test/small-tree.ts";
import { CloneKind } from "./clone.ts";
import type { CowNode } from "./cow-node.ts";
import { RangeChange, rangeChange } from "./range-change.ts";
import { CachePolicy, ChildType } from "./vm-object.ts";
import { VmObjectPaged } from "./vm-object-paged.ts";

const { UNMAP, REMOVE_WRITE, DEBUG_UNPIN } = RangeChange;
const kind = CloneKind.SNAPSHOT_AT_LEAST_ON_WRITE;

/** Maps a slice of pages `[page, page + count)` of a node. */
function watchSlice(node: CowNode, page: number, count: number): MappingLog {
  const parent = objectOf(node);
  const slice = new VmObjectPaged({
    node,
    parent,
    childType: ChildType.SLICE,
    policy: CachePolicy.CACHED,
    isResizable: false,
    slice: { page, count },
  });
  const log = new MappingLog();
  slice.mappings.add(log);
  return log;
}

describe("rangeChange", () => {
  it("tells every mapping of the node's object what has changed, and nobody of nothing (O-V4)", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 4);
    const logs = [watch(node), watch(node)];
    for (const change of [UNMAP, REMOVE_WRITE, DEBUG_UNPIN]) rangeChange(node, 1, 2, change);
    rangeChange(node, 1, 0, UNMAP);
    for (const { told } of logs) {
      expect(told).toEqual(["unmap 1+2", "remove write 1+2", "debug unpin 1+2"]);
    }
  });

  it("tells slices in their own pages, cut to what they show (O-V4)", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 8);
    const log = watchSlice(node, 2, 3);
    rangeChange(node, 0, 8, UNMAP);
    rangeChange(node, 3, 9, UNMAP);
    rangeChange(node, 0, 2, UNMAP);
    rangeChange(node, 5, 2, UNMAP);
    expect(log.told).toEqual(["unmap 0+3", "unmap 1+2"]);
  });

  it("tells clones in their own pages, and clones of clones (O-V4)", () => {
    const { system } = createSmallSystem();
    const root = pagerNode(system, 8);
    const clone = cloneOf(root, { kind, page: 2, count: 4 });
    fillPage(clone, 2, 1);
    const grandchild = cloneOf(clone, { kind, page: 1, count: 3 });
    const other = cloneOf(root, { kind, page: 6, count: 2 });
    const logs = [root, clone, grandchild, other].map(watch);
    const slice = watchSlice(grandchild, 1, 1);
    rangeChange(root, 3, 3, UNMAP);
    expect(logs.map(({ told }) => told)).toEqual([["unmap 3+3"], ["unmap 1+3"], ["unmap 0+3"], []]);
    expect(slice.told).toEqual(["unmap 0+1"]);
    rangeChange(root, 0, 2, UNMAP);
    expect(logs[1]!.told.length).toBe(1);
  });

  it("tells clones by their whole size: one too many is legal, one too few is not (O-V4, P13)", () => {
    const { system } = createSmallSystem();
    const root = pagerNode(system, 8);
    const clone = cloneOf(root, { kind, page: 6, count: 4 });
    const log = watch(clone);
    clone.parentLimit = 1;
    rangeChange(root, 6, 9, UNMAP);
    expect(log.told).toEqual(["unmap 0+4"]);
  });

  it("passes through hidden nodes (O-V4)", () => {
    const { system } = createSmallSystem();
    const root = pagerNode(system, 4);
    const how = CloneKind.SNAPSHOT_MODIFIED;
    const clone = cloneOf(root, { kind: how, page: 1, count: 3 });
    const snapshot = cloneOf(clone, { kind: how, page: 1, count: 2 });
    const logs = [clone, snapshot].map(watch);
    rangeChange(root, 2, 1, REMOVE_WRITE);
    expect(logs.map(({ told }) => told)).toEqual([["remove write 1+1"], ["remove write 0+1"]]);
  });

  it("reaches the end of a chain of a thousand clones (O-V4)", () => {
    const { system } = createSmallSystem({ frames: 1100 });
    let last = pagerNode(system, 2);
    const root = last;
    for (let i = 0; i < 1000; i++) {
      fillPage(last, 0, i);
      last = cloneOf(last, { kind });
    }
    const log = watch(last);
    rangeChange(root, 0, 1, UNMAP);
    expect(log.told).toEqual(["unmap 0+1"]);
  });
});
