/**
 * A memory system on a few frames of simulated RAM, and the least that tests of nodes need: nodes
 * without objects, pages with a number in their first word.
 */
import { FRAME_WORDS, type Pfn, type Status } from "@aspace/arch";
import type { Machine } from "@aspace/machine";
import type { Blocking } from "../src/objects/blocking.ts";
import { decompressSlot } from "../src/objects/compression.ts";
import { CowNode, NodeKind, Visibility } from "../src/objects/cow-node.ts";
import { ZeroFork, forkPage, forkZero } from "../src/objects/fork.ts";
import { Hierarchy } from "../src/objects/hierarchy.ts";
import { MemorySystem, type AnonymousReclaim } from "../src/objects/memory-system.ts";
import { LazyPageRequest } from "../src/objects/page-request.ts";
import type { PageSource } from "../src/objects/page-source.ts";
import { DirtyState } from "../src/objects/pages.ts";
import { AllocationPolicy } from "../src/objects/pmm.ts";
import { Resolution, resolve } from "../src/objects/resolve.ts";
import { SlotKind, slotKind, slotPage, slotReference, type Slot } from "../src/objects/slot.ts";
import { UserPager } from "../src/objects/user-pager.ts";
import { bareMachine } from "./bare-machine.ts";

export interface SmallSystem {
  readonly system: MemorySystem;
  readonly machine: Machine;
}

export interface SmallSystemOptions {
  /** Frames that can be allocated. One of them becomes the page of zeroes. */
  readonly frames?: number;
  readonly anonymousReclaim?: AnonymousReclaim;
}

export function createSmallSystem({
  frames = 64,
  ...options
}: SmallSystemOptions = {}): SmallSystem {
  const machine = bareMachine(frames);
  const system = new MemorySystem({ memory: machine.memory, frames: machine.pages, ...options });
  return { system, machine };
}

/** A visible node that is zero throughout, in a hierarchy of its own, without an object. */
export function anonymousNode(system: MemorySystem, sizePages: number): CowNode {
  return new CowNode({
    system,
    hierarchy: new Hierarchy(system.locks),
    kind: NodeKind.ANONYMOUS,
    sizePages,
    policy: AllocationPolicy.NEVER_WAITS,
    visibility: Visibility.VISIBLE,
  });
}

/** The root of a pager's tree, all of it absent, without an object. */
export function pagerNode(
  system: MemorySystem,
  sizePages: number,
  source: PageSource = new UserPager().createSource({ key: 0, trapsDirty: false }),
): CowNode {
  return new CowNode({
    system,
    hierarchy: new Hierarchy(system.locks),
    kind: NodeKind.PAGER,
    sizePages,
    policy: AllocationPolicy.NEVER_WAITS,
    visibility: Visibility.VISIBLE,
    source,
  });
}

/**
 * Writes a number to the first word of a page, which the node then has itself: a clone forks it. A
 * pager's root is supplied with it, Clean.
 */
export function fillPage(node: CowNode, page: number, value: number): void {
  const { pmm } = node.system;
  const frame = ownedFrame(node, page);
  pmm.markWritten(frame);
  pmm.memory.words[frame * FRAME_WORDS] = value;
}

function ownedFrame(node: CowNode, page: number): Pfn {
  const request = new LazyPageRequest();
  const found = resolve(node, page, new Resolution(node));
  if (slotKind(found.slot) === SlotKind.REFERENCE) {
    allocated(decompressSlot(found.node, found.page, request));
    resolve(node, page, found);
  }
  if (slotKind(found.slot) !== SlotKind.PAGE) {
    const dirtyState = node.isDirtyTracked ? DirtyState.CLEAN : DirtyState.UNTRACKED;
    return allocated(forkZero(node, page, dirtyState, ZeroFork.ORDINARY, request));
  }
  if (found.node === node) return slotPage(found.slot);
  return allocated(forkPage(node, page, found, request));
}

function allocated(frame: Pfn | Status): Pfn {
  if (frame < 0) throw new Error(`there is no frame to be had: status ${frame}`);
  return frame;
}

/** The first word of the page that a node sees, compressed or not; 0 where there is nothing. */
export function valueAt(node: CowNode, page: number): number {
  const { slot } = resolve(node, page, new Resolution(node));
  const { pmm } = node.system;
  if (slotKind(slot) === SlotKind.REFERENCE) return compressedValue(node.system, slot);
  return slotKind(slot) === SlotKind.PAGE ? pmm.memory.words[slotPage(slot) * FRAME_WORDS]! : 0;
}

function compressedValue({ pmm, compressor }: MemorySystem, slot: Slot): number {
  const handle = slotReference(slot);
  if (compressor.isTemporary(handle)) {
    return pmm.memory.words[compressor.temporaryPage() * FRAME_WORDS]!;
  }
  const frame = pmm.allocate(AllocationPolicy.NEVER_WAITS);
  if (frame < 0) throw new Error(`there is no frame to look at reference ${handle} in`);
  compressor.decompressInto(handle, frame);
  const value = pmm.memory.words[frame * FRAME_WORDS]!;
  pmm.free(frame);
  return value;
}

/** Drives an operation that must not have to wait. */
export function run<T>(operation: Blocking<T>): T {
  const step = operation.next();
  if (step.done === true) return step.value;
  throw new Error(`the operation waits for ${step.value.describe()}`);
}
