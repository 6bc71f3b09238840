/** Trees of bare nodes: cloned, looked at and ended in one word each. */
import { PAGE_BYTES, statusName, type Pfn } from "@aspace/arch";
import { attributedMemory } from "../src/objects/attribution.ts";
import { isValue } from "../src/objects/blocking.ts";
import { CloneKind, cloneNode } from "../src/objects/clone.ts";
import type { CowNode } from "../src/objects/cow-node.ts";
import type { ObjectMapping } from "../src/objects/object-mapping.ts";
import { slotPage } from "../src/objects/slot.ts";
import { CachePolicy, ChildType } from "../src/objects/vm-object.ts";
import { VmObjectPaged } from "../src/objects/vm-object-paged.ts";
import { valueAt } from "./small-system.ts";

/** A clone of pages `[page, page + count)`, all of the node unless said. It gets its node's id as attribution id. */
export function cloneOf(
  node: CowNode,
  { kind = CloneKind.SNAPSHOT, page = 0, count = node.sizePages - page }: Partial<CloneRange> = {},
): CowNode {
  const clone = cloneNode(node, "owner", kind, page, count);
  if (!isValue(clone)) throw new Error(`no clone: ${statusName(clone)}`);
  clone.attributionId = clone.id;
  return clone;
}

export interface CloneRange {
  readonly kind: CloneKind;
  readonly page: number;
  readonly count: number;
}

/** What a node shows at each of its pages. */
export function contents(node: CowNode): number[] {
  return Array.from({ length: node.sizePages }, (_, page) => valueAt(node, page));
}

/** Pages and references charged to a node. */
export function chargedPages(
  node: CowNode,
  page = 0,
  count: number = node.sizePages - page,
): number {
  const { uncompressedBytes, compressedBytes } = attributedMemory(node, page, count);
  return (uncompressedBytes + compressedBytes) / PAGE_BYTES;
}

/** The object of a node, made if it has none: a node with an object stays when its last clone goes. */
export function objectOf(node: CowNode): VmObjectPaged {
  if (node.object !== null) return node.object;
  const { NOT_CHILD } = ChildType;
  const { CACHED } = CachePolicy;
  return new VmObjectPaged({
    node,
    childType: NOT_CHILD,
    parent: null,
    policy: CACHED,
    isResizable: true,
  });
}

/** A mapping that writes down what it is told: `unmap 2+1`. */
export class MappingLog implements ObjectMapping {
  readonly aspaceIdentity: object = {};
  readonly isInUserAspace = true;
  readonly told: string[] = [];

  aspaceUnmapLockedObject(page: number, count: number): void {
    this.told.push(`unmap ${page}+${count}`);
  }

  aspaceRemoveWriteLockedObject(page: number, count: number): void {
    this.told.push(`remove write ${page}+${count}`);
  }

  aspaceDebugUnpinLockedObject(page: number, count: number): void {
    this.told.push(`debug unpin ${page}+${count}`);
  }
}

/** Maps the node's object. */
export function watch(node: CowNode): MappingLog {
  const log = new MappingLog();
  objectOf(node).mappings.add(log);
  return log;
}

/** The frame that a node has itself at a page. */
export function frameAt(node: CowNode, page: number): Pfn {
  return slotPage(node.get(page));
}

/** How many more leaves see a page or reference of a hidden node. */
export function sharesAt(hidden: CowNode, page: number): number {
  return hidden.shareCountOf(hidden.get(page));
}
