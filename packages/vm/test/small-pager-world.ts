/**
 * A pager's tree next to what is certain about it. A page of a clone is certain once the clone wrote
 * it, once a snapshot froze it, or where the clone sees nothing. Any other may follow the node that
 * it looks up to, and nobody else:
 *
 *     root     5  6  7         certain, all of it
 *     clone    .  9  .         certain: 9; the others show what the root shows
 */
import { KernelPanic, Status } from "@aspace/arch";
import { isValue } from "../src/objects/blocking.ts";
import { cloneNode, type CloneKind } from "../src/objects/clone.ts";
import type { CowNode } from "../src/objects/cow-node.ts";
import { resizeNode } from "../src/objects/resize.ts";
import { Resolution, resolve } from "../src/objects/resolve.ts";
import { tearDownIfUnused } from "../src/objects/teardown.ts";
import { validateSystem } from "../src/objects/validate.ts";
import { zeroPages } from "../src/objects/zero.ts";
import { fillPage, pagerNode, run, type SmallSystem } from "./small-system.ts";
import { contents, objectOf } from "./small-tree.ts";

/** One step. Node 0 is the root, the others are clones by age, modulo how many there are. */
export type PagerWorldStep =
  | { readonly kind: "write"; readonly node: number; readonly page: number }
  | { readonly kind: "zero"; readonly node: number; readonly page: number; readonly count: number }
  | {
      readonly kind: "clone";
      readonly node: number;
      readonly how: CloneKind;
      readonly page: number;
      readonly count: number;
    }
  | { readonly kind: "resize"; readonly node: number; readonly size: number }
  | { readonly kind: "destroy"; readonly node: number };

interface Living {
  readonly node: CowNode;
  /** By page: the value, or null where it is not certain. */
  certain: (number | null)[];
}

export class SmallPagerWorld {
  private readonly small: SmallSystem;
  private readonly living: Living[] = [];
  private lastValue = 0;

  constructor(small: SmallSystem, sizePages: number) {
    this.small = small;
    const root = pagerNode(small.system, sizePages);
    objectOf(root);
    // What the pager has not supplied reads as 0 here.
    this.living.push({ node: root, certain: Array.from({ length: sizePages }, () => 0) });
  }

  get nodes(): readonly CowNode[] {
    return this.living.map(({ node }) => node);
  }

  step(step: PagerWorldStep): void {
    const target = this.living[step.node % this.living.length]!;
    const before = new Map(this.nodes.map((node) => [node, contents(node)]));
    this.take(step, target);
    this.assertOthersKept(before, target.node);
    this.assertCertain();
    validateSystem(this.small.system, this.nodes);
  }

  /** Ends everything, the root last; then nothing is left (P3). */
  end(): void {
    while (this.living.length > 1) this.step({ kind: "destroy", node: 1 });
    this.destroy(this.living[0]!);
    validateSystem(this.small.system, []);
  }

  private take(step: PagerWorldStep, target: Living): void {
    const { node, certain } = target;
    const isRoot = node.source !== null;
    switch (step.kind) {
      case "clone":
        return this.clone(target, step.how, step.page, step.count);
      case "destroy":
        // A node that has clones lives on unseen.
        if (!isRoot) this.destroy(target);
        return;
      case "resize":
        return this.resize(target, step.size);
      default:
    }
    if (node.sizePages === 0) return;
    const page = step.page % node.sizePages;
    if (step.kind === "write") {
      certain[page] = ++this.lastValue;
      return fillPage(node, page, this.lastValue);
    }
    if (isRoot) return;
    const count = Math.min(step.count, node.sizePages - page);
    run(zeroPages(node, page, count, { pages: 0 }));
    certain.fill(0, page, page + count);
  }

  private destroy(target: Living): void {
    this.living.splice(this.living.indexOf(target), 1);
    target.node.object = null;
    tearDownIfUnused(target.node);
  }

  private clone({ node, certain }: Living, how: CloneKind, page: number, count: number): void {
    const shown = contents(node);
    const clone = cloneNode(node, "owner", how, page, count);
    if (!isValue(clone)) {
      if (clone === Status.NOT_SUPPORTED) return;
      throw new Error(`no clone: ${clone}`);
    }
    objectOf(clone);
    clone.attributionId = clone.id;
    const isSnapshot = clone.parent!.isHidden;
    const known = Array.from({ length: count }, (_, at) => {
      if (page + at >= node.sizePages) return 0;
      return isSnapshot ? certain[page + at]! : null;
    });
    this.living.push({ node: clone, certain: known });
    const expected = Array.from({ length: count }, (_, at) => shown[page + at] ?? 0);
    // A clone may hang above the node that was cloned, but only where that shows the same.
    if (contents(clone).join() === expected.join()) return;
    throw new KernelPanic("P9", `clone ${clone.id} begins as ${contents(clone)}, not ${expected}`);
  }

  private resize(target: Living, size: number): void {
    const { node } = target;
    const isRoot = node.source !== null;
    if (!isRoot && node.children.length > 0) return;
    const oldSize = node.sizePages;
    resizeNode(node, size);
    target.certain = Array.from({ length: size }, (_, page) =>
      page < oldSize ? target.certain[page]! : 0,
    );
    if (!isRoot) return;
    // What hangs from the root saw only the root there, and is cut off for good (P12).
    for (const { node: clone, certain } of this.living.slice(1)) {
      if (visibleParentOf(clone) !== node) continue;
      for (let page = Math.max(0, size - clone.rootParentOffset); page < certain.length; page++) {
        certain[page] ??= 0;
      }
    }
  }

  /** P10: only who looks through to the changed node shows anything else than before. */
  private assertOthersKept(before: Map<CowNode, number[]>, changed: CowNode): void {
    for (const node of this.nodes) {
      const shown = before.get(node);
      if (node === changed || shown === undefined) continue;
      contents(node).forEach((value, page) => {
        if (value === shown[page]) return;
        const { node: owner } = resolve(node, page, new Resolution(node));
        const isCutOff = value === 0 && changed.source !== null && owner.source === null;
        if (owner === changed || isCutOff) return;
        throw new KernelPanic("P10", `page ${page} of node ${node.id} changed from ${shown[page]}`);
      });
    }
  }

  private assertCertain(): void {
    for (const { node, certain } of this.living) {
      contents(node).forEach((value, page) => {
        const known = certain[page] ?? value;
        if (known === value) return;
        throw new KernelPanic("P9", `page ${page} of node ${node.id} is ${value}, not ${known}`);
      });
    }
  }
}

function visibleParentOf(node: CowNode): CowNode | null {
  let at = node.parent;
  while (at?.isHidden === true) at = at.parent;
  return at;
}
