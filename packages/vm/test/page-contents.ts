/**
 * Every kind of content that a node can show at a page, one small tree for each:
 *
 *     page         0  1  2  3  4  5  6  7
 *     ancestor     .  .  .  X  .  .  .  .        the content of clones is at page 3 of an ancestor
 *     node            .  .  X  .  .  .           and all content at PAGE of the node
 *
 * Nothing else is populated, so that runs and requests are as long as they may be.
 */
import { Status } from "@aspace/arch";
import { isValue } from "../src/objects/blocking.ts";
import { CloneKind, cloneNode } from "../src/objects/clone.ts";
import { compressPage } from "../src/objects/compression.ts";
import { CowNode, NodeKind, Visibility } from "../src/objects/cow-node.ts";
import { changeDirtyState, markDirty } from "../src/objects/dirty-state.ts";
import { Hierarchy } from "../src/objects/hierarchy.ts";
import type { MemorySystem } from "../src/objects/memory-system.ts";
import type { PageSource } from "../src/objects/page-source.ts";
import { DirtyState } from "../src/objects/pages.ts";
import { AllocationPolicy } from "../src/objects/pmm.ts";
import {
  AWAITING_CLEAN_INTERVAL_SLOT,
  DIRTY_INTERVAL_SLOT,
  EMPTY_SLOT,
  MARKER_SLOT,
} from "../src/objects/slot.ts";
import { UserPager } from "../src/objects/user-pager.ts";
import { fillPage } from "./small-system.ts";

/** Where the content is, in the node under test. */
export const PAGE = 2;
/** Where a clone's content is in its ancestor, since clones here begin at page 1. */
const UP = PAGE + 1;
const ROOT_PAGES = 8;
const CLONE_PAGES = 6;
/** What pages with content hold. */
export const VALUE = 77;
/** What a sibling holds that wrote after the snapshot. */
const OTHER_VALUE = 99;

/** Whether a pager is asked before a page becomes dirty. */
export const Trap = { OFF: "not trapping", ON: "trapping" } as const;
export type Trap = (typeof Trap)[keyof typeof Trap];

/** Builds a tree and gives the node under test. */
export type Content = (system: MemorySystem, policy?: AllocationPolicy) => CowNode;

/** Puts something at a page of a node. */
export type Fill = (node: CowNode, page: number) => void;

const { NEVER_WAITS } = AllocationPolicy;

function rootNode(
  system: MemorySystem,
  policy: AllocationPolicy,
  kind: NodeKind,
  source: PageSource | null = null,
): CowNode {
  return new CowNode({
    system,
    hierarchy: new Hierarchy(system.locks),
    kind,
    sizePages: ROOT_PAGES,
    policy,
    visibility: Visibility.VISIBLE,
    source,
  });
}

/** A clone of pages 1 to 6 of a node. */
function cloneOf(node: CowNode, kind: CloneKind): CowNode {
  return made(cloneNode(node, "owner", kind, 1, CLONE_PAGES));
}

function made(clone: CowNode | Status): CowNode {
  if (!isValue(clone)) throw new Error(`no clone: status ${clone}`);
  return clone;
}

/** An anonymous node with something in it. */
export function anonymous(fill: Fill): Content {
  return (system, policy = NEVER_WAITS) => {
    const node = rootNode(system, policy, NodeKind.ANONYMOUS);
    fill(node, PAGE);
    return node;
  };
}

/** The snapshot of an anonymous node: what that had is in a hidden node now, for `change` to change. */
export function snapshot(
  fill: Fill,
  change: (original: CowNode, hidden: CowNode) => void = () => {},
): Content {
  return (system, policy = NEVER_WAITS) => {
    const original = rootNode(system, policy, NodeKind.ANONYMOUS);
    fill(original, UP);
    const clone = cloneOf(original, CloneKind.SNAPSHOT);
    change(original, clone.parent!);
    return clone;
  };
}

/** A page written by the original after the snapshot, so that only the clone sees the old one. */
export function writtenSince(original: CowNode): void {
  fillPage(original, UP, OTHER_VALUE);
}

/** A contiguous node, which has all its pages. */
export const contiguous: Content = (system, policy = NEVER_WAITS) => {
  const node = rootNode(system, policy, NodeKind.CONTIGUOUS);
  const first = system.pmm.allocateContiguous(ROOT_PAGES, 1);
  if (first < 0) throw new Error(`no run of frames: status ${first}`);
  for (let page = 0; page < ROOT_PAGES; page++) {
    system.pmm.zero(first + page);
    node.insertPage(page, first + page, DirtyState.UNTRACKED);
  }
  fillPage(node, PAGE, VALUE);
  return node;
};

/** A pager's root with something in it. */
export function pagerRoot(trap: Trap, fill: Fill): Content {
  return (system, policy = NEVER_WAITS) => pagerRootAt(system, policy, trap, PAGE, fill);
}

function pagerRootAt(
  system: MemorySystem,
  policy: AllocationPolicy,
  trap: Trap,
  page: number,
  fill: Fill,
): CowNode {
  const source = new UserPager().createSource({ key: 0, trapsDirty: trap === Trap.ON });
  const node = rootNode(system, policy, NodeKind.PAGER, source);
  fill(node, page);
  return node;
}

/** A clone of a pager's root that has something in it; `change` then changes the clone. */
export function pagerClone(fill: Fill, change: Fill = () => {}): Content {
  return (system, policy = NEVER_WAITS) => {
    const root = pagerRootAt(system, policy, Trap.ON, UP, fill);
    const clone = cloneOf(root, CloneKind.SNAPSHOT_AT_LEAST_ON_WRITE);
    change(clone, PAGE);
    return clone;
  };
}

/** A clone of a clone of a pager's root that has something in it. Of the kind SNAPSHOT_MODIFIED, a hidden node gets it. */
export function pagerGrandchild(kind: CloneKind, fill: Fill, change: Fill = () => {}): Content {
  return (system, policy = NEVER_WAITS) => {
    const root = pagerRootAt(system, policy, Trap.ON, UP, nothing);
    const ofAll = CloneKind.SNAPSHOT_AT_LEAST_ON_WRITE;
    const clone = made(cloneNode(root, "owner", ofAll, 0, ROOT_PAGES));
    fill(clone, UP);
    const grandchild = cloneOf(clone, kind);
    change(grandchild.parent!, UP);
    return grandchild;
  };
}

/** A clone of a pager's root whose page lies beyond the end of what it was cloned from. */
export const beyondTheWindow: Content = (system, policy = NEVER_WAITS) => {
  const root = pagerRootAt(system, policy, Trap.ON, UP, nothing);
  const kind = CloneKind.SNAPSHOT_AT_LEAST_ON_WRITE;
  return made(cloneNode(root, "owner", kind, ROOT_PAGES - PAGE, CLONE_PAGES));
};

export function nothing(): void {}

export function cleanPage(node: CowNode, at: number): void {
  fillPage(node, at, VALUE);
}

export function dirtyPage(node: CowNode, at: number): void {
  cleanPage(node, at);
  markDirty(node, at);
}

export function awaitingCleanPage(node: CowNode, at: number): void {
  dirtyPage(node, at);
  changeDirtyState(node, at, DirtyState.AWAITING_CLEAN);
}

export function reference(node: CowNode, at: number): void {
  cleanPage(node, at);
  compress(node, at);
}

/** Compresses what is there. */
export function compress(node: CowNode, at: number): void {
  const { compressor } = node.system;
  compressor.arm();
  if (compressPage(node, at) !== "compressed") throw new Error(`page ${at} was not compressed`);
  compressor.disarm();
}

/** As `writtenSince`, and the old page was compressed. */
export function compressedSince(original: CowNode, hidden: CowNode): void {
  writtenSince(original);
  compress(hidden, UP);
}

export function marker(node: CowNode, at: number): void {
  node.freeSlot(at, EMPTY_SLOT);
  node.setSlot(at, MARKER_SLOT);
}

export function interval(node: CowNode, at: number): void {
  node.setSlot(at, DIRTY_INTERVAL_SLOT);
}

export function awaitingCleanInterval(node: CowNode, at: number): void {
  node.setSlot(at, AWAITING_CLEAN_INTERVAL_SLOT);
}

/** The object lets go of its pager. */
export function detached(node: CowNode): void {
  node.source!.detach();
}

/** The pager goes, without a detach. */
export function orphaned(node: CowNode): void {
  node.source!.onPagerClosed();
}
