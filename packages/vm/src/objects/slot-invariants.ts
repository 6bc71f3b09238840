import { KernelPanic, VPN_LIMIT, formatAddress, type Pfn } from "@aspace/arch";
import { NodeKind, type CowNode } from "./cow-node.ts";
import { AnonymousReclaim } from "./memory-system.ts";
import { Queue } from "./page-queues.ts";
import { DirtyState, MAX_PIN_COUNT, PageState } from "./pages.ts";
import { SlotKind, describeSlot, slotKind, slotPage, type Slot } from "./slot.ts";

/**
 * P2, P4, P15, P16: what is in a node's slots may be there, and the records of its frames agree.
 * `claim` is told of every page and reference.
 */
export function assertSlots(node: CowNode, claim: (slot: Slot) => void): void {
  node.slots.validate();
  const { sizePages, slots } = node;
  const stray = slots.nextPopulated(sizePages, VPN_LIMIT);
  if (stray !== VPN_LIMIT) {
    throw new KernelPanic("P4", `node ${node.id} ends at ${sizePages}, but has a page ${stray}`);
  }
  if (node.kind === NodeKind.CONTIGUOUS && slots.populatedCount !== sizePages) {
    throw new KernelPanic("P4", `contiguous node ${node.id} has a page missing`);
  }
  let pins = 0;
  const next = (from: number): number => slots.nextPopulated(from, sizePages);
  for (let page = next(0); page < sizePages; page = next(page + 1)) {
    const slot = slots.get(page);
    assertKind(node, page, slot);
    const kind = slotKind(slot);
    if (kind === SlotKind.PAGE) {
      assertFrame(node, page, slotPage(slot));
      pins += node.system.pmm.pages.pinCount[slotPage(slot)]!;
    }
    if (kind === SlotKind.PAGE || kind === SlotKind.REFERENCE) claim(slot);
  }
  if (pins !== node.pinnedPageCount) {
    throw new KernelPanic(
      "P15",
      `node ${node.id} counts ${node.pinnedPageCount} pins, not ${pins}`,
    );
  }
}

/** Which kinds of slots a kind of node may have, besides PAGE. */
const LEGAL_KINDS: Readonly<Record<NodeKind, readonly SlotKind[]>> = {
  [NodeKind.ANONYMOUS]: [SlotKind.MARKER, SlotKind.REFERENCE],
  [NodeKind.CONTIGUOUS]: [],
  [NodeKind.PAGER]: [SlotKind.MARKER, SlotKind.ZERO_INTERVAL],
};

function assertKind(node: CowNode, page: number, slot: Slot): void {
  const kind = slotKind(slot);
  if (kind === SlotKind.PAGE || LEGAL_KINDS[node.kind].includes(kind)) return;
  throw new KernelPanic(
    "P4",
    `page ${page} of ${node.kind} node ${node.id} is ${describeSlot(slot)}`,
  );
}

function assertFrame(node: CowNode, page: number, frame: Pfn): void {
  const { pages } = node.system.pmm;
  const where = `frame ${formatAddress(frame)}, page ${page} of node ${node.id},`;
  if (pages.state[frame] !== PageState.OBJECT) {
    throw new KernelPanic("P2", `${where} is not in state OBJECT`);
  }
  if (pages.node[frame] !== node || pages.offset[frame] !== page) {
    throw new KernelPanic("P2", `${where} takes itself to be elsewhere`);
  }
  if (pages.pinCount[frame]! > MAX_PIN_COUNT) {
    throw new KernelPanic("P15", `${where} is pinned ${pages.pinCount[frame]} times`);
  }
  const isTracked = pages.dirtyState[frame] !== DirtyState.UNTRACKED;
  if (isTracked !== (node.kind === NodeKind.PAGER)) {
    throw new KernelPanic("P16", `${where} is ${isTracked ? "" : "not "}tracked`);
  }
  const queue = node.system.queues.queueOf(frame);
  if (!legalQueues(node, frame).includes(queue)) {
    const rule = node.highPriorityCount > 0 ? "P20" : "P2";
    throw new KernelPanic(rule, `${where} is in queue ${queue}`);
  }
}

/** The queues a frame may be in: where its state puts it, or an event since. */
function legalQueues(node: CowNode, frame: Pfn): readonly Queue[] {
  const { pages } = node.system.pmm;
  if (pages.pinCount[frame]! > 0 || node.kind === NodeKind.CONTIGUOUS) return [Queue.WIRED];
  const isHigh = node.highPriorityCount > 0;
  if (node.kind === NodeKind.PAGER) {
    if (pages.dirtyState[frame] !== DirtyState.CLEAN) return [Queue.PAGER_BACKED_DIRTY];
    return isHigh ? [Queue.HIGH_PRIORITY] : [Queue.RECLAIM, Queue.DONT_NEED];
  }
  const isAging = node.system.anonymousReclaim === AnonymousReclaim.ON;
  if (isHigh) return [isAging ? Queue.HIGH_PRIORITY : Queue.ANONYMOUS];
  const ordinary = isAging ? Queue.RECLAIM : Queue.ANONYMOUS;
  return [ordinary, Queue.ANONYMOUS_ZERO_FORK, Queue.FAILED_RECLAIM];
}
