import { Status, type Pfn } from "@aspace/arch";
import { NodeKind, type CowNode } from "./cow-node.ts";
import { SlotKind, slotKind, slotPage } from "./slot.ts";

/** What a visitor wants next. */
export const Visit = { NEXT: "next", STOP: "stop" } as const;
export type Visit = (typeof Visit)[keyof typeof Visit];

/** Looks at one page, and says whether to go on; any status ends the visit with it. */
export type LookupVisit = (page: number, frame: Pfn) => Visit | Status;

/**
 * Shows a visitor each page that a node has itself in `[page, page + count)`, in ascending order: not what
 * it sees in ancestors, nor anything that is zero or compressed.
 *
 * @returns OK at the end or after STOP, else the failure that the visitor answered.
 */
export function lookupPages(
  node: CowNode,
  page: number,
  count: number,
  visit: LookupVisit,
): Status {
  const end = page + count;
  const { slots } = node;
  for (let at = slots.nextPopulated(page, end); at < end; at = slots.nextPopulated(at + 1, end)) {
    const slot = slots.get(at);
    if (slotKind(slot) !== SlotKind.PAGE) continue;
    const answer = visit(at, slotPage(slot));
    if (answer === Visit.STOP) return Status.OK;
    if (answer !== Visit.NEXT) return answer;
  }
  return Status.OK;
}

/**
 * The first frame of pages that lie side by side in RAM: one page of any node, or several of a contiguous one.
 *
 * @returns BAD_STATE for several pages of another node, NOT_FOUND when the node does not have them all itself.
 */
export function lookupContiguous(node: CowNode, page: number, count: number): Pfn | Status {
  if (count !== 1 && node.kind !== NodeKind.CONTIGUOUS) return Status.BAD_STATE;
  for (let at = page; at < page + count; at++) {
    if (slotKind(node.get(at)) !== SlotKind.PAGE) return Status.NOT_FOUND;
  }
  return slotPage(node.get(page));
}
