import { PAGE_BYTES } from "@aspace/arch";
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
import { chargedPages, cloneOf } from "../../test/small-tree.ts";
import { attributedMemory, designatedLeaf, setAttributionId, siblingOf } from "./attribution.ts";
import { CloneKind } from "./clone.ts";
import { compressPage } from "./compression.ts";
import type { CowNode } from "./cow-node.ts";
import type { MemorySystem } from "./memory-system.ts";
import { resizeNode } from "./resize.ts";
import { DIRTY_INTERVAL_SLOT, EMPTY_SLOT, MARKER_SLOT } from "./slot.ts";
import { tearDownIfUnused } from "./teardown.ts";
import { validateSystem } from "./validate.ts";
import { zeroPages } from "./zero.ts";

const NOTHING = { uncompressedBytes: 0, compressedBytes: 0 };

/** A node with pages 0 to 3 and its own id. */
function named(system: MemorySystem): CowNode {
  const node = anonymousNode(system, 4);
  setAttributionId(node, node.id);
  for (const page of [0, 1, 2, 3]) fillPage(node, page, page + 1);
  return node;
}

function charges(...nodes: CowNode[]): number[] {
  return nodes.map((node) => chargedPages(node));
}

describe("attributedMemory", () => {
  it("counts pages and references in bytes, and zero content not at all (O-T24)", () => {
    const { system } = createSmallSystem();
    const node = named(system);
    system.compressor.arm();
    compressPage(node, 1);
    system.compressor.disarm();
    node.freeSlot(2, MARKER_SLOT);
    node.freeSlot(3, EMPTY_SLOT);
    expect(attributedMemory(node, 0, 4)).toEqual({
      uncompressedBytes: PAGE_BYTES,
      compressedBytes: PAGE_BYTES,
    });
    const root = pagerNode(system, 4);
    fillPage(root, 0, 1);
    root.setSlot(1, DIRTY_INTERVAL_SLOT);
    expect(charges(root)).toEqual([1]);
    expect(charges(contiguous(system))).toEqual([8]);
  });

  it("is cut to the node's size, and nothing behind its end (O-T24)", () => {
    const { system } = createSmallSystem();
    const node = named(system);
    expect(chargedPages(node, 3, 9)).toBe(1);
    expect(attributedMemory(node, 4, 1)).toEqual(NOTHING);
    expect(attributedMemory(node, 9, 5)).toEqual(NOTHING);
    expect(attributedMemory(node, 1, 0)).toEqual(NOTHING);
  });

  it("adds up over adjacent ranges (O-T24, P8)", () => {
    const { system } = createSmallSystem();
    const node = named(system);
    const clone = cloneOf(node, { page: 1, count: 3 });
    fillPage(node, 2, 9);
    for (const each of [node, clone]) {
      for (let middle = 0; middle <= each.sizePages; middle++) {
        const parts = chargedPages(each, 0, middle) + chargedPages(each, middle);
        expect(parts).toBe(chargedPages(each));
      }
    }
  });

  it("charges what visible ancestors have to them alone (O-T24)", () => {
    const { system } = createSmallSystem();
    const root = pagerNode(system, 4);
    fillPage(root, 0, 1);
    const clone = cloneOf(root, { kind: CloneKind.SNAPSHOT_MODIFIED });
    expect(charges(root, clone)).toEqual([1, 0]);
    fillPage(clone, 0, 2);
    expect(charges(root, clone)).toEqual([1, 1]);
  });
});

describe("who is charged for what several see", () => {
  it("is the one that the hidden node is named after: the cloned one (O-T25, P7)", () => {
    const { system } = createSmallSystem();
    const node = named(system);
    const clone = cloneOf(node);
    const again = cloneOf(clone);
    expect(charges(node, clone, again)).toEqual([4, 0, 0]);
    fillPage(again, 0, 9);
    expect(charges(node, clone, again)).toEqual([4, 0, 1]);
  });

  it("is another one, page by page, where that one does not see it any more (O-T25)", () => {
    const { system } = createSmallSystem();
    const node = named(system);
    const clone = cloneOf(node);
    const again = cloneOf(clone, { page: 2, count: 2 });
    resizeNode(node, 3);
    expect(charges(node, clone, again)).toEqual([3, 1, 0]);
    fillPage(node, 2, 9);
    expect(charges(node, clone, again)).toEqual([3, 2, 0]);
    run(zeroPages(clone, 3, 1, { pages: 0 }));
    expect(charges(node, clone, again)).toEqual([3, 1, 1]);
    expect(designatedLeaf(clone.parent!.parent!, 3) === again).toBe(true);
    validateSystem(system, [node]);
  });

  it("can be the one of the right side, when the clone was cloned on (O-T25)", () => {
    const { system } = createSmallSystem();
    const node = named(system);
    const clone = cloneOf(node);
    tearDownIfUnused(node);
    const again = cloneOf(clone);
    fillPage(clone, 0, 9);
    expect(charges(clone, again)).toEqual([4, 1]);
    validateSystem(system, [clone]);
  });

  it("is the older side where ids do not tell (O-T25)", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 4);
    fillPage(node, 0, 1);
    const clone = cloneOf(node);
    setAttributionId(clone, 0);
    expect(charges(node, clone)).toEqual([1, 0]);
    validateSystem(system, [node]);
  });

  it("panics when nobody is left (O-T25, P7)", () => {
    const { system } = createSmallSystem();
    const node = named(system);
    const clone = cloneOf(node);
    for (const each of [node, clone]) fillPage(each, 0, 9);
    expect(panicRule(() => designatedLeaf(node.parent!, 0))).toBe("P7");
  });

  it("tells a child from its sibling (O-T25)", () => {
    const { system } = createSmallSystem();
    const node = named(system);
    const clone = cloneOf(node);
    expect(siblingOf(node, node.parent!) === clone).toBe(true);
    expect(siblingOf(clone, node.parent!) === node).toBe(true);
  });
});

describe("setAttributionId", () => {
  it("renames the hidden ancestors that are charged to the node, and no others (O-T26, P7)", () => {
    const { system } = createSmallSystem();
    const node = named(system);
    const first = cloneOf(node);
    const second = cloneOf(node);
    const third = cloneOf(first);
    const [inner, outer] = [node.parent!, node.parent!.parent!];
    const { generation } = node.hierarchy;
    setAttributionId(node, 77);
    expect([inner.attributionId, outer.attributionId]).toEqual([77, 77]);
    expect(first.parent!.attributionId).toBe(first.id);
    expect(node.hierarchy.generation).toBeGreaterThan(generation);
    setAttributionId(second, 88);
    setAttributionId(third, 99);
    expect([inner.attributionId, outer.attributionId]).toEqual([77, 77]);
    expect(charges(node, first, second, third)).toEqual([4, 0, 0, 0]);
    validateSystem(system, [node]);
  });
});

describe("when a leaf leaves", () => {
  it("hidden ancestors of its name are charged to the side that it was not on (O-T27, P7)", () => {
    const { system } = createSmallSystem();
    const node = named(system);
    const first = cloneOf(node);
    const second = cloneOf(node);
    const outer = first.parent!;
    tearDownIfUnused(node);
    expect(outer.attributionId).toBe(first.id);
    expect(charges(first, second)).toEqual([4, 0]);
    validateSystem(system, [first]);
  });

  it("that goes on for as long as the name is the leaf's (O-T27, P7)", () => {
    const { system } = createSmallSystem();
    const node = named(system);
    const clones = [1, 2, 3].map(() => cloneOf(node));
    const ancestors = clones.map((clone) => clone.parent!);
    tearDownIfUnused(node);
    const ids = ancestors.map(({ attributionId }) => attributionId);
    expect(ids.slice(0, 2)).toEqual([clones[0]!.id, clones[1]!.id]);
    expect(charges(...clones)).toEqual([4, 0, 0]);
    validateSystem(system, clones);
  });

  it("nothing is renamed when it was not charged (O-T27)", () => {
    const { system } = createSmallSystem();
    const node = named(system);
    const clone = cloneOf(node);
    const again = cloneOf(node);
    const outer = clone.parent!;
    tearDownIfUnused(again);
    expect(outer.attributionId).toBe(node.id);
    expect(charges(node, clone)).toEqual([4, 0]);
    validateSystem(system, [node]);
  });

  it("ancestors of another name keep it (O-T27)", () => {
    const { system } = createSmallSystem();
    const node = named(system);
    const clone = cloneOf(node);
    const again = cloneOf(clone);
    const outer = node.parent!;
    tearDownIfUnused(clone);
    expect(outer.attributionId).toBe(node.id);
    expect(charges(node, again)).toEqual([4, 0]);
    validateSystem(system, [node]);
  });
});
