/** Nodes and looks into nodes for tests of what changes their shape: how much there is, and what of it is zero. */
import { PAGE_BYTES, Status } from "@aspace/arch";
import { isValue, type Blocking } from "../src/objects/blocking.ts";
import { CloneKind, cloneNode } from "../src/objects/clone.ts";
import { CowNode, NodeKind, Visibility } from "../src/objects/cow-node.ts";
import { Hierarchy } from "../src/objects/hierarchy.ts";
import { PageAccess } from "../src/objects/lookup-cursor.ts";
import type { MemorySystem } from "../src/objects/memory-system.ts";
import type { LazyPageRequest } from "../src/objects/page-request.ts";
import type { PageSource } from "../src/objects/page-source.ts";
import { DirtyState } from "../src/objects/pages.ts";
import { pinRange } from "../src/objects/pin.ts";
import { AllocationPolicy } from "../src/objects/pmm.ts";
import { describeSlot, slotKind, SlotKind, slotPage } from "../src/objects/slot.ts";
import { UserPager } from "../src/objects/user-pager.ts";
import { fillPage, run, valueAt } from "./small-system.ts";

export interface NodeOptions {
  readonly sizePages: number;
  readonly kind?: NodeKind;
  readonly policy?: AllocationPolicy;
  readonly source?: PageSource;
}

/** A visible node without content in a hierarchy of its own. */
export function node(system: MemorySystem, options: NodeOptions): CowNode {
  return new CowNode({
    system,
    hierarchy: new Hierarchy(system.locks),
    kind: NodeKind.ANONYMOUS,
    policy: AllocationPolicy.NEVER_WAITS,
    visibility: Visibility.VISIBLE,
    ...options,
  });
}

/** The root of a pager's tree, with nothing supplied. */
export function pagerRoot(system: MemorySystem, sizePages: number, trapsDirty: boolean): CowNode {
  const source = new UserPager().createSource({ key: 0, trapsDirty });
  return node(system, { sizePages, kind: NodeKind.PAGER, source });
}

/** A contiguous node, all zeroes. */
export function contiguousNode(system: MemorySystem, sizePages: number): CowNode {
  const made = node(system, { sizePages, kind: NodeKind.CONTIGUOUS });
  const first = system.pmm.allocateContiguous(sizePages, 1);
  if (first < 0) throw new Error(`there is no run of ${sizePages} frames`);
  for (let page = 0; page < sizePages; page++) {
    system.pmm.zero(first + page);
    made.insertPage(page, first + page, DirtyState.UNTRACKED);
  }
  return made;
}

/** A snapshot of a range of a node. */
export function snapshotOf(of: CowNode, page = 0, count: number = of.sizePages): CowNode {
  return cloneOf(of, CloneKind.SNAPSHOT, page, count);
}

export function cloneOf(
  of: CowNode,
  kind: CloneKind,
  page = 0,
  count: number = of.sizePages,
): CowNode {
  const clone = cloneNode(of, "owner", kind, page, count);
  if (!isValue(clone)) throw new Error(`there is no clone: status ${clone}`);
  return clone;
}

/** Pins a page once, without making it dirty. */
export function pin(of: CowNode, page: number, access: PageAccess = PageAccess.READ): void {
  const status = run(pinRange(of, page, 1, access));
  if (status !== Status.OK) throw new Error(`page ${page} is not pinned: status ${status}`);
}

/** A node with ones in every byte. */
export function filled(of: CowNode): CowNode {
  for (let page = 0; page < of.sizePages; page++) {
    fillPage(of, page, 1);
    of.system.pmm.writeBytes(frameAt(of, page), 0, new Uint8Array(PAGE_BYTES).fill(1));
  }
  return of;
}

/** What a node shows: the value in each page. */
export function valuesOf(of: CowNode): number[] {
  return Array.from({ length: of.sizePages }, (_, page) => valueAt(of, page));
}

/** What a node has itself, as lines of a dump; pages by their frames. */
export function slotsOf(of: CowNode): string[] {
  return Array.from({ length: of.sizePages }, (_, page) => describeSlot(of.get(page)));
}

/** The same without frames and handles: what kind of content each page has. */
export function kindsOf(of: CowNode): string[] {
  return slotsOf(of).map((slot) => slot.replace(/ 0x[0-9a-f]+$| \d+$/, ""));
}

/** The frame of a page that a node has itself. */
export function frameAt(of: CowNode, page: number): number {
  const slot = of.get(page);
  if (slotKind(slot) !== SlotKind.PAGE) throw new Error(`page ${page} is ${describeSlot(slot)}`);
  return slotPage(slot);
}

/** Runs an operation to its first wait, and answers for what it waits. */
export function firstWait<T>(operation: Blocking<T>): LazyPageRequest {
  const step = operation.next();
  if (step.done === true)
    throw new Error(`the operation does not wait, but ends: ${String(step.value)}`);
  return step.value;
}
