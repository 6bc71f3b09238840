/**
 * An anonymous tree next to what it must show: a plain array for each node, which a snapshot copies.
 * After every step all is compared and every property checked.
 */
import { KernelPanic, Status } from "@aspace/arch";
import { attributedMemory, setAttributionId } from "../src/objects/attribution.ts";
import { isValue } from "../src/objects/blocking.ts";
import { CloneKind, cloneNode } from "../src/objects/clone.ts";
import {
  beginCompression,
  finishCompression,
  type Compression,
} from "../src/objects/compression.ts";
import { rootOf, type CowNode } from "../src/objects/cow-node.ts";
import { dumpNode } from "../src/objects/dump.ts";
import { LookupCursor, PageAccess } from "../src/objects/lookup-cursor.ts";
import { changeHighPriorityCount } from "../src/objects/memory-priority.ts";
import { LazyPageRequest } from "../src/objects/page-request.ts";
import { resizeNode } from "../src/objects/resize.ts";
import { Resolution, resolve } from "../src/objects/resolve.ts";
import { tearDownIfUnused } from "../src/objects/teardown.ts";
import { validateSystem } from "../src/objects/validate.ts";
import { zeroPages } from "../src/objects/zero.ts";
import {
  anonymousNode,
  createSmallSystem,
  fillPage,
  run,
  type SmallSystem,
} from "./small-system.ts";
import { cloneOf, contents } from "./small-tree.ts";

/** One step. Nodes are named by age, modulo how many there are; pages modulo what the node has. */
export type WorldStep =
  | {
      readonly kind: "write" | "compress" | "begin compression" | "starve";
      readonly node: number;
      readonly page: number;
    }
  | {
      readonly kind: "clone" | "zero";
      readonly node: number;
      readonly page: number;
      readonly count: number;
    }
  | { readonly kind: "resize"; readonly node: number; readonly size: number }
  | {
      readonly kind: "destroy" | "toggle priority" | "rename" | "finish compression";
      readonly node: number;
    };

interface Living {
  readonly node: CowNode;
  expected: number[];
}

export class SmallWorld {
  private readonly small: SmallSystem;
  private readonly living: Living[] = [];
  private compression: Compression | null = null;
  private lastValue = 0;

  constructor(small: SmallSystem = createSmallSystem({ frames: 200 })) {
    this.small = small;
    small.system.compressor.arm();
  }

  /** The first node, empty. */
  begin(sizePages: number): void {
    const node = anonymousNode(this.small.system, sizePages);
    node.attributionId = node.id;
    this.living.push({ node, expected: Array.from({ length: sizePages }, () => 0) });
  }

  get nodes(): readonly CowNode[] {
    return this.living.map(({ node }) => node);
  }

  /** Takes a step and checks everything. Steps that name nothing, because no node is left, do nothing. */
  step(step: WorldStep): void {
    const before = this.attributions();
    this.advance(step);
    this.compareAttributions(before);
    this.check();
  }

  /** Takes a step and checks nothing. */
  advance(step: WorldStep): void {
    const target = this.living[step.node % this.living.length];
    if (target !== undefined) this.take(step, target);
  }

  /** Compares everything, and checks every property. */
  check(): void {
    this.compare();
    validateSystem(this.small.system, this.nodes);
  }

  /** Ends all nodes, oldest first, checking after each; then nothing is left (P3). */
  end(): void {
    while (this.living.length > 0) this.step({ kind: "destroy", node: 0 });
    this.finishCompression();
    validateSystem(this.small.system, []);
  }

  private take(step: WorldStep, target: Living): void {
    const { node, expected } = target;
    switch (step.kind) {
      case "destroy":
        return this.destroy(target);
      case "toggle priority":
        return changeHighPriorityCount(node, node.highPriorityCount > 0 ? -1 : 1);
      case "rename":
        // Objects without an id all count as 0.
        return setAttributionId(node, node.attributionId === 0 ? node.id : 0);
      case "finish compression":
        return this.finishCompression();
      case "resize":
        resizeNode(node, step.size);
        target.expected = Array.from({ length: step.size }, (_, page) => expected[page] ?? 0);
        return;
      case "clone":
        return this.clone(target, step);
      default:
        if (node.sizePages > 0) this.takeAt(step, target, step.page % node.sizePages);
    }
  }

  private takeAt(
    step: Extract<WorldStep, { readonly page: number }>,
    target: Living,
    page: number,
  ): void {
    const { node, expected } = target;
    switch (step.kind) {
      case "write":
        return fillPage(node, page, (expected[page] = ++this.lastValue));
      case "zero":
        return this.zero(target, page, Math.min(step.count, node.sizePages - page));
      case "compress":
        this.finishCompression();
        this.beginCompression(node, page);
        return this.finishCompression();
      case "begin compression":
        this.finishCompression();
        return this.beginCompression(node, page);
      case "starve":
        // A snapshot settles a compression under way, which dumps show.
        this.finishCompression();
        starveClone(node);
        return starveWrite(node, page);
      default:
    }
  }

  private destroy(target: Living): void {
    const { node } = target;
    this.living.splice(this.living.indexOf(target), 1);
    changeHighPriorityCount(node, -node.highPriorityCount);
    tearDownIfUnused(node);
  }

  private clone(
    { node, expected }: Living,
    { page, count }: { page: number; count: number },
  ): void {
    const clone = cloneOf(node, { page, count });
    const copy = Array.from({ length: count }, (_, at) => expected[page + at] ?? 0);
    this.living.push({ node: clone, expected: copy });
  }

  private zero({ node, expected }: Living, page: number, count: number): void {
    run(zeroPages(node, page, count, { pages: 0 }));
    expected.fill(0, page, page + count);
  }

  /** Begins to compress what the node sees at a page, wherever it is. */
  private beginCompression(node: CowNode, page: number): void {
    const { node: owner, page: ownerPage } = resolve(node, page, new Resolution(node));
    this.compression = beginCompression(owner, ownerPage);
  }

  private finishCompression(): void {
    if (this.compression !== null) finishCompression(this.compression);
    this.compression = null;
    this.small.system.compressor.arm();
  }

  private compare(): void {
    for (const { node, expected } of this.living) {
      const seen = contents(node);
      if (seen.join() === expected.join()) continue;
      throw new KernelPanic("P9", `node ${node.id} shows ${seen.join()}, not ${expected.join()}`);
    }
  }

  private attributions(): Map<CowNode, { generation: number; bytes: string }> {
    return new Map(
      this.nodes.map((node) => [
        node,
        { generation: node.hierarchy.generation, bytes: attributionText(node) },
      ]),
    );
  }

  /** P8: unless the generation has moved, the attribution of every page is what it was. */
  private compareAttributions(before: Map<CowNode, { generation: number; bytes: string }>): void {
    for (const [node, { generation, bytes }] of before) {
      if (!this.nodes.includes(node) || node.hierarchy.generation !== generation) continue;
      if (attributionText(node) === bytes) continue;
      throw new KernelPanic("P8", `the attribution of node ${node.id} moved, its generation not`);
    }
  }
}

function attributionText(node: CowNode): string {
  return Array.from({ length: node.sizePages }, (_, page) => {
    const { uncompressedBytes, compressedBytes } = attributedMemory(node, page, 1);
    return `${uncompressedBytes}+${compressedBytes}`;
  }).join();
}

/**
 * A clone that fails for want of memory changes nothing, wherever that happens; nor does one that
 * succeeds and ends at once.
 */
function starveClone(node: CowNode): void {
  const { failures } = node.system.pmm;
  for (let attempt = 1; ; attempt++) {
    const before = dumpNode(rootOf(node));
    failures.failAt(attempt);
    const clone = cloneNode(node, "owner", CloneKind.SNAPSHOT, 0, node.sizePages);
    const isStarved = !failures.isPending();
    failures.failNever();
    if (isValue(clone)) tearDownIfUnused(clone);
    else if (clone !== Status.NO_MEMORY || !isStarved) throw new Error(`no clone: ${clone}`);
    assertSame(before, dumpNode(rootOf(node)));
    if (isValue(clone)) return;
  }
}

/** A write that fails for want of memory changes nothing, but that the page may be decompressed. */
function starveWrite(node: CowNode, page: number): void {
  const { failures } = node.system.pmm;
  const request = new LazyPageRequest();
  new LookupCursor(node, page, 1).requirePage(PageAccess.READ, 1, request);
  for (let attempt = 1; ; attempt++) {
    const before = dumpNode(rootOf(node));
    failures.failAt(attempt);
    const status = new LookupCursor(node, page, 1).requirePage(PageAccess.WRITE, 1, request);
    const isStarved = !failures.isPending();
    failures.failNever();
    if (status === Status.OK) return;
    if (status !== Status.NO_MEMORY || !isStarved) throw new Error(`no page: ${status}`);
    assertSame(before, dumpNode(rootOf(node)));
  }
}

function assertSame(before: string, after: string): void {
  if (before !== after) throw new KernelPanic("P21", `before:\n${before}\nafter:\n${after}`);
}
