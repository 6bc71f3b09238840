import { KernelPanic } from "@aspace/arch";
import { describe, expect, it } from "vitest";
import { draw, pagerScene } from "../../test/pager-scene.ts";
import { anonymousNode, createSmallSystem, fillPage } from "../../test/small-system.ts";
import { changeDirtyState, markDirty } from "./dirty-state.ts";
import { Queue } from "./page-queues.ts";
import { DirtyState } from "./pages.ts";
import { slotPage } from "./slot.ts";

const { UNTRACKED, CLEAN, DIRTY, AWAITING_CLEAN } = DirtyState;

/** The letter of a page after it became what the column says; "!" where that is a panic. */
const EDGES: readonly [string, Record<"untracked" | "clean" | "dirty" | "awaiting", string>][] = [
  ["C", { untracked: "!", clean: "!", dirty: "D", awaiting: "!" }],
  ["D", { untracked: "!", clean: "!", dirty: "!", awaiting: "A" }],
  ["A", { untracked: "!", clean: "C", dirty: "D", awaiting: "!" }],
  ["c", { untracked: "!", clean: "!", dirty: "d", awaiting: "!" }],
  ["d", { untracked: "!", clean: "!", dirty: "!", awaiting: "!" }],
  ["a", { untracked: "!", clean: "c", dirty: "d", awaiting: "!" }],
];
const STATES = {
  untracked: UNTRACKED,
  clean: CLEAN,
  dirty: DIRTY,
  awaiting: AWAITING_CLEAN,
} as const;

describe("the dirty state of a page", () => {
  it.each(EDGES)("goes from %s only where an edge leads (P16)", (letter, expected) => {
    for (const [name, after] of Object.entries(expected)) {
      const { node } = pagerScene(letter);
      const change = (): void => changeDirtyState(node, 0, STATES[name as keyof typeof STATES]);
      if (after === "!") expect(change).toThrow(/^P16: page 0 of node \d+ goes from/);
      else change();
      expect(draw(node)).toBe(after === "!" ? letter : after);
    }
  });

  it("decides the queue, unless the page is pinned (P2)", () => {
    const { node, system } = pagerScene("CcA");
    const queueAt = (page: number): Queue => system.queues.queueOf(slotPage(node.get(page)));
    changeDirtyState(node, 0, DIRTY);
    changeDirtyState(node, 1, DIRTY);
    expect([queueAt(0), queueAt(1)]).toEqual([Queue.PAGER_BACKED_DIRTY, Queue.WIRED]);
    changeDirtyState(node, 2, CLEAN);
    expect(queueAt(2)).toBe(Queue.RECLAIM);
  });

  it("is nothing that pages without a pager have (P16)", () => {
    const node = anonymousNode(createSmallSystem().system, 1);
    fillPage(node, 0, 1);
    expect(() => markDirty(node, 0)).toThrow(/^P16/);
  });

  it("is dirty after a write, whatever it was (P16)", () => {
    const { node } = pagerScene("CDAcda");
    for (let page = 0; page < 6; page++) markDirty(node, page);
    expect(draw(node)).toBe("DDDddd");
  });

  it("is something that only pages have (P4)", () => {
    for (const letter of [".", "M", "~"]) {
      expect(() => markDirty(pagerScene(letter).node, 0)).toThrow(KernelPanic);
    }
  });
});
