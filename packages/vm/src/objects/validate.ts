import { KernelPanic, formatAddress } from "@aspace/arch";
import { rootOf, type CowNode } from "./cow-node.ts";
import type { MemorySystem } from "./memory-system.ts";
import type { PageSource } from "./page-source.ts";
import { RequestType } from "./page-request.ts";
import { PageState } from "./pages.ts";
import { assertSlots } from "./slot-invariants.ts";
import { SlotKind, slotKind, slotPage, slotReference, type Slot } from "./slot.ts";
import {
  assertCharges,
  assertPlace,
  assertPriority,
  assertShareCounts,
  nodesBelow,
} from "./tree-invariants.ts";
import type { VmObjectPaged } from "./vm-object-paged.ts";

/** Checks the tree that a node belongs to, everything counted from scratch; panics with the property that is broken. */
export function validateHierarchy(node: CowNode): void {
  validateTree(rootOf(node), () => {});
}

/** Checks the object's tree, and that object and node know each other. */
export function validateObject(object: VmObjectPaged): void {
  const { node } = object;
  if (object.isAlive && node.object !== object && !node.views.has(object)) {
    throw new KernelPanic("P5", `node ${node.id} does not know an object that uses it`);
  }
  if (object.sliceOffset + object.sizePages > node.sizePages) {
    throw new KernelPanic("P5", `a slice reaches beyond the end of node ${node.id}`);
  }
  validateHierarchy(node);
}

/**
 * Checks all trees and, frame by frame, that everything in them is there once and nothing is anywhere
 * else (P1, P2, P3). `nodes` names every tree by any of its nodes. `heldFrames` counts the frames that
 * callers hold in splice lists and the like, and `heldReferences` compressed contents there; the frames of
 * the compressor are known.
 */
export function validateSystem(
  system: MemorySystem,
  nodes: Iterable<CowNode>,
  heldFrames: number = 0,
  heldReferences: number = 0,
): void {
  const { pmm, compressor } = system;
  const frames = new Set<number>();
  const references = new Set<number>();
  const claim = (slot: Slot): void => {
    if (slotKind(slot) === SlotKind.PAGE) claimOnce(frames, slotPage(slot), "frame");
    else claimOnce(references, slotReference(slot), "reference");
  };
  for (const root of new Set(Array.from(nodes, rootOf))) validateTree(root, claim);
  pmm.validate();
  system.queues.validate();
  const inSlots = pmm.pages.countOf(PageState.OBJECT);
  if (inSlots !== frames.size) {
    throw new KernelPanic("P1", `${inSlots} frames are in objects, but ${frames.size} in slots`);
  }
  const held = pmm.pages.countOf(PageState.ALLOC);
  if (held !== heldFrames + compressor.frameCount) {
    throw new KernelPanic("P1", `${held} frames are held, but ${heldFrames} are known to be`);
  }
  const stored = [...references].filter((handle) => !compressor.isTemporary(handle)).length;
  if (stored + heldReferences !== compressor.liveCount) {
    throw new KernelPanic("P1", `${compressor.liveCount} contents are stored for ${stored} slots`);
  }
}

function claimOnce(claimed: Set<number>, value: number, what: string): void {
  if (claimed.has(value))
    throw new KernelPanic("P1", `${what} ${formatAddress(value)} is in two slots`);
  claimed.add(value);
}

/** Links before slots before counts, so that what is found first is not a consequence of something else. */
function validateTree(root: CowNode, claim: (slot: Slot) => void): void {
  const nodes = nodesBelow(root);
  for (const node of nodes) assertPlace(node);
  for (const node of nodes) assertSlots(node, claim);
  for (const node of nodes) {
    assertShareCounts(node);
    assertPriority(node);
    node.object?.discardable?.validate();
  }
  assertCharges(nodes);
  if (root.source !== null) validateSource(root, root.source);
}

/** P17, P18: requests are in order, and nobody waits for what is there. */
function validateSource(root: CowNode, source: PageSource): void {
  source.validate();
  for (const { page, end } of source.outstanding(RequestType.READ)) {
    const inside = Math.min(end, root.sizePages);
    if (root.slots.nextEmpty(page, inside) >= inside) {
      throw new KernelPanic("P18", `pages ${page} to ${end} are read, but none is absent`);
    }
  }
}
