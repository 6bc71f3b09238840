import { KernelPanic, type Vpn } from "@aspace/arch";

/** A node of a `GapTree`: its number, from 1. */
export type GapNode = number;

/** No node. */
export const NO_NODE: GapNode = 0;

/** A node fills one cache line: six doubles, then four words. Both views lie over the same bytes. */
const DOUBLES = 8;
const DOUBLES_SHIFT = 3;
const WORDS_SHIFT = 4;
const BASE = 0;
const END = 1;
const INNER_GAP = 2;
const MIN_FIRST = 3;
const MAX_END = 4;
const MAX_GAP = 5;
const LEFT = 12;
const RIGHT = 13;
const PARENT = 14;
const HEIGHT = 15;

const FEWEST_NODES = 4;
/** The storage of every tree without nodes: NO_NODE alone, which is never written. */
const NOTHING = new ArrayBuffer(DOUBLES * 8);

/**
 * Disjoint spans of pages in address order, as a balanced search tree (AVL) whose nodes also sum up what lies below
 * them, so that the first gap of a size is found by descending:
 *
 *     [2,4)   [6,7)           [12,16)       at the root: minFirst 2, maxEnd 16, maxGap 5
 *        gap 2     gap 5
 *
 *     base, end       the node's own span, [base, end)
 *     innerGap        the largest gap inside it: what fills a span is its owner's business
 *     minFirst        the first page of the leftmost span in its subtree
 *     maxEnd          one past the last page of the rightmost one
 *     maxGap          the largest gap in its subtree, inside a span or between two
 *
 * The numbers of nodes start at 1 and are used again.
 *
 * Invariants: I-3 (spans are disjoint and in order), I-6 (sums, heights and links are what they should be).
 */
export class GapTree {
  root: GapNode = NO_NODE;
  /** Nodes in the tree. */
  count = 0;
  private doubles: Float64Array = new Float64Array(NOTHING);
  private words: Int32Array = new Int32Array(NOTHING);
  /** Nodes 1 .. used were in use at some time. */
  private used = 0;
  /** Head of the list of nodes to use again, linked through PARENT. */
  private free: GapNode = NO_NODE;

  baseOf(node: GapNode): Vpn {
    return this.doubles[(node << DOUBLES_SHIFT) + BASE]!;
  }

  endOf(node: GapNode): Vpn {
    return this.doubles[(node << DOUBLES_SHIFT) + END]!;
  }

  /** Pages of the largest gap inside the node's own span. */
  innerGapOf(node: GapNode): number {
    return this.doubles[(node << DOUBLES_SHIFT) + INNER_GAP]!;
  }

  /** First page of all nodes at and below this one. */
  minFirstOf(node: GapNode): Vpn {
    return this.doubles[(node << DOUBLES_SHIFT) + MIN_FIRST]!;
  }

  /** One past the last page of all nodes at and below this one. */
  maxEndOf(node: GapNode): Vpn {
    return this.doubles[(node << DOUBLES_SHIFT) + MAX_END]!;
  }

  /** Pages of the largest gap at and below this node; 0 for none. */
  maxGapOf(node: GapNode): number {
    return this.doubles[(node << DOUBLES_SHIFT) + MAX_GAP]!;
  }

  leftOf(node: GapNode): GapNode {
    return this.words[(node << WORDS_SHIFT) + LEFT]!;
  }

  rightOf(node: GapNode): GapNode {
    return this.words[(node << WORDS_SHIFT) + RIGHT]!;
  }

  parentOf(node: GapNode): GapNode {
    return this.words[(node << WORDS_SHIFT) + PARENT]!;
  }

  /** The node with the lowest pages, or NO_NODE. */
  first(): GapNode {
    return this.outermost(this.root, LEFT);
  }

  /** The node with the highest pages, or NO_NODE. */
  last(): GapNode {
    return this.outermost(this.root, RIGHT);
  }

  /** The next node in address order, or NO_NODE. */
  next(node: GapNode): GapNode {
    return this.neighbour(node, RIGHT, LEFT);
  }

  /** The node before in address order, or NO_NODE. */
  previous(node: GapNode): GapNode {
    return this.neighbour(node, LEFT, RIGHT);
  }

  /** The first node that ends above a page: it contains the page, or is the next one above it. */
  firstEndingAbove(vpn: Vpn): GapNode {
    const { doubles, words } = this;
    let best = NO_NODE;
    let node = this.root;
    while (node !== NO_NODE) {
      if (doubles[(node << DOUBLES_SHIFT) + END]! > vpn) {
        best = node;
        node = words[(node << WORDS_SHIFT) + LEFT]!;
      } else {
        node = words[(node << WORDS_SHIFT) + RIGHT]!;
      }
    }
    return best;
  }

  /**
   * The first node that has a gap of at least `size` pages inside it or before it, where `base` is the end of what lies
   * before the first node; NO_NODE when there is none.
   */
  firstWide(base: Vpn, size: number): GapNode {
    const { root } = this;
    return this.hasWide(root, base, size) ? this.firstWideBelow(root, base, size) : NO_NODE;
  }

  /** The next node in order that has a gap of at least `size` pages inside it or before it, or NO_NODE. */
  nextWide(after: GapNode, size: number): GapNode {
    let node = after;
    const right = this.rightOf(node);
    const end = this.endOf(node);
    if (this.hasWide(right, end, size)) return this.firstWideBelow(right, end, size);
    for (let parent = this.parentOf(node); parent !== NO_NODE; parent = this.parentOf(node)) {
      const isLeft = this.leftOf(parent) === node;
      const before = this.maxEndOf(node);
      node = parent;
      if (!isLeft) continue;
      if (this.isWide(node, before, size)) return node;
      const beyond = this.rightOf(node);
      const from = this.endOf(node);
      if (this.hasWide(beyond, from, size)) return this.firstWideBelow(beyond, from, size);
    }
    return NO_NODE;
  }

  /** The first wide node of a subtree that has one, before which everything up to `before` is taken. */
  private firstWideBelow(subtree: GapNode, before: Vpn, size: number): GapNode {
    let node = subtree;
    let end = before;
    for (;;) {
      const left = this.leftOf(node);
      if (this.hasWide(left, end, size)) {
        node = left;
        continue;
      }
      if (left !== NO_NODE) end = this.maxEndOf(left);
      if (this.isWide(node, end, size)) return node;
      end = this.endOf(node);
      node = this.rightOf(node);
    }
  }

  private isWide(node: GapNode, before: Vpn, size: number): boolean {
    return this.innerGapOf(node) >= size || this.baseOf(node) - before >= size;
  }

  private hasWide(subtree: GapNode, before: Vpn, size: number): boolean {
    if (subtree === NO_NODE) return false;
    return this.maxGapOf(subtree) >= size || this.minFirstOf(subtree) - before >= size;
  }

  /** Adds a node. Panics with I-3 where it would overlap another one. */
  insert(base: Vpn, end: Vpn, innerGap: number): GapNode {
    const { doubles, words } = this;
    let parent = NO_NODE;
    let side = LEFT;
    let node = this.root;
    while (node !== NO_NODE) {
      parent = node;
      if (end <= doubles[(node << DOUBLES_SHIFT) + BASE]!) side = LEFT;
      else if (base >= doubles[(node << DOUBLES_SHIFT) + END]!) side = RIGHT;
      else throw new KernelPanic("I-3", "a span is inserted over another one");
      node = words[(node << WORDS_SHIFT) + side]!;
    }
    const added = this.attach(parent, side);
    const at = added << DOUBLES_SHIFT;
    this.doubles[at + BASE] = base;
    this.doubles[at + END] = end;
    this.doubles[at + INNER_GAP] = innerGap;
    this.restore(added);
    return added;
  }

  /** Takes a node out. */
  erase(node: GapNode): void {
    const left = this.leftOf(node);
    const right = this.rightOf(node);
    const parent = this.parentOf(node);
    if (left === NO_NODE || right === NO_NODE) {
      this.replaceChild(parent, node, left === NO_NODE ? right : left);
      this.restore(parent);
    } else {
      this.eraseInner(node, left, right, parent);
    }
    this.words[(node << WORDS_SHIFT) + PARENT] = this.free;
    this.free = node;
    this.count--;
  }

  /** Gives a node another span, which keeps its place in the order. */
  update(node: GapNode, base: Vpn, end: Vpn, innerGap: number): void {
    const at = node << DOUBLES_SHIFT;
    this.doubles[at + BASE] = base;
    this.doubles[at + END] = end;
    this.doubles[at + INNER_GAP] = innerGap;
    this.restore(node);
  }

  heightOf(node: GapNode): number {
    return this.words[(node << WORDS_SHIFT) + HEIGHT]!;
  }

  /** Looks at every node. Panics with I-3 or I-6 when one is out of place or sums up wrongly. */
  validate(): void {
    let seen = 0;
    let end = 0;
    for (let node = this.first(); node !== NO_NODE; node = this.next(node)) {
      if (++seen > this.count) throw new KernelPanic("I-6", "more nodes than were inserted");
      if (this.baseOf(node) < end) throw new KernelPanic("I-3", "spans overlap");
      end = this.endOf(node);
      if (end <= this.baseOf(node)) throw new KernelPanic("I-3", "a span is empty");
      this.validateLinks(node);
      if (this.sumUp(node)) throw new KernelPanic("I-6", "a node sums up its subtree wrongly");
    }
    if (seen !== this.count) throw new KernelPanic("I-6", "a node cannot be reached");
  }

  private validateLinks(node: GapNode): void {
    const left = this.leftOf(node);
    const right = this.rightOf(node);
    for (const child of [left, right]) {
      if (child !== NO_NODE && this.parentOf(child) !== node) {
        throw new KernelPanic("I-6", "a child names another parent");
      }
    }
    if (Math.abs(this.heightOf(left) - this.heightOf(right)) > 1) {
      throw new KernelPanic("I-6", "the tree leans");
    }
  }

  /** Hangs a new node, whose sums are not yet right, below a node without a child on that side. */
  private attach(parent: GapNode, side: number): GapNode {
    const node = this.takeNode();
    const links = node << WORDS_SHIFT;
    this.words[links + LEFT] = NO_NODE;
    this.words[links + RIGHT] = NO_NODE;
    this.words[links + PARENT] = parent;
    // Neither a height nor a sum that is right: so `restore` will not stop here.
    this.words[links + HEIGHT] = 0;
    if (parent === NO_NODE) this.root = node;
    else this.words[(parent << WORDS_SHIFT) + side] = node;
    this.count++;
    return node;
  }

  /**
   * Takes out a node with two children: its successor `s`, the leftmost node on the right, takes its place.
   *
   *        node                  s
   *        /  \                /   \
   *      left  right         left  right
   *            /                   /
   *          ...          ──▶    ...
   *          /                   /
   *         s                   x
   *          \
   *           x
   */
  private eraseInner(node: GapNode, left: GapNode, right: GapNode, parent: GapNode): void {
    const { words } = this;
    const successor = this.outermost(right, LEFT);
    let lowest = successor;
    if (successor !== right) {
      lowest = this.parentOf(successor);
      this.replaceChild(lowest, successor, this.rightOf(successor));
      words[(successor << WORDS_SHIFT) + RIGHT] = right;
      words[(right << WORDS_SHIFT) + PARENT] = successor;
    }
    words[(successor << WORDS_SHIFT) + LEFT] = left;
    words[(left << WORDS_SHIFT) + PARENT] = successor;
    this.replaceChild(parent, node, successor);
    // This reaches the successor's new place: every node up to there had its first page as minFirst.
    this.restore(lowest);
  }

  /** Walks from a node towards the root, rotates where it leans and sums up again, until nothing changes any more. */
  private restore(from: GapNode): void {
    let node = from;
    while (node !== NO_NODE) {
      const lean = this.heightOf(this.leftOf(node)) - this.heightOf(this.rightOf(node));
      if (lean > 1 || lean < -1) {
        node = this.rotateUpright(node, lean > 1 ? LEFT : RIGHT);
      } else if (!this.sumUp(node)) {
        return;
      }
      node = this.parentOf(node);
    }
  }

  /** Rotates the taller side up, after straightening a zigzag; answers the subtree's new root, summed up. */
  private rotateUpright(node: GapNode, taller: number): GapNode {
    const other = LEFT + RIGHT - taller;
    const child = this.words[(node << WORDS_SHIFT) + taller]!;
    const outer = this.heightOf(this.words[(child << WORDS_SHIFT) + taller]!);
    const inner = this.heightOf(this.words[(child << WORDS_SHIFT) + other]!);
    if (inner > outer) this.rotate(child, other);
    return this.rotate(node, taller);
  }

  /**
   * Lifts the child on one side above its parent, and sums up both.
   *
   *          node            child
   *          /  \            /   \
   *      child   c   ──▶    a    node          (side = LEFT)
   *      /  \                    /  \
   *     a    b                  b    c
   */
  private rotate(node: GapNode, side: number): GapNode {
    const { words } = this;
    const other = LEFT + RIGHT - side;
    const child = words[(node << WORDS_SHIFT) + side]!;
    const inner = words[(child << WORDS_SHIFT) + other]!;
    words[(node << WORDS_SHIFT) + side] = inner;
    if (inner !== NO_NODE) words[(inner << WORDS_SHIFT) + PARENT] = node;
    this.replaceChild(this.parentOf(node), node, child);
    words[(child << WORDS_SHIFT) + other] = node;
    words[(node << WORDS_SHIFT) + PARENT] = child;
    this.sumUp(node);
    this.sumUp(child);
    return child;
  }

  /** Recomputes what a node says about its subtree from its children; whether that changed. */
  private sumUp(node: GapNode): boolean {
    const { doubles, words } = this;
    const at = node << DOUBLES_SHIFT;
    const links = node << WORDS_SHIFT;
    const left = words[links + LEFT]!;
    const right = words[links + RIGHT]!;
    let minFirst = doubles[at + BASE]!;
    let maxEnd = doubles[at + END]!;
    let maxGap = doubles[at + INNER_GAP]!;
    if (left !== NO_NODE) {
      const below = left << DOUBLES_SHIFT;
      maxGap = larger(maxGap, minFirst - doubles[below + MAX_END]!);
      maxGap = larger(maxGap, doubles[below + MAX_GAP]!);
      minFirst = doubles[below + MIN_FIRST]!;
    }
    if (right !== NO_NODE) {
      const below = right << DOUBLES_SHIFT;
      maxGap = larger(maxGap, doubles[below + MIN_FIRST]! - maxEnd);
      maxGap = larger(maxGap, doubles[below + MAX_GAP]!);
      maxEnd = doubles[below + MAX_END]!;
    }
    const height =
      1 + larger(words[(left << WORDS_SHIFT) + HEIGHT]!, words[(right << WORDS_SHIFT) + HEIGHT]!);
    if (
      doubles[at + MIN_FIRST] === minFirst &&
      doubles[at + MAX_END] === maxEnd &&
      doubles[at + MAX_GAP] === maxGap &&
      words[links + HEIGHT] === height
    ) {
      return false;
    }
    doubles[at + MIN_FIRST] = minFirst;
    doubles[at + MAX_END] = maxEnd;
    doubles[at + MAX_GAP] = maxGap;
    words[links + HEIGHT] = height;
    return true;
  }

  private replaceChild(parent: GapNode, old: GapNode, child: GapNode): void {
    const { words } = this;
    if (child !== NO_NODE) words[(child << WORDS_SHIFT) + PARENT] = parent;
    if (parent === NO_NODE) {
      this.root = child;
      return;
    }
    const left = (parent << WORDS_SHIFT) + LEFT;
    words[words[left] === old ? left : left + RIGHT - LEFT] = child;
  }

  /** Follows links to one side until there is none. */
  private outermost(from: GapNode, side: number): GapNode {
    const { words } = this;
    let node = from;
    let beyond = node;
    while (beyond !== NO_NODE) {
      node = beyond;
      beyond = words[(node << WORDS_SHIFT) + side]!;
    }
    return node;
  }

  private neighbour(of: GapNode, side: number, other: number): GapNode {
    const { words } = this;
    const below = words[(of << WORDS_SHIFT) + side]!;
    if (below !== NO_NODE) return this.outermost(below, other);
    let node = of;
    let parent = words[(node << WORDS_SHIFT) + PARENT]!;
    while (parent !== NO_NODE && words[(parent << WORDS_SHIFT) + side] === node) {
      node = parent;
      parent = words[(node << WORDS_SHIFT) + PARENT]!;
    }
    return parent;
  }

  private takeNode(): GapNode {
    const node = this.free;
    if (node !== NO_NODE) {
      this.free = this.parentOf(node);
      return node;
    }
    if ((this.used + 2) * DOUBLES > this.doubles.length) this.grow();
    return ++this.used;
  }

  private grow(): void {
    const nodes = Math.max(FEWEST_NODES, 2 * (this.used + 1));
    const buffer = new ArrayBuffer(nodes * DOUBLES * 8);
    const words = new Int32Array(buffer);
    words.set(this.words);
    this.doubles = new Float64Array(buffer);
    this.words = words;
  }
}

/** `Math.max` without its care for NaN and -0, which the innermost loop would pay for. */
function larger(a: number, b: number): number {
  return a > b ? a : b;
}
