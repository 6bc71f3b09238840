import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GapTree, NO_NODE, type GapNode } from "./gap-tree.ts";

interface Span {
  readonly node: GapNode;
  base: number;
  end: number;
  inner: number;
}

/** A tree and its oracle: the spans in an array, in address order. */
class Pair {
  readonly tree: GapTree = new GapTree();
  spans: Span[] = [];

  add(base: number, end: number, inner: number = 0): Span {
    const span = { node: this.tree.insert(base, end, inner), base, end, inner };
    this.spans.push(span);
    this.spans.sort((a, b) => a.base - b.base);
    return span;
  }

  remove(span: Span): void {
    this.tree.erase(span.node);
    this.spans = this.spans.filter((other) => other !== span);
  }

  change(span: Span, base: number, end: number, inner: number): void {
    Object.assign(span, { base, end, inner });
    this.tree.update(span.node, base, end, inner);
  }

  /** I-6: sums and order equal the array's; so does every search for gaps of some size. */
  compare(): void {
    const { tree, spans } = this;
    tree.validate();
    const nodes: GapNode[] = [];
    for (let node = tree.first(); node !== NO_NODE; node = tree.next(node)) nodes.push(node);
    const back: GapNode[] = [];
    for (let node = tree.last(); node !== NO_NODE; node = tree.previous(node)) back.push(node);
    const expected = spans.map(({ node }) => node);
    expect(nodes).toEqual(expected);
    expect(back.toReversed()).toEqual(expected);
    if (spans.length === 0) return;
    const gaps = spans.map((span, i) => span.base - (spans[i - 1]?.end ?? span.base));
    const inner = spans.map((span) => span.inner);
    expect(tree.maxGapOf(tree.root)).toBe(Math.max(...gaps, ...inner));
    expect(tree.minFirstOf(tree.root)).toBe(spans[0]!.base);
    expect(tree.maxEndOf(tree.root)).toBe(spans.at(-1)!.end);
  }

  compareSearches(base: number, sizes: readonly number[]): void {
    const { tree, spans } = this;
    for (const size of sizes) {
      const found: GapNode[] = [];
      for (
        let node = tree.firstWide(base, size);
        node !== NO_NODE;
        node = tree.nextWide(node, size)
      ) {
        found.push(node);
      }
      const wide = spans.filter((span, i) => {
        const before = span.base - (spans[i - 1]?.end ?? base);
        return before >= size || span.inner >= size;
      });
      expect(found, `gaps of ${size}`).toEqual(wide.map(({ node }) => node));
    }
  }
}

describe("a tree of spans", () => {
  test("V-7 I-6: every order of inserting six spans, and erasing any of them afterwards", () => {
    for (const order of permutations([0, 1, 2, 3, 4, 5])) {
      for (let erased = 0; erased < 6; erased++) {
        const pair = new Pair();
        for (const i of order) pair.add(i * i * 2, i * i * 2 + 1, i);
        pair.remove(pair.spans[erased]!);
        pair.compare();
      }
    }
  });

  test("I-6 V-8: random edits of up to two hundred spans, searched for gaps at every step", () => {
    const step = fc.record({
      at: fc.nat(199),
      width: fc.integer({ min: 1, max: 8 }),
      inner: fc.nat(9),
      erase: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 100, maxLength: 500, size: "max" }), (steps) => {
        const pair = new Pair();
        for (const { at, width, inner, erase } of steps) {
          const base = at * 20 + (at % 9);
          const span = pair.spans.find((each) => Math.floor(each.base / 20) === at);
          if (span === undefined) pair.add(base, base + width, inner);
          else if (erase) pair.remove(span);
          else pair.change(span, base, base + width, inner);
        }
        pair.compare();
        pair.compareSearches(0, [1, 8, 12, 15, 19, 28, 40, 100]);
        while (pair.spans.length > 0) {
          pair.remove(pair.spans[(pair.spans.length * 5) >> 3]!);
          if (pair.spans.length % 7 === 0) pair.compare();
        }
      }),
      { seed: 20_240_503, numRuns: 60 },
    );
  });

  test("I-6: no path is longer than that of the thinnest balanced tree", () => {
    const pair = new Pair();
    for (let i = 0; i < 1000; i++) pair.tree.insert(i * 2, i * 2 + 1, 0);
    // 1.44 log2 1000 is 14.4; an AVL tree of ascending insertions is as good as full.
    expect(pair.tree.heightOf(pair.tree.root)).toBe(10);
  });

  test("V-7: numbers of nodes are used again, each once", () => {
    const pair = new Pair();
    const nodes = [0, 2, 4, 6, 8].map((base) => pair.add(base, base + 1).node);
    for (const span of pair.spans) pair.remove(span);
    const again = [0, 2, 4, 6, 8].map((base) => pair.add(base, base + 1).node);
    expect(again.toSorted()).toEqual(nodes.toSorted());
    pair.compare();
  });

  test("I-3 I-6: overlapping, empty and wrongly summed spans are found", () => {
    const pair = new Pair();
    pair.add(0, 4);
    const span = pair.add(6, 8);
    expect(() => pair.tree.insert(3, 7, 0)).toThrow("I-3");
    pair.tree.update(span.node, 2, 8, 0);
    expect(() => pair.tree.validate()).toThrow("I-3");
    pair.tree.update(span.node, 6, 6, 0);
    expect(() => pair.tree.validate()).toThrow("I-3");
    pair.tree.update(span.node, 6, 8, 0);
    pair.compare();
  });
});

function* permutations(items: readonly number[]): Iterable<number[]> {
  if (items.length === 0) yield [];
  for (const item of items) {
    for (const rest of permutations(items.filter((other) => other !== item))) yield [item, ...rest];
  }
}
