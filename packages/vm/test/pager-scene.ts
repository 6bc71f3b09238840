/**
 * The root of a pager's tree, drawn with one letter a page:
 *
 *     .  absent               M  marker
 *     C  clean                ~  zero interval
 *     D  dirty                ^  zero interval that awaits being clean
 *     A  awaiting clean       c d a  the same pages, pinned once
 *
 * Page n has 100 + n in its first word.
 */
import { PAGE_BYTES } from "@aspace/arch";
import { CowNode, NodeKind, Visibility } from "../src/objects/cow-node.ts";
import { Hierarchy } from "../src/objects/hierarchy.ts";
import type { MemorySystem } from "../src/objects/memory-system.ts";
import type { ObjectMapping } from "../src/objects/object-mapping.ts";
import type { PageSource } from "../src/objects/page-source.ts";
import { DirtyState } from "../src/objects/pages.ts";
import { AllocationPolicy } from "../src/objects/pmm.ts";
import {
  AWAITING_CLEAN_INTERVAL_SLOT,
  DIRTY_INTERVAL_SLOT,
  EMPTY_SLOT,
  MARKER_SLOT,
  SlotKind,
  slotKind,
  slotPage,
  type Slot,
} from "../src/objects/slot.ts";
import { UserPager } from "../src/objects/user-pager.ts";
import { VmObjectPaged } from "../src/objects/vm-object-paged.ts";
import { CachePolicy, ChildType } from "../src/objects/vm-object.ts";
import { createSmallSystem } from "./small-system.ts";

/** Every letter of a drawing. */
export const LETTERS = [".", "C", "D", "A", "M", "~", "^", "c", "d", "a"] as const;

/** What letters other than pages stand for. */
const SLOTS: ReadonlyMap<string, Slot> = new Map([
  [".", EMPTY_SLOT],
  ["M", MARKER_SLOT],
  ["~", DIRTY_INTERVAL_SLOT],
  ["^", AWAITING_CLEAN_INTERVAL_SLOT],
]);

const STATES: ReadonlyMap<string, DirtyState> = new Map([
  ["C", DirtyState.CLEAN],
  ["D", DirtyState.DIRTY],
  ["A", DirtyState.AWAITING_CLEAN],
]);

export interface PagerScene {
  readonly system: MemorySystem;
  readonly pager: UserPager;
  readonly source: PageSource;
  readonly node: CowNode;
  /** What mappings were told: `unmap 0+2`. */
  readonly told: string[];
}

export interface PagerSceneOptions {
  readonly trapsDirty?: boolean;
  readonly policy?: AllocationPolicy;
  /** Otherwise a new one. */
  readonly system?: MemorySystem;
}

export function pagerScene(drawing: string, options: PagerSceneOptions = {}): PagerScene {
  const { trapsDirty = true, policy = AllocationPolicy.NEVER_WAITS } = options;
  const { system = createSmallSystem().system } = options;
  const pager = new UserPager();
  const source = pager.createSource({ key: 1, trapsDirty });
  const node = new CowNode({
    system,
    hierarchy: new Hierarchy(system.locks),
    kind: NodeKind.PAGER,
    sizePages: drawing.length,
    policy,
    visibility: Visibility.VISIBLE,
    source,
  });
  for (const [page, letter] of [...drawing].entries()) paint(node, page, letter);
  return { system, pager, source, node, told: watch(node) };
}

/** Makes an absent page what the letter says. */
export function paint(node: CowNode, page: number, letter: string): void {
  const slot = SLOTS.get(letter);
  if (slot !== undefined) {
    if (slot !== EMPTY_SLOT) node.setSlot(page, slot);
    return;
  }
  const { pmm } = node.system;
  const frame = frameWith(node.system, 100 + page);
  node.insertPage(page, frame, STATES.get(letter.toUpperCase())!);
  if (letter === letter.toUpperCase()) return;
  pmm.pages.pinCount[frame] = 1;
  node.pinnedPageCount++;
  node.requeue(frame);
}

/** The node as a drawing. */
export function draw(node: CowNode): string {
  return Array.from({ length: node.sizePages }, (_, page) => letterAt(node, page)).join("");
}

function letterAt(node: CowNode, page: number): string {
  const slot = node.get(page);
  if (slotKind(slot) !== SlotKind.PAGE) return [...SLOTS].find(([, each]) => each === slot)![0];
  const { dirtyState, pinCount } = node.system.pmm.pages;
  const frame = slotPage(slot);
  const letter = [...STATES].find(([, state]) => state === dirtyState[frame])![0];
  return pinCount[frame]! > 0 ? letter.toLowerCase() : letter;
}

/** The first words of the pages; 0 where there is none. */
export function values(node: CowNode): number[] {
  return Array.from({ length: node.sizePages }, (_, page) => {
    const slot = node.get(page);
    return slotKind(slot) === SlotKind.PAGE ? firstWord(node.system, slotPage(slot)) : 0;
  });
}

/** Unpins and frees everything that the node has. */
export function erase(node: CowNode): void {
  const end = node.sizePages;
  for (
    let at = node.slots.nextPopulated(0, end);
    at < end;
    at = node.slots.nextPopulated(at + 1, end)
  ) {
    const slot = node.get(at);
    if (slotKind(slot) === SlotKind.PAGE) node.system.pmm.pages.pinCount[slotPage(slot)] = 0;
    node.freeSlot(at, EMPTY_SLOT);
  }
  node.pinnedPageCount = 0;
}

/** A frame in nobody's slot with a number in its first word. */
export function frameWith({ pmm }: MemorySystem, value: number): number {
  const frame = pmm.allocate(AllocationPolicy.NEVER_WAITS);
  if (frame < 0) throw new Error("the test has no frame left");
  pmm.zero(frame);
  pmm.markWritten(frame);
  pmm.memory.words[(frame * PAGE_BYTES) / 4] = value;
  return frame;
}

export function firstWord({ pmm }: MemorySystem, frame: number): number {
  return pmm.memory.words[(frame * PAGE_BYTES) / 4]!;
}

/** Gives the node an object with a mapping of all of it that writes down what it is told. */
function watch(node: CowNode): string[] {
  const told: string[] = [];
  const mapping: ObjectMapping = {
    aspaceIdentity: told,
    isInUserAspace: true,
    aspaceUnmapLockedObject: (page, count) => told.push(`unmap ${page}+${count}`),
    aspaceRemoveWriteLockedObject: (page, count) => told.push(`remove write ${page}+${count}`),
    aspaceDebugUnpinLockedObject: (page, count) => told.push(`debug unpin ${page}+${count}`),
  };
  const object = new VmObjectPaged({
    node,
    childType: ChildType.NOT_CHILD,
    parent: null,
    policy: CachePolicy.CACHED,
    isResizable: true,
  });
  object.mappings.add(mapping);
  return told;
}
